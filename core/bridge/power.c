/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One repair per room: read the levels (and in rooms of version 12 who the creators are), raise all
 * ghosts that wait and lack power in one event, tell them. When a repair is called for is
 * intent.c's business; how levels are read is core/matrix/power_levels.h's.
 */
#include "core/bridge/power.h"

#include "core/base/log.h"
#include "core/bridge/bridge_internal.h"
#include "core/matrix/power_levels.h"

#include <inttypes.h>

struct waiter {
	struct tr_list node;
	struct tr_ghost *ghost;
	char *type;
	int64_t needed;
	bool lacks;
	tr_intent_callback *callback;
	void *arg;
};

struct repair {
	struct tr_bridge *bridge;
	char *room_id;
	struct tr_list round; /* whom this one is for */
	struct tr_list next;  /* who came meanwhile */
	struct tr_json *levels;
};

static void begin(void *arg);

static struct waiter *waiter_of(struct tr_list *node)
{
	return TR_LIST_ENTRY(node, struct waiter, node);
}

static void waiters_free(struct tr_list *list)
{
	struct tr_list *node;
	while ((node = tr_list_head(list)) != NULL) {
		struct waiter *waiter = waiter_of(node);
		tr_list_remove(node);
		tr_free(waiter->type);
		tr_free(waiter);
	}
}

static void repair_free(struct repair *repair)
{
	waiters_free(&repair->round);
	waiters_free(&repair->next);
	tr_json_free(repair->levels);
	tr_free(repair->room_id);
	tr_free(repair);
}

/* Tells those of this round; `error` concerns who lacks power, NULL = nobody does any more. */
static void round_end(struct repair *repair, const struct tr_error *error)
{
	struct tr_list *node;
	while ((node = tr_list_head(&repair->round)) != NULL) {
		struct waiter *waiter = waiter_of(node);
		tr_list_remove(node);
		waiter->callback(waiter->arg, waiter->lacks ? error : NULL);
		tr_free(waiter->type);
		tr_free(waiter);
	}
	tr_json_free(repair->levels);
	repair->levels = NULL;
	if (!tr_list_empty(&repair->next)) {
		begin(repair);
		return;
	}
	struct tr_bridge *bridge = repair->bridge;
	char *room_id = repair->room_id;
	repair->room_id = NULL;
	tr_map_remove(&bridge->powers, tr_str_from(room_id));
	repair_free(repair);
	tr_power_unlock(bridge, room_id);
	tr_free(room_id);
}

/* The levels cannot be read: that is the answer for everybody. */
static void round_fail(struct repair *repair, const struct tr_error *error)
{
	struct tr_list *node;
	struct tr_list *following;
	TR_LIST_EACH (&repair->round, node, following) {
		waiter_of(node)->lacks = true;
	}
	round_end(repair, error);
}

static void raised(void *arg, const struct tr_json *response, const struct tr_error *error)
{
	struct repair *repair = arg;
	(void)response;
	if (error == NULL) {
		tr_log_info("bridge", "%s: raised ghosts in room %s so that they may speak",
			repair->bridge->options.name, repair->room_id);
	}
	struct tr_error changed;
	if (error != NULL && error->cls == TR_CLASS_DENIED) {
		changed = *error;
		tr_error_prefix(&changed, "the bot cannot give the power to speak there");
		error = &changed;
	}
	round_end(repair, error);
}

static void refuse(struct repair *repair, int64_t needed)
{
	struct tr_error error;
	tr_error_set_class(&error, TR_E_DENIED, TR_CLASS_DENIED,
		"speaking there takes power %" PRId64
		", and the bot may not give it: an administrator of the room can give the bot"
		" that power, or lower what speaking takes",
		needed);
	round_end(repair, &error);
}

/* Notes who lacks power. Returns the highest level that one of them needs, or -1 for nobody. */
static int64_t look_who_lacks(struct repair *repair, const struct tr_json *create)
{
	int64_t highest = -1;
	struct tr_list *node;
	struct tr_list *following;
	TR_LIST_EACH (&repair->round, node, following) {
		struct waiter *waiter = waiter_of(node);
		struct tr_str user_id = tr_str_from(waiter->ghost->mxid);
		waiter->needed = tr_power_to_send(repair->levels, waiter->type);
		waiter->lacks = tr_power_of(repair->levels, user_id) < waiter->needed &&
				!tr_room_creator(create, user_id);
		if (waiter->lacks && waiter->needed > highest) {
			highest = waiter->needed;
		}
	}
	return highest;
}

