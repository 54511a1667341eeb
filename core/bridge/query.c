/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the homeserver asks: users and aliases are answered out of memory (the homeserver holds
 * everything back meanwhile), an alias of a channel that has no room yet by making one; third-party
 * look-ups say what stands for what. Transactions are transactions.c's.
 */
#include "core/base/log.h"
#include "core/bridge/bridge_internal.h"
#include "core/matrix/mxid.h"
#include "core/matrix/template.h"

/* A request that is answered later. */
struct open_reply {
	struct tr_list node;
	struct tr_bridge *bridge;
	struct tr_appservice_reply *reply;
	char *alias; /* asked for */
};

static struct open_reply *open_reply_create(
	struct tr_bridge *bridge, struct tr_appservice_reply *reply)
{
	struct open_reply *open = tr_alloc(sizeof(*open));
	open->bridge = bridge;
	open->reply = reply;
	tr_list_append(&bridge->replies, &open->node);
	return open;
}

static struct tr_appservice_reply *open_reply_take(struct open_reply *open)
{
	struct tr_appservice_reply *reply = open->reply;
	tr_list_remove(&open->node);
	tr_free(open->alias);
	tr_free(open);
	return reply;
}

void tr_queries_finish(struct tr_bridge *bridge)
{
	struct tr_list *node;
	while ((node = tr_list_head(&bridge->replies)) != NULL) {
		tr_appservice_fail(open_reply_take(TR_LIST_ENTRY(node, struct open_reply, node)),
			503, "M_UNKNOWN", "The bridge is stopping");
	}
}

static void ghost_made(void *arg, const struct tr_error *error)
{
	struct tr_appservice_reply *reply = open_reply_take(arg);
	if (error == NULL) {
		tr_appservice_ok(reply);
	} else {
		tr_appservice_not_found(reply);
	}
}

/* The ghost of a person nobody has seen, so that he can be written to; NULL when the id cannot be
 * one's. Only here is an id taken apart: nobody has stored it yet. An id that differs from a
 * ghost's own in its case only is nobody's. */
static struct tr_ghost *make_ghost(struct tr_bridge *bridge, struct tr_str user_id)
{
	const struct tr_bridge_options *options = &bridge->options;
	struct tr_template_value values[] = {
		{"NICK", {NULL, 0}},
		{"SERVER", tr_str_from(options->server)},
	};
	struct tr_ghost *ghost = NULL;
	if ((options->protocol->capabilities & TR_CAN_DIRECT) == 0 ||
		options->protocol->remote_of_name == NULL ||
		!tr_template_match_id(tr_str_from(options->user_template),
			tr_str_from(options->domain), user_id, values, TR_ARRAY_LEN(values))) {
		return NULL;
	}
	struct tr_buf name = TR_BUF_INIT(TR_BRIDGE_ID_MAX);
	struct tr_buf remote = TR_BUF_INIT(TR_BRIDGE_ID_MAX);
	if (tr_localpart_unescape(&name, values[0].text, TR_ESCAPE_NOTHING) == 0 &&
		options->protocol->remote_of_name(bridge->module, tr_buf_str(&name), &remote) &&
		tr_ghost_find(bridge, tr_buf_str(&remote)) == NULL) {
		ghost = tr_ghost_open(bridge, tr_buf_str(&remote), tr_buf_str(&name));
	}
	tr_buf_finish(&name);
	tr_buf_finish(&remote);
	return ghost != NULL && tr_str_eq_c(user_id, ghost->mxid) ? ghost : NULL;
}

static void on_user_query(void *arg, struct tr_str user_id, struct tr_appservice_reply *reply)
{
	struct tr_bridge *bridge = arg;
	struct tr_ghost *ghost = tr_ghost_of(bridge, user_id);
	if ((ghost != NULL && ghost->exists) || tr_str_eq_c(user_id, bridge->bot_user_id)) {
		tr_appservice_ok(reply);
		return;
	}
	ghost = ghost ? ghost : make_ghost(bridge, user_id);
	if (ghost != NULL) {
		tr_intent_ensure(bridge, ghost, NULL, ghost_made, open_reply_create(bridge, reply));
	} else {
		tr_appservice_not_found(reply);
	}
}

