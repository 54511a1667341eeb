/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which rooms are looked at, when, and what is stored of them. How a part of a room's state is made
 * to agree is mirror_levels.c's and mirror_access.c's.
 */
#include "core/bridge/mirror_internal.h"

#include "core/base/clock.h"
#include "core/base/log.h"

#include <stdlib.h>

enum {
	RUNNING_MAX = 4,
	INTERVAL_MS = 20,
	RETRY_FIRST_MS = 1000,
	RETRY_MAX_MS = 300000,
	SPEAKER_LEVEL = 1, /* what a moderated room asks for */
};

static const struct tr_db_statement store_mirror = {
	"INSERT INTO room_mirror(room_id, levels, door, listed) VALUES ($1, $2, $3, $4)"
	" ON CONFLICT (room_id) DO UPDATE SET levels = excluded.levels, door = excluded.door,"
	" listed = excluded.listed"};

static void step(struct tr_mirror *mirror);

/* One function changes the state. */
static void set_state(struct tr_mirror *mirror, enum tr_mirror_state state)
{
	struct tr_bridge *bridge = mirror->bridge;
	bridge->mirrors_running -= mirror->state == TR_MIRROR_RUNNING;
	bridge->mirrors_running += state == TR_MIRROR_RUNNING;
	mirror->state = state;
	tr_list_remove(&mirror->due_node);
	if (state == TR_MIRROR_QUEUED) {
		tr_list_append(&bridge->mirrors_due, &mirror->due_node);
	}
	if (state != TR_MIRROR_WAITING) {
		tr_timer_stop(mirror->timer);
	}
	if (state != TR_MIRROR_RUNNING) {
		tr_mirrors_pump(bridge);
	}
}

static void pace(void *arg)
{
	struct tr_bridge *bridge = arg;
	struct tr_list *node = tr_list_head(&bridge->mirrors_due);
	if (node != NULL && bridge->homeserver_ready && bridge->state == TR_BRIDGE_RUNNING &&
		bridge->mirrors_running < RUNNING_MAX) {
		struct tr_mirror *mirror = TR_LIST_ENTRY(node, struct tr_mirror, due_node);
		set_state(mirror, TR_MIRROR_RUNNING);
		step(mirror);
		tr_mirrors_pump(bridge);
	}
}

void tr_mirrors_pump(struct tr_bridge *bridge)
{
	if (bridge->mirror_pace != NULL && !tr_list_empty(&bridge->mirrors_due) &&
		bridge->homeserver_ready && bridge->mirrors_running < RUNNING_MAX &&
		!tr_timer_active(bridge->mirror_pace)) {
		tr_timer_start(bridge->mirror_pace, INTERVAL_MS);
	}
}

static void waited(void *arg)
{
	set_state(arg, TR_MIRROR_QUEUED);
}

static struct tr_mirror *mirror_open(struct tr_bridge *bridge, struct tr_str room_id)
{
	struct tr_mirror *mirror = tr_map_get(&bridge->mirrors, room_id);
	if (mirror == NULL) {
		mirror = tr_alloc(sizeof(*mirror));
		mirror->bridge = bridge;
		mirror->room_id = tr_str_dup(room_id);
		mirror->timer = tr_timer_create(bridge->loop, waited, mirror);
		tr_map_set(&bridge->mirrors, room_id, mirror);
	}
	if (bridge->mirror_pace == NULL) {
		tr_list_init(&bridge->mirrors_due);
		bridge->mirror_pace = tr_timer_create(bridge->loop, pace, bridge);
	}
	return mirror;
}

static bool levels_differ(const struct tr_mirror *mirror)
{
	return tr_mirror_differs(&mirror->wanted, &mirror->given);
}

static unsigned parts_that_differ(const struct tr_mirror *mirror)
{
	unsigned parts = levels_differ(mirror) ? TR_MIRROR_LEVELS : 0;
	parts |= tr_mirror_door_differs(mirror) ? TR_MIRROR_DOOR : 0;
	parts |= tr_mirror_listing_differs(mirror) ? TR_MIRROR_LISTING : 0;
	return mirror->told ? parts & ~mirror->stuck : 0;
}

