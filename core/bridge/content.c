/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the content of message events. How clients write files, replies, threads and edits is known
 * here (Matrix 1.13: m.room.message, m.relates_to, m.new_content, m.mentions); what the network
 * makes of them is the module's.
 */
#include "core/bridge/content.h"

#include "core/base/alloc.h"
#include "core/bridge/content_poll.h"
#include "core/matrix/html.h"

#include <string.h>

enum { MENTIONS_MAX = 50, GEO_MAX = 100 };

/* Without the lines that quote what is replied to (before Matrix 1.13): those that begin with "> ",
 * and the empty one after them. */
static struct tr_str strip_reply(struct tr_str body)
{
	struct tr_str rest = body;
	bool quoted = false;
	while (tr_str_starts(rest, TR_STR("> ")) || tr_str_starts(rest, TR_STR(">\n"))) {
		ptrdiff_t end = tr_str_find_char(rest, '\n');
		rest = end < 0 ? TR_STR("") : tr_str_from_index(rest, (size_t)end + 1);
		quoted = true;
	}
	if (quoted && tr_str_starts(rest, TR_STR("\n"))) {
		rest = tr_str_from_index(rest, 1);
	}
	return quoted ? rest : body;
}

/* The same in HTML. The end of the string is kept, so it is still a C string. */
static const char *strip_reply_html(const char *html)
{
	static const char end_tag[] = "</mx-reply>";
	const char *end = strncmp(html, "<mx-reply", 9) == 0 ? strstr(html, end_tag) : NULL;
	return end ? end + sizeof(end_tag) - 1 : html;
}

static void add_html_as_text(const char *html, struct tr_buf *text)
{
	struct tr_spans spans = {0};
	if (tr_html_parse(tr_str_from(html), &spans) == 0) {
		tr_spans_to_plain(&spans, text);
	}
	tr_spans_finish(&spans);
}

/* The member as a C string, "" when it is none. */
static const char *c_str(const struct tr_json *object, const char *key)
{
	struct tr_str text = tr_json_get_str(object, key);
	return text.ptr ? text.ptr : "";
}

static enum tr_media_kind media_kind(struct tr_str type, struct tr_str msgtype)
{
	static const struct {
		const char *msgtype;
		enum tr_media_kind kind;
	} kinds[] = {
		{"m.image", TR_MEDIA_IMAGE},
		{"m.video", TR_MEDIA_VIDEO},
		{"m.audio", TR_MEDIA_AUDIO},
		{"m.file", TR_MEDIA_FILE},
	};
	if (tr_str_eq_c(type, "m.sticker")) {
		return TR_MEDIA_STICKER;
	}
	for (size_t i = 0; i < TR_ARRAY_LEN(kinds); i++) {
		if (tr_str_eq_c(msgtype, kinds[i].msgtype)) {
			return kinds[i].kind;
		}
	}
	return TR_MEDIA_NONE;
}

static bool kind_of(struct tr_str msgtype, enum tr_message_kind *kind)
{
	/* A request of one client to another; its text is for clients that do not know it. */
	static const char verification[] = "m.key.verification.request";
	*kind = tr_str_eq_c(msgtype, "m.emote")    ? TR_MESSAGE_EMOTE
		: tr_str_eq_c(msgtype, "m.notice") ? TR_MESSAGE_NOTICE
						   : TR_MESSAGE_TEXT; /* the body, as everywhere */
	return !tr_str_empty(msgtype) && !tr_str_eq_c(msgtype, verification);
}

/* "mxc://server/id" and nothing else. */
static bool is_mxc(struct tr_str mxc)
{
	if (!tr_str_starts(mxc, TR_STR("mxc://"))) {
		return false;
	}
	struct tr_str rest = tr_str_from_index(mxc, 6);
	ptrdiff_t slash = tr_str_find_char(rest, '/');
	bool sound = slash > 0 && (size_t)slash + 1 < rest.len &&
		     tr_str_rfind_char(rest, '/') == slash && rest.len < 512;
	for (size_t i = 0; i < rest.len && sound; i++) {
		sound = rest.ptr[i] > ' ' && rest.ptr[i] < 0x7f;
	}
	return sound;
}

/* With a `filename` that is another text than the body, the body is a caption (Matrix 1.10). */
static void read_media(const struct tr_json *body, struct tr_content *content)
{
	struct tr_op_media *media = &content->media;
	const struct tr_json *info = tr_json_get(body, "info");
	const char *name = c_str(body, "filename");
	bool captioned = name[0] != '\0' && media->kind != TR_MEDIA_STICKER &&
			 strcmp(name, c_str(body, "body")) != 0;
	media->name = captioned ? name : c_str(body, "body");
	media->mime = c_str(info, "mimetype");
	if (!tr_json_get_int(info, "size", &media->size) || media->size < 0) {
		media->size = -1;
	}
	media->mxc = is_mxc(tr_json_get_str(body, "url")) ? c_str(body, "url") : "";
	if (captioned) {
		tr_buf_add_c(&content->text, c_str(body, "body"));
	} else {
		content->html = "";
	}
}