/* That the alias leads to another room, or to this one already, is no reason to say no. */
static void alias_put(void *arg, const struct tr_json *response, const struct tr_error *error)
{
	(void)response;
	(void)error;
	tr_appservice_ok(open_reply_take(arg));
}

/* The room may have been there under another spelling of the channel's name: the alias that was
 * asked for must lead there before we say that it exists. */
static void room_opened(
	void *arg, struct tr_portal *portal, const char *room_id, const struct tr_error *error)
{
	struct open_reply *open = arg;
	(void)portal;
	if (error == NULL) {
		tr_matrix_alias_put(open->bridge->client, open->alias, room_id, alias_put, open);
	} else {
		tr_appservice_not_found(open_reply_take(open));
	}
}

/* The channel an alias stands for; false when it is none of ours. */
static bool channel_of_alias(struct tr_bridge *bridge, struct tr_str alias, struct tr_str *channel,
	struct tr_buf *remote)
{
	const struct tr_bridge_options *options = &bridge->options;
	struct tr_template_value values[] = {
		{"CHANNEL", {NULL, 0}},
		{"SERVER", tr_str_from(options->server)},
	};
	if (options->alias_template == NULL || options->protocol->remote_of_alias == NULL ||
		!tr_template_match_id(tr_str_from(options->alias_template),
			tr_str_from(options->domain), alias, values, TR_ARRAY_LEN(values))) {
		return false;
	}
	*channel = values[0].text;
	return options->protocol->remote_of_alias(bridge->module, *channel, remote) &&
	       remote->len > 0;
}

static void on_room_query(void *arg, struct tr_str alias, struct tr_appservice_reply *reply)
{
	struct tr_bridge *bridge = arg;
	struct tr_buf remote = TR_BUF_INIT(TR_BRIDGE_ID_MAX);
	struct tr_str channel;
	if (channel_of_alias(bridge, alias, &channel, &remote)) {
		char *name = tr_str_dup(channel);
		struct open_reply *open = open_reply_create(bridge, reply);
		open->alias = tr_str_dup(alias);
		tr_portal_open_channel(bridge, tr_buf_str(&remote), name, NULL, room_opened, open);
		tr_free(name);
	} else {
		tr_appservice_not_found(reply);
	}
	tr_buf_finish(&remote);
}

static void add_field_type(
	struct tr_json *types, const char *field, const char *regexp, const char *placeholder)
{
	struct tr_json *type = tr_json_add_object(types, field);
	tr_json_set_c(type, "regexp", regexp);
	tr_json_set_c(type, "placeholder", placeholder);
}

static struct tr_json *protocol_object(const struct tr_bridge *bridge)
{
	struct tr_json *object = tr_json_new_object();
	struct tr_json *fields = tr_json_add_array(object, "user_fields");
	tr_json_append_str(fields, TR_STR("domain"));
	tr_json_append_str(fields, TR_STR("nick"));
	fields = tr_json_add_array(object, "location_fields");
	tr_json_append_str(fields, TR_STR("domain"));
	tr_json_append_str(fields, TR_STR("channel"));
	const char *icon = bridge->options.icon;
	tr_json_set_c(object, "icon", icon ? icon : "");
	struct tr_json *types = tr_json_add_object(object, "field_types");
	add_field_type(types, "domain", "[a-z0-9.-]+", "server.example.com");
	add_field_type(types, "nick", "[^\\s]+", "Nickname");
	add_field_type(types, "channel", "[^\\s]+", "#channel");
	struct tr_json *instance = tr_json_new_object();
	tr_json_set_c(instance, "desc", bridge->options.name);
	if (icon != NULL) {
		tr_json_set_c(instance, "icon", icon);
	}
	tr_json_set_c(instance, "network_id", tr_bridge_network_id(bridge));
	tr_json_set_c(tr_json_add_object(instance, "fields"), "domain",
		bridge->options.server ? bridge->options.server : "");
	tr_json_append_take(tr_json_add_array(object, "instances"), instance);
	return object;
}

static void append_found(const struct tr_bridge *bridge, struct tr_json *list, const char *id_name,
	struct tr_str id, const char *field, struct tr_str value)
{
	struct tr_json *object = tr_json_new_object();
	tr_json_set_str(object, id_name, id);
	tr_json_set_c(object, "protocol", bridge->options.protocol->id);
	struct tr_json *fields = tr_json_add_object(object, "fields");
	tr_json_set_c(fields, "domain", bridge->options.server ? bridge->options.server : "");
	tr_json_set_str(fields, field, value);
	tr_json_append_take(list, object);
}

