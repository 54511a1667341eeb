/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events of Matrix, looked at before they are stored: which concern us, and in which lane they
 * stand. What our own ghosts and bot did comes back here too: it only feeds what is known. Carrying
 * out is deliver.c's.
 *
 * A channel is one lane, whichever of its rooms an event is in. In all other rooms the lane is the
 * room: so the invitation that makes a chat out of a room and the messages behind it keep their
 * order.
 */
#include "core/base/log.h"
#include "core/bridge/bridge_internal.h"
#include "core/matrix/html.h"

#include <string.h>

static enum tr_from_matrix_verdict keep(struct tr_bridge *bridge, struct tr_str room_id,
	struct tr_buf *lane, struct tr_buf *position)
{
	struct tr_portal *portal = tr_portal_of_room(bridge, room_id);
	if (portal != NULL && portal->kind == TR_PORTAL_CHANNEL) {
		tr_portal_key(tr_str_from(portal->remote_id), NULL, lane);
	} else {
		tr_buf_add(lane, room_id);
	}
	if (portal != NULL && bridge->options.protocol->position != NULL) {
		bridge->options.protocol->position(bridge->module, portal, position);
	}
	return TR_EVENT_KEEP;
}

/* A change of membership must be a state event: a message that only has its type says nothing. */
static bool is_member_event(const struct tr_json *event)
{
	return tr_str_eq_c(tr_json_get_str(event, "type"), "m.room.member") &&
	       tr_json_is_str(tr_json_get(event, "state_key"));
}

static void note_membership(struct tr_bridge *bridge, const struct tr_json *event)
{
	enum tr_membership membership = tr_membership_from_name(
		tr_json_str(tr_json_path(event, "content", "membership", NULL)));
	if (membership != TR_MEMBERSHIP_UNKNOWN) {
		tr_members_set(&bridge->members, tr_json_get_str(event, "room_id"),
			tr_json_get_str(event, "state_key"), membership);
	}
}

/* In a room of a channel a person shows as this. */
static void note_name(struct tr_bridge *bridge, const struct tr_json *event)
{
	const struct tr_json *content = tr_json_get(event, "content");
	if (tr_str_eq_c(tr_json_get_str(content, "membership"), "join") &&
		tr_portal_of_room(bridge, tr_json_get_str(event, "room_id")) != NULL) {
		tr_hint_display_name(bridge, tr_json_get_str(event, "state_key"),
			tr_json_get_str(content, "displayname"));
	}
}

static enum tr_from_matrix_verdict own_event(struct tr_bridge *bridge, const struct tr_json *event)
{
	struct tr_str key = tr_json_str(tr_json_path(event, "content", "io.trestle.id", NULL));
	if (is_member_event(event)) {
		note_membership(bridge, event);
	} else if (!tr_str_empty(key)) {
		tr_to_matrix_echo(bridge->to_matrix, key, tr_json_get_str(event, "event_id"));
	}
	return TR_EVENT_IGNORE;
}

static bool member_matters(struct tr_bridge *bridge, const struct tr_json *event)
{
	struct tr_str room_id = tr_json_get_str(event, "room_id");
	struct tr_str now = tr_json_str(tr_json_path(event, "content", "membership", NULL));
	struct tr_str before =
		tr_json_str(tr_json_path(event, "unsigned", "prev_content", "membership", NULL));
	if (tr_bridge_is_ours(bridge, tr_json_get_str(event, "state_key"))) {
		return !tr_str_eq_c(now, "join");
	}
	if (tr_str_eq_c(now, "join")) {
		/* From join to join is a change of name or picture. */
		return !tr_str_eq_c(before, "join") && tr_portal_of_room(bridge, room_id) != NULL;
	}
	if (tr_str_eq_c(now, "leave")) {
		return !tr_str_eq_c(before, "ban") &&
		       (tr_portal_of_room(bridge, room_id) != NULL ||
			       tr_management_user(bridge, room_id) != NULL);
	}
	return tr_str_eq_c(now, "ban") && tr_portal_of_room(bridge, room_id) != NULL;
}

