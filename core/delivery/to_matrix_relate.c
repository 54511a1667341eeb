/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a message answers: the remote id that was stored with it becomes the event that has it in
 * this room, just before it is sent. By then every message before it in its lane has been
 * delivered.
 */
#include "core/base/json.h"
#include "core/delivery/to_matrix_internal.h"

#include <string.h>

enum { CONTENT_MAX = 256 * 1024 };

struct relating {
	struct tr_outbound *outbound;
	void (*related)(struct tr_outbound *outbound);
};

static const struct tr_db_statement select_event = {
	"SELECT event_id FROM message WHERE room_id = $1 AND remote_id = $2"};

bool tr_outbound_is_unrelated(const struct tr_outbound *outbound)
{
	/* Inside of a JSON string its quotes would be escaped. */
	return strstr(outbound->content, "\"" TR_OUTBOUND_REPLY_KEY "\"") != NULL;
}

char *tr_outbound_settling_key(const char *room_id, const char *remote_key)
{
	return tr_asprintf("%zu:%s%s", strlen(room_id), room_id, remote_key);
}

/* The content with its relation, or without one when the event is not known. */
static void set_relation(struct tr_outbound *outbound, struct tr_str event_id)
{
	struct tr_json *content = tr_json_parse(tr_str_from(outbound->content), NULL);
	struct tr_buf text = TR_BUF_INIT(CONTENT_MAX);
	tr_json_remove(content, TR_OUTBOUND_REPLY_KEY);
	if (!tr_str_empty(event_id)) {
		struct tr_json *relates = tr_json_add_object(content, "m.relates_to");
		struct tr_json *answered = tr_json_add_object(relates, "m.in_reply_to");
		tr_json_set_str(answered, "event_id", event_id);
	}
	TR_ASSERT(tr_json_print(content, &text) == 0);
	tr_free(outbound->content);
	outbound->content = tr_buf_take(&text);
	tr_json_free(content);
}

static void event_known(void *arg, const struct tr_db_result *result, const struct tr_error *error)
{
	struct relating relating = *(struct relating *)arg;
	tr_free(arg);
	bool known = error == NULL && tr_db_rows(result, 0) > 0;
	set_relation(relating.outbound, known ? tr_db_text(result, 0, 0, 0) : TR_STR(""));
	relating.related(relating.outbound);
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

void tr_outbound_relate(struct tr_outbound *outbound, void (*related)(struct tr_outbound *outbound))
{
	struct tr_json *content = tr_json_parse(tr_str_from(outbound->content), NULL);
	char *remote_key = tr_str_dup(tr_json_get_str(content, TR_OUTBOUND_REPLY_KEY));
	const char *event_id = settling_event(outbound, remote_key);
	tr_json_free(content);
	if (event_id != NULL) {
		set_relation(outbound, tr_str_from(event_id));
		related(outbound);
	} else {
		struct relating *relating = tr_alloc(sizeof(*relating));
		*relating = (struct relating){outbound, related};
		struct tr_db_batch *batch = tr_db_batch_create(outbound->queue->options.db);
		TR_DB_ADD(batch, &select_event, TR_DB_TC(outbound->room_id), TR_DB_TC(remote_key));
		tr_db_submit_take(batch, event_known, relating);
	}
	tr_free(remote_key);
}
