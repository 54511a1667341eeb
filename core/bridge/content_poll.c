/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Polls as one line of text (MSC3381, in its stable and its unstable names): the question and the
 * answers when one begins, what the client says of the result when it ends. Votes are not told.
 */
#include "core/bridge/content_poll.h"

#include "core/base/alloc.h"

enum { ANSWERS_MAX = 20 };

static const struct {
	const char *type;
	bool start;
} types[] = {
	{"m.poll.start", true},
	{"org.matrix.msc3381.poll.start", true},
	{"m.poll.end", false},
	{"org.matrix.msc3381.poll.end", false},
};

static int find(struct tr_str type)
{
	for (size_t i = 0; i < TR_ARRAY_LEN(types); i++) {
		if (tr_str_eq_c(type, types[i].type)) {
			return (int)i;
		}
	}
	return -1;
}

bool tr_content_is_poll(struct tr_str type)
{
	return find(type) >= 0;
}

/* Extensible events: a text, or a list of representations of which one has none or a plain type. */
static struct tr_str text_of(const struct tr_json *object)
{
	struct tr_str text = tr_json_get_str(object, "org.matrix.msc1767.text");
	const struct tr_json *item = tr_json_first(tr_json_get(object, "m.text"));
	for (; item != NULL && tr_str_empty(text); item = tr_json_next(item)) {
		struct tr_str mime = tr_json_get_str(item, "mimetype");
		if (tr_str_empty(mime) || tr_str_eq_c(mime, "text/plain")) {
			text = tr_json_get_str(item, "body");
		}
	}
	return tr_str_trim(tr_str_empty(text) ? tr_json_get_str(object, "body") : text);
}

static bool read_start(const struct tr_json *content, struct tr_buf *text)
{
	const struct tr_json *poll = tr_json_get(content, "m.poll");
	poll = poll ? poll : tr_json_get(content, "m.poll.start");
	poll = poll ? poll : tr_json_get(content, "org.matrix.msc3381.poll.start");
	struct tr_str question = text_of(tr_json_get(poll, "question"));
	if (tr_str_empty(question)) {
		tr_buf_add(text, text_of(content)); /* what older clients show */
		return text->len > 0;
	}
	tr_buf_addf(text, "Poll: %.*s", TR_STR_ARG(question));
	const struct tr_json *answer = tr_json_first(tr_json_get(poll, "answers"));
	for (unsigned i = 1; answer != NULL && i <= ANSWERS_MAX;
		answer = tr_json_next(answer), i++) {
		struct tr_str said = text_of(answer);
		tr_buf_addf(text, "%s %u) %.*s", i > 1 ? "," : "", i, TR_STR_ARG(said));
	}
	return true;
}

bool tr_content_poll(const struct tr_json *event, struct tr_buf *text)
{
	int kind = find(tr_json_get_str(event, "type"));
	const struct tr_json *content = tr_json_get(event, "content");
	if (kind < 0 || tr_json_get(event, "state_key") != NULL) {
		return false;
	}
	if (types[kind].start) {
		return read_start(content, text);
	}
	struct tr_str result = text_of(content);
	tr_buf_add(text, tr_str_empty(result) ? TR_STR("The poll has ended.") : result);
	return true;
}
