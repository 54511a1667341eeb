/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is gone: looks whether a user is left in any room, asks for the profile, waits. What the
 * module does with it is its own.
 */
#include "core/bridge/departed.h"

#include "core/base/log.h"
#include "core/bridge/bridge_internal.h"

#include <string.h>

enum { AFTER_MS = 15 * 60000, DEPARTURES_MAX = 10000 };

struct departure {
	struct tr_bridge *bridge;
	char *user_id;
	struct tr_timer *timer;
	bool asking;
};

static void departure_free(struct departure *departure)
{
	tr_timer_destroy(departure->timer);
	tr_free(departure->user_id);
	tr_free(departure);
}

static void departure_end(struct departure *departure)
{
	tr_map_remove(&departure->bridge->departures, tr_str_from(departure->user_id));
	departure_free(departure);
}

/* Of direct chats the members may not be known: his own counts until he has left it. */
static bool is_in(struct tr_bridge *bridge, const struct tr_portal *portal, struct tr_str room_id,
	const char *user_id)
{
	enum tr_membership membership =
		tr_members_get(&bridge->members, room_id, tr_str_from(user_id));
	bool his = portal->kind == TR_PORTAL_DIRECT && strcmp(portal->receiver, user_id) == 0;
	return membership == TR_MEMBERSHIP_JOINED || (his && membership != TR_MEMBERSHIP_LEFT);
}

static bool is_anywhere(struct tr_bridge *bridge, const char *user_id)
{
	bool found = tr_management_room(bridge, user_id) != NULL;
	for (struct tr_map_entry *e = tr_map_first(&bridge->rooms); e && !found;
		e = tr_map_next(e)) {
		found = is_in(bridge, tr_map_value(e), tr_map_key(e), user_id);
	}
	return found;
}

static void tell(struct departure *departure, const char *why)
{
	struct tr_bridge *bridge = departure->bridge;
	const struct tr_hint hint = {.kind = TR_HINT_DEPARTED, .user_id = departure->user_id};
	tr_log_info("bridge", "%s: %s %s", bridge->options.name, departure->user_id, why);
	if ((bridge->options.protocol->capabilities & TR_TAKES_HINTS) != 0 &&
		bridge->state == TR_BRIDGE_RUNNING) {
		bridge->options.protocol->hint(bridge->module, &hint);
	}
	departure_end(departure);
}

static void time_over(void *arg)
{
	struct departure *departure = arg;
	if (is_anywhere(departure->bridge, departure->user_id)) {
		departure_end(departure);
	} else {
		tell(departure, "has left all rooms");
	}
}

/* Homeservers forget the profile of an account that is closed and erased. Who never had a name has
 * none either: for somebody who has left everything it comes to the same. */
static void answered(void *arg, const struct tr_json *response, const struct tr_error *error)
{
	struct departure *departure = arg;
	(void)response;
	departure->asking = false;
	bool closed = error != NULL &&
		      (error->code == TR_E_NOT_FOUND || tr_str_find(tr_str_from(error->text),
								TR_STR("M_USER_DEACTIVATED")) >= 0);
	if (is_anywhere(departure->bridge, departure->user_id)) {
		departure_end(departure);
	} else if (closed) {
		tell(departure, "has no account any more");
	} else {
		uint64_t after = departure->bridge->options.departed_after_ms;
		tr_timer_start(departure->timer, after ? after : AFTER_MS);
	}
}

void tr_departed_look(struct tr_bridge *bridge, const char *user_id)
{
	struct departure *departure = tr_map_get(&bridge->departures, tr_str_from(user_id));
	if (tr_map_count(&bridge->departures) >= DEPARTURES_MAX || is_anywhere(bridge, user_id)) {
		return;
	}
	if (departure == NULL) {
		departure = tr_alloc(sizeof(*departure));
		departure->bridge = bridge;
		departure->user_id = tr_strdup(user_id);
		departure->timer = tr_timer_create(bridge->loop, time_over, departure);
		tr_map_set(&bridge->departures, tr_str_from(user_id), departure);
	}
	if (!departure->asking) {
		departure->asking = true;
		tr_timer_stop(departure->timer);
		tr_matrix_get_profile(bridge->client, NULL, user_id, answered, departure);
	}
}

void tr_departed_finish(struct tr_bridge *bridge)
{
	for (struct tr_map_entry *e = tr_map_first(&bridge->departures); e; e = tr_map_next(e)) {
		departure_free(tr_map_value(e));
	}
	tr_map_finish(&bridge->departures);
}
