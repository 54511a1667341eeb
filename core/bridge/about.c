/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an operation refers to: from what we heard lately, else from the homeserver; and the
 * network's names of it from the store. Nobody is shown a text that he may not have seen: it is
 * quoted only when its event is of the same room and he was joined when it was sent, by the order
 * in which we heard or by the room's state at that event. A homeserver that cannot say now is asked
 * again a few times, for a second or two in all. What cannot be found out is left out, so nothing
 * here ever holds a message back for good.
 */
#include "core/base/log.h"
#include "core/bridge/bridge_internal.h"
#include "core/bridge/recall.h"
#include "core/matrix/mxid.h"

#include <string.h>

enum { REMOTE_IDS_MAX = 500, ASKED_MAX = 4, ASK_AGAIN_MS = 200 };

static const struct tr_db_statement select_remote_ids = {
	"SELECT remote_id FROM message WHERE ts = $1 AND event_id = $2"};

static struct tr_arena *arena_of(struct tr_delivery *delivery)
{
	return &delivery->arena;
}

/* Who said it, as he is known: to us by his id, to people by a name. */
static void set_sender(struct tr_delivery *delivery, struct tr_str sender)
{
	struct tr_about *about = &delivery->op.about;
	const struct tr_ghost *ghost = tr_ghost_of(delivery->bridge, sender);
	struct tr_mxid id;
	if (tr_str_empty(sender)) {
		return;
	}
	about->sender = tr_arena_str(arena_of(delivery), sender).ptr;
	if (ghost != NULL) {
		about->sender_remote = ghost->remote_id;
		about->sender_name = tr_arena_str(arena_of(delivery), tr_str_from(ghost->name)).ptr;
	} else if (tr_user_id_parse(sender, &id)) {
		about->sender_name = tr_arena_str(arena_of(delivery), id.localpart).ptr;
	}
}

static void set_text(struct tr_delivery *delivery, struct tr_str text)
{
	if (!tr_str_empty(tr_str_trim(text)) && delivery->op.kind != TR_OP_REDACTION) {
		delivery->op.about.text = tr_arena_str(arena_of(delivery), text).ptr;
	}
}

/* Whether the text is shown to others in a way that whoever refers to it could misuse. */
static bool quotes(const struct tr_op *op)
{
	return op->kind == TR_OP_REACTION ||
	       (op->kind == TR_OP_MESSAGE && op->relation == TR_RELATION_REPLY);
}

static bool is_own(const struct tr_op *op)
{
	return op->about.sender != NULL && strcmp(op->about.sender, op->sender) == 0;
}

/* What became an event a moment ago is not in the store yet. */
static void take_settling(struct tr_delivery *delivery)
{
	struct tr_about *about = &delivery->op.about;
	struct tr_str key = tr_to_matrix_settling_key(
		delivery->bridge->to_matrix, tr_str_from(about->event_id));
	if (!tr_str_empty(key)) {
		struct tr_str *id = tr_arena_alloc(arena_of(delivery), sizeof(*id));
		*id = tr_arena_str(arena_of(delivery), key);
		about->remote_ids = id;
		about->remote_id_count = 1;
	}
}

static void remote_ids_known(
	void *arg, const struct tr_db_result *result, const struct tr_error *error)
{
	struct tr_delivery *delivery = arg;
	if (error != NULL && error->cls == TR_CLASS_RETRY) {
		tr_delivery_fail(delivery, error); /* without it copies would stand alone */
		return;
	}
	size_t rows = error ? 0 : tr_db_rows(result, 0);
	size_t count = rows < REMOTE_IDS_MAX ? rows : (size_t)REMOTE_IDS_MAX;
	if (count > 0 && delivery->op.about.remote_id_count == 0) {
		struct tr_str *ids = tr_arena_alloc(arena_of(delivery), count * sizeof(*ids));
		for (size_t i = 0; i < count; i++) {
			ids[i] = tr_arena_str(arena_of(delivery), tr_db_text(result, 0, i, 0));
		}
		delivery->op.about.remote_ids = ids;
		delivery->op.about.remote_id_count = count;
	}
	tr_delivery_found(delivery);
}

/* They are indexed by the time of the event: without that they are not known. What was said to the
 * network in this very turn is written first. */
static void find_remote_ids(struct tr_delivery *delivery)
{
	take_settling(delivery);
	tr_journal_submit(delivery->bridge->journal);
	int64_t ts = delivery->op.about.origin_ts;
	struct tr_db_batch *batch = tr_db_batch_create(delivery->bridge->db);
	TR_DB_ADD(batch, &select_remote_ids, TR_DB_N(ts > 0 ? ts : -1),
		TR_DB_TC(delivery->op.about.event_id));
	tr_db_submit_take(batch, remote_ids_known, delivery);
}

/* What the event reads as for the one who edits it: an earlier edit of his counts, this one and
 * later ones do not. */
