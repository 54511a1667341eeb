/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is good to know of Matrix users and is never queued: their display names (by member events
 * and lists, else asked for) and their presence. It goes to the module as it comes, and is lost
 * with the process.
 */
#include "core/base/log.h"
#include "core/bridge/bridge_internal.h"

enum { NAMES_MAX = 200000, NAME_BYTES_MAX = 1024, PRESENCES_MAX = 1000 };

/* A profile being asked for. */
struct asking {
	struct tr_bridge *bridge;
	char *user_id;
};

static void give(struct tr_bridge *bridge, const struct tr_hint *hint)
{
	bool wanted = (bridge->options.protocol->capabilities & TR_TAKES_HINTS) != 0;
	if (wanted && bridge->module != NULL && bridge->state == TR_BRIDGE_RUNNING) {
		bridge->options.protocol->hint(bridge->module, hint);
	}
}

static void give_name(struct tr_bridge *bridge, const char *user_id, const char *name)
{
	const struct tr_hint hint = {
		.kind = TR_HINT_DISPLAY_NAME, .user_id = user_id, .name = name};
	give(bridge, &hint);
}

/* Keeps it; false when it was known already. A member event without a name is that of somebody who
 * has none: homeservers write the profile's into it. */
static bool keep(struct tr_bridge *bridge, struct tr_str user_id, struct tr_str name)
{
	const char *old = tr_map_get(&bridge->names, user_id);
	if (old != NULL && tr_str_eq_c(name, old)) {
		return false;
	}
	if (old != NULL || tr_map_count(&bridge->names) < NAMES_MAX) {
		tr_free(tr_map_set(&bridge->names, user_id, tr_str_dup(name)));
	}
	return true;
}

void tr_hint_display_name(struct tr_bridge *bridge, struct tr_str user_id, struct tr_str name)
{
	name = tr_str_slice(name, 0, tr_utf8_fit(name, NAME_BYTES_MAX));
	if (!keep(bridge, user_id, name)) {
		return;
	}
	char *id = tr_str_dup(user_id);
	char *text = tr_str_dup(name);
	give_name(bridge, id, text);
	tr_free(text);
	tr_free(id);
}

static struct asking *asking_take(struct asking *asking)
{
	tr_map_remove(&asking->bridge->askings, tr_str_from(asking->user_id));
	return asking;
}

static void asking_free(struct asking *asking)
{
	tr_free(asking->user_id);
	tr_free(asking);
}

static void answered(void *arg, const struct tr_json *response, const struct tr_error *error)
{
	struct asking *asking = asking_take(arg);
	struct tr_bridge *bridge = asking->bridge;
	struct tr_str id = tr_str_from(asking->user_id);
	struct tr_str name = tr_json_get_str(response, "displayname");
	name = tr_str_slice(name, 0, tr_utf8_fit(name, NAME_BYTES_MAX));
	if (error == NULL) {
		keep(bridge, id, name);
	} else {
		tr_log_debug("bridge", "%s: the display name of %s cannot be read: %s",
			bridge->options.name, asking->user_id, error->text);
	}
	char *text = tr_str_dup(name);
	give_name(bridge, asking->user_id, error == NULL ? text : NULL);
	tr_free(text);
	asking_free(asking);
}

void tr_bridge_ask_display_name(struct tr_bridge *bridge, const char *user_id)
{
	if (tr_map_get(&bridge->askings, tr_str_from(user_id)) != NULL) {
		return;
	}
	struct asking *asking = tr_alloc(sizeof(*asking));
	asking->bridge = bridge;
	asking->user_id = tr_strdup(user_id);
	tr_map_set(&bridge->askings, tr_str_from(user_id), asking);
	tr_matrix_get_profile(bridge->client, NULL, user_id, answered, asking);
}

const char *tr_bridge_display_name(const struct tr_bridge *bridge, const char *user_id)
{
	return tr_map_get(&bridge->names, tr_str_from(user_id));
}

static enum tr_presence presence_of(struct tr_str word)
{
	return tr_str_eq_c(word, "online")        ? TR_PRESENCE_ONLINE
	       : tr_str_eq_c(word, "unavailable") ? TR_PRESENCE_AWAY
	       : tr_str_eq_c(word, "offline")     ? TR_PRESENCE_OFFLINE
						  : TR_PRESENCE_UNKNOWN;
}

void tr_hint_ephemeral(struct tr_bridge *bridge, const struct tr_json *events)
{
	const struct tr_json *event = tr_json_first(events);
	for (unsigned i = 0; event != NULL && i < PRESENCES_MAX; event = tr_json_next(event), i++) {
		struct tr_str user_id = tr_json_get_str(event, "sender");
		struct tr_str state = tr_json_str(tr_json_path(event, "content", "presence", NULL));
		enum tr_presence presence = presence_of(state);
		if (!tr_str_eq_c(tr_json_get_str(event, "type"), "m.presence") ||
			presence == TR_PRESENCE_UNKNOWN || tr_bridge_is_ours(bridge, user_id)) {
			continue;
		}
		char *id = tr_str_dup(user_id);
		const struct tr_hint hint = {
			.kind = TR_HINT_PRESENCE, .user_id = id, .presence = presence};
		give(bridge, &hint);
		tr_free(id);
	}
}

void tr_hints_finish(struct tr_bridge *bridge)
{
	for (struct tr_map_entry *e = tr_map_first(&bridge->names); e; e = tr_map_next(e)) {
		tr_free(tr_map_value(e));
	}
	tr_map_finish(&bridge->names);
	for (struct tr_map_entry *e = tr_map_first(&bridge->askings); e; e = tr_map_next(e)) {
		asking_free(tr_map_value(e));
	}
	tr_map_finish(&bridge->askings);
}