/* Something was said or has changed: looks whether there is anything to do. */
static void look(struct tr_mirror *mirror)
{
	mirror->stuck = 0;
	mirror->rounds = 0;
	if (mirror->state == TR_MIRROR_RUNNING) {
		return; /* it looks again before it ends */
	}
	if (parts_that_differ(mirror) == 0) {
		set_state(mirror, TR_MIRROR_IDLE);
	} else if (mirror->state == TR_MIRROR_IDLE) {
		set_state(mirror, TR_MIRROR_QUEUED);
	}
}

static void step(struct tr_mirror *mirror)
{
	if (mirror->revive) {
		mirror->revive = false;
		(void)tr_given_revive(&mirror->given);
	}
	unsigned parts = parts_that_differ(mirror);
	uint64_t wait = tr_mirror_levels_wait(mirror);
	bool levels = (parts & TR_MIRROR_LEVELS) != 0;
	if (!tr_intent_ready(mirror->bridge, NULL, mirror->room_id)) {
		set_state(mirror, TR_MIRROR_IDLE); /* until the bot has entered */
	} else if (levels && wait == 0) {
		tr_mirror_write_levels(mirror);
	} else if ((parts & TR_MIRROR_DOOR) != 0) {
		tr_mirror_move_door(mirror);
	} else if ((parts & TR_MIRROR_LISTING) != 0) {
		tr_mirror_list(mirror);
	} else if (levels) {
		set_state(mirror, TR_MIRROR_WAITING);
		tr_timer_start(mirror->timer, wait);
	} else {
		set_state(mirror, TR_MIRROR_IDLE);
	}
}

void tr_mirror_ended(
	struct tr_mirror *mirror, enum tr_mirror_part part, const struct tr_error *error)
{
	if (error == NULL) {
		mirror->attempts = 0;
	} else if (error->cls == TR_CLASS_RETRY || error->cls == TR_CLASS_RETRY_AFTER) {
		uint64_t delay =
			error->cls == TR_CLASS_RETRY_AFTER
				? error->retry_after_ms
				: tr_backoff_ms(mirror->attempts, RETRY_FIRST_MS, RETRY_MAX_MS);
		mirror->attempts++;
		set_state(mirror, TR_MIRROR_WAITING);
		tr_timer_start(mirror->timer, delay);
		return;
	} else {
		mirror->stuck |= part;
		tr_mirror_complain(mirror, error->text);
	}
	step(mirror);
}

void tr_mirror_complain(struct tr_mirror *mirror, const char *what)
{
	if (!mirror->complained) {
		mirror->complained = true;
		tr_log_warn("bridge",
			"%s: ranks and modes of %s cannot all be shown in room %s: %s",
			mirror->bridge->options.name,
			mirror->bridge->options.protocol->display_name, mirror->room_id, what);
	}
}

void tr_mirror_store(struct tr_mirror *mirror, tr_loop_callback *settled)
{
	char *levels = tr_given_print(&mirror->given);
	const struct tr_db_value values[] = {
		TR_DB_TC(mirror->room_id),
		TR_DB_TC(levels),
		TR_DB_N(mirror->door),
		TR_DB_N(mirror->listed),
	};
	tr_bridge_write(
		mirror->bridge, &store_mirror, values, TR_ARRAY_LEN(values), settled, mirror);
	tr_free(levels);
}

struct ranked {
	const struct tr_remote_rank *rank;
	size_t index;
	int64_t level;
};

/* The highest first, and otherwise as they came. */
static int compare(const void *a, const void *b)
{
	const struct ranked *one = a;
	const struct ranked *other = b;
	if (one->level != other->level) {
		return one->level > other->level ? -1 : 1;
	}
	return one->index < other->index ? -1 : one->index > other->index;
}

static size_t sort_ranks(const struct tr_remote_state *state, bool moderated, struct ranked *sorted)
{
	size_t count = 0;
	for (size_t i = 0; i < state->rank_count; i++) {
		int64_t level = state->ranks[i].level;
		if (moderated && level < SPEAKER_LEVEL) {
			level = SPEAKER_LEVEL;
		}
		if (level > 0) {
			sorted[count++] = (struct ranked){&state->ranks[i], i, level};
		}
	}
	qsort(sorted, count, sizeof(*sorted), compare);
	return count;
}

