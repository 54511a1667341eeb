/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opens channels: finds the Matrix room of a channel or makes one, once for any number of callers.
 * A room whose making was not written down (the process died) is found again by its alias.
 */
#include "core/base/log.h"
#include "core/bridge/bridge_internal.h"

struct waiter {
	struct tr_list node;
	tr_portal_callback *callback;
	void *arg;
	char *inviter; /* when createRoom did not invite him: NULL = nobody */
};

struct opening {
	struct tr_bridge *bridge;
	char *remote_id;
	char *name;
	char *inviter; /* of the first caller, invited by createRoom; NULL = none */
	char *room_id; /* once it is there */
	bool is_new;   /* to the bridge */
	struct tr_list waiters;
};

static void waiter_free(struct waiter *waiter)
{
	tr_list_remove(&waiter->node);
	tr_free(waiter->inviter);
	tr_free(waiter);
}

static void opening_free(struct opening *opening)
{
	struct tr_list *node;
	struct tr_list *following;
	TR_LIST_EACH (&opening->waiters, node, following) {
		waiter_free(TR_LIST_ENTRY(node, struct waiter, node));
	}
	tr_free(opening->remote_id);
	tr_free(opening->name);
	tr_free(opening->inviter);
	tr_free(opening->room_id);
	tr_free(opening);
}

static void opening_end(struct opening *opening, const struct tr_error *error)
{
	struct tr_bridge *bridge = opening->bridge;
	tr_map_remove(&bridge->openings, tr_str_from(opening->remote_id));
	struct tr_portal *portal =
		error ? NULL : tr_portal_find(bridge, tr_str_from(opening->remote_id), NULL);
	const struct tr_protocol *protocol = bridge->options.protocol;
	if (portal != NULL && opening->is_new && protocol->portal_opened != NULL) {
		protocol->portal_opened(bridge->module, portal);
	}
	struct tr_list *node;
	while ((node = tr_list_head(&opening->waiters)) != NULL) {
		struct waiter *waiter = TR_LIST_ENTRY(node, struct waiter, node);
		if (error == NULL && waiter->inviter != NULL) {
			tr_matrix_invite(bridge->client, NULL, opening->room_id, waiter->inviter,
				NULL, NULL, NULL);
		}
		waiter->callback(waiter->arg, portal, error ? NULL : opening->room_id, error);
		waiter_free(waiter);
	}
	opening_free(opening);
}

static void opening_end_well(void *arg)
{
	opening_end(arg, NULL);
}

static void add_purpose(const struct opening *opening, struct tr_buf *purpose)
{
	tr_portal_key(tr_str_from(opening->remote_id), NULL, purpose);
}

static void room_stored(void *arg)
{
	struct opening *opening = arg;
	struct tr_buf purpose = TR_BUF_INIT(TR_BRIDGE_ID_MAX);
	add_purpose(opening, &purpose);
	tr_room_stored(tr_room_intent_of(opening->bridge, tr_buf_c(&purpose)));
	tr_buf_finish(&purpose);
	opening_end(opening, NULL);
}

/* The room is there: written down, and only then told. */
static void adopt(struct opening *opening, struct tr_str room_id, bool created)
{
	struct tr_bridge *bridge = opening->bridge;
	opening->room_id = tr_str_dup(room_id);
	opening->is_new = true;
	struct tr_portal *portal =
		tr_portal_open(bridge, tr_str_from(opening->remote_id), NULL, opening->name, true);
	if (created) {
		tr_members_set(&bridge->members, room_id, tr_str_from(bridge->bot_user_id),
			TR_MEMBERSHIP_JOINED);
		tr_members_set_complete(&bridge->members, room_id);
		tr_mirror_made(bridge, room_id);
	} else {
		tr_entry_add(bridge, opening->room_id, true);
	}
	tr_portal_add_room(portal, opening->room_id, true, room_stored, opening);
}

static void alias_found(void *arg, const struct tr_json *response, const struct tr_error *error)
{
	struct opening *opening = arg;
	struct tr_str room_id = tr_json_get_str(response, "room_id");
	if (error != NULL || tr_str_empty(room_id)) {
		struct tr_error own;
		tr_error_set(&own, TR_E_EXISTS,
			"the alias of %s is taken by a room that cannot be found", opening->name);
		opening_end(opening, error ? error : &own);
		return;
	}
	adopt(opening, room_id, false);
}