/* Where it is, unless the text says that already: "geo:" and nothing that could be more. */
static void add_location(const struct tr_json *body, struct tr_buf *text)
{
	struct tr_str uri = tr_json_get_str(body, "geo_uri");
	bool sound = tr_str_starts(uri, TR_STR("geo:")) && uri.len <= GEO_MAX &&
		     tr_str_find(tr_buf_str(text), uri) < 0;
	for (size_t i = 0; i < uri.len && sound; i++) {
		sound = uri.ptr[i] > ' ' && uri.ptr[i] < 0x7f;
	}
	if (sound) {
		bool alone = tr_str_empty(tr_str_trim(tr_buf_str(text)));
		tr_buf_addf(text, alone ? "%.*s" : " (%.*s)", TR_STR_ARG(uri));
	}
}

static void read_text(const struct tr_json *body, struct tr_content *content)
{
	struct tr_str text = tr_json_get_str(body, "body");
	if (tr_str_empty(text)) {
		add_html_as_text(content->html, &content->text);
	} else if (content->relation == TR_RELATION_REPLY) {
		tr_buf_add(&content->text, strip_reply(text));
	} else {
		tr_buf_add(&content->text, text);
	}
	if (tr_str_eq_c(tr_json_get_str(body, "msgtype"), "m.location")) {
		add_location(body, &content->text);
	}
}

static void read_mentions(const struct tr_json *body, struct tr_content *content)
{
	const struct tr_json *mentions = tr_json_get(body, "m.mentions");
	const struct tr_json *ids = tr_json_get(mentions, "user_ids");
	size_t count = tr_json_count(ids) < MENTIONS_MAX ? tr_json_count(ids) : MENTIONS_MAX;
	content->has_mentions = mentions != NULL;
	content->mentions_room = tr_json_get_bool(mentions, "room", false);
	content->mentions = count ? tr_alloc_array(count, sizeof(*content->mentions)) : NULL;
	for (const struct tr_json *id = tr_json_first(ids); id && content->mention_count < count;
		id = tr_json_next(id)) {
		if (tr_json_is_str(id)) {
			content->mentions[content->mention_count++] = tr_json_str(id);
		}
	}
}

/* A thread's message refers to the one before it even where nobody chose that (is_falling_back):
 * outside of threads it is read as an answer to it. */
static void read_relation(const struct tr_json *event_content, struct tr_content *content)
{
	const struct tr_json *relates = tr_json_get(event_content, "m.relates_to");
	struct tr_str type = tr_json_get_str(relates, "rel_type");
	struct tr_str target = tr_json_get_str(relates, "event_id");
	struct tr_str answered =
		tr_json_str(tr_json_path(relates, "m.in_reply_to", "event_id", NULL));
	if (tr_str_eq_c(type, "m.thread") && !tr_str_empty(target)) {
		content->thread_root = target.ptr;
		answered = tr_str_empty(answered) ? target : answered;
	}
	if (tr_str_eq_c(type, "m.replace") && !tr_str_empty(target) &&
		tr_json_get(event_content, "m.new_content") != NULL) {
		content->relation = TR_RELATION_EDIT;
		content->about = target.ptr;
	} else if (!tr_str_empty(answered)) {
		content->relation = TR_RELATION_REPLY;
		content->about = answered.ptr;
	}
}

bool tr_content_is_message(struct tr_str type)
{
	return tr_str_eq_c(type, "m.room.message") || tr_str_eq_c(type, "m.sticker") ||
	       tr_content_is_poll(type);
}

bool tr_content_read(const struct tr_json *event, struct tr_content *content)
{
	*content = (struct tr_content){
		.html = "", .media = {TR_MEDIA_NONE, "", "", -1, "", ""}, .thread_root = NULL};
	tr_buf_init(&content->text, TR_CONTENT_TEXT_MAX);
	struct tr_str type = tr_json_get_str(event, "type");
	const struct tr_json *body = tr_json_get(event, "content");
	if (tr_content_is_poll(type)) {
		return tr_content_poll(event, &content->text) && !tr_buf_failed(&content->text);
	}
	if (!tr_content_is_message(type)) {
		return false;
	}
	read_relation(body, content);
	if (content->relation == TR_RELATION_EDIT) {
		body = tr_json_get(body, "m.new_content");
	}
	struct tr_str msgtype = tr_json_get_str(body, "msgtype");
	content->media.kind = media_kind(type, msgtype);
	if (content->media.kind == TR_MEDIA_NONE && !kind_of(msgtype, &content->kind)) {
		return false;
	}
	if (tr_str_eq_c(tr_json_get_str(body, "format"), "org.matrix.custom.html")) {
		content->html = strip_reply_html(c_str(body, "formatted_body"));
	}
	read_mentions(body, content);
	if (content->media.kind != TR_MEDIA_NONE) {
		read_media(body, content);
		return !tr_buf_failed(&content->text);
	}
	read_text(body, content);
	return !tr_buf_failed(&content->text) &&
	       !tr_str_empty(tr_str_trim(tr_buf_str(&content->text)));
}

void tr_content_finish(struct tr_content *content)
{
	tr_buf_finish(&content->text);
	tr_free(content->mentions);
	content->mentions = NULL;
}

struct tr_str tr_content_summary(const struct tr_content *content)
{
	struct tr_str text = tr_buf_str(&content->text);
	return tr_str_empty(text) ? tr_str_from(content->media.name) : text;
}
