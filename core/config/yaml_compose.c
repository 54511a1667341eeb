/* SPDX-License-Identifier: Apache-2.0 */
/* Composes a tree out of the YAML library's events: the only file that knows the library. What the
 * keys mean is core/config/schema.c's business. */
#include "core/base/alloc.h"
#include "core/base/map.h"
#include "core/config/yaml_internal.h"

#include <string.h>
#include <yaml.h>

struct composer {
	yaml_parser_t parser;
	yaml_event_t event;
	bool have_event;
	bool failed; /* no further event may be asked for */
	struct tr_str text;
	struct tr_yaml_doc *doc;
	struct tr_report *report;
	struct tr_map anchors; /* name -> node; set when the node is complete */
	size_t nodes;          /* so far, aliases written out */
};

static struct tr_yaml_node *compose(struct composer *composer, unsigned depth);

static void mistake_at(
	struct composer *c, unsigned line, unsigned column, const char *key, const char *text)
{
	tr_report_add(c->report, TR_REPORT_MISTAKE, c->doc->file, line, column, key, "%s", text);
}

static void stop_at(struct composer *c, yaml_mark_t mark, const char *text)
{
	mistake_at(c, (unsigned)mark.line + 1, (unsigned)mark.column + 1, NULL, text);
	c->failed = true;
}

static void report_problem(struct composer *c)
{
	const char *problem = c->parser.problem ? c->parser.problem : "unknown problem";
	const char *context = c->parser.context ? c->parser.context : "";
	struct tr_yaml_place place = {c->parser.problem_mark.line, c->parser.problem_mark.column};
	struct tr_yaml_place opened = {c->parser.context_mark.line, c->parser.context_mark.column};
	struct tr_buf out = TR_BUF_INIT(1000);
	char byte = tr_yaml_byte_at(c->text, place);
	if (strstr(problem, "expected ':'") || strstr(context, "a tag") || (*context && !byte)) {
		place = opened; /* where the slip is; the library noticed it further on */
	}
	if (c->parser.error == YAML_READER_ERROR) {
		place = tr_yaml_place_of(c->text, c->parser.problem_offset);
		tr_buf_addf(&out,
			"the character U+%04X cannot stand in YAML: remove it, or write "
			"it as an escape in double quotes",
			(unsigned)c->parser.problem_value);
	} else {
		tr_yaml_word_problem(&out, problem, context, byte, opened);
	}
	stop_at(c, (yaml_mark_t){0, place.line, place.column}, tr_buf_c(&out));
	tr_buf_finish(&out);
}

/* Moves to the next event; false when there is none because the text is bad. */
static bool advance(struct composer *c)
{
	if (c->have_event) {
		yaml_event_delete(&c->event);
		c->have_event = false;
	}
	if (c->failed) {
		return false;
	}
	if (!yaml_parser_parse(&c->parser, &c->event)) {
		report_problem(c);
		return false;
	}
	c->have_event = true;
	return true;
}

/* Counts nodes that come into being or are referred to; false when there are too many. */
static bool count_nodes(struct composer *c, size_t count)
{
	c->nodes += count;
	if (c->nodes <= TR_YAML_MAX_NODES) {
		return true;
	}
	stop_at(c, c->event.start_mark,
		"there are more than 100000 values here (aliases written out): make the file "
		"smaller");
	return false;
}

static struct tr_yaml_node *new_node(struct composer *c, enum tr_yaml_kind kind)
{
	if (!count_nodes(c, 1)) {
		return NULL;
	}
	struct tr_yaml_owned *owned = tr_alloc(sizeof(*owned));
	owned->next = c->doc->nodes;
	c->doc->nodes = owned;
	owned->node.kind = kind;
	owned->node.line = (unsigned)c->event.start_mark.line + 1;
	owned->node.column = (unsigned)c->event.start_mark.column + 1;
	owned->node.weight = 1;
	return &owned->node;
}

static void set_anchor(struct composer *c, struct tr_str name, struct tr_yaml_node *node)
{
	if (name.len) {
		tr_map_set(&c->anchors, name, node);
	}
}

/* Only the tags of YAML's own types mean something. An unquoted room id looks like a tag. */
static bool tag_is_fine(struct composer *c, const char *tag)
{
	static const char prefix[] = "tag:yaml.org,2002:";
	static const char *const known[] = {"str", "int", "float", "bool", "null", "seq", "map"};
	if (!tag || strcmp(tag, "!") == 0) {
		return true;
	}
	if (strncmp(tag, prefix, sizeof(prefix) - 1) == 0) {
		for (size_t i = 0; i < TR_ARRAY_LEN(known); i++) {
			if (strcmp(tag + sizeof(prefix) - 1, known[i]) == 0) {
				return true;
			}
		}
	}
	struct tr_buf out = TR_BUF_INIT(1000);
	tr_buf_addf(&out,
		"%.200s is read as a YAML tag: put a value that begins with '!' in quotes", tag);
	mistake_at(c, (unsigned)c->event.start_mark.line + 1,
		(unsigned)c->event.start_mark.column + 1, NULL, tr_buf_c(&out));
	tr_buf_finish(&out);
	return false;
}

