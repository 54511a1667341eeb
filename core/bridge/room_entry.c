/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bot's way into the rooms of channels: reads who is there, joins where it is not in, says what
 * the room leads to where that was not said before. So a restart with nothing changed costs one
 * request for each room. A few rooms at a time. A room that has not invited the bot is waited for:
 * what an administrator has to do is logged once, and it is tried again with backoff and at once
 * when an invitation comes.
 */
#include "core/base/log.h"
#include "core/bridge/bridge_internal.h"
#include "core/bridge/withhold.h"

#include <string.h>

static const struct tr_db_statement store_said = {
	"INSERT INTO room_state(room_id, said) VALUES ($1, $2)"
	" ON CONFLICT (room_id) DO UPDATE SET said = excluded.said"};

enum { RUNNING_MAX = 8, RETRY_FIRST_MS = 5000, RETRY_MAX_MS = 300000 };

enum entry_state { ENTRY_QUEUED, ENTRY_RUNNING, ENTRY_WAITING, ENTRY_DONE };

struct entry {
	struct tr_bridge *bridge;
	char *room_id;
	enum entry_state state;
	bool with_state;
	bool invited; /* an invitation came while it was running */
	bool complained;
	bool joined;  /* in this life of the process */
	char *said;   /* the state that the room has, as it was stored; NULL = none */
	char *saying; /* .. and the one on its way */
	bool say_failed;
	unsigned attempts;
	unsigned pending; /* requests after the bot is in */
	struct tr_timer *timer;
};

static void pump(void *arg);

/* One function changes the state. */
static void set_state(struct entry *entry, enum entry_state state)
{
	struct tr_bridge *bridge = entry->bridge;
	bridge->entries_running -= entry->state == ENTRY_RUNNING;
	bridge->entries_running += state == ENTRY_RUNNING;
	entry->state = state;
	if (state != ENTRY_RUNNING) {
		tr_loop_defer(bridge->loop, pump, bridge);
	}
}

static void request_done(struct entry *entry)
{
	if (--entry->pending == 0) {
		set_state(entry, ENTRY_DONE);
	}
}

static void wait_and_retry(struct entry *entry, const struct tr_error *error);

/* Both forms of the state stand in the room: it need not be said again after a restart. */
static void state_said(struct entry *entry)
{
	tr_free(entry->said);
	entry->said = entry->saying;
	entry->saying = NULL;
	const struct tr_db_value values[] = {TR_DB_TC(entry->room_id), TR_DB_TC(entry->said)};
	tr_bridge_write(entry->bridge, &store_said, values, TR_ARRAY_LEN(values), NULL, NULL);
}

static void state_put(void *arg, const struct tr_json *response, const struct tr_error *error)
{
	struct entry *entry = arg;
	(void)response;
	entry->say_failed = entry->say_failed || error != NULL;
	if (error != NULL && !entry->complained) {
		entry->complained = true;
		tr_log_info("bridge",
			"%s: what room %s leads to cannot be shown in it (the bot may need a higher power"
			" level there): %s",
			entry->bridge->options.name, entry->room_id, error->text);
	}
	if (entry->pending == 1 && !entry->say_failed) {
		state_said(entry);
	}
	request_done(entry);
}

/* What the room leads to, where it does not say so yet; `pending` counts its requests. */
static void put_bridge_state(struct entry *entry)
{
	struct tr_bridge *bridge = entry->bridge;
	const struct tr_portal *portal = tr_portal_of_room(bridge, tr_str_from(entry->room_id));
	if (portal == NULL || !entry->with_state || bridge->options.no_bridge_state) {
		return;
	}
	char *key = tr_bridge_state_key(portal);
	char *content = tr_bridge_state_content(portal);
	char *saying = tr_asprintf("%s %s", key, content);
	if (entry->said == NULL || strcmp(entry->said, saying) != 0) {
		tr_free(entry->saying);
		entry->saying = tr_strdup(saying);
		entry->say_failed = false;
		entry->pending += 2;
		tr_matrix_put_state(bridge->client, NULL, entry->room_id, "m.bridge", key, 0,
			tr_str_from(content), state_put, entry);
		tr_matrix_put_state(bridge->client, NULL, entry->room_id, "uk.half-shot.bridge",
			key, 0, tr_str_from(content), state_put, entry);
	}
	tr_free(saying);
	tr_free(key);
	tr_free(content);
}

