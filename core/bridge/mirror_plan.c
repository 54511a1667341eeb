/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The difference between what the network gives people and what a room's power levels say, and the
 * memory of what was given. When it is looked for, and how it gets into the room, is mirror.c's.
 */
#include "core/bridge/mirror_plan.h"

#include "core/base/alloc.h"
#include "core/matrix/power_levels.h"

#include <string.h>

/* The levels being changed: users in a map, as rooms may have very many. */
struct draft {
	const struct tr_mirror_room *room;
	struct tr_map users; /* user id -> its level in the room, borrowed */
	struct tr_map set;   /* user id -> packed level that it gets; the draft itself = none */
	int64_t events_default;
	bool has_events_default;
	bool changed;
	int64_t users_default;
	int64_t bot;
	int64_t ceiling; /* levels given are below it */
	bool may_write;
	int64_t to_set;
	struct tr_mirror_plan *plan;
};

/* Packed numbers are never NULL. */
void *tr_mirror_pack(int64_t level)
{
	return level == TR_LEVEL_NONE ? NULL : (void *)(uintptr_t)(level + 1);
}

int64_t tr_mirror_unpack(const void *value)
{
	return value == NULL ? TR_LEVEL_NONE : (int64_t)(uintptr_t)value - 1;
}

static bool is_user(struct tr_str name)
{
	return name.len > 0 && name.ptr[0] == '@';
}

static struct tr_given *given_open(struct tr_map *given, struct tr_str name)
{
	struct tr_given *item = tr_map_get(given, name);
	if (item == NULL) {
		item = tr_alloc(sizeof(*item));
		*item = (struct tr_given){TR_GIVEN_THEIRS, TR_LEVEL_NONE, TR_LEVEL_NONE,
			TR_LEVEL_NONE, TR_LEVEL_NONE};
		tr_map_set(given, name, item);
	}
	return item;
}

void tr_given_forget(struct tr_map *given, struct tr_str name)
{
	tr_free(tr_map_remove(given, name));
}

void tr_given_finish(struct tr_map *given)
{
	for (struct tr_map_entry *e = tr_map_first(given); e; e = tr_map_next(e)) {
		tr_free(tr_map_value(e));
	}
	tr_map_finish(given);
}

bool tr_mirror_differs(const struct tr_map *wanted, const struct tr_map *given)
{
	for (struct tr_map_entry *e = tr_map_first(given); e; e = tr_map_next(e)) {
		const struct tr_given *item = tr_map_value(e);
		if (item->state == TR_GIVEN_BEGUN ||
			item->wanted != tr_mirror_unpack(tr_map_get(wanted, tr_map_key(e)))) {
			return true;
		}
	}
	for (struct tr_map_entry *e = tr_map_first(wanted); e; e = tr_map_next(e)) {
		if (tr_map_get(given, tr_map_key(e)) == NULL) {
			return true;
		}
	}
	return false;
}

/* What stands in the room; TR_LEVEL_NONE with *has false = nothing of its own. A level below 0 is
 * one like any other: somebody has been silenced. */
static int64_t standing(const struct draft *draft, struct tr_str name, bool *has)
{
	const struct tr_json *levels = draft->room->levels;
	if (!is_user(name)) {
		*has = tr_json_get(levels, "events_default") != NULL;
		return tr_power_to_send(levels, "");
	}
	const struct tr_json *own = tr_map_get(&draft->users, name);
	*has = own != NULL;
	if (own == NULL) {
		return draft->users_default;
	}
	int64_t level = 0;
	if (!tr_json_int(own, &level)) {
		level = tr_power_of(levels, name); /* a number in a string */
	}
	return level;
}

static bool is_ours(const struct tr_given *item, bool has, int64_t level)
{
	if (!has || item->level == TR_LEVEL_NONE) {
		return has && item->state != TR_GIVEN_OURS && item->state != TR_GIVEN_THEIRS &&
		       item->before != TR_LEVEL_NONE && level == item->before;
	}
	return item->state != TR_GIVEN_THEIRS &&
	       (level == item->level ||
		       (item->state != TR_GIVEN_OURS && item->before != TR_LEVEL_NONE &&
			       level == item->before));
}

static void refuse(struct draft *draft, struct tr_given *item, int64_t needed)
{
	item->state = TR_GIVEN_REFUSED;
	draft->plan->refused = true;
	draft->plan->needed = needed > draft->plan->needed ? needed : draft->plan->needed;
}

/* Sets, or with TR_LEVEL_NONE removes. */
static void draft_set(struct draft *draft, struct tr_str name, int64_t level)
{
	draft->changed = true;
	if (is_user(name)) {
		tr_map_set(
			&draft->set, name, level == TR_LEVEL_NONE ? draft : tr_mirror_pack(level));
	} else {
		draft->has_events_default = true;
		draft->events_default = level;
	}
}

