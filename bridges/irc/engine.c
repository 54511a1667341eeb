/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The protocol table of IRC: which part of the engine an operation or a question of core goes to.
 * Start and end of a network are in engine_start.c and engine_stop.c.
 */
#include "bridges/irc/engine.h"

#include "bridges/irc/channel.h"
#include "bridges/irc/commands.h"
#include "bridges/irc/compose.h"
#include "bridges/irc/dynamic.h"
#include "bridges/irc/engine_parts.h"
#include "bridges/irc/identity.h"
#include "bridges/irc/member_op.h"
#include "bridges/irc/membership_lists.h"
#include "bridges/irc/outgoing.h"
#include "bridges/irc/reader.h"
#include "bridges/irc/required.h"
#include "bridges/irc/schema.h"
#include "bridges/irc/session.h"
#include "bridges/irc/topic.h"
#include "bridges/irc/undelivered.h"
#include "core/base/log.h"
#include "core/io/metrics.h"

enum { NAME_MAX = 512 };

struct tr_irc_channel *tr_irc_engine_channel(
	struct tr_irc_network *network, struct tr_portal *portal)
{
	struct tr_irc_channel *channel = tr_irc_channel_open(network, portal->name);
	if (channel->portal == NULL) {
		channel->portal = portal;
	}
	return channel;
}

bool tr_irc_engine_open_portal(void *arg, struct tr_portal *portal)
{
	struct tr_irc_network *network = arg;
	if (portal->kind == TR_PORTAL_CHANNEL) {
		struct tr_irc_channel *channel = tr_irc_engine_channel(network, portal);
		if (network->bot != NULL) {
			tr_irc_session_join(network->bot, channel);
		}
	}
	return true;
}

void tr_irc_engine_each_session(struct tr_irc_network *network, tr_irc_session_visitor *visit)
{
	for (struct tr_map_entry *e = tr_map_first(&network->sessions); e; e = tr_map_next(e)) {
		visit(tr_map_value(e));
	}
	if (network->bot != NULL) {
		visit(network->bot);
	}
}

static void deliver_message(struct tr_irc_network *network, struct tr_op *op)
{
	if (op->portal->kind == TR_PORTAL_CHANNEL) {
		tr_irc_engine_channel(network, op->portal);
	}
	const char *excluded = tr_irc_excluded(network, op->sender);
	if (excluded != NULL) {
		struct tr_error error;
		tr_error_set_class(&error, TR_E_DENIED, TR_CLASS_PERMANENT, "%s", excluded);
		tr_bridge_remote_kick(
			network->bridge, op->portal, op->sender, tr_str_from(excluded));
		tr_op_refuse(op, &error);
		return;
	}
	struct tr_irc_session *session = tr_irc_session_of(network, op->sender);
	tr_irc_puppet_active(session);
	tr_irc_outgoing_add(session, op);
	tr_irc_session_want(session);
}

static void take_back(void *self, struct tr_op *op)
{
	const struct tr_irc_network *network = self;
	struct tr_irc_session *session = tr_map_get(&network->sessions, tr_str_from(op->sender));
	if (session != NULL) {
		tr_irc_outgoing_take_back(session, op);
	}
}

/* The server takes the portal's channel for another one, which has rooms of its own: that one is
 * bridged, this one says so. */
static bool is_shadowed(struct tr_irc_network *network, const struct tr_op *op)
{
	const struct tr_irc_channel *channel =
		op->portal->kind == TR_PORTAL_CHANNEL
			? tr_irc_channel_find(network, tr_str_from(op->portal->name))
			: NULL;
	return channel != NULL && channel->portal != NULL && channel->portal != op->portal;
}

static void deliver(void *self, struct tr_op *op)
{
	const struct tr_irc_network *network = self;
	if (op->kind == TR_OP_MEMBER) {
		tr_irc_member_op(self, op);
	} else if (is_shadowed(self, op)) {
		struct tr_error error;
		tr_error_set_class(&error, TR_E_EXISTS, TR_CLASS_PERMANENT,
			"the IRC server takes %s for another channel, which is bridged to another room",
			op->portal->name);
		tr_op_refuse(op, &error);
	} else if (op->kind == TR_OP_TOPIC) {
		tr_irc_topic_add(tr_irc_session_of(self, op->sender), op);
	} else if (tr_irc_is_shown(&network->entry->globals.matrixHandler, op)) {
		deliver_message(self, op);
	} else {
		tr_op_done(op, NULL, 0, NULL, NULL);
	}
}

static void position(void *self, const struct tr_portal *portal, struct tr_buf *out)
{
	struct tr_irc_network *network = self;
	if (portal->kind == TR_PORTAL_CHANNEL) {
		const struct tr_irc_channel *channel =
			tr_irc_channel_find(network, tr_str_from(portal->name));
		if (channel != NULL) {
			tr_irc_channel_position(channel, out);
		}
	}
}

