/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is written about a portal into Matrix: the body of createRoom for its rooms, and the state
 * that tells clients which network a room leads to (MSC2346, m.bridge and uk.half-shot.bridge). The
 * state key is the one that administrators' rooms have already, so that it is replaced and not
 * doubled.
 */
#include "core/bridge/bridge_internal.h"
#include "core/matrix/mxid.h"
#include "core/matrix/template.h"

const char *tr_bridge_network_id(const struct tr_bridge *bridge)
{
	const struct tr_bridge_options *options = &bridge->options;
	const char *server = options->server ? options->server : options->name;
	return options->network_id ? options->network_id : server;
}

static void add_key_part(struct tr_buf *key, const char *part)
{
	for (; *part != '\0'; part++) {
		if (*part == '/') {
			tr_buf_add_c(key, "%2F");
		} else {
			tr_buf_add_char(key, *part);
		}
	}
}

char *tr_bridge_state_key(const struct tr_portal *portal)
{
	const struct tr_bridge *bridge = portal->bridge;
	struct tr_buf key = TR_BUF_INIT(TR_BRIDGE_ID_MAX);
	tr_buf_addf(&key, "org.matrix.appservice-%s:/", bridge->options.protocol->id);
	add_key_part(&key, tr_bridge_network_id(bridge));
	tr_buf_add_char(&key, '/');
	add_key_part(&key, portal->remote_id);
	return tr_buf_take(&key);
}

struct tr_json *tr_bridge_state_json(const struct tr_portal *portal)
{
	const struct tr_bridge *bridge = portal->bridge;
	struct tr_json *content = tr_json_new_object();
	tr_json_set_c(content, "bridgebot", bridge->bot_user_id);
	struct tr_json *protocol = tr_json_add_object(content, "protocol");
	tr_json_set_c(protocol, "id", bridge->options.protocol->id);
	tr_json_set_c(protocol, "displayname", bridge->options.protocol->display_name);
	struct tr_json *network = tr_json_add_object(content, "network");
	tr_json_set_c(network, "id", tr_bridge_network_id(bridge));
	tr_json_set_c(network, "displayname", bridge->options.name);
	if (bridge->options.icon != NULL) {
		tr_json_set_c(network, "avatar_url", bridge->options.icon);
	}
	struct tr_json *channel = tr_json_add_object(content, "channel");
	tr_json_set_c(channel, "id", portal->remote_id);
	tr_json_set_c(channel, "displayname", portal->name);
	return content;
}

char *tr_bridge_state_content(const struct tr_portal *portal)
{
	struct tr_json *content = tr_bridge_state_json(portal);
	char *text = tr_json_text(content);
	tr_json_free(content);
	return text;
}

static void add_state(
	struct tr_json *list, const char *type, const char *state_key, struct tr_json *content)
{
	struct tr_json *event = tr_json_new_object();
	tr_json_set_c(event, "type", type);
	tr_json_set_c(event, "state_key", state_key);
	tr_json_set_take(event, "content", content);
	tr_json_append_take(list, event);
}

static struct tr_json *one_member(const char *key, const char *text)
{
	struct tr_json *content = tr_json_new_object();
	tr_json_set_c(content, key, text);
	return content;
}

static void add_bridge_state(struct tr_json *list, const struct tr_portal *portal)
{
	if (portal->bridge->options.no_bridge_state) {
		return;
	}
	char *key = tr_bridge_state_key(portal);
	add_state(list, "m.bridge", key, tr_bridge_state_json(portal));
	add_state(list, "uk.half-shot.bridge", key, tr_bridge_state_json(portal));
	tr_free(key);
}

/* The localpart of the channel's alias, owned; NULL when it cannot have one. */
static char *alias_localpart(const struct tr_portal *portal)
{
	const struct tr_bridge_options *options = &portal->bridge->options;
	const struct tr_template_value values[] = {
		{"CHANNEL", tr_str_from(portal->name)},
		{"SERVER", tr_str_from(options->server)},
	};
	struct tr_mxid parts;
	char *alias =
		tr_template_id(tr_str_from(options->alias_template), tr_str_from(options->domain),
			TR_ESCAPE_NOTHING, values, TR_ARRAY_LEN(values), NULL);
	char *localpart = NULL;
	if (alias != NULL && tr_alias_parse(tr_str_from(alias), &parts)) {
		localpart = tr_str_dup(parts.localpart);
	}
	tr_free(alias);
	return localpart;
}