static void is_in(struct entry *entry)
{
	struct tr_bridge *bridge = entry->bridge;
	if (entry->complained) {
		tr_log_info("bridge", "%s: the bot is in room %s now", bridge->options.name,
			entry->room_id);
		entry->complained = false;
	}
	entry->attempts = 0;
	entry->pending = 1;
	put_bridge_state(entry);
	/* Ghosts that waited for the bot's invitation can have it. */
	tr_to_matrix_wake(bridge->to_matrix);
	tr_mirror_entered(bridge, entry->room_id);
	request_done(entry);
}

static void take_members(struct entry *entry, const struct tr_json *response)
{
	struct tr_bridge *bridge = entry->bridge;
	struct tr_str room_id = tr_str_from(entry->room_id);
	const struct tr_json *user = tr_json_first(tr_json_get(response, "joined"));
	for (; user != NULL; user = tr_json_next(user)) {
		tr_members_set(&bridge->members, room_id, tr_json_key(user), TR_MEMBERSHIP_JOINED);
		if (!tr_bridge_is_ours(bridge, tr_json_key(user))) {
			tr_hint_display_name(
				bridge, tr_json_key(user), tr_json_get_str(user, "display_name"));
		}
	}
	tr_members_set_complete(&bridge->members, room_id);
	struct tr_portal *portal = tr_portal_of_room(bridge, room_id);
	tr_withhold_members_known(bridge, portal, entry->room_id);
	if (portal != NULL && bridge->options.protocol->members_known != NULL) {
		bridge->options.protocol->members_known(bridge->module, portal, entry->room_id);
	}
}

static void joined(void *arg, const struct tr_json *response, const struct tr_error *error);

static void join(struct entry *entry)
{
	tr_matrix_join(entry->bridge->client, NULL, entry->room_id, NULL, joined, entry);
}

/* Who is not in a room may not list its members: so this mostly tells whether the bot is in, too.
 * But a homeserver lists them to it as well while any ghost is in. */
static void members_listed(void *arg, const struct tr_json *response, const struct tr_error *error)
{
	struct entry *entry = arg;
	struct tr_bridge *bridge = entry->bridge;
	bool has_bot = tr_json_path(response, "joined", bridge->bot_user_id, NULL) != NULL;
	if (error == NULL && !has_bot && !entry->joined) {
		take_members(entry, response);
		join(entry);
	} else if (error == NULL) {
		is_in(entry);
		take_members(entry, response);
	} else if (entry->joined) {
		tr_log_warn("bridge", "%s: the members of %s cannot be read: %s",
			bridge->options.name, entry->room_id, error->text);
		is_in(entry);
	} else if (error->cls == TR_CLASS_RETRY || error->cls == TR_CLASS_RETRY_AFTER) {
		wait_and_retry(entry, error);
	} else {
		join(entry);
	}
}

static void list_members(struct entry *entry)
{
	tr_matrix_joined_members(
		entry->bridge->client, NULL, entry->room_id, members_listed, entry);
}

static void wait_and_retry(struct entry *entry, const struct tr_error *error)
{
	struct tr_bridge *bridge = entry->bridge;
	if (!entry->complained) {
		entry->complained = true;
		if (error->cls == TR_CLASS_DENIED) {
			tr_log_warn("bridge",
				"%s: the bot cannot enter room %s: invite %s there (%s)",
				bridge->options.name, entry->room_id, bridge->bot_user_id,
				error->text);
		} else {
			tr_log_warn("bridge", "%s: the bot cannot enter room %s: %s",
				bridge->options.name, entry->room_id, error->text);
		}
	}
	uint64_t delay = tr_backoff_ms(entry->attempts++, RETRY_FIRST_MS, RETRY_MAX_MS);
	delay = error->cls == TR_CLASS_RETRY_AFTER ? error->retry_after_ms : delay;
	set_state(entry, ENTRY_WAITING);
	tr_timer_start(entry->timer, entry->invited ? 1 : delay);
	entry->invited = false;
}

