/* SPDX-License-Identifier: Apache-2.0 */
/* What the elements of org.matrix.custom.html mean (Matrix specification 1.19, "m.room.message
 * msgtypes"). Elements that are not named here mean nothing: their content is as if they were not
 * there. */
#include "core/base/alloc.h"
#include "core/matrix/html_walk.h"

#include <string.h>

enum { QUOTE_MAX = 16, LIST_MAX = 16, NUMBER_MAX = 1000000 };

static bool one_of(GumboTag tag, const GumboTag *tags, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (tags[i] == tag) {
			return true;
		}
	}
	return false;
}

bool tr_html_is_block(const GumboNode *element)
{
	static const GumboTag tags[] = {GUMBO_TAG_P, GUMBO_TAG_DIV, GUMBO_TAG_H1, GUMBO_TAG_H2,
		GUMBO_TAG_H3, GUMBO_TAG_H4, GUMBO_TAG_H5, GUMBO_TAG_H6, GUMBO_TAG_BLOCKQUOTE,
		GUMBO_TAG_PRE, GUMBO_TAG_UL, GUMBO_TAG_OL, GUMBO_TAG_LI, GUMBO_TAG_HR,
		GUMBO_TAG_TABLE, GUMBO_TAG_THEAD, GUMBO_TAG_TBODY, GUMBO_TAG_TFOOT, GUMBO_TAG_TR,
		GUMBO_TAG_CAPTION, GUMBO_TAG_DETAILS, GUMBO_TAG_SUMMARY, GUMBO_TAG_DL, GUMBO_TAG_DT,
		GUMBO_TAG_DD, GUMBO_TAG_ADDRESS, GUMBO_TAG_ARTICLE, GUMBO_TAG_ASIDE,
		GUMBO_TAG_FOOTER, GUMBO_TAG_HEADER, GUMBO_TAG_MAIN, GUMBO_TAG_NAV,
		GUMBO_TAG_SECTION, GUMBO_TAG_FIGURE, GUMBO_TAG_FIGCAPTION, GUMBO_TAG_CENTER,
		GUMBO_TAG_FORM, GUMBO_TAG_FIELDSET};

	return one_of(element->v.element.tag, tags, TR_ARRAY_LEN(tags));
}

/* Left out with all they contain. */
static bool is_dropped(const GumboNode *element)
{
	static const GumboTag tags[] = {GUMBO_TAG_SCRIPT, GUMBO_TAG_STYLE, GUMBO_TAG_HEAD,
		GUMBO_TAG_TITLE, GUMBO_TAG_TEMPLATE, GUMBO_TAG_NOSCRIPT, GUMBO_TAG_IFRAME,
		GUMBO_TAG_OBJECT, GUMBO_TAG_APPLET, GUMBO_TAG_EMBED, GUMBO_TAG_NOEMBED,
		GUMBO_TAG_NOFRAMES, GUMBO_TAG_TEXTAREA, GUMBO_TAG_SELECT, GUMBO_TAG_SVG,
		GUMBO_TAG_MATH, GUMBO_TAG_AUDIO, GUMBO_TAG_VIDEO, GUMBO_TAG_CANVAS};
	GumboStringPiece name = element->v.element.original_tag;

	if (element->v.element.tag_namespace != GUMBO_NAMESPACE_HTML ||
		one_of(element->v.element.tag, tags, TR_ARRAY_LEN(tags))) {
		return true;
	}
	if (element->v.element.tag != GUMBO_TAG_UNKNOWN || !name.data) {
		return false;
	}
	gumbo_tag_from_original_text(&name);
	return tr_str_eq_nocase(tr_str_of(name.data, name.length), TR_STR("mx-reply"));
}

