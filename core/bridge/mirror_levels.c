/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One change of a room's power levels: read, plan (mirror_plan.c), store what is about to be given,
 * write. What is too large for one event is given to those who are in the room first, then to
 * fewer and fewer.
 */
#include "core/bridge/mirror_internal.h"

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/matrix/power_levels.h"

#include <inttypes.h>

enum {
	SPACING_FIRST_MS = 250, /* between two looks; doubled while they go on */
	SPACING_MAX_MS = 60000,
	CALM_MS = 10000, /* and four times the spacing without one: that is over */
	SQUEEZES_MAX = 11,
	ROUNDS_MAX = 8, /* for one word of the network: never a loop */
};

uint64_t tr_mirror_levels_wait(const struct tr_mirror *mirror)
{
	uint64_t now = tr_clock_mono_ms();
	return mirror->levels_due_ms > now ? mirror->levels_due_ms - now : 0;
}

static void space_out(struct tr_mirror *mirror)
{
	uint64_t now = tr_clock_mono_ms();
	if (mirror->written_ms == 0 ||
		now - mirror->written_ms > CALM_MS + 4 * mirror->spacing_ms) {
		mirror->spacing_ms = SPACING_FIRST_MS;
	} else if (mirror->spacing_ms < SPACING_MAX_MS / 2) {
		mirror->spacing_ms *= 2;
	} else {
		mirror->spacing_ms = SPACING_MAX_MS;
	}
	mirror->written_ms = now;
	mirror->levels_due_ms = now + mirror->spacing_ms;
}

static void ended(struct tr_mirror *mirror, const struct tr_error *error)
{
	tr_json_free(mirror->levels);
	mirror->levels = NULL;
	tr_free(mirror->writing);
	mirror->writing = NULL;
	tr_power_unlock(mirror->bridge, mirror->room_id);
	if (error == NULL && ++mirror->rounds >= ROUNDS_MAX) {
		mirror->stuck |= TR_MIRROR_LEVELS;
	}
	tr_mirror_ended(mirror, TR_MIRROR_LEVELS, error);
}

static void plan(struct tr_mirror *mirror);

static void written(void *arg, const struct tr_json *response, const struct tr_error *error)
{
	struct tr_mirror *mirror = arg;
	(void)response;
	if (error != NULL && error->code == TR_E_TOO_BIG && mirror->squeezes < SQUEEZES_MAX) {
		mirror->squeezes++;
		tr_free(mirror->writing);
		mirror->writing = NULL;
		plan(mirror);
		return;
	}
	bool later = error != NULL &&
		     (error->cls == TR_CLASS_RETRY || error->cls == TR_CLASS_RETRY_AFTER);
	if (error == NULL) {
		space_out(mirror);
		tr_log_debug("bridge", "%s: levels of room %s follow the ranks",
			mirror->bridge->options.name, mirror->room_id);
	}
	if (error != NULL && !later) {
		tr_mirror_complain(mirror, error->text);
	}
	if (!later) { /* else what is begun is looked at again */
		tr_given_settle(&mirror->given, error == NULL);
		tr_mirror_store(mirror, NULL);
	}
	ended(mirror, later ? error : NULL);
}

static void put(void *arg)
{
	struct tr_mirror *mirror = arg;
	tr_matrix_put_state(mirror->bridge->client, NULL, mirror->room_id, "m.room.power_levels",
		"", 0, tr_str_from(mirror->writing), written, mirror);
}

/* Whether there is room in the event for this one, the `place`th. */
static bool fits(const struct tr_mirror *mirror, struct tr_str name, size_t place)
{
	if (mirror->squeezes == 0 || name.len == 0 || name.ptr[0] != '@') {
		return true;
	}
	return tr_members_get(&mirror->bridge->members, tr_str_from(mirror->room_id), name) ==
		       TR_MEMBERSHIP_JOINED &&
	       place < ((size_t)TR_MIRROR_RANKS_MAX >> (mirror->squeezes - 1));
}

/* Those of `wanted` that fit, in `kept`. */
static void choose(const struct tr_mirror *mirror, struct tr_map *kept)
{
	for (struct tr_map_entry *e = tr_map_first(&mirror->wanted); e; e = tr_map_next(e)) {
		if (fits(mirror, tr_map_key(e), tr_map_count(kept))) {
			tr_map_set(kept, tr_map_key(e), tr_map_value(e));
		}
	}
}

static void explain(struct tr_mirror *mirror, const struct tr_mirror_plan *result)
{
	struct tr_buf text = TR_BUF_INIT(512);
	if (result->refused) {
		tr_buf_addf(&text,
			"the bot would need power level %" PRId64
			" there; an administrator of the room can give it that",
			result->needed);
		tr_mirror_complain(mirror, tr_buf_c(&text));
	} else if (result->clamped) {
		tr_mirror_complain(mirror,
			"nobody gets a level that could change power levels itself, or that the bot could not take back");
	}
	tr_buf_finish(&text);
}

static void plan(struct tr_mirror *mirror)
{
	struct tr_map kept = {NULL};
	choose(mirror, &kept);
	const struct tr_mirror_room room = {
		.levels = mirror->levels,
		.create = mirror->create,
		.bot = tr_str_from(mirror->bridge->bot_user_id),
	};
	struct tr_mirror_plan result = tr_mirror_plan(&room, &kept, &mirror->given);
	for (struct tr_map_entry *e = tr_map_first(&mirror->wanted); e; e = tr_map_next(e)) {
		if (tr_map_get(&kept, tr_map_key(e)) == NULL &&
			tr_map_get(&mirror->given, tr_map_key(e)) == NULL) {
			tr_given_refuse(
				&mirror->given, tr_map_key(e), tr_mirror_unpack(tr_map_value(e)));
		}
	}
	tr_map_finish(&kept);
	explain(mirror, &result);
	if (result.levels == NULL) {
		space_out(mirror);
		tr_mirror_store(mirror, NULL);
		ended(mirror, NULL);
		return;
	}
	mirror->writing = tr_json_text(result.levels);
	tr_json_free(result.levels);
	tr_mirror_store(mirror, put);
}

static void got_create(void *arg, const struct tr_json *response, const struct tr_error *error)
{
	struct tr_mirror *mirror = arg;
	if (error != NULL) {
		ended(mirror, error);
		return;
	}
	mirror->create = tr_json_dup(response);
	plan(mirror);
}

static void got_levels(void *arg, const struct tr_json *response, const struct tr_error *error)
{
	struct tr_mirror *mirror = arg;
	if (error != NULL && error->cls != TR_CLASS_GONE) {
		ended(mirror, error);
		return;
	}
	mirror->levels = response ? tr_json_dup(response) : tr_json_new_object();
	if (mirror->create == NULL && tr_room_has_creators(tr_str_from(mirror->room_id))) {
		tr_matrix_get_state_event(mirror->bridge->client, NULL, mirror->room_id,
			"m.room.create", "", got_create, mirror);
	} else {
		plan(mirror);
	}
}

static void begin(void *arg)
{
	struct tr_mirror *mirror = arg;
	tr_matrix_get_state(mirror->bridge->client, NULL, mirror->room_id, "m.room.power_levels",
		"", got_levels, mirror);
}

void tr_mirror_write_levels(struct tr_mirror *mirror)
{
	if (tr_power_lock(mirror->bridge, mirror->room_id, begin, mirror)) {
		begin(mirror);
	}
}