static bool looks_null(struct tr_str text)
{
	return text.len == 0 || tr_str_eq_c(text, "~") || tr_str_eq_c(text, "null") ||
	       tr_str_eq_c(text, "Null") || tr_str_eq_c(text, "NULL");
}

static struct tr_yaml_node *compose_scalar(struct composer *c)
{
	const char *tag = (const char *)c->event.data.scalar.tag;
	tag_is_fine(c, tag);
	struct tr_yaml_node *node = new_node(c, TR_YAML_SCALAR);
	if (!node) {
		return NULL;
	}
	struct tr_str text =
		tr_str_of((const char *)c->event.data.scalar.value, c->event.data.scalar.length);
	node->quoted = c->event.data.scalar.style != YAML_PLAIN_SCALAR_STYLE ||
		       (tag && tr_str_ends(tr_str_from(tag), TR_STR(":str")));
	node->text = tr_str_of(tr_str_dup(text), text.len);
	if (!node->quoted && looks_null(text)) {
		node->kind = TR_YAML_NULL;
	}
	set_anchor(c, tr_str_from((const char *)c->event.data.scalar.anchor), node);
	return node;
}

static struct tr_yaml_node *compose_alias(struct composer *c)
{
	const char *name = (const char *)c->event.data.alias.anchor;
	struct tr_yaml_node *node = tr_map_get(&c->anchors, tr_str_from(name));
	if (!node) {
		struct tr_buf out = TR_BUF_INIT(1000);
		tr_buf_addf(&out, "the alias *%.200s has no anchor &%.200s above it", name, name);
		stop_at(c, c->event.start_mark, tr_buf_c(&out));
		tr_buf_finish(&out);
		return NULL;
	}
	return count_nodes(c, node->weight) ? node : NULL;
}

static void add_child(
	struct tr_yaml_node *parent, struct tr_yaml_node *key, struct tr_yaml_node *value)
{
	size_t count = parent->count;
	if ((count & (count - 1)) == 0) { /* full at every power of two */
		size_t capacity = count ? count * 2 : 1;
		if (parent->kind == TR_YAML_MAP) {
			parent->keys =
				tr_realloc_array(parent->keys, capacity, sizeof(parent->keys[0]));
		}
		parent->values =
			tr_realloc_array(parent->values, capacity, sizeof(parent->values[0]));
	}
	if (parent->kind == TR_YAML_MAP) {
		parent->keys[count] = key;
	}
	parent->values[count] = value;
	parent->weight += value->weight + (key ? key->weight : 0);
	parent->count++;
}

static struct tr_yaml_node *compose_list(struct composer *c, unsigned depth)
{
	tag_is_fine(c, (const char *)c->event.data.sequence_start.tag);
	struct tr_yaml_node *list = new_node(c, TR_YAML_LIST);
	if (!list) {
		return NULL;
	}
	char *anchor = tr_strdup((const char *)c->event.data.sequence_start.anchor);
	bool complete = false;
	while (advance(c)) {
		if (c->event.type == YAML_SEQUENCE_END_EVENT) {
			complete = true;
			break;
		}
		struct tr_yaml_node *value = compose(c, depth + 1);
		if (!value) {
			break;
		}
		add_child(list, NULL, value);
	}
	if (complete) {
		set_anchor(c, tr_str_from(anchor), list);
	}
	tr_free(anchor);
	return complete ? list : NULL;
}

/* Puts the pairs of `from` that are not there yet into `map`. */
static bool merge_map(struct composer *c, struct tr_yaml_node *map, struct tr_map *seen,
	const struct tr_yaml_node *from)
{
	for (size_t i = 0; i < from->count; i++) {
		if (!tr_map_get(seen, from->keys[i]->text)) {
			if (!count_nodes(c, 1)) {
				return false;
			}
			tr_map_set(seen, from->keys[i]->text, from->keys[i]);
			add_child(map, from->keys[i], from->values[i]);
		}
	}
	return true;
}

/* "<<: *anchor" and "<<: [*a, *b]". */
static bool merge(struct composer *c, struct tr_yaml_node *map, struct tr_map *seen,
	const struct tr_yaml_node *value)
{
	bool is_list = value->kind == TR_YAML_LIST;
	for (size_t i = 0; i < (is_list ? value->count : 1); i++) {
		const struct tr_yaml_node *from = is_list ? value->values[i] : value;
		if (from->kind != TR_YAML_MAP) {
			mistake_at(c, from->line, from->column, "<<",
				"takes sections only: write << with an alias of a section, or a "
				"list of such");
		} else if (!merge_map(c, map, seen, from)) {
			return false;
		}
	}
	return true;
}

