/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rooms of a direct chat whose person has another name: the ghost of that name comes in,
 * invited by one of the former ones, gets the power that those can give, the room's name follows
 * where the bridge gave it, and the former ones leave when nothing of theirs waits to be said. What
 * is to be done is stored until it is done, and every step may be taken twice.
 */
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/bridge/bridge_internal.h"
#include "core/matrix/power_levels.h"

#include <string.h>

enum { PENDING_MS = 500, RETRY_FIRST_MS = 1000, RETRY_MAX_MS = 300000 };

/* A ghost of a former name. */
struct leaver {
	struct tr_list node;
	char *mxid;
	char *name;
};

struct move {
	struct tr_bridge *bridge;
	char *room_id;
	struct tr_list leavers; /* in the order they were called so */
	bool running;
	bool changed; /* while it ran */
	unsigned attempts;
	struct tr_timer *timer;
	struct tr_json *levels;      /* with the new ghost's; while they are written */
	const struct leaver *acting; /* who tries to, or leaves */
	char *leaving;               /* .. its id */
	struct tr_json *states;      /* to be set */
	const struct tr_json *state; /* being set */
};

static const struct tr_db_statement insert_leaver = {
	"INSERT INTO chat_leaver(room_id, mxid, name, place) VALUES ($1, $2, $3, $4)"};
static const struct tr_db_statement store_leaver = {
	"INSERT INTO chat_leaver(room_id, mxid, name, place) VALUES ($1, $2, $3, 0)"
	" ON CONFLICT (room_id, mxid) DO NOTHING"};
static const struct tr_db_statement delete_leavers = {"DELETE FROM chat_leaver WHERE room_id = $1"};
static const struct tr_db_statement delete_leaver = {
	"DELETE FROM chat_leaver WHERE room_id = $1 AND mxid = $2"};

static struct leaver *leaver_of(const struct tr_list *node)
{
	return TR_LIST_ENTRY(node, struct leaver, node);
}

static void leaver_free(struct leaver *leaver)
{
	tr_list_remove(&leaver->node);
	tr_free(leaver->mxid);
	tr_free(leaver->name);
	tr_free(leaver);
}

static void drop_plans(struct move *move)
{
	tr_json_free(move->levels);
	tr_json_free(move->states);
	move->levels = move->states = NULL;
	move->acting = NULL;
	move->state = NULL;
}

static void move_free(struct move *move)
{
	struct tr_list *node;
	while ((node = tr_list_head(&move->leavers)) != NULL) {
		leaver_free(leaver_of(node));
	}
	drop_plans(move);
	tr_timer_destroy(move->timer);
	tr_free(move->leaving);
	tr_free(move->room_id);
	tr_free(move);
}

static struct move *move_of(const struct tr_bridge *bridge, const char *room_id)
{
	return tr_map_get(&bridge->moves, tr_str_from(room_id));
}

static struct leaver *find_leaver(const struct move *move, const char *mxid)
{
	const struct tr_list *node = move->leavers.next;
	for (; node != &move->leavers; node = node->next) {
		if (strcmp(leaver_of(node)->mxid, mxid) == 0) {
			return leaver_of(node);
		}
	}
	return NULL;
}

static void begin(void *arg);

void tr_move_add(struct tr_bridge *bridge, const char *room_id, const char *mxid, const char *name)
{
	struct move *move = move_of(bridge, room_id);
	if (move == NULL) {
		move = tr_alloc(sizeof(*move));
		move->bridge = bridge;
		move->room_id = tr_strdup(room_id);
		tr_list_init(&move->leavers);
		move->timer = tr_timer_create(bridge->loop, begin, move);
		tr_map_set(&bridge->moves, tr_str_from(room_id), move);
	}
	move->changed = true;
	if (find_leaver(move, mxid) == NULL) {
		struct leaver *leaver = tr_alloc(sizeof(*leaver));
		leaver->mxid = tr_strdup(mxid);
		leaver->name = tr_strdup(name);
		tr_list_append(&move->leavers, &leaver->node);
	}
}