/* The portal itself is made and stored when its room is there. */
static char *room_options(const struct opening *opening, const char *inviter)
{
	const struct tr_portal shape = {
		.bridge = opening->bridge,
		.kind = TR_PORTAL_CHANNEL,
		.remote_id = opening->remote_id,
		.name = opening->name,
	};
	return tr_portal_channel_room(&shape, inviter);
}

static void look_up_alias(struct opening *opening, const struct tr_error *error)
{
	struct tr_bridge *bridge = opening->bridge;
	char *body = room_options(opening, NULL);
	struct tr_json *json = tr_json_parse(tr_str_from(body), NULL);
	struct tr_str localpart = tr_json_get_str(json, "room_alias_name");
	if (tr_str_empty(localpart)) {
		opening_end(opening, error);
	} else {
		char *alias =
			tr_asprintf("#%.*s:%s", TR_STR_ARG(localpart), bridge->options.domain);
		tr_matrix_alias_get(bridge->client, alias, alias_found, opening);
		tr_free(alias);
	}
	tr_json_free(json);
	tr_free(body);
}

static void created(void *arg, const char *room_id, const struct tr_error *error)
{
	struct opening *opening = arg;
	if (error == NULL) {
		adopt(opening, tr_str_from(room_id), true);
	} else if (error->code == TR_E_EXISTS) {
		look_up_alias(opening, error);
	} else {
		tr_log_warn("bridge", "%s: no room can be made for %s: %s",
			opening->bridge->options.name, opening->name, error->text);
		opening_end(opening, error);
	}
}

static void invited(void *arg, const struct tr_json *response, const struct tr_error *error)
{
	struct opening *opening = arg;
	(void)response;
	if (error != NULL) {
		tr_log_debug("bridge", "%s is not invited to %s: %s", opening->inviter,
			opening->name, error->text);
	}
	opening_end(opening, NULL);
}

/* The room exists: whoever asks is invited, unless he is in. */
static void enter_existing(struct opening *opening, const struct tr_portal *portal)
{
	struct tr_bridge *bridge = opening->bridge;
	opening->room_id = tr_strdup(portal->rooms[0]);
	if (opening->inviter != NULL &&
		tr_members_get(&bridge->members, tr_str_from(opening->room_id),
			tr_str_from(opening->inviter)) != TR_MEMBERSHIP_JOINED) {
		tr_matrix_invite(bridge->client, NULL, opening->room_id, opening->inviter, NULL,
			invited, opening);
	} else {
		tr_loop_defer(bridge->loop, opening_end_well, opening);
	}
}

static void opening_start(struct opening *opening)
{
	struct tr_bridge *bridge = opening->bridge;
	struct tr_portal *portal = tr_portal_find(bridge, tr_str_from(opening->remote_id), NULL);
	if (portal != NULL && portal->room_count > 0) {
		enter_existing(opening, portal);
		return;
	}
	char *body = room_options(opening, opening->inviter);
	struct tr_buf purpose = TR_BUF_INIT(TR_BRIDGE_ID_MAX);
	add_purpose(opening, &purpose);
	tr_room_make(bridge, NULL, tr_buf_c(&purpose), body, created, opening);
	tr_buf_finish(&purpose);
	tr_free(body);
}

void tr_portal_open_channel(struct tr_bridge *bridge, struct tr_str remote_id, const char *name,
	const char *inviter, tr_portal_callback *callback, void *arg)
{
	struct waiter *waiter = tr_alloc(sizeof(*waiter));
	waiter->callback = callback;
	waiter->arg = arg;
	struct opening *opening = tr_map_get(&bridge->openings, remote_id);
	if (opening != NULL) {
		waiter->inviter = tr_strdup(inviter);
		tr_list_append(&opening->waiters, &waiter->node);
		return;
	}
	opening = tr_alloc(sizeof(*opening));
	opening->bridge = bridge;
	opening->remote_id = tr_str_dup(remote_id);
	opening->name = name ? tr_strdup(name) : tr_str_dup(remote_id);
	opening->inviter = tr_strdup(inviter);
	tr_list_init(&opening->waiters);
	tr_list_append(&opening->waiters, &waiter->node);
	tr_map_set(&bridge->openings, remote_id, opening);
	opening_start(opening);
}

void tr_openings_finish(struct tr_bridge *bridge)
{
	for (struct tr_map_entry *e = tr_map_first(&bridge->openings); e; e = tr_map_next(e)) {
		struct opening *opening = tr_map_value(e);
		tr_loop_defer_cancel(bridge->loop, opening_end_well, opening);
		opening_free(opening);
	}
	tr_map_finish(&bridge->openings);
}
