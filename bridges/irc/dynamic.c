/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may open which channel, see the header. Making the room is core's, being in the channel the
 * sessions'.
 */
#include "bridges/irc/dynamic.h"

#include "bridges/irc/channel.h"
#include "bridges/irc/session.h"
#include "core/base/clock.h"
#include "core/base/log.h"

#include <string.h>

enum {
	NAME_MAX = 512,
	NICK_MAX = 255,
	INVITES_MAX = 5, /* to one puppet in .. */
	INVITES_MS = 60000,
};

static bool is_in(const struct tr_irc_texts *list, struct tr_str text)
{
	for (size_t i = 0; i < list->count; i++) {
		if (tr_str_eq_c(text, list->items[i])) {
			return true;
		}
	}
	return false;
}

/* The server's own rule decides, and ASCII case never makes a difference. */
static bool is_excluded(const struct tr_irc_network *network, struct tr_str channel)
{
	const struct tr_irc_texts *exclude = &network->config->dynamicChannels.exclude;
	for (size_t i = 0; i < exclude->count; i++) {
		if (tr_irc_same(&network->isupport, channel, tr_str_from(exclude->items[i])) ||
			tr_str_eq_nocase(channel, tr_str_from(exclude->items[i]))) {
			return true;
		}
	}
	return false;
}

const char *tr_irc_dynamic_forbids(
	const struct tr_irc_network *network, const char *user_id, struct tr_str channel)
{
	const struct tr_irc_dynamic_channels *dynamic = &network->config->dynamicChannels;
	if (!dynamic->enabled) {
		return "Joining channels is switched off on this bridge (dynamicChannels).";
	}
	if (dynamic->joinRule == TR_IRC_JOIN_INVITE &&
		!is_in(&dynamic->whitelist, tr_str_from(user_id))) {
		return "You are not on the list of people who may open channels (dynamicChannels.whitelist).";
	}
	if (is_excluded(network, channel)) {
		return "This channel is excluded from bridging (dynamicChannels.exclude).";
	}
	return NULL;
}

void tr_irc_dynamic_key(struct tr_irc_network *network, struct tr_str channel, struct tr_buf *key)
{
	const struct tr_irc_channel *known = tr_irc_channel_find(network, channel);
	if (known != NULL) {
		tr_buf_add_c(key, known->key);
	} else {
		tr_irc_fold_stable(channel, key);
	}
}

bool tr_irc_dynamic_alias(
	struct tr_irc_network *network, struct tr_str channel, struct tr_buf *remote_id)
{
	const struct tr_irc_dynamic_channels *dynamic = &network->config->dynamicChannels;
	if (!dynamic->enabled || !dynamic->createAlias || dynamic->joinRule != TR_IRC_JOIN_PUBLIC ||
		is_excluded(network, channel) || !tr_irc_is_channel(&network->isupport, channel) ||
		!tr_utf8_valid(channel)) {
		return false;
	}
	tr_irc_dynamic_key(network, channel, remote_id);
	return !tr_buf_failed(remote_id);
}

/* Anybody on IRC can invite: what it may cause is bounded. */
static bool too_many_invites(struct tr_irc_session *session)
{
	uint64_t now = tr_clock_mono_ms();
	if (session->invites_since_ms == 0 || now - session->invites_since_ms >= INVITES_MS) {
		session->invites_since_ms = now;
		session->invites = 0;
	}
	return ++session->invites > INVITES_MAX;
}

static void invited_opened(
	void *arg, struct tr_portal *portal, const char *room_id, const struct tr_error *error)
{
	char *what = arg;
	(void)portal;
	if (error != NULL) {
		tr_log_info("irc", "%s leads to no room: %s", what, error->text);
	} else {
		tr_log_info("irc", "%s leads to room %s", what, room_id);
	}
	tr_free(what);
}

void tr_irc_dynamic_invited(struct tr_irc_session *session, const struct tr_irc_line *line)
{
	struct tr_irc_network *network = session->network;
	struct tr_str name = tr_irc_param(line, 1);
	if (session->user_id == NULL || !tr_irc_is_channel(&network->isupport, name) ||
		!tr_utf8_valid(name) || too_many_invites(session)) {
		return;
	}
	const struct tr_irc_channel *known = tr_irc_channel_find(network, name);
	bool has_room = known != NULL && known->portal != NULL && known->portal->room_count > 0;
	bool may_open = network->config->dynamicChannels.enabled && !is_excluded(network, name);
	if (!has_room && !may_open) {
		tr_log_info("irc", "%s is invited to %.*s, which is not bridged", session->user_id,
			TR_STR_ARG(name));
		return;
	}
	struct tr_buf key = TR_BUF_INIT(NAME_MAX);
	tr_irc_dynamic_key(network, name, &key);
	char *copy = has_room ? tr_strdup(known->name) : tr_str_dup(name);
	char *what = tr_asprintf("the invitation of %s to %s", session->user_id, copy);
	tr_portal_open_channel(
		network->bridge, tr_buf_str(&key), copy, session->user_id, invited_opened, what);
	tr_free(copy);
	tr_buf_finish(&key);
}

bool tr_irc_could_be_nick(const struct tr_irc_isupport *isupport, struct tr_str name)
{
	if (tr_str_empty(name) || name.len > NICK_MAX || !tr_utf8_valid(name) ||
		strchr("#&+!$:~@%-0123456789", name.ptr[0]) != NULL ||
		strchr(isupport->chan_types, name.ptr[0]) != NULL) {
		return false;
	}
	for (size_t i = 0; i < name.len; i++) {
		unsigned char byte = (unsigned char)name.ptr[i];
		if (byte <= ' ' || byte == 0x7f || strchr(",*?!@.:/", byte) != NULL) {
			return false;
		}
	}
	return true;
}