void tr_move_remove(struct tr_bridge *bridge, const char *room_id, const char *mxid)
{
	struct move *move = move_of(bridge, room_id);
	struct leaver *leaver = move ? find_leaver(move, mxid) : NULL;
	if (leaver != NULL) {
		move->changed = true;
		move->acting = move->acting == leaver ? NULL : move->acting;
		leaver_free(leaver);
	}
}

void tr_move_write(struct tr_bridge *bridge, const char *room_id, struct tr_db_batch *batch)
{
	const struct move *move = move_of(bridge, room_id);
	TR_DB_ADD(batch, &delete_leavers, TR_DB_TC(room_id));
	if (move == NULL) {
		return;
	}
	int64_t place = 0;
	const struct tr_list *node = move->leavers.next;
	for (; node != &move->leavers; node = node->next) {
		TR_DB_ADD(batch, &insert_leaver, TR_DB_TC(room_id), TR_DB_TC(leaver_of(node)->mxid),
			TR_DB_TC(leaver_of(node)->name), TR_DB_N(place++));
	}
}

const char *tr_move_inviter(struct tr_bridge *bridge, const char *room_id, const char *mxid)
{
	const struct move *move = room_id ? move_of(bridge, room_id) : NULL;
	const struct tr_list *node = move ? move->leavers.next : NULL;
	for (; move != NULL && node != &move->leavers; node = node->next) {
		if (strcmp(leaver_of(node)->mxid, mxid) != 0) {
			return leaver_of(node)->mxid;
		}
	}
	const struct tr_portal *portal =
		room_id ? tr_portal_of_room(bridge, tr_str_from(room_id)) : NULL;
	const struct tr_ghost *ghost =
		portal != NULL && portal->kind == TR_PORTAL_DIRECT
			? tr_ghost_find(bridge, tr_str_from(portal->remote_id))
			: NULL;
	return ghost != NULL && strcmp(ghost->mxid, mxid) != 0 ? ghost->mxid : NULL;
}

static struct tr_portal *portal_of(const struct move *move)
{
	return tr_portal_of_room(move->bridge, tr_str_from(move->room_id));
}

static struct tr_ghost *ghost_of(const struct move *move)
{
	return tr_ghost_find(move->bridge, tr_str_from(portal_of(move)->remote_id));
}

/* Nothing (more) is to be done. */
static void move_end(struct move *move)
{
	struct tr_bridge *bridge = move->bridge;
	const struct tr_db_value values[] = {TR_DB_TC(move->room_id)};
	tr_bridge_write(bridge, &delete_leavers, values, 1, NULL, NULL);
	tr_map_remove(&bridge->moves, tr_str_from(move->room_id));
	move_free(move);
}

/* A step that may pass. */
static bool is_transient(const struct tr_error *error)
{
	return error->cls == TR_CLASS_RETRY || error->cls == TR_CLASS_RETRY_AFTER;
}

/* true = it is not to go on: it comes again, or begins anew. */
static bool interrupted(struct move *move, const struct tr_error *error)
{
	bool again = error != NULL && is_transient(error);
	if (!again && !move->changed && portal_of(move) != NULL) {
		return false;
	}
	drop_plans(move);
	move->running = false;
	if (again) {
		tr_timer_start(
			move->timer, tr_backoff_ms(move->attempts++, RETRY_FIRST_MS, RETRY_MAX_MS));
	} else {
		begin(move);
	}
	return true;
}

static void leave_next(struct move *move);

static void left(void *arg, const struct tr_json *response, const struct tr_error *error)
{
	struct move *move = arg;
	(void)response;
	struct leaver *leaver = find_leaver(move, move->leaving);
	if (error == NULL) {
		tr_members_set(&move->bridge->members, tr_str_from(move->room_id),
			tr_str_from(move->leaving), TR_MEMBERSHIP_LEFT);
	}
	if (interrupted(move, error)) {
		return; /* it may be called so again, and has to come back */
	}
	TR_ASSERT(leaver != NULL);
	const struct tr_db_value values[] = {TR_DB_TC(move->room_id), TR_DB_TC(leaver->mxid)};
	tr_bridge_write(move->bridge, &delete_leaver, values, 2, NULL, NULL);
	move->acting = NULL;
	leaver_free(leaver);
	leave_next(move);
}