/* Puts `target` in the place of `current`, where the bot may. */
static void change(struct draft *draft, struct tr_str name, struct tr_given *item, int64_t current,
	int64_t target, bool ours)
{
	bool own_level = is_user(name) && ours && current >= draft->bot;
	int64_t before = ours ? current : TR_LEVEL_NONE;
	if (!draft->may_write || own_level) {
		item->before = before;
		item->level = before;
		refuse(draft, item, own_level ? current + 1 : draft->to_set);
		return;
	}
	item->state = TR_GIVEN_BEGUN;
	item->before = before;
	item->level = target;
	draft_set(draft, name, target);
}

/* What everybody has. */
static int64_t floor_of(const struct draft *draft, struct tr_str name)
{
	return is_user(name) ? draft->users_default : 0;
}

static void plan_ours(struct draft *draft, struct tr_str name, struct tr_given *item,
	int64_t current, int64_t target)
{
	/* Back to what stood there, which may have been nothing. */
	int64_t floor = floor_of(draft, name);
	int64_t wanted = target <= floor || target <= item->base ? item->base : target;
	if (wanted < floor) {
		wanted = TR_LEVEL_NONE;
	}
	if (wanted == current) {
		item->state = TR_GIVEN_OURS;
		item->level = current;
		return;
	}
	change(draft, name, item, current, wanted, true);
}

static void plan_new(struct draft *draft, struct tr_str name, struct tr_given *item,
	int64_t current, bool has, int64_t target)
{
	bool silenced = has && current < floor_of(draft, name);
	item->level = TR_LEVEL_NONE;
	if (silenced || current >= item->wanted) {
		item->state = TR_GIVEN_THEIRS;
		return;
	}
	if (current >= target) { /* what it could be given is nothing */
		refuse(draft, item, item->wanted + 1);
		return;
	}
	item->base = has ? current : TR_LEVEL_NONE;
	change(draft, name, item, current, target, false);
}

/* Nobody may touch the bot's own level, and creators have none that could be written. */
static bool is_exempt(const struct draft *draft, struct tr_str name)
{
	return tr_str_eq(name, draft->room->bot) || tr_room_creator(draft->room->create, name);
}

static void plan_one(struct draft *draft, struct tr_str name, int64_t wanted, struct tr_map *given)
{
	struct tr_given *item = given_open(given, name);
	bool has;
	int64_t current = standing(draft, name, &has);
	bool same = item->wanted == wanted;
	bool clamped = wanted >= draft->ceiling;
	int64_t target = clamped ? draft->ceiling - 1 : wanted;
	bool settled = item->state == TR_GIVEN_OURS || item->state == TR_GIVEN_THEIRS;
	item->wanted = wanted;
	if (is_exempt(draft, name)) {
		item->state = TR_GIVEN_THEIRS;
	} else if (is_ours(item, has, current)) {
		plan_ours(draft, name, item, current, target);
	} else if (same && settled) {
		/* Somebody in Matrix has changed it since: that stays until IRC changes it. */
		item->state = TR_GIVEN_THEIRS;
	} else {
		plan_new(draft, name, item, current, has, target);
	}
	draft->plan->clamped = draft->plan->clamped || (clamped && item->state == TR_GIVEN_BEGUN);
	if (wanted == TR_LEVEL_NONE &&
		(item->state == TR_GIVEN_THEIRS || item->state == TR_GIVEN_OURS)) {
		tr_given_forget(given, name);
	}
}

static void draft_open(struct draft *draft, const struct tr_mirror_room *room)
{
	const struct tr_json *levels = room->levels;
	const struct tr_json *user = tr_json_first(tr_json_get(levels, "users"));
	for (; user != NULL; user = tr_json_next(user)) {
		tr_map_set(&draft->users, tr_json_key(user), (void *)user);
	}
	draft->room = room;
	draft->users_default = tr_power_of(levels, TR_STR(""));
	draft->bot = tr_room_creator(room->create, room->bot) ? TR_POWER_OF_CREATORS
							      : tr_power_of(levels, room->bot);
	draft->to_set = tr_power_to_set(levels, "m.room.power_levels");
	draft->may_write = draft->bot >= draft->to_set;
	draft->ceiling = draft->bot < draft->to_set ? draft->bot : draft->to_set;
}

static struct tr_json *draft_users(const struct draft *draft)
{
	struct tr_json *users = tr_json_new_object();
	for (struct tr_map_entry *e = tr_map_first(&draft->users); e; e = tr_map_next(e)) {
		const struct tr_json *own = tr_map_value(e);
		if (tr_map_get(&draft->set, tr_map_key(e)) == NULL) {
			char *key = tr_str_dup(tr_map_key(e));
			tr_json_set_take(users, key, tr_json_dup(own));
			tr_free(key);
		}
	}
	for (struct tr_map_entry *e = tr_map_first(&draft->set); e; e = tr_map_next(e)) {
		if (tr_map_value(e) != draft) {
			char *key = tr_str_dup(tr_map_key(e));
			tr_json_set_int(users, key, tr_mirror_unpack(tr_map_value(e)));
			tr_free(key);
		}
	}
	return users;
}