static const struct tr_json *version_before(
	const struct tr_delivery *delivery, const struct tr_json *event)
{
	const struct tr_json *edit =
		tr_json_path(event, "unsigned", "m.relations", "m.replace", NULL);
	int64_t ts = INT64_MAX;
	tr_json_get_int(edit, "origin_server_ts", &ts);
	bool earlier = ts <= delivery->op.origin_ts &&
		       !tr_str_eq_c(tr_json_get_str(edit, "event_id"), delivery->op.event_id);
	return delivery->op.relation == TR_RELATION_EDIT && earlier ? edit : event;
}

static void take_event(
	struct tr_delivery *delivery, const struct tr_json *event, bool may_be_quoted)
{
	struct tr_op *op = &delivery->op;
	struct tr_str room_id = tr_json_get_str(event, "room_id");
	if (!tr_str_empty(room_id) && !tr_str_eq_c(room_id, op->room_id)) {
		return;
	}
	struct tr_content content;
	set_sender(delivery, tr_json_get_str(event, "sender"));
	tr_json_get_int(event, "origin_server_ts", &op->about.origin_ts);
	op->about.is_reaction = tr_str_eq_c(tr_json_get_str(event, "type"), "m.reaction");
	if (tr_content_read(version_before(delivery, event), &content) &&
		(may_be_quoted || is_own(op) || !quotes(op))) {
		set_text(delivery, tr_content_summary(&content));
	}
	tr_content_finish(&content);
}

static void ask_homeserver(void *arg);

/* true = the homeserver cannot say now, and is asked again. */
static bool asks_again(struct tr_delivery *delivery, const struct tr_error *error)
{
	struct tr_bridge *bridge = delivery->bridge;
	bool passes = error != NULL &&
		      (error->cls == TR_CLASS_RETRY || error->cls == TR_CLASS_RETRY_AFTER);
	if (!passes || ++delivery->asked >= ASKED_MAX || bridge->state != TR_BRIDGE_RUNNING) {
		return false;
	}
	if (delivery->ask_again == NULL) {
		delivery->ask_again = tr_timer_create(bridge->loop, ask_homeserver, delivery);
	}
	tr_timer_start(delivery->ask_again, ASK_AGAIN_MS << delivery->asked);
	return true;
}

static void event_fetched(void *arg, const struct tr_json *response, const struct tr_error *error)
{
	struct tr_delivery *delivery = arg;
	if (asks_again(delivery, error)) {
		return;
	}
	if (error == NULL) {
		take_event(delivery, response, false);
	} else {
		tr_log_debug("bridge", "what %s refers to is not known: %s", delivery->op.event_id,
			error->text);
	}
	find_remote_ids(delivery);
}

/* Whether the state of the room at the event says that the user was in it. */
static bool was_joined(const struct tr_json *state, const char *user_id)
{
	for (const struct tr_json *event = tr_json_first(state); event;
		event = tr_json_next(event)) {
		if (tr_str_eq_c(tr_json_get_str(event, "type"), "m.room.member") &&
			tr_str_eq_c(tr_json_get_str(event, "state_key"), user_id)) {
			return tr_str_eq_c(
				tr_json_str(tr_json_path(event, "content", "membership", NULL)),
				"join");
		}
	}
	return false;
}

static void context_fetched(void *arg, const struct tr_json *response, const struct tr_error *error)
{
	struct tr_delivery *delivery = arg;
	if (asks_again(delivery, error)) {
		return;
	}
	if (error == NULL) {
		take_event(delivery, tr_json_get(response, "event"),
			was_joined(tr_json_get(response, "state"), delivery->op.sender));
	} else {
		tr_log_debug("bridge", "what %s refers to is not known: %s", delivery->op.event_id,
			error->text);
	}
	find_remote_ids(delivery);
}

/* true = that is all there is to know. */
static bool take_recalled(struct tr_delivery *delivery)
{
	struct tr_op *op = &delivery->op;
	struct tr_recall *recall = delivery->bridge->recall;
	struct tr_str room_id = tr_str_from(op->room_id);
	struct tr_str event_id = tr_str_from(op->about.event_id);
	const struct tr_recalled *said = tr_recall_find(recall, room_id, event_id);
	if (said == NULL) {
		return false;
	}
	set_sender(delivery, tr_str_from(said->sender));
	op->about.origin_ts = said->origin_ts;
	op->about.is_reaction = said->is_reaction;
	if (quotes(op) && !is_own(op) &&
		!tr_recall_saw(recall, room_id, tr_str_from(op->sender), event_id)) {
		return false;
	}
	set_text(delivery, tr_str_from(said->text));
	return true;
}

static void ask_homeserver(void *arg)
{
	struct tr_delivery *delivery = arg;
	const struct tr_op *op = &delivery->op;
	struct tr_matrix_client *client = delivery->bridge->client;
	if (quotes(op)) {
		tr_matrix_context(client, NULL, op->room_id, op->about.event_id, op->sender,
			context_fetched, delivery);
	} else {
		tr_matrix_get_event(
			client, NULL, op->room_id, op->about.event_id, event_fetched, delivery);
	}
}

void tr_about_find(struct tr_delivery *delivery)
{
	if (take_recalled(delivery)) {
		find_remote_ids(delivery);
	} else {
		ask_homeserver(delivery);
	}
}