static void leave_next(struct move *move)
{
	struct tr_list *node = tr_list_head(&move->leavers);
	if (node == NULL) {
		move_end(move);
		return;
	}
	const struct leaver *leaver = leaver_of(node);
	const struct tr_portal *portal = portal_of(move);
	if (tr_to_matrix_has_pending(move->bridge->to_matrix, leaver->mxid, portal->lane)) {
		move->running = false;
		tr_timer_start(move->timer, PENDING_MS);
		return;
	}
	move->acting = leaver;
	tr_free(move->leaving);
	move->leaving = tr_strdup(leaver->mxid);
	char *reason = tr_asprintf("Is known as %s now", portal->name);
	tr_matrix_leave(move->bridge->client, leaver->mxid, move->room_id, reason, left, move);
	tr_free(reason);
}

static void set_next_state(struct move *move);

static void state_set(void *arg, const struct tr_json *response, const struct tr_error *error)
{
	struct move *move = arg;
	(void)response;
	if (interrupted(move, error)) {
		return;
	}
	if (error != NULL) {
		tr_log_info("bridge", "room %s: %s", move->room_id, error->text);
		move->state = NULL;
	} else {
		move->state = tr_json_next(move->state);
	}
	set_next_state(move);
}

/* A room that does not let its name be changed keeps it. */
static void set_next_state(struct move *move)
{
	if (move->state == NULL) {
		drop_plans(move);
		leave_next(move);
		return;
	}
	char *content = tr_json_text(tr_json_get(move->state, "content"));
	tr_matrix_put_state(move->bridge->client, ghost_of(move)->mxid, move->room_id,
		tr_json_get_str(move->state, "type").ptr,
		tr_json_get_str(move->state, "state_key").ptr, 0, tr_str_from(content), state_set,
		move);
	tr_free(content);
}

/* Whose name the room has from us, or NULL. */
static const struct leaver *named_after(const struct move *move, struct tr_str name)
{
	const struct tr_list *node = move->leavers.next;
	for (; node != &move->leavers; node = node->next) {
		char *ours = tr_portal_direct_name(move->bridge, leaver_of(node)->name);
		bool same = tr_str_eq_c(name, ours);
		tr_free(ours);
		if (same) {
			return leaver_of(node);
		}
	}
	return NULL;
}

static void got_name(void *arg, const struct tr_json *response, const struct tr_error *error)
{
	struct move *move = arg;
	if (interrupted(move, error)) {
		return;
	}
	const struct leaver *former =
		error ? NULL : named_after(move, tr_json_get_str(response, "name"));
	const struct tr_ghost *ghost =
		former ? tr_ghost_of(move->bridge, tr_str_from(former->mxid)) : NULL;
	if (ghost != NULL) {
		move->states = tr_portal_renamed_states(portal_of(move), ghost->remote_id);
		move->state = tr_json_first(move->states);
	}
	set_next_state(move);
}

static void ask_name(struct move *move)
{
	tr_matrix_get_state(move->bridge->client, ghost_of(move)->mxid, move->room_id,
		"m.room.name", "", got_name, move);
}

static void raise_power(struct move *move);

static void raised(void *arg, const struct tr_json *response, const struct tr_error *error)
{
	struct move *move = arg;
	(void)response;
	if (interrupted(move, error)) {
		return;
	}
	if (error == NULL || move->acting == NULL) {
		ask_name(move);
		return;
	}
	const struct tr_list *next = move->acting->node.next;
	move->acting = next == &move->leavers ? NULL : leaver_of(next);
	raise_power(move);
}