/* Takes one pair; a pair that is refused is reported and left out. */
static void add_pair(struct composer *c, struct tr_yaml_node *map, struct tr_map *seen,
	struct tr_yaml_node *key, struct tr_yaml_node *value)
{
	if (key->kind != TR_YAML_SCALAR) {
		mistake_at(c, key->line, key->column, NULL,
			key->kind == TR_YAML_NULL ? "there is no key before the colon"
						  : "a key must be a word or a text in quotes");
		return;
	}
	const struct tr_yaml_node *first = tr_map_get(seen, key->text);
	if (first) {
		tr_report_add(c->report, TR_REPORT_MISTAKE, c->doc->file, key->line, key->column,
			key->text.ptr,
			"is given twice, first at line %u, column %u: keep one of the two",
			first->line, first->column);
		return;
	}
	tr_map_set(seen, key->text, key);
	add_child(map, key, value);
}

/* The pairs up to the end of the map; *merged is the value of "<<" if there is one. */
static bool compose_pairs(struct composer *c, unsigned depth, struct tr_yaml_node *map,
	struct tr_map *seen, struct tr_yaml_node **merged)
{
	while (advance(c)) {
		if (c->event.type == YAML_MAPPING_END_EVENT) {
			return true;
		}
		struct tr_yaml_node *key = compose(c, depth + 1);
		if (!key || !advance(c)) {
			return false;
		}
		struct tr_yaml_node *value = compose(c, depth + 1);
		if (!value) {
			return false;
		}
		bool is_merge =
			key->kind == TR_YAML_SCALAR && !key->quoted && tr_str_eq_c(key->text, "<<");
		if (is_merge && !*merged) {
			*merged = value;
		} else {
			add_pair(c, map, seen, key, value);
		}
	}
	return false;
}

static struct tr_yaml_node *compose_map(struct composer *c, unsigned depth)
{
	tag_is_fine(c, (const char *)c->event.data.mapping_start.tag);
	struct tr_yaml_node *map = new_node(c, TR_YAML_MAP);
	if (!map) {
		return NULL;
	}
	char *anchor = tr_strdup((const char *)c->event.data.mapping_start.anchor);
	struct tr_map seen = {0};
	struct tr_yaml_node *merged = NULL;
	bool complete = compose_pairs(c, depth, map, &seen, &merged) &&
			(!merged || merge(c, map, &seen, merged));
	if (complete) {
		set_anchor(c, tr_str_from(anchor), map);
	}
	tr_map_finish(&seen);
	tr_free(anchor);
	return complete ? map : NULL;
}

/* The node that the current event begins; NULL when the text is bad (reported). */
static struct tr_yaml_node *compose(struct composer *c, unsigned depth)
{
	if (depth > TR_YAML_MAX_DEPTH) {
		stop_at(c, c->event.start_mark, "is nested too deep: at most 48 levels");
		return NULL;
	}
	switch (c->event.type) {
	case YAML_SCALAR_EVENT:
		return compose_scalar(c);
	case YAML_ALIAS_EVENT:
		return compose_alias(c);
	case YAML_SEQUENCE_START_EVENT:
		return compose_list(c, depth);
	case YAML_MAPPING_START_EVENT:
		return compose_map(c, depth);
	default:
		stop_at(c, c->event.start_mark, "is not a value");
		return NULL;
	}
}

/* The whole stream: one document, and nothing after it. */
static void compose_stream(struct composer *c)
{
	struct tr_yaml_node *root = NULL;
	while (advance(c)) {
		switch (c->event.type) {
		case YAML_STREAM_START_EVENT:
		case YAML_DOCUMENT_END_EVENT:
			break;
		case YAML_STREAM_END_EVENT:
			if (!root) { /* nothing but comments */
				root = new_node(c, TR_YAML_NULL);
				root->line = 1;
				root->column = 1;
			}
			c->doc->root = root;
			return;
		case YAML_DOCUMENT_START_EVENT:
			if (root) {
				stop_at(c, c->event.start_mark,
					"a second document begins here: one file is one document");
				return;
			}
			break;
		default:
			root = compose(c, 0);
			if (!root) {
				return;
			}
		}
	}
}

void tr_yaml_compose(struct tr_yaml_doc *doc, struct tr_str text, struct tr_report *report)
{
	struct composer c = {.text = text, .doc = doc, .report = report};
	TR_ASSERT(yaml_parser_initialize(&c.parser));
	yaml_parser_set_encoding(&c.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(
		&c.parser, (const unsigned char *)(text.ptr ? text.ptr : ""), text.len);
	compose_stream(&c);
	if (c.have_event) {
		yaml_event_delete(&c.event);
	}
	yaml_parser_delete(&c.parser);
	tr_map_finish(&c.anchors);
}