static const char *attribute(const GumboNode *element, const char *name)
{
	const GumboAttribute *found = gumbo_get_attribute(&element->v.element.attributes, name);

	return found ? found->value : NULL;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9') {
		return c - '0';
	}
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "#rrggbb", "#rgb" or one of the sixteen names of HTML 4. */
static int32_t parse_colour(const char *text)
{
	static const struct {
		const char *name;
		int32_t value;
	} names[] = {{"black", 0x000000}, {"silver", 0xc0c0c0}, {"gray", 0x808080},
		{"grey", 0x808080}, {"white", 0xffffff}, {"maroon", 0x800000}, {"red", 0xff0000},
		{"purple", 0x800080}, {"fuchsia", 0xff00ff}, {"green", 0x008000},
		{"lime", 0x00ff00}, {"olive", 0x808000}, {"yellow", 0xffff00}, {"navy", 0x000080},
		{"blue", 0x0000ff}, {"teal", 0x008080}, {"aqua", 0x00ffff}, {"orange", 0xffa500}};
	struct tr_str colour = tr_str_trim(tr_str_from(text));
	int32_t value = 0;

	for (size_t i = 0; i < TR_ARRAY_LEN(names); i++) {
		if (tr_str_eq_nocase(colour, tr_str_from(names[i].name))) {
			return names[i].value;
		}
	}
	if ((colour.len != 7 && colour.len != 4) || colour.ptr[0] != '#') {
		return TR_COLOUR_NONE;
	}
	for (size_t i = 1; i < colour.len; i++) {
		int digit = hex_digit(colour.ptr[i]);

		if (digit < 0) {
			return TR_COLOUR_NONE;
		}
		value = colour.len == 4 ? value << 8 | digit * 0x11 : value << 4 | digit;
	}
	return value;
}

static void take_colour(const GumboNode *element, const char *name, int32_t *colour)
{
	int32_t value = parse_colour(attribute(element, name));

	if (value != TR_COLOUR_NONE) {
		*colour = value;
	}
}

static void enter_font(const GumboNode *element, struct tr_html_context *context)
{
	if (element->v.element.tag == GUMBO_TAG_FONT) {
		take_colour(element, "color", &context->fg);
	}
	take_colour(element, "data-mx-color", &context->fg);
	take_colour(element, "data-mx-bg-color", &context->bg);
	if (attribute(element, "data-mx-spoiler")) {
		context->styles |= TR_STYLE_SPOILER;
	}
}

/* The number of an item: its list's start and the items before it. */
static unsigned item_number(const GumboNode *item)
{
	const GumboNode *list = item->parent;
	uint64_t number = 1;

	if (!list || list->type != GUMBO_NODE_ELEMENT || list->v.element.tag != GUMBO_TAG_OL) {
		return 0;
	}
	tr_str_to_u64(tr_str_from(attribute(list, "start")), &number);
	for (unsigned i = 0; i < item->index_within_parent; i++) {
		const GumboNode *other = list->v.element.children.data[i];

		if (other->type == GUMBO_NODE_ELEMENT && other->v.element.tag == GUMBO_TAG_LI) {
			number++;
		}
	}
	return number >= 1 && number <= NUMBER_MAX ? (unsigned)number : 1;
}

static void enter_item(
	struct tr_html_walk *walk, const GumboNode *element, struct tr_html_context *context)
{
	context->block = TR_BLOCK_ITEM;
	context->level = context->lists > 0 ? context->lists : 1;
	context->number = item_number(element);
	context->item = ++walk->items;
}

static void enter_heading(const GumboNode *element, struct tr_html_context *context)
{
	context->block = TR_BLOCK_HEADING;
	context->level = (unsigned)(element->v.element.tag - GUMBO_TAG_H1) + 1;
	context->number = 0;
	context->item = 0;
}

static void enter_pre(struct tr_html_context *context)
{
	context->block = TR_BLOCK_PRE;
	context->level = 0;
	context->number = 0;
	context->item = 0;
	context->styles &= ~(unsigned)TR_STYLE_CODE;
}