/* One after the other of the former ghosts tries; who has left, or has no power, cannot. */
static void raise_power(struct move *move)
{
	if (move->acting == NULL) {
		ask_name(move);
		return;
	}
	char *content = tr_json_text(move->levels);
	tr_matrix_put_state(move->bridge->client, move->acting->mxid, move->room_id,
		"m.room.power_levels", "", 0, tr_str_from(content), raised, move);
	tr_free(content);
}

/* So much that it can do in the room what the former ones could, and pass that on. */
static void got_levels(void *arg, const struct tr_json *response, const struct tr_error *error)
{
	struct move *move = arg;
	if (interrupted(move, error)) {
		return;
	}
	int64_t level = tr_power_to_set(response, "m.room.power_levels");
	int64_t naming = tr_power_to_set(response, "m.room.name");
	level = naming > level ? naming : level;
	const char *mxid = ghost_of(move)->mxid;
	if (error != NULL || tr_power_of(response, tr_str_from(mxid)) >= level) {
		ask_name(move);
		return;
	}
	drop_plans(move);
	move->levels = tr_json_dup(response);
	tr_power_set(move->levels, mxid, level);
	move->acting = leaver_of(move->leavers.next);
	raise_power(move);
}

static void entered(void *arg, const struct tr_error *error)
{
	struct move *move = arg;
	if (interrupted(move, error)) {
		return;
	}
	if (error != NULL) {
		tr_log_info("bridge", "%s cannot come into room %s: %s", ghost_of(move)->mxid,
			move->room_id, error->text);
		move_end(move); /* who is in it stays: what is said there is not lost */
		return;
	}
	tr_matrix_get_state(move->bridge->client, ghost_of(move)->mxid, move->room_id,
		"m.room.power_levels", "", got_levels, move);
}

/* Starts, or starts anew. */
static void begin(void *arg)
{
	struct move *move = arg;
	move->changed = false;
	if (portal_of(move) == NULL || ghost_of(move) == NULL) {
		move_end(move);
		return;
	}
	move->running = true;
	tr_intent_ensure(move->bridge, ghost_of(move), move->room_id, entered, move);
}

void tr_move_start(struct tr_bridge *bridge, const char *room_id)
{
	struct move *move = move_of(bridge, room_id);
	if (move != NULL && !move->running && bridge->homeserver_ready &&
		!tr_timer_active(move->timer)) {
		tr_timer_start(move->timer, 0);
	}
}

static void made_stored(void *arg)
{
	tr_moves_start(arg);
}

void tr_move_made(struct tr_bridge *bridge, const char *room_id, const struct tr_ghost *ghost)
{
	const struct tr_db_value values[] = {
		TR_DB_TC(room_id), TR_DB_TC(ghost->mxid), TR_DB_TC(ghost->name)};
	tr_move_add(bridge, room_id, ghost->mxid, ghost->name);
	tr_bridge_write(bridge, &store_leaver, values, TR_ARRAY_LEN(values), made_stored, bridge);
}

void tr_moves_load(struct tr_bridge *bridge, const struct tr_db_result *result, size_t index)
{
	for (size_t row = 0; row < tr_db_rows(result, index); row++) {
		char *room_id = tr_str_dup(tr_db_text(result, index, row, 0));
		char *mxid = tr_str_dup(tr_db_text(result, index, row, 1));
		char *name = tr_str_dup(tr_db_text(result, index, row, 2));
		tr_move_add(bridge, room_id, mxid, name);
		tr_free(room_id);
		tr_free(mxid);
		tr_free(name);
	}
}

void tr_moves_start(struct tr_bridge *bridge)
{
	for (struct tr_map_entry *e = tr_map_first(&bridge->moves); e; e = tr_map_next(e)) {
		const struct move *move = tr_map_value(e);
		tr_move_start(bridge, move->room_id);
	}
}

void tr_moves_finish(struct tr_bridge *bridge)
{
	for (struct tr_map_entry *e = tr_map_first(&bridge->moves); e; e = tr_map_next(e)) {
		move_free(tr_map_value(e));
	}
	tr_map_finish(&bridge->moves);
}