static enum tr_from_matrix_verdict classify(
	void *arg, const struct tr_json *event, struct tr_buf *lane, struct tr_buf *position)
{
	struct tr_bridge *bridge = arg;
	struct tr_str room_id = tr_json_get_str(event, "room_id");
	if (tr_bridge_is_ours(bridge, tr_json_get_str(event, "sender"))) {
		return own_event(bridge, event);
	}
	if (is_member_event(event)) {
		note_membership(bridge, event);
		if (!tr_bridge_is_ours(bridge, tr_json_get_str(event, "state_key"))) {
			note_name(bridge, event);
		}
		return member_matters(bridge, event) ? keep(bridge, room_id, lane, position)
						     : TR_EVENT_IGNORE;
	}
	struct tr_str type = tr_json_get_str(event, "type");
	bool concerns = tr_str_eq_c(type, "m.room.message") ||
			(tr_str_eq_c(type, "m.room.encrypted") &&
				tr_portal_of_room(bridge, room_id) != NULL);
	if (concerns && tr_json_get(event, "state_key") == NULL) {
		return keep(bridge, room_id, lane, position);
	}
	return TR_EVENT_IGNORE;
}

/* Without the lines that quote what is replied to (before Matrix 1.13): those that begin with "> ",
 * and the empty one after them. */
static struct tr_str strip_reply(struct tr_str body)
{
	struct tr_str rest = body;
	bool quoted = false;
	while (tr_str_starts(rest, TR_STR("> ")) || tr_str_starts(rest, TR_STR(">\n"))) {
		ptrdiff_t end = tr_str_find_char(rest, '\n');
		rest = end < 0 ? TR_STR("") : tr_str_from_index(rest, (size_t)end + 1);
		quoted = true;
	}
	if (quoted && tr_str_starts(rest, TR_STR("\n"))) {
		rest = tr_str_from_index(rest, 1);
	}
	return quoted ? rest : body;
}

static void add_html_as_text(struct tr_str html, struct tr_buf *text)
{
	struct tr_spans spans = {0};
	if (tr_html_parse(html, &spans) == 0) {
		tr_spans_to_plain(&spans, text);
	}
	tr_spans_finish(&spans);
}

static bool is_file(struct tr_str msgtype)
{
	static const char *const types[] = {"m.image", "m.file", "m.audio", "m.video"};
	for (size_t i = 0; i < TR_ARRAY_LEN(types); i++) {
		if (tr_str_eq_c(msgtype, types[i])) {
			return true;
		}
	}
	return false;
}

static void add_file(const struct tr_json *content, struct tr_buf *text)
{
	struct tr_str name = tr_json_get_str(content, "filename");
	name = tr_str_empty(name) ? tr_json_get_str(content, "body") : name;
	tr_buf_add_c(text, "uploaded a file: ");
	tr_buf_add(text, tr_str_slice(name, 0, tr_utf8_fit(name, 200)));
	struct tr_str url = tr_json_get_str(content, "url");
	if (!tr_str_empty(url)) {
		tr_buf_addf(text, " <%.*s>", TR_STR_ARG(url));
	}
}

static bool kind_of(struct tr_str msgtype, enum tr_message_kind *kind)
{
	if (tr_str_eq_c(msgtype, "m.text") || tr_str_eq_c(msgtype, "m.location") ||
		is_file(msgtype)) {
		*kind = TR_MESSAGE_TEXT;
	} else if (tr_str_eq_c(msgtype, "m.emote")) {
		*kind = TR_MESSAGE_EMOTE;
	} else if (tr_str_eq_c(msgtype, "m.notice")) {
		*kind = TR_MESSAGE_NOTICE;
	} else {
		return false;
	}
	return true;
}

