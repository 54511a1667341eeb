/* SPDX-License-Identifier: Apache-2.0 */
/* Rooms made exactly once, see the header. What a room is like and where it is written down is its
 * asker's business. */
#include "core/bridge/room_make.h"

#include "core/base/log.h"
#include "core/bridge/bridge_internal.h"

#include <string.h>

static const struct tr_db_statement insert_intent = {
	"INSERT INTO room_intent(purpose) VALUES ($1) ON CONFLICT DO NOTHING"};
static const struct tr_db_statement delete_intent = {"DELETE FROM room_intent WHERE purpose = $1"};

static const char mark[] = "io.trestle.purpose";

/* That a room may have been made. */
struct tr_room_intent {
	struct tr_bridge *bridge;
	char *purpose;
	bool uncertain; /* of an earlier life, or an attempt without an answer */
	struct making *making;
};

struct making {
	struct tr_room_intent *intent;
	struct tr_ghost *ghost;
	char *body;
	struct tr_json *candidates;      /* rooms that may be it; NULL unless it is searched */
	const struct tr_json *candidate; /* being looked at */
	tr_room_callback *callback;
	void *arg;
};

static void making_free(struct making *making)
{
	making->intent->making = NULL;
	tr_json_free(making->candidates);
	tr_free(making->body);
	tr_free(making);
}

static void making_end(struct making *making, struct tr_str room_id, const struct tr_error *error)
{
	tr_room_callback *callback = making->callback;
	void *arg = making->arg;
	char *id = error ? NULL : tr_str_dup(room_id); /* it may be a view into what is freed */
	making_free(making);
	callback(arg, id, error);
	tr_free(id);
}

static const char *as_user(const struct making *making)
{
	return making->ghost ? making->ghost->mxid : NULL;
}

static bool is_transient(const struct tr_error *error)
{
	return error->cls == TR_CLASS_RETRY || error->cls == TR_CLASS_RETRY_AFTER;
}

static void created(void *arg, const struct tr_json *response, const struct tr_error *error)
{
	struct making *making = arg;
	making->intent->uncertain = error != NULL && is_transient(error);
	making_end(making, tr_json_get_str(response, "room_id"), error);
}

static void create(struct making *making)
{
	struct tr_bridge *bridge = making->intent->bridge;
	struct tr_json *body = tr_json_parse(tr_str_from(making->body), NULL);
	const struct tr_json *given = tr_json_get(body, "creation_content");
	struct tr_json *creation = given ? tr_json_dup(given) : tr_json_new_object();
	tr_json_set_c(creation, mark, making->intent->purpose);
	tr_json_set_take(body, "creation_content", creation);
	char *text = tr_json_text(body);
	tr_matrix_create_room(bridge->client, as_user(making), tr_str_from(text), created, making);
	tr_free(text);
	tr_json_free(body);
}

static void look_at_next(struct making *making);

static void looked_at(void *arg, const struct tr_json *response, const struct tr_error *error)
{
	struct making *making = arg;
	struct tr_bridge *bridge = making->intent->bridge;
	if (error != NULL && is_transient(error)) {
		making_end(making, tr_str_from(NULL), error);
		return;
	}
	if (tr_str_eq_c(tr_json_get_str(response, mark), making->intent->purpose)) {
		struct tr_str room_id = tr_json_str(making->candidate);
		tr_log_info("bridge", "%s: room %.*s was made for %s before", bridge->options.name,
			TR_STR_ARG(room_id), making->intent->purpose);
		making->intent->uncertain = false;
		making_end(making, room_id, NULL);
		return;
	}
	making->candidate = tr_json_next(making->candidate);
	look_at_next(making);
}

static bool is_known(const struct tr_bridge *bridge, struct tr_str room_id)
{
	return tr_map_get(&bridge->rooms, room_id) != NULL ||
	       tr_management_user(bridge, room_id) != NULL;
}

