/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a message answers or edits: the remote id that was stored with it becomes the event that has
 * it in this room, just before it is sent. By then every message before it in its lane has been
 * delivered.
 */
#include "core/base/json.h"
#include "core/delivery/to_matrix_internal.h"

#include <string.h>

enum { CONTENT_MAX = 256 * 1024, KEYS_MAX = 8 };

/* A message whose event is looked up. */
struct relating {
	struct tr_outbound *outbound;
	size_t keys;
	tr_outbound_related_callback *related;
};

static const struct tr_db_statement select_event = {
	"SELECT event_id, sender FROM message WHERE room_id = $1 AND remote_id = $2"};

bool tr_outbound_is_unrelated(const struct tr_outbound *outbound)
{
	/* Inside of a JSON string its quotes would be escaped. */
	return strstr(outbound->content, "\"" TR_OUTBOUND_REPLY_KEY "\"") != NULL ||
	       strstr(outbound->content, "\"" TR_OUTBOUND_RELATION_KEY "\"") != NULL;
}

char *tr_outbound_settling_key(const char *room_id, const char *remote_key)
{
	return tr_asprintf("%zu:%s%s", strlen(room_id), room_id, remote_key);
}

/* What the stored content says that it is about. */
static size_t keys_of(const struct tr_json *content, struct tr_str *keys)
{
	const struct tr_json *list = tr_json_path(content, TR_OUTBOUND_RELATION_KEY, "keys", NULL);
	size_t count = 0;
	const struct tr_json *key = tr_json_first(list);
	for (; key != NULL && count < KEYS_MAX; key = tr_json_next(key)) {
		keys[count++] = tr_json_str(key);
	}
	struct tr_str answered = tr_json_get_str(content, TR_OUTBOUND_REPLY_KEY);
	if (count == 0 && !tr_str_empty(answered)) {
		keys[count++] = answered;
	}
	return count;
}

static bool replaces(const struct tr_json *content)
{
	return tr_json_is_true(tr_json_path(content, TR_OUTBOUND_RELATION_KEY, "replaces", NULL));
}

/* The content with its relation, or without one when the event is not known: an edit is a message
 * like any other then. */
static void set_relation(struct tr_outbound *outbound, struct tr_str event_id)
{
	struct tr_json *content = tr_json_parse(tr_str_from(outbound->content), NULL);
	struct tr_buf text = TR_BUF_INIT(CONTENT_MAX);
	bool edit = replaces(content);
	tr_json_remove(content, TR_OUTBOUND_REPLY_KEY);
	tr_json_remove(content, TR_OUTBOUND_RELATION_KEY);
	if (tr_str_empty(event_id)) {
		tr_json_remove(content, "m.new_content");
	} else {
		struct tr_json *relates = tr_json_add_object(content, "m.relates_to");
		if (edit) {
			tr_json_set_c(relates, "rel_type", "m.replace");
		}
		struct tr_json *about =
			edit ? relates : tr_json_add_object(relates, "m.in_reply_to");
		tr_json_set_str(about, "event_id", event_id);
	}
	TR_ASSERT(tr_json_print(content, &text) == 0);
	tr_free(outbound->content);
	outbound->content = tr_buf_take(&text);
	tr_json_free(content);
}

/* Nobody may edit what another ghost has said: the same person may have had another name then. */
static bool fits(const struct tr_outbound *outbound, bool edit, struct tr_str sender)
{
	return !edit || tr_str_eq(sender, tr_str_from(outbound->sender));
}

static void event_known(void *arg, const struct tr_db_result *result, const struct tr_error *error)
{
	struct relating relating = *(struct relating *)arg;
	struct tr_outbound *outbound = relating.outbound;
	tr_free(arg);
	if (error != NULL && error->cls == TR_CLASS_RETRY) {
		relating.related(outbound, error);
		return;
	}
	struct tr_json *content = tr_json_parse(tr_str_from(outbound->content), NULL);
	bool edit = replaces(content);
	struct tr_str event_id = TR_STR("");
	bool found = false;
	for (size_t i = 0; error == NULL && i < relating.keys && !found; i++) {
		found = tr_db_rows(result, i) > 0;
		if (found && fits(outbound, edit, tr_db_text(result, i, 0, 1))) {
			event_id = tr_db_text(result, i, 0, 0);
		}
	}
	if (!found && !edit) {
		event_id =
			tr_json_str(tr_json_path(content, TR_OUTBOUND_RELATION_KEY, "event", NULL));
	}
	set_relation(outbound, event_id);
	tr_json_free(content);
	relating.related(outbound, NULL);
}

/* The part of a settling key behind the room. */
static struct tr_str remote_key_of(struct tr_str settling_key)
{
	struct tr_str rest = settling_key;
	struct tr_str digits;
	uint64_t room_len = 0;
	bool parsed = tr_str_split(&rest, ':', &digits) && tr_str_to_u64(digits, &room_len);
	TR_ASSERT(parsed && room_len <= rest.len);
	return tr_str_from_index(rest, (size_t)room_len);
}

struct tr_str tr_to_matrix_settling_key(const struct tr_to_matrix *queue, struct tr_str event_id)
{
	const struct tr_map_entry *entry = tr_map_first(&queue->settling);
	for (; entry != NULL; entry = tr_map_next(entry)) {
		if (tr_str_eq_c(event_id, tr_map_value(entry))) {
			return remote_key_of(tr_map_key(entry));
		}
	}
	return (struct tr_str){NULL, 0};
}

/* Of a message that was delivered just now. */
static const char *settling_event(const struct tr_outbound *outbound, const char *remote_key)
{
	char *key = tr_outbound_settling_key(outbound->room_id, remote_key);
	const char *event_id = tr_map_get(&outbound->queue->settling, tr_str_from(key));
	tr_free(key);
	return event_id;
}

void tr_outbound_relate(struct tr_outbound *outbound, tr_outbound_related_callback *related)
{
	struct tr_json *content = tr_json_parse(tr_str_from(outbound->content), NULL);
	struct tr_str keys[KEYS_MAX];
	size_t count = keys_of(content, keys);
	const char *event_id = NULL;
	for (size_t i = 0; i < count && event_id == NULL; i++) {
		event_id = settling_event(outbound, keys[i].ptr);
	}
	if (event_id != NULL) {
		set_relation(outbound, tr_str_from(event_id));
		related(outbound, NULL);
	} else {
		struct relating *relating = tr_alloc(sizeof(*relating));
		*relating = (struct relating){outbound, count, related};
		struct tr_db_batch *batch = tr_db_batch_create(outbound->queue->options.db);
		for (size_t i = 0; i < count; i++) {
			TR_DB_ADD(batch, &select_event, TR_DB_TC(outbound->room_id),
				TR_DB_T(keys[i]));
		}
		tr_db_submit_take(batch, event_known, relating);
	}
	tr_json_free(content);
}