bool tr_event_text(const struct tr_json *event, enum tr_message_kind *kind, struct tr_buf *text)
{
	const struct tr_json *content = tr_json_get(event, "content");
	const struct tr_json *relation = tr_json_get(content, "m.relates_to");
	const struct tr_json *replacement = tr_json_get(content, "m.new_content");
	bool is_reply = tr_json_get(relation, "m.in_reply_to") != NULL;
	if (tr_str_eq_c(tr_json_get_str(relation, "rel_type"), "m.replace") &&
		replacement != NULL) {
		tr_buf_add_c(text, "* ");
		content = replacement;
	}
	struct tr_str msgtype = tr_json_get_str(content, "msgtype");
	struct tr_str body = tr_json_get_str(content, "body");
	size_t start = text->len;
	if (!kind_of(msgtype, kind)) {
		return false;
	}
	if (is_file(msgtype)) {
		add_file(content, text);
	} else if (!tr_str_empty(body)) {
		tr_buf_add(text, is_reply ? strip_reply(body) : body);
	} else {
		add_html_as_text(tr_json_get_str(content, "formatted_body"), text);
	}
	struct tr_str said = tr_str_from_index(tr_buf_str(text), start);
	return !tr_buf_failed(text) && !tr_str_empty(tr_str_trim(said));
}

static struct tr_delivery *look_ahead(struct tr_bridge *bridge, const struct tr_inbound *inbound)
{
	struct tr_delivery *ahead = bridge->looked_ahead;
	if (ahead == NULL || ahead->seq != inbound->item.seq) {
		tr_delivery_free(ahead);
		bridge->looked_ahead = tr_delivery_create(bridge, inbound);
	}
	return bridge->looked_ahead;
}

static bool pipelines(void *arg, const struct tr_inbound *last, const struct tr_inbound *next)
{
	struct tr_bridge *bridge = arg;
	const struct tr_delivery *before = last->data;
	return (bridge->options.protocol->capabilities & TR_CAN_PIPELINE) != 0 && before != NULL &&
	       tr_delivery_is_talk(before) && strcmp(last->sender, next->sender) == 0 &&
	       strcmp(last->room_id, next->room_id) == 0 &&
	       tr_delivery_is_talk(look_ahead(bridge, next));
}

static void deliver(void *arg, struct tr_inbound *inbound)
{
	struct tr_bridge *bridge = arg;
	struct tr_delivery *delivery = bridge->looked_ahead;
	if (delivery != NULL && delivery->seq == inbound->item.seq) {
		bridge->looked_ahead = NULL;
	} else {
		delivery = tr_delivery_create(bridge, inbound);
	}
	delivery->inbound = inbound;
	delivery->op.maybe_sent = inbound->maybe_sent;
	inbound->data = delivery;
	tr_list_append(&bridge->deliveries, &delivery->node);
	tr_delivery_run(delivery);
}

static void dead(void *arg, const struct tr_inbound *inbound, const struct tr_error *error)
{
	struct tr_bridge *bridge = arg;
	struct tr_json *event = tr_json_parse(tr_str_from(inbound->body), NULL);
	if (tr_str_eq_c(tr_json_get_str(event, "type"), "m.room.message")) {
		char *key = tr_asprintf("dead:%s", inbound->event_id);
		char *text = tr_asprintf("Your message was not delivered: %s", error->text);
		tr_bridge_notice(bridge, inbound->room_id, tr_str_from(key), text);
		tr_free(text);
		tr_free(key);
	} else if (tr_str_eq_c(tr_json_get_str(event, "type"), "m.room.encrypted")) {
		/* Each of them would be the same: once a minute. */
		tr_bridge_tell_room(bridge, inbound->room_id, error->text);
	}
	tr_json_free(event);
}

const struct tr_from_matrix_handler tr_bridge_from_matrix = {
	.classify = classify,
	.deliver = deliver,
	.pipelines = pipelines,
	.dead = dead,
};
