/* SPDX-License-Identifier: Apache-2.0 */
/* See the header. What a chat is and what becomes of its rooms is core/bridge's. */
#include "bridges/irc/renamed.h"

#include "bridges/irc/channel.h"
#include "bridges/irc/dynamic.h"
#include "bridges/irc/identity.h"
#include "bridges/irc/outgoing.h"
#include "bridges/irc/reader.h"
#include "bridges/irc/roster.h"

enum { NAME_MAX = 512, COMMAND_WITHIN = 2048 };

bool tr_irc_is_guest_nick(struct tr_str nick)
{
	const struct tr_str guest = TR_STR("guest");
	if (nick.len > 0 && nick.ptr[0] >= '0' && nick.ptr[0] <= '9') {
		return true;
	}
	if (nick.len <= guest.len || !tr_str_eq_nocase(tr_str_slice(nick, 0, guest.len), guest)) {
		return false;
	}
	struct tr_str number = tr_str_from_index(nick, guest.len);
	if (number.ptr[0] == '-' || number.ptr[0] == '_') {
		number = tr_str_from_index(number, 1);
	}
	for (size_t i = 0; i < number.len; i++) {
		if (number.ptr[i] < '0' || number.ptr[i] > '9') {
			return false;
		}
	}
	return number.len > 0;
}

bool tr_irc_renamed_concerns(const struct tr_irc_session *session, struct tr_str text)
{
	struct tr_str start =
		tr_str_slice(text, 0, text.len < COMMAND_WITHIN ? text.len : COMMAND_WITHIN);
	return tr_str_find(start, TR_STR(" NICK ")) > 0 &&
	       tr_portal_has_direct(session->network->bridge, session->user_id);
}

struct sharing {
	const struct tr_irc_session *session;
	bool shares;
};

static void look_for(void *arg, struct tr_irc_channel *channel)
{
	struct sharing *sharing = arg;
	const struct tr_list *node = sharing->session->members.next;
	for (; node != &sharing->session->members && !sharing->shares; node = node->next) {
		const struct tr_irc_member *member =
			TR_LIST_ENTRY(node, const struct tr_irc_member, node);
		sharing->shares = member->channel == channel && member->state == TR_IRC_JOINED;
	}
}

/* Whether the server tells this session itself of what the nick does. */
static bool hears_of(const struct tr_irc_session *session, struct tr_str nick)
{
	struct sharing sharing = {session, false};
	if (tr_irc_session_online(session)) {
		tr_irc_roster_each_channel(session->network, nick, look_for, &sharing);
	}
	return sharing.shares;
}

/* The chats that move because this session has heard of it. */
struct moving {
	const struct tr_irc_session *session;
	const struct tr_irc_line *line;
	struct tr_str former;
	struct tr_portal **portals;
	size_t count;
};

static bool collect(void *arg, struct tr_portal *portal)
{
	struct moving *moving = arg;
	if (portal->kind != TR_PORTAL_DIRECT || !tr_str_eq_c(moving->former, portal->remote_id)) {
		return true;
	}
	const struct tr_irc_session *whose =
		tr_map_get(&moving->session->network->sessions, tr_str_from(portal->receiver));
	if (whose == moving->session || whose == NULL || !hears_of(whose, moving->line->nick)) {
		moving->portals = tr_realloc_array(
			moving->portals, moving->count + 1, sizeof(struct tr_portal *));
		moving->portals[moving->count++] = portal;
	}
	return true;
}

static void move(struct tr_irc_network *network, struct tr_portal *portal, struct tr_str nick,
	const char *name)
{
	struct tr_buf identity = TR_BUF_INIT(NAME_MAX * 2);
	char *former = tr_strdup(portal->remote_id);
	tr_irc_reader_identity(nick, &identity);
	tr_portal_rename(portal, tr_buf_str(&identity), name);
	struct tr_irc_session *whose =
		tr_map_get(&network->sessions, tr_str_from(portal->receiver));
	if (whose != NULL) {
		tr_irc_outgoing_retarget(whose, tr_str_from(former), portal->remote_id);
	}
	tr_free(former);
	tr_buf_finish(&identity);
}

/* A nick of ours, in use or given up just now, is nobody's to take a chat along with. */
static bool is_ours(const struct tr_irc_network *network, const struct tr_irc_line *line)
{
	return tr_irc_network_owner_of_line(network, line, false) != NULL ||
	       tr_irc_network_is_own(network, tr_irc_param(line, 0), (struct tr_str){NULL, 0});
}

void tr_irc_renamed(struct tr_irc_session *session, const struct tr_irc_line *line)
{
	struct tr_irc_network *network = session->network;
	struct tr_str nick = tr_irc_param(line, 0);
	if (tr_str_empty(line->nick) || !tr_irc_could_be_nick(&network->isupport, nick) ||
		tr_irc_is_guest_nick(nick) || is_ours(network, line)) {
		return;
	}
	struct tr_buf former = TR_BUF_INIT(NAME_MAX * 2);
	struct tr_buf name = TR_BUF_INIT(NAME_MAX * 2);
	tr_irc_reader_identity(line->nick, &former);
	tr_irc_reader_name(nick, &name);
	struct moving moving = {session, line, tr_buf_str(&former), NULL, 0};
	if (session->reading > 0) {
		tr_portal_each(network->bridge, collect, &moving);
	} else if (session->user_id != NULL) {
		struct tr_portal *own =
			tr_portal_find(network->bridge, moving.former, session->user_id);
		if (own != NULL) {
			collect(&moving, own);
		}
	}
	for (size_t i = 0; i < moving.count; i++) {
		move(network, moving.portals[i], nick, tr_buf_c(&name));
	}
	tr_free(moving.portals);
	tr_buf_finish(&former);
	tr_buf_finish(&name);
}