/* Rooms of the creator of which the bridge knows nothing: rarely more than one. */
static void look_at_next(struct making *making)
{
	struct tr_bridge *bridge = making->intent->bridge;
	for (; making->candidate != NULL; making->candidate = tr_json_next(making->candidate)) {
		struct tr_str room_id = tr_json_str(making->candidate);
		if (!tr_str_empty(room_id) && !is_known(bridge, room_id)) {
			tr_matrix_get_state(bridge->client, as_user(making), room_id.ptr,
				"m.room.create", "", looked_at, making);
			return;
		}
	}
	create(making);
}

static void rooms_listed(void *arg, const struct tr_json *response, const struct tr_error *error)
{
	struct making *making = arg;
	if (error != NULL) {
		making_end(making, tr_str_from(NULL), error);
		return;
	}
	making->candidates = tr_json_dup(tr_json_get(response, "joined_rooms"));
	making->candidate = tr_json_first(making->candidates);
	look_at_next(making);
}

static void intent_stored(void *arg)
{
	struct tr_room_intent *intent = arg;
	if (intent->making != NULL) {
		create(intent->making);
	}
}

struct tr_room_intent *tr_room_intent_of(struct tr_bridge *bridge, const char *purpose)
{
	return tr_map_get(&bridge->room_intents, tr_str_from(purpose));
}

static struct tr_room_intent *intent_open(struct tr_bridge *bridge, struct tr_str purpose)
{
	struct tr_room_intent *intent = tr_map_get(&bridge->room_intents, purpose);
	if (intent == NULL) {
		intent = tr_alloc(sizeof(*intent));
		intent->bridge = bridge;
		intent->purpose = tr_str_dup(purpose);
		tr_map_set(&bridge->room_intents, purpose, intent);
	}
	return intent;
}

void tr_room_make(struct tr_bridge *bridge, struct tr_ghost *ghost, const char *purpose,
	const char *body, tr_room_callback *callback, void *arg)
{
	bool is_new = tr_room_intent_of(bridge, purpose) == NULL;
	struct tr_room_intent *intent = intent_open(bridge, tr_str_from(purpose));
	TR_ASSERT(intent->making == NULL);
	struct making *making = tr_alloc(sizeof(*making));
	*making = (struct making){
		.intent = intent,
		.ghost = ghost,
		.body = tr_strdup(body),
		.callback = callback,
		.arg = arg,
	};
	intent->making = making;
	if (is_new) {
		const struct tr_db_value values[] = {TR_DB_TC(purpose)};
		tr_bridge_write(bridge, &insert_intent, values, 1, intent_stored, intent);
	} else if (intent->uncertain) {
		tr_matrix_joined_rooms(bridge->client, as_user(making), rooms_listed, making);
	} else {
		create(making);
	}
}

static void intent_free(struct tr_room_intent *intent)
{
	if (intent->making != NULL) {
		making_free(intent->making);
	}
	tr_free(intent->purpose);
	tr_free(intent);
}

void tr_room_stored(void *arg)
{
	struct tr_room_intent *intent = arg;
	if (intent == NULL || intent->making != NULL) {
		return;
	}
	struct tr_bridge *bridge = intent->bridge;
	const struct tr_db_value values[] = {TR_DB_TC(intent->purpose)};
	tr_bridge_write(bridge, &delete_intent, values, 1, NULL, NULL);
	tr_map_remove(&bridge->room_intents, tr_str_from(intent->purpose));
	intent_free(intent);
}

void tr_room_intents_load(struct tr_bridge *bridge, const struct tr_db_result *result, size_t index)
{
	for (size_t row = 0; row < tr_db_rows(result, index); row++) {
		intent_open(bridge, tr_db_text(result, index, row, 0))->uncertain = true;
	}
}

void tr_room_intents_finish(struct tr_bridge *bridge)
{
	for (struct tr_map_entry *e = tr_map_first(&bridge->room_intents); e; e = tr_map_next(e)) {
		intent_free(tr_map_value(e));
	}
	tr_map_finish(&bridge->room_intents);
}