static bool remote_of_alias(void *self, struct tr_str channel, struct tr_buf *remote_id)
{
	return tr_irc_dynamic_alias(self, channel, remote_id);
}

static bool remote_of_name(void *self, struct tr_str name, struct tr_buf *remote_id)
{
	struct tr_irc_network *network = self;
	return network->config->privateMessages.enabled &&
	       tr_irc_could_be_nick(&network->isupport, name) &&
	       !tr_irc_network_is_own(network, name, (struct tr_str){NULL, 0}) &&
	       tr_irc_fold_stable(name, remote_id) == 0;
}

static bool name_of_user(
	void *self, const char *user_id, struct tr_buf *remote_id, struct tr_buf *name)
{
	const struct tr_irc_network *network = self;
	const struct tr_irc_session *session = tr_map_get(&network->sessions, tr_str_from(user_id));
	if (session == NULL || !tr_irc_session_online(session)) {
		return false;
	}
	struct tr_str nick = tr_str_from(tr_irc_connection_nick(session->connection));
	tr_irc_reader_name(nick, name);
	tr_irc_reader_identity(nick, remote_id);
	return !tr_buf_failed(name) && !tr_buf_failed(remote_id);
}

static void portal_opened(void *self, struct tr_portal *portal)
{
	tr_irc_engine_open_portal(self, portal);
}

static void members_known(void *self, struct tr_portal *portal, const char *room_id)
{
	if (portal->kind == TR_PORTAL_CHANNEL) {
		tr_irc_lists_members_known(tr_irc_engine_channel(self, portal), room_id);
	}
}

static void pause_session(struct tr_irc_session *session)
{
	if (session->connection != NULL) {
		tr_irc_connection_pause(session->connection, session->network->pressed);
	}
}

static void pressure(void *self, bool stop_reading)
{
	struct tr_irc_network *network = self;
	network->pressed = stop_reading;
	tr_log_info("irc", "%s: %s", network->entry->address,
		stop_reading ? "too much waits to be stored, reading stops" : "reading goes on");
	tr_irc_engine_each_session(network, pause_session);
}

static void take_hint(void *self, const struct tr_hint *hint)
{
	tr_irc_puppet_hint(self, hint);
}

static bool status(void *self, struct tr_buf *sentence)
{
	const struct tr_irc_network *network = self;
	if (network->bot == NULL) {
		tr_buf_addf(sentence, "%s: the bot is switched off", network->entry->address);
		return true;
	}
	bool online = tr_irc_session_online(network->bot);
	tr_buf_addf(sentence, "%s: the bot is %s", network->entry->address,
		online ? "connected" : "not connected");
	if (!online && network->bot->last_error.code != TR_E_OK) {
		tr_buf_addf(sentence, " (%s)", network->bot->last_error.text);
	}
	return online;
}

void tr_irc_engine_collect(struct tr_metrics *metrics, void *arg)
{
	struct tr_irc_network *network = arg;
	size_t online = 0;
	for (struct tr_map_entry *e = tr_map_first(&network->sessions); e; e = tr_map_next(e)) {
		online += tr_irc_session_online(tr_map_value(e));
	}
	online += network->bot != NULL && tr_irc_session_online(network->bot);
	struct tr_buf labels = TR_BUF_INIT(NAME_MAX);
	tr_metrics_label(&labels, "bridge", tr_str_from(tr_bridge_name(network->bridge)));
	tr_metric_set(tr_metrics_get(metrics, TR_METRIC_GAUGE, "trestle_remote_connections",
			      tr_buf_c(&labels), "Connections to the network that are up"),
		(double)online);
	tr_buf_finish(&labels);
}

const struct tr_protocol tr_irc_protocol = {
	.abi = TR_PROTOCOL_ABI,
	.id = "irc",
	.display_name = "IRC",
	.capabilities = TR_CAN_PIPELINE | TR_CAN_ORDER | TR_CAN_DIRECT | TR_CAN_REDACT |
			TR_CAN_REACT | TR_CAN_TOPIC | TR_TELLS_UNDELIVERED | TR_TAKES_HINTS,
	.migrations = tr_irc_migrations,
	.migration_count = TR_IRC_MIGRATIONS,
	.commands = &tr_irc_commands,
	.create = tr_irc_engine_create,
	.start = tr_irc_engine_start,
	.stop = tr_irc_engine_stop,
	.destroy = tr_irc_engine_destroy,
	.deliver = deliver,
	.take_back = take_back,
	.position = position,
	.remote_of_alias = remote_of_alias,
	.remote_of_name = remote_of_name,
	.name_of_user = name_of_user,
	.portal_opened = portal_opened,
	.members_known = members_known,
	.requires_members = tr_irc_requires_members,
	.missing_members = tr_irc_missing_members,
	.pressure = pressure,
	.undelivered = tr_irc_undelivered,
	.hint = take_hint,
	.status = status,
};
