/* SPDX-License-Identifier: Apache-2.0 */
/* One line to one nick. When, how often and what is said is core/bridge/undelivered.c's. */
#include "bridges/irc/undelivered.h"

#include "bridges/irc/session.h"
#include "core/base/log.h"

enum { TEXT_MAX = 4096 };

static struct tr_irc_session *speaker(
	const struct tr_irc_network *network, const struct tr_portal *portal)
{
	if (portal->kind == TR_PORTAL_DIRECT) {
		struct tr_irc_session *puppet =
			tr_map_get(&network->sessions, tr_str_from(portal->receiver));
		if (puppet != NULL && tr_irc_session_online(puppet)) {
			return puppet;
		}
	}
	return network->bot;
}

void tr_irc_undelivered(
	void *self, const struct tr_portal *portal, struct tr_str remote_id, struct tr_str text)
{
	const struct tr_irc_network *network = self;
	struct tr_irc_session *session = speaker(network, portal);
	if (session == NULL || !tr_irc_session_online(session)) {
		tr_log_info("irc", "%s: %.*s cannot be told now: %.*s", network->entry->address,
			TR_STR_ARG(remote_id), TR_STR_ARG(text));
		return;
	}
	size_t max = tr_irc_connection_text_max(session->connection, "NOTICE", remote_id);
	struct tr_buf line = TR_BUF_INIT(TEXT_MAX);
	tr_buf_add(
		&line, tr_str_slice(text, 0, tr_utf8_fit(text, max < TEXT_MAX ? max : TEXT_MAX)));
	/* The reason is in the homeserver's words. */
	for (size_t i = 0; i < line.len; i++) {
		bool control = (unsigned char)line.data[i] < ' ' || line.data[i] == 0x7f;
		line.data[i] = control ? ' ' : line.data[i];
	}
	tr_irc_send_words(session->connection, "NOTICE", remote_id, tr_buf_str(&line),
		(struct tr_str){NULL, 0});
	tr_buf_finish(&line);
}
