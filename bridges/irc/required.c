/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who of a room is missing in its channel, why as far as is known, and asking them in. The pace at
 * which they connect is connects.c's.
 */
#include "bridges/irc/required.h"

#include "bridges/irc/membership_lists.h"
#include "bridges/irc/puppet.h"
#include "bridges/irc/session.h"

enum { NAMED_MAX = 5, WHY_MAX = 120 };

bool tr_irc_requires_members(void *self, const struct tr_portal *portal)
{
	struct tr_irc_network *network = self;
	const struct tr_irc_channel *channel =
		tr_irc_channel_find(network, tr_str_from(portal->name));
	return channel != NULL && tr_irc_lists_requires_all(channel);
}

static bool is_in(const struct tr_irc_channel *channel, struct tr_irc_session *session)
{
	const struct tr_irc_member *member = session != NULL && tr_irc_session_online(session)
						     ? tr_irc_session_member(session, channel)
						     : NULL;
	return member != NULL && member->state == TR_IRC_JOINED;
}

/* As far as it is known. */
static const char *why(const struct tr_irc_session *session)
{
	if (session == NULL) {
		return "not connected";
	}
	if (session->dismissed) {
		return "has left IRC";
	}
	if (tr_irc_session_online(session)) {
		return "not let into the channel";
	}
	return session->last_error.code != TR_E_OK ? session->last_error.text : "not connected";
}

static void add_name(struct tr_buf *names, size_t before, const char *user_id, const char *reason)
{
	struct tr_str text = tr_str_from(reason);
	text = tr_str_slice(text, 0, tr_utf8_fit(text, WHY_MAX));
	tr_buf_addf(names, "%s%s (%.*s)", before > 0 ? ", " : "", user_id, TR_STR_ARG(text));
}

/* Not who was sent away or is banned; and not more than may be connected, or they would push each
 * other out for ever. */
static void ask_in(struct tr_irc_channel *channel, struct tr_irc_session *session, size_t *brought)
{
	bool is_new = tr_list_empty(&session->members);
	if (session->state == TR_IRC_BARRED || session->dismissed ||
		(is_new && !tr_irc_lists_room_for_another(channel->network, *brought))) {
		return;
	}
	*brought += is_new;
	tr_irc_session_join(session, channel);
	tr_irc_session_want(session);
}

size_t tr_irc_missing_members(
	void *self, struct tr_portal *portal, const char *room_id, bool bring, struct tr_buf *names)
{
	struct tr_irc_network *network = self;
	struct tr_irc_channel *channel = tr_irc_channel_find(network, tr_str_from(portal->name));
	const char *const *users;
	size_t count = tr_portal_room_members(portal, room_id, &users);
	size_t missing = 0;
	size_t brought = bring ? tr_irc_lists_puppets(network) : 0;
	for (size_t i = 0; channel != NULL && i < count; i++) {
		struct tr_irc_session *session =
			tr_map_get(&network->sessions, tr_str_from(users[i]));
		if (is_in(channel, session) || tr_irc_excluded(network, users[i]) != NULL) {
			continue;
		}
		if (missing < NAMED_MAX) {
			add_name(names, missing, users[i], why(session));
		}
		missing++;
		if (bring) {
			ask_in(channel, tr_irc_session_of(network, users[i]), &brought);
		}
	}
	if (missing > NAMED_MAX) {
		tr_buf_addf(names, " and %zu more", missing - NAMED_MAX);
	}
	return missing;
}