static bool domain_fits(const struct tr_bridge *bridge, const struct tr_json *fields)
{
	struct tr_str domain = tr_json_get_str(fields, "domain");
	return tr_str_empty(domain) || tr_str_eq_c(domain, bridge->options.server);
}

static void find_users(
	const struct tr_bridge *bridge, const struct tr_json *fields, struct tr_json *list)
{
	struct tr_str nick = tr_json_get_str(fields, "nick");
	struct tr_map_entry *e = tr_map_first(&bridge->ghosts.by_remote);
	for (; e != NULL && !tr_str_empty(nick) && domain_fits(bridge, fields);
		e = tr_map_next(e)) {
		const struct tr_ghost *ghost = tr_map_value(e);
		if (ghost->exists && tr_str_eq_nocase(nick, tr_str_from(ghost->remote_id))) {
			append_found(bridge, list, "userid", tr_str_from(ghost->mxid), "nick",
				tr_str_from(ghost->remote_id));
		}
	}
}

static void find_alias(struct tr_bridge *bridge, struct tr_str alias, struct tr_json *list)
{
	struct tr_buf remote = TR_BUF_INIT(TR_BRIDGE_ID_MAX);
	struct tr_str channel;
	if (channel_of_alias(bridge, alias, &channel, &remote)) {
		append_found(bridge, list, "alias", alias, "channel", channel);
	}
	tr_buf_finish(&remote);
}

static void find_locations(
	struct tr_bridge *bridge, const struct tr_json *fields, struct tr_json *list)
{
	const struct tr_bridge_options *options = &bridge->options;
	const struct tr_template_value values[] = {
		{"CHANNEL", tr_json_get_str(fields, "channel")},
		{"SERVER", tr_str_from(options->server)},
	};
	if (tr_str_empty(values[0].text) || options->alias_template == NULL ||
		!domain_fits(bridge, fields)) {
		return;
	}
	char *alias =
		tr_template_id(tr_str_from(options->alias_template), tr_str_from(options->domain),
			TR_ESCAPE_NOTHING, values, TR_ARRAY_LEN(values), NULL);
	if (alias != NULL) {
		find_alias(bridge, tr_str_from(alias), list);
	}
	tr_free(alias);
}

static void answer_take(struct tr_appservice_reply *reply, struct tr_json *json)
{
	char *text = tr_json_text(json);
	tr_appservice_answer(reply, tr_str_from(text));
	tr_free(text);
	tr_json_free(json);
}

static void on_third_party(
	void *arg, const struct tr_appservice_third_party *query, struct tr_appservice_reply *reply)
{
	struct tr_bridge *bridge = arg;
	bool reverse = query->kind == TR_THIRD_PARTY_USER_REVERSE ||
		       query->kind == TR_THIRD_PARTY_LOCATION_REVERSE;
	if (!reverse && !tr_str_eq_c(query->protocol, bridge->options.protocol->id)) {
		tr_appservice_not_found(reply);
		return;
	}
	if (query->kind == TR_THIRD_PARTY_PROTOCOL) {
		answer_take(reply, protocol_object(bridge));
		return;
	}
	struct tr_json *list = tr_json_new_array();
	const struct tr_ghost *ghost;
	switch (query->kind) {
	case TR_THIRD_PARTY_USER:
		find_users(bridge, query->fields, list);
		break;
	case TR_THIRD_PARTY_LOCATION:
		find_locations(bridge, query->fields, list);
		break;
	case TR_THIRD_PARTY_USER_REVERSE:
		ghost = tr_ghost_of(bridge, query->id);
		if (ghost != NULL) {
			append_found(bridge, list, "userid", query->id, "nick",
				tr_str_from(ghost->remote_id));
		}
		break;
	case TR_THIRD_PARTY_LOCATION_REVERSE:
		find_alias(bridge, query->id, list);
		break;
	case TR_THIRD_PARTY_PROTOCOL:
		break;
	}
	answer_take(reply, list);
}

const struct tr_appservice_handler tr_bridge_appservice = {
	.on_transaction = tr_bridge_on_transaction,
	.on_user_query = on_user_query,
	.on_room_query = on_room_query,
	.on_third_party = on_third_party,
};