static void add_common(struct tr_json *body, bool federate, const char *invited)
{
	tr_json_set_bool(tr_json_add_object(body, "creation_content"), "m.federate", federate);
	if (invited != NULL) {
		tr_json_append_str(tr_json_add_array(body, "invite"), tr_str_from(invited));
	}
}

static char *take_text(struct tr_json *body)
{
	char *text = tr_json_text(body);
	tr_json_free(body);
	return text;
}

char *tr_portal_channel_room(const struct tr_portal *portal, const char *inviter)
{
	const struct tr_bridge *bridge = portal->bridge;
	const struct tr_bridge_options *options = &bridge->options;
	struct tr_json *body = tr_json_new_object();
	tr_json_set_c(body, "preset", options->invite_only ? "private_chat" : "public_chat");
	/* Listed later, when the network has said that the place is no secret one. */
	tr_json_set_c(body, "visibility", "private");
	tr_json_set_c(body, "name", portal->name);
	char *localpart = options->create_alias && options->alias_template != NULL
				  ? alias_localpart(portal)
				  : NULL;
	if (localpart != NULL) {
		tr_json_set_c(body, "room_alias_name", localpart);
	}
	tr_free(localpart);
	if (options->room_version != NULL) {
		tr_json_set_c(body, "room_version", options->room_version);
	}
	add_common(body, options->federate_rooms, inviter);
	/* No power levels: those of the preset are right, and naming the creator in them is an
	 * error from room version 12 on. */
	struct tr_json *state = tr_json_add_array(body, "initial_state");
	add_state(state, "m.room.join_rules", "",
		one_member("join_rule", options->invite_only ? "invite" : "public"));
	add_state(
		state, "m.room.history_visibility", "", one_member("history_visibility", "joined"));
	add_bridge_state(state, portal);
	return take_text(body);
}

char *tr_portal_direct_name(const struct tr_bridge *bridge, const char *name)
{
	return tr_asprintf("%s (PM on %s)", name, bridge->options.name);
}

struct tr_json *tr_portal_renamed_states(const struct tr_portal *portal, const char *former_id)
{
	struct tr_json *list = tr_json_new_array();
	struct tr_portal former = *portal;
	former.remote_id = (char *)(uintptr_t)former_id;
	char *name = tr_portal_direct_name(portal->bridge, portal->name);
	char *key = tr_bridge_state_key(&former);
	add_state(list, "m.room.name", "", one_member("name", name));
	if (!portal->bridge->options.no_bridge_state) {
		add_state(list, "m.bridge", key, tr_json_new_object());
		add_state(list, "uk.half-shot.bridge", key, tr_json_new_object());
	}
	add_bridge_state(list, portal);
	tr_free(key);
	tr_free(name);
	return list;
}

char *tr_portal_direct_room(const struct tr_portal *portal)
{
	struct tr_json *body = tr_json_new_object();
	tr_json_set_c(body, "preset", "trusted_private_chat");
	tr_json_set_c(body, "visibility", "private");
	tr_json_set_bool(body, "is_direct", true);
	char *name = tr_portal_direct_name(portal->bridge, portal->name);
	tr_json_set_c(body, "name", name);
	tr_free(name);
	add_common(body, !portal->bridge->options.direct_local_only, portal->receiver);
	add_bridge_state(tr_json_add_array(body, "initial_state"), portal);
	return take_text(body);
}

char *tr_management_room_options(const struct tr_bridge *bridge, const char *user_id)
{
	struct tr_json *body = tr_json_new_object();
	tr_json_set_c(body, "preset", "trusted_private_chat");
	tr_json_set_c(body, "visibility", "private");
	tr_json_set_bool(body, "is_direct", true);
	char *name = tr_asprintf("%s %s Bridge status", bridge->options.name,
		bridge->options.protocol->display_name);
	tr_json_set_c(body, "name", name);
	tr_free(name);
	tr_json_set_c(body, "topic",
		"This room shows what happens between you and the network. Write !help for what you can do.");
	add_common(body, true, user_id);
	return take_text(body);
}