static void want(struct tr_mirror *mirror, const struct ranked *ranked)
{
	const struct tr_remote_rank *rank = ranked->rank;
	const char *user_id = rank->user_id;
	if (user_id == NULL) {
		user_id = tr_ghost_open(mirror->bridge, rank->id, rank->name)->mxid;
	}
	if (tr_map_get(&mirror->wanted, tr_str_from(user_id)) == NULL) {
		tr_map_set(&mirror->wanted, tr_str_from(user_id), tr_mirror_pack(ranked->level));
	}
}

static void tell(struct tr_mirror *mirror, const struct tr_remote_state *state)
{
	const struct tr_given *before = tr_map_get(&mirror->given, TR_STR("events_default"));
	bool moderated = before != NULL && before->wanted != TR_LEVEL_NONE;
	if (state->modes_known) {
		moderated = state->moderated;
		mirror->modes_known = true;
		mirror->closed = state->closed;
		mirror->secret = state->secret;
	}
	moderated = moderated && mirror->made;
	struct ranked *sorted = tr_alloc_array(state->rank_count + 1, sizeof(*sorted));
	size_t count = sort_ranks(state, moderated, sorted);
	tr_map_finish(&mirror->wanted);
	for (size_t i = 0; i < count && tr_map_count(&mirror->wanted) < TR_MIRROR_RANKS_MAX; i++) {
		want(mirror, &sorted[i]);
	}
	if (moderated) {
		tr_map_set(
			&mirror->wanted, TR_STR("events_default"), tr_mirror_pack(SPEAKER_LEVEL));
	}
	tr_free(sorted);
	mirror->told = true;
	look(mirror);
}

void tr_bridge_remote_state(
	struct tr_bridge *bridge, struct tr_portal *portal, const struct tr_remote_state *state)
{
	for (size_t i = 0; i < portal->room_count; i++) {
		struct tr_mirror *mirror = mirror_open(bridge, tr_str_from(portal->rooms[i]));
		mirror->made = !portal->configured;
		tell(mirror, state);
	}
}

void tr_mirror_made(struct tr_bridge *bridge, struct tr_str room_id)
{
	mirror_open(bridge, room_id)->listed = TR_LISTED_NO;
}

void tr_mirror_entered(struct tr_bridge *bridge, const char *room_id)
{
	struct tr_mirror *mirror = tr_map_get(&bridge->mirrors, tr_str_from(room_id));
	if (mirror != NULL) {
		look(mirror);
	}
}

void tr_mirror_levels_changed(struct tr_bridge *bridge, struct tr_str room_id)
{
	struct tr_mirror *mirror = tr_map_get(&bridge->mirrors, room_id);
	if (mirror != NULL && mirror->state == TR_MIRROR_RUNNING) {
		mirror->revive = true;
	} else if (mirror != NULL && tr_given_revive(&mirror->given)) {
		mirror->complained = false;
		look(mirror);
	}
}

void tr_mirrors_load(struct tr_bridge *bridge, const struct tr_db_result *result, size_t index)
{
	for (size_t row = 0; row < tr_db_rows(result, index); row++) {
		struct tr_mirror *mirror = mirror_open(bridge, tr_db_text(result, index, row, 0));
		int64_t door = tr_db_int(result, index, row, 2);
		int64_t listed = tr_db_int(result, index, row, 3);
		tr_given_parse(&mirror->given, tr_db_text(result, index, row, 1));
		if (door >= TR_DOOR_UNTOUCHED && door <= TR_DOOR_THEIRS) {
			mirror->door = (enum tr_mirror_door)door;
		}
		if (listed >= TR_LISTED_UNKNOWN && listed <= TR_LISTED_NO) {
			mirror->listed = (enum tr_mirror_listed)listed;
		}
	}
}

void tr_mirrors_finish(struct tr_bridge *bridge)
{
	for (struct tr_map_entry *e = tr_map_first(&bridge->mirrors); e; e = tr_map_next(e)) {
		struct tr_mirror *mirror = tr_map_value(e);
		tr_timer_destroy(mirror->timer);
		tr_list_remove(&mirror->due_node);
		tr_map_finish(&mirror->wanted);
		tr_given_finish(&mirror->given);
		tr_json_free(mirror->levels);
		tr_json_free(mirror->create);
		tr_free(mirror->writing);
		tr_free(mirror->room_id);
		tr_free(mirror);
	}
	tr_map_finish(&bridge->mirrors);
	tr_timer_destroy(bridge->mirror_pace);
	bridge->mirror_pace = NULL;
}