static void enter_quote(struct tr_html_context *context)
{
	if (context->quote < QUOTE_MAX) {
		context->quote++;
	}
	context->block = TR_BLOCK_PARAGRAPH;
	context->level = 0;
	context->number = 0;
	context->item = 0;
	context->lists = 0;
}

/* Cells of a row are parted by a bar, which has nothing of the style of either. */
static void enter_cell(struct tr_html_walk *walk, const struct tr_html_context *context)
{
	if (!walk->block_empty) {
		tr_html_add_text(walk, walk->after_space ? TR_STR("| ") : TR_STR(" | "), context);
		walk->after_space = true;
	}
}

static unsigned style_of(GumboTag tag)
{
	switch (tag) {
	case GUMBO_TAG_B:
	case GUMBO_TAG_STRONG:
	case GUMBO_TAG_TH:
		return TR_STYLE_BOLD;
	case GUMBO_TAG_I:
	case GUMBO_TAG_EM:
	case GUMBO_TAG_CITE:
	case GUMBO_TAG_VAR:
		return TR_STYLE_ITALIC;
	case GUMBO_TAG_U:
	case GUMBO_TAG_INS:
		return TR_STYLE_UNDERLINE;
	case GUMBO_TAG_DEL:
	case GUMBO_TAG_S:
	case GUMBO_TAG_STRIKE:
		return TR_STYLE_STRIKE;
	case GUMBO_TAG_CODE:
	case GUMBO_TAG_TT:
	case GUMBO_TAG_KBD:
	case GUMBO_TAG_SAMP:
		return TR_STYLE_CODE;
	default:
		return 0;
	}
}

static void show_image(
	struct tr_html_walk *walk, const GumboNode *element, const struct tr_html_context *context)
{
	const char *text = attribute(element, "alt");

	if (!text || !*text) {
		text = attribute(element, "title");
	}
	tr_html_add_source(walk, tr_str_from(text), context);
}

static void enter_inline(
	struct tr_html_walk *walk, const GumboNode *element, struct tr_html_context *context)
{
	unsigned style = style_of(element->v.element.tag);

	if (element->v.element.tag == GUMBO_TAG_TD || element->v.element.tag == GUMBO_TAG_TH) {
		enter_cell(walk, context);
	}
	if (!(style == TR_STYLE_CODE && context->block == TR_BLOCK_PRE)) {
		context->styles |= style;
	}
	switch (element->v.element.tag) {
	case GUMBO_TAG_A:
		context->href = tr_spans_href(walk->spans, tr_str_from(attribute(element, "href")));
		break;
	case GUMBO_TAG_FONT:
	case GUMBO_TAG_SPAN:
		enter_font(element, context);
		break;
	case GUMBO_TAG_BR:
		tr_html_add_line_break(walk, context);
		break;
	case GUMBO_TAG_IMG:
		show_image(walk, element, context);
		break;
	default:
		break;
	}
}

bool tr_html_enter(
	struct tr_html_walk *walk, const GumboNode *element, struct tr_html_context *context)
{
	if (is_dropped(element)) {
		return false;
	}
	switch (element->v.element.tag) {
	case GUMBO_TAG_H1:
	case GUMBO_TAG_H2:
	case GUMBO_TAG_H3:
	case GUMBO_TAG_H4:
	case GUMBO_TAG_H5:
	case GUMBO_TAG_H6:
		enter_heading(element, context);
		break;
	case GUMBO_TAG_BLOCKQUOTE:
		enter_quote(context);
		break;
	case GUMBO_TAG_PRE:
		enter_pre(context);
		break;
	case GUMBO_TAG_UL:
	case GUMBO_TAG_OL:
		context->lists += context->lists < LIST_MAX ? 1 : 0;
		break;
	case GUMBO_TAG_LI:
		enter_item(walk, element, context);
		break;
	case GUMBO_TAG_HR:
		tr_html_add_text(walk, TR_STR("---"), context);
		break;
	default:
		enter_inline(walk, element, context);
		break;
	}
	return true;
}