static void raise_all(struct repair *repair, const struct tr_json *create)
{
	struct tr_bridge *bridge = repair->bridge;
	struct tr_str bot = tr_str_from(bridge->bot_user_id);
	int64_t highest = look_who_lacks(repair, create);
	if (highest < 0) {
		round_end(repair, NULL);
		return;
	}
	int64_t to_set = tr_power_to_set(repair->levels, "m.room.power_levels");
	int64_t needed = highest > to_set ? highest : to_set;
	if (!tr_room_creator(create, bot) && tr_power_of(repair->levels, bot) < needed) {
		refuse(repair, needed);
		return;
	}
	struct tr_list *node;
	struct tr_list *following;
	TR_LIST_EACH (&repair->round, node, following) {
		struct waiter *waiter = waiter_of(node);
		/* Two may wait for the same ghost with different types: the higher one counts. */
		if (waiter->lacks && tr_power_of(repair->levels, tr_str_from(waiter->ghost->mxid)) <
					     waiter->needed) {
			tr_power_set(repair->levels, waiter->ghost->mxid, waiter->needed);
		}
	}
	char *content = tr_json_text(repair->levels);
	tr_matrix_put_state(bridge->client, NULL, repair->room_id, "m.room.power_levels", "", 0,
		tr_str_from(content), raised, repair);
	tr_free(content);
}

static void got_create(void *arg, const struct tr_json *response, const struct tr_error *error)
{
	struct repair *repair = arg;
	if (error != NULL) {
		round_fail(repair, error);
		return;
	}
	raise_all(repair, response);
}

static void got_levels(void *arg, const struct tr_json *response, const struct tr_error *error)
{
	struct repair *repair = arg;
	if (error != NULL && error->cls != TR_CLASS_GONE) {
		round_fail(repair, error);
		return;
	}
	repair->levels = response ? tr_json_dup(response) : tr_json_new_object();
	struct tr_str room_id = tr_str_from(repair->room_id);
	if (tr_room_has_creators(room_id) && look_who_lacks(repair, NULL) >= 0) {
		tr_matrix_get_state_event(repair->bridge->client,
			waiter_of(tr_list_head(&repair->round))->ghost->mxid, repair->room_id,
			"m.room.create", "", got_create, repair);
	} else {
		raise_all(repair, NULL);
	}
}

static void begin(void *arg)
{
	struct repair *repair = arg;
	struct tr_list *node;
	while ((node = tr_list_head(&repair->next)) != NULL) {
		tr_list_remove(node);
		tr_list_append(&repair->round, node);
	}
	/* The ghost is in the room; the bot may not be. */
	tr_matrix_get_state(repair->bridge->client,
		waiter_of(tr_list_head(&repair->round))->ghost->mxid, repair->room_id,
		"m.room.power_levels", "", got_levels, repair);
}

void tr_power_ensure(struct tr_bridge *bridge, struct tr_ghost *ghost, const char *room_id,
	const char *type, tr_intent_callback *callback, void *arg)
{
	struct waiter *waiter = tr_alloc(sizeof(*waiter));
	waiter->ghost = ghost;
	waiter->type = tr_strdup(type);
	waiter->callback = callback;
	waiter->arg = arg;
	struct repair *repair = tr_map_get(&bridge->powers, tr_str_from(room_id));
	if (repair != NULL) {
		tr_list_append(&repair->next, &waiter->node);
		return;
	}
	repair = tr_alloc(sizeof(*repair));
	repair->bridge = bridge;
	repair->room_id = tr_strdup(room_id);
	tr_list_init(&repair->round);
	tr_list_init(&repair->next);
	tr_list_append(&repair->next, &waiter->node);
	tr_map_set(&bridge->powers, tr_str_from(room_id), repair);
	if (tr_power_lock(bridge, room_id, begin, repair)) {
		begin(repair);
	}
}

void tr_powers_finish(struct tr_bridge *bridge)
{
	for (struct tr_map_entry *e = tr_map_first(&bridge->powers); e; e = tr_map_next(e)) {
		repair_free(tr_map_value(e));
	}
	tr_map_finish(&bridge->powers);
}