static struct tr_json *draft_levels(const struct draft *draft)
{
	struct tr_json *levels =
		draft->room->levels ? tr_json_dup(draft->room->levels) : tr_json_new_object();
	if (tr_map_count(&draft->set) > 0) {
		tr_json_set_take(levels, "users", draft_users(draft));
	}
	if (draft->has_events_default && draft->events_default == TR_LEVEL_NONE) {
		tr_json_remove(levels, "events_default");
	} else if (draft->has_events_default) {
		tr_json_set_int(levels, "events_default", draft->events_default);
	}
	return levels;
}

struct tr_mirror_plan tr_mirror_plan(
	const struct tr_mirror_room *room, const struct tr_map *wanted, struct tr_map *given)
{
	struct tr_mirror_plan plan = {NULL, false, false, 0};
	struct draft draft = {.plan = &plan};
	draft_open(&draft, room);
	struct tr_map_entry *next;
	for (struct tr_map_entry *e = tr_map_first(given); e; e = next) {
		next = tr_map_next(e);
		if (tr_map_get(wanted, tr_map_key(e)) == NULL) {
			plan_one(&draft, tr_map_key(e), TR_LEVEL_NONE, given);
		}
	}
	for (struct tr_map_entry *e = tr_map_first(wanted); e; e = tr_map_next(e)) {
		plan_one(&draft, tr_map_key(e), tr_mirror_unpack(tr_map_value(e)), given);
	}
	if (draft.changed) {
		plan.levels = draft_levels(&draft);
	}
	tr_map_finish(&draft.users);
	tr_map_finish(&draft.set);
	return plan;
}

void tr_given_settle(struct tr_map *given, bool done)
{
	struct tr_map_entry *next;
	for (struct tr_map_entry *e = tr_map_first(given); e; e = next) {
		struct tr_given *item = tr_map_value(e);
		next = tr_map_next(e);
		if (item->state != TR_GIVEN_BEGUN) {
			continue;
		}
		item->state = done ? TR_GIVEN_OURS : TR_GIVEN_REFUSED;
		if (!done) {
			item->level = item->before;
		} else if (item->wanted == TR_LEVEL_NONE) {
			tr_given_forget(given, tr_map_key(e));
		} else if (item->level == TR_LEVEL_NONE || item->level == item->base) {
			item->state = TR_GIVEN_THEIRS;
		}
	}
}

bool tr_given_revive(struct tr_map *given)
{
	bool any = false;
	for (struct tr_map_entry *e = tr_map_first(given); e; e = tr_map_next(e)) {
		struct tr_given *item = tr_map_value(e);
		if (item->state == TR_GIVEN_REFUSED) {
			item->state = TR_GIVEN_BEGUN;
			any = true;
		}
	}
	return any;
}

void tr_given_refuse(struct tr_map *given, struct tr_str name, int64_t wanted)
{
	struct tr_given *item = given_open(given, name);
	item->wanted = wanted;
	item->state = TR_GIVEN_REFUSED;
}

char *tr_given_print(const struct tr_map *given)
{
	struct tr_json *object = tr_json_new_object();
	for (struct tr_map_entry *e = tr_map_first(given); e; e = tr_map_next(e)) {
		const struct tr_given *item = tr_map_value(e);
		const int64_t numbers[] = {
			(int64_t)item->state, item->wanted, item->level, item->before, item->base};
		char *name = tr_str_dup(tr_map_key(e));
		struct tr_json *list = tr_json_add_array(object, name);
		for (size_t i = 0; i < TR_ARRAY_LEN(numbers); i++) {
			tr_json_append_take(list, tr_json_new_int(numbers[i]));
		}
		tr_free(name);
	}
	char *text = tr_json_text(object);
	tr_json_free(object);
	return text;
}

static bool parse_numbers(const struct tr_json *list, int64_t numbers[5])
{
	const struct tr_json *number = tr_json_first(list);
	for (size_t i = 0; i < 5; i++, number = tr_json_next(number)) {
		if (number == NULL || !tr_json_int(number, &numbers[i])) {
			return false;
		}
	}
	return numbers[0] >= TR_GIVEN_BEGUN && numbers[0] <= TR_GIVEN_REFUSED;
}

void tr_given_parse(struct tr_map *given, struct tr_str text)
{
	struct tr_json *object = tr_json_parse(text, NULL);
	const struct tr_json *list = tr_json_first(object);
	for (; list != NULL; list = tr_json_next(list)) {
		int64_t numbers[5];
		if (parse_numbers(list, numbers)) {
			struct tr_given *item = given_open(given, tr_json_key(list));
			*item = (struct tr_given){(enum tr_given_state)numbers[0], numbers[1],
				numbers[2], numbers[3], numbers[4]};
		}
	}
	tr_json_free(object);
}
