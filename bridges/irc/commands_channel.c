/* SPDX-License-Identifier: Apache-2.0 */
/* Commands about channels: opening their rooms, leaving them, listing them. Who may open which
 * channel is dynamic.c's to say. */
#include "bridges/irc/commands_internal.h"

#include "bridges/irc/channel.h"
#include "bridges/irc/dynamic.h"
#include "bridges/irc/outgoing.h"
#include "core/matrix/html.h"

#include <stdlib.h>
#include <string.h>

enum { LIST_MAX = 14 * 1024 };

static void joined(
	void *arg, struct tr_portal *portal, const char *room_id, const struct tr_error *error)
{
	struct tr_command *command = arg;
	if (error != NULL) {
		tr_command_reply(command, "The channel could not be opened: %s", error->text);
	} else {
		tr_command_reply(
			command, "%s is this room: https://matrix.to/#/%s", portal->name, room_id);
	}
	tr_command_end(command);
}

void tr_irc_command_join(void *self, struct tr_command *command)
{
	struct tr_irc_network *network = self;
	struct tr_str channel;
	struct tr_str key = {NULL, 0};
	if (!tr_irc_command_channel(network, command, &channel)) {
		return;
	}
	(void)tr_command_argument(command, &key);
	const char *forbidden = tr_irc_dynamic_forbids(network, tr_command_user(command), channel);
	if (forbidden != NULL) {
		tr_irc_command_end_with(command, forbidden);
		return;
	}
	char *name = tr_str_dup(channel);
	struct tr_irc_channel *known = tr_irc_channel_open(network, name);
	if (!tr_str_empty(key) && known->portal == NULL) {
		tr_free(known->password);
		known->password = tr_str_dup(key);
	}
	tr_portal_open_channel(network->bridge, tr_str_from(known->key), name,
		tr_command_user(command), joined, command);
	tr_free(name);
}

void tr_irc_command_part(void *self, struct tr_command *command)
{
	struct tr_irc_network *network = self;
	struct tr_str name;
	if (!tr_irc_command_channel(network, command, &name)) {
		return;
	}
	struct tr_irc_channel *channel = tr_irc_channel_find(network, name);
	struct tr_irc_session *session = tr_irc_command_session(network, command);
	if (channel == NULL || channel->portal == NULL) {
		tr_command_reply(command, "%.*s is not bridged.", TR_STR_ARG(name));
		tr_command_end(command);
		return;
	}
	/* With words of theirs on the way they leave when those are said: with the room. */
	if (session != NULL && !tr_irc_outgoing_waits(session, channel)) {
		tr_irc_session_part(session, channel, "Left the room");
	}
	tr_bridge_remote_kick(network->bridge, channel->portal, tr_command_user(command),
		TR_STR("issued !part command"));
	tr_command_reply(command, "You have left %s.", channel->name);
	tr_command_end(command);
}

static int by_name(const void *a, const void *b)
{
	const struct tr_irc_member *const *left = a;
	const struct tr_irc_member *const *right = b;
	return strcmp((*left)->channel->key, (*right)->channel->key);
}

static void add_room_link(const char *room_id, struct tr_buf *text, struct tr_buf *html)
{
	tr_buf_addf(text, " https://matrix.to/#/%s", room_id);
	tr_buf_add_c(html, " <a href=\"https://matrix.to/#/");
	tr_html_escape(html, tr_str_from(room_id));
	tr_buf_add_c(html, "\">");
	tr_html_escape(html, tr_str_from(room_id));
	tr_buf_add_c(html, "</a>");
}

static void add_member(const struct tr_irc_member *member, struct tr_buf *text, struct tr_buf *html)
{
	const struct tr_portal *portal = member->channel->portal;
	tr_buf_addf(text, "\n%s%s:", member->channel->name,
		member->state == TR_IRC_JOINED ? "" : " (joining)");
	tr_buf_add_c(html, "<li><strong>");
	tr_html_escape(html, tr_str_from(member->channel->name));
	tr_buf_addf(html, "</strong>%s:", member->state == TR_IRC_JOINED ? "" : " (joining)");
	for (size_t i = 0; portal != NULL && i < portal->room_count; i++) {
		add_room_link(portal->rooms[i], text, html);
	}
	tr_buf_add_c(html, "</li>");
}

static size_t sorted_members(
	const struct tr_irc_session *session, const struct tr_irc_member ***members)
{
	size_t count = 0;
	const struct tr_list *head = &session->members;
	for (const struct tr_list *node = head->next; node != head; node = node->next) {
		count++;
	}
	*members = tr_alloc_array(count + 1, sizeof(**members));
	count = 0;
	for (const struct tr_list *node = head->next; node != head; node = node->next) {
		(*members)[count++] = TR_LIST_ENTRY(node, struct tr_irc_member, node);
	}
	qsort(*members, count, sizeof(**members), by_name);
	return count;
}

void tr_irc_command_listrooms(void *self, struct tr_command *command)
{
	struct tr_irc_network *network = self;
	const struct tr_irc_session *session = tr_irc_command_session(network, command);
	if (session == NULL || tr_list_empty(&session->members)) {
		tr_irc_command_end_with(command, "You are in no channels.");
		return;
	}
	const struct tr_irc_member **members;
	size_t count = sorted_members(session, &members);
	struct tr_buf text = TR_BUF_INIT(LIST_MAX);
	struct tr_buf html = TR_BUF_INIT(2 * LIST_MAX);
	tr_buf_addf(&text, "You are in %zu channel%s on %s:", count, count == 1 ? "" : "s",
		network->config->name);
	tr_html_escape(&html, tr_buf_str(&text));
	tr_buf_add_c(&html, "<ul>");
	for (size_t i = 0; i < count; i++) {
		add_member(members[i], &text, &html);
	}
	tr_buf_add_c(&html, "</ul>");
	tr_command_reply_html(
		command, tr_buf_c(&text), tr_buf_failed(&html) ? NULL : tr_buf_c(&html));
	tr_buf_finish(&text);
	tr_buf_finish(&html);
	tr_free(members);
	tr_command_end(command);
}