static void joined(void *arg, const struct tr_json *response, const struct tr_error *error)
{
	struct entry *entry = arg;
	struct tr_bridge *bridge = entry->bridge;
	(void)response;
	if (error != NULL) {
		wait_and_retry(entry, error);
		return;
	}
	entry->joined = true;
	tr_members_set(&bridge->members, tr_str_from(entry->room_id),
		tr_str_from(bridge->bot_user_id), TR_MEMBERSHIP_JOINED);
	list_members(entry);
}

static void pump(void *arg)
{
	struct tr_bridge *bridge = arg;
	if (!bridge->homeserver_ready || bridge->state != TR_BRIDGE_RUNNING) {
		return;
	}
	struct tr_map_entry *e = tr_map_first(&bridge->entries);
	for (; e != NULL && bridge->entries_running < RUNNING_MAX; e = tr_map_next(e)) {
		struct entry *entry = tr_map_value(e);
		if (entry->state == ENTRY_QUEUED) {
			set_state(entry, ENTRY_RUNNING);
			entry->invited = false;
			entry->joined = false;
			list_members(entry);
		}
	}
}

static void waited(void *arg)
{
	set_state(arg, ENTRY_QUEUED);
}

void tr_entry_add(struct tr_bridge *bridge, const char *room_id, bool with_state)
{
	struct entry *entry = tr_map_get(&bridge->entries, tr_str_from(room_id));
	if (entry != NULL) {
		entry->with_state = entry->with_state || with_state;
		return;
	}
	entry = tr_alloc(sizeof(*entry));
	entry->bridge = bridge;
	entry->room_id = tr_strdup(room_id);
	entry->with_state = with_state;
	entry->said = tr_map_remove(&bridge->said, tr_str_from(room_id));
	entry->timer = tr_timer_create(bridge->loop, waited, entry);
	tr_map_set(&bridge->entries, tr_str_from(room_id), entry);
	tr_loop_defer(bridge->loop, pump, bridge);
}

void tr_entries_load(struct tr_bridge *bridge, const struct tr_db_result *result, size_t index)
{
	for (size_t row = 0; row < tr_db_rows(result, index); row++) {
		tr_free(tr_map_set(&bridge->said, tr_db_text(result, index, row, 0),
			tr_str_dup(tr_db_text(result, index, row, 1))));
	}
}

void tr_entries_start(struct tr_bridge *bridge)
{
	tr_loop_defer(bridge->loop, pump, bridge);
}

bool tr_entry_invited(struct tr_bridge *bridge, const char *room_id)
{
	struct entry *entry = tr_map_get(&bridge->entries, tr_str_from(room_id));
	if (entry == NULL) {
		return false;
	}
	if (entry->state == ENTRY_RUNNING) {
		entry->invited = true;
	} else {
		tr_timer_stop(entry->timer);
		set_state(entry, ENTRY_QUEUED);
	}
	return true;
}

void tr_entries_finish(struct tr_bridge *bridge)
{
	for (struct tr_map_entry *e = tr_map_first(&bridge->entries); e; e = tr_map_next(e)) {
		struct entry *entry = tr_map_value(e);
		tr_timer_destroy(entry->timer);
		tr_free(entry->room_id);
		tr_free(entry->said);
		tr_free(entry->saying);
		tr_free(entry);
	}
	tr_map_finish(&bridge->entries);
	for (struct tr_map_entry *e = tr_map_first(&bridge->said); e; e = tr_map_next(e)) {
		tr_free(tr_map_value(e));
	}
	tr_map_finish(&bridge->said);
	tr_loop_defer_cancel(bridge->loop, pump, bridge);
}
