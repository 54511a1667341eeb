/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events of Matrix, looked at before they are stored: which concern us, and in which lane they
 * stand. What our own ghosts and bot did comes back here too: it only feeds what is known, but that
 * the bot put somebody out of a channel's room counts like any other leave, in its place behind
 * what they had said. Carrying out is deliver.c's.
 *
 * A channel is one lane, whichever of its rooms an event is in. In all other rooms the lane is the
 * room: so the invitation that makes a chat out of a room and the messages behind it keep their
 * order.
 */
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/bridge/bridge_internal.h"
#include "core/bridge/recall.h"
#include "core/bridge/unbridged.h"

#include <string.h>

/* A channel is one lane. A room that was bridged to something else meanwhile has another. */
static void lane_of(const struct tr_portal *portal, struct tr_str room_id, struct tr_buf *lane)
{
	if (portal != NULL && portal->kind == TR_PORTAL_CHANNEL) {
		tr_portal_key(tr_str_from(portal->remote_id), NULL, lane);
	} else {
		tr_buf_add(lane, room_id);
	}
}

static enum tr_from_matrix_verdict keep(struct tr_bridge *bridge, struct tr_str room_id,
	struct tr_buf *lane, struct tr_buf *position)
{
	struct tr_portal *portal = tr_portal_of_room(bridge, room_id);
	lane_of(portal, room_id, lane);
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

/* Who is not in a room does not see what is said there. */
static void note_presence(struct tr_bridge *bridge, struct tr_str room_id, struct tr_str user_id,
	enum tr_membership membership)
{
	if (tr_str_eq_c(user_id, bridge->bot_user_id)) {
		if (membership != TR_MEMBERSHIP_JOINED) {
			tr_recall_absent_all(bridge->recall);
		}
	} else if (membership != TR_MEMBERSHIP_JOINED) {
		tr_recall_absent(bridge->recall, room_id, user_id);
	} else if (!tr_bridge_is_ours(bridge, user_id)) {
		tr_recall_present(bridge->recall, room_id, user_id);
	}
}

static void note_membership(struct tr_bridge *bridge, const struct tr_json *event)
{
	struct tr_str room_id = tr_json_get_str(event, "room_id");
	struct tr_str user_id = tr_json_get_str(event, "state_key");
	enum tr_membership membership = tr_membership_from_name(
		tr_json_str(tr_json_path(event, "content", "membership", NULL)));
	if (membership != TR_MEMBERSHIP_UNKNOWN) {
		tr_members_set(&bridge->members, room_id, user_id, membership);
	}
	note_presence(bridge, room_id, user_id, membership);
}

/* Remembers what is said in a portal, by whomever, for those who will refer to it. */
static void note_said(struct tr_bridge *bridge, const struct tr_json *event)
{
	struct tr_str room_id = tr_json_get_str(event, "room_id");
	struct tr_str sender = tr_json_get_str(event, "sender");
	struct tr_str type = tr_json_get_str(event, "type");
	struct tr_recalled said = {
		.sender = sender.ptr, .is_reaction = tr_str_eq_c(type, "m.reaction")};
	struct tr_content content;
	bool message = tr_content_read(event, &content);
	if (message || said.is_reaction) {
		if (!tr_bridge_is_ours(bridge, sender)) {
			tr_recall_present(bridge->recall, room_id, sender);
		}
		char *text = tr_str_dup(message ? tr_content_summary(&content) : TR_STR(""));
		said.text = text;
		tr_json_get_int(event, "origin_server_ts", &said.origin_ts);
		tr_recall_add(bridge->recall, room_id, tr_json_get_str(event, "event_id"), &said);
		tr_free(text);
	}
	tr_content_finish(&content);
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

static bool member_matters(struct tr_bridge *bridge, const struct tr_json *event)
{
	struct tr_str room_id = tr_json_get_str(event, "room_id");
	struct tr_str now = tr_json_str(tr_json_path(event, "content", "membership", NULL));
	struct tr_str before =
		tr_json_str(tr_json_path(event, "unsigned", "prev_content", "membership", NULL));
	if (tr_bridge_is_ours(bridge, tr_json_get_str(event, "state_key"))) {
		return !tr_str_eq_c(now, "join");
	}
	const struct tr_portal *portal = tr_portal_of_room(bridge, room_id);
	if (tr_str_eq_c(now, "join")) {
		/* From join to join is a change of name or picture. */
		return !tr_str_eq_c(before, "join") &&
		       (portal != NULL || tr_management_user(bridge, room_id) != NULL);
	}
	if (tr_str_eq_c(now, "invite")) {
		return portal != NULL && portal->kind == TR_PORTAL_DIRECT;
	}
	if (tr_str_eq_c(now, "leave")) {
		return !tr_str_eq_c(before, "ban") &&
		       (tr_portal_of_room(bridge, room_id) != NULL ||
			       tr_management_user(bridge, room_id) != NULL);
	}
	return tr_str_eq_c(now, "ban") && tr_portal_of_room(bridge, room_id) != NULL;
}

/* A user of Matrix was put out of a room of a channel. */
static bool puts_out(struct tr_bridge *bridge, const struct tr_json *event)
{
	const struct tr_portal *portal =
		tr_portal_of_room(bridge, tr_json_get_str(event, "room_id"));
	return is_member_event(event) && portal != NULL && portal->kind == TR_PORTAL_CHANNEL &&
	       !tr_bridge_is_ours(bridge, tr_json_get_str(event, "state_key")) &&
	       member_matters(bridge, event) &&
	       !tr_str_eq_c(
		       tr_json_str(tr_json_path(event, "content", "membership", NULL)), "join");
}

static enum tr_from_matrix_verdict own_event(struct tr_bridge *bridge, const struct tr_json *event,
	struct tr_buf *lane, struct tr_buf *position)
{
	struct tr_str key = tr_json_str(tr_json_path(event, "content", "io.trestle.id", NULL));
	if (is_member_event(event)) {
		note_membership(bridge, event);
		if (puts_out(bridge, event)) {
			return keep(bridge, tr_json_get_str(event, "room_id"), lane, position);
		}
	} else if (!tr_str_empty(key)) {
		tr_to_matrix_echo(bridge->to_matrix, key, tr_json_get_str(event, "event_id"));
	}
	if (tr_portal_of_room(bridge, tr_json_get_str(event, "room_id")) != NULL) {
		note_said(bridge, event);
	}
	return TR_EVENT_IGNORE;
}

/* Whether the module hears of events of this type in a portal. */
static bool can_carry(const struct tr_bridge *bridge, const struct tr_json *event)
{
	unsigned capabilities = bridge->options.protocol->capabilities;
	struct tr_str type = tr_json_get_str(event, "type");
	const struct tr_json *state_key = tr_json_get(event, "state_key");
	if (state_key != NULL) {
		return tr_str_eq_c(type, "m.room.topic") && (capabilities & TR_CAN_TOPIC) != 0 &&
		       tr_json_is_str(state_key) && tr_str_empty(tr_json_str(state_key));
	}
	return tr_content_is_message(type) || tr_str_eq_c(type, "m.room.encrypted") ||
	       (tr_str_eq_c(type, "m.reaction") && (capabilities & TR_CAN_REACT) != 0) ||
	       (tr_str_eq_c(type, "m.room.redaction") && (capabilities & TR_CAN_REDACT) != 0);
}

/* Another bridge of this room leads to the same place, and this was said there: two bridges would
 * answer each other for ever. */
static bool came_from_there(struct tr_bridge *bridge, const struct tr_json *event)
{
	struct tr_str origin = tr_json_str(tr_json_path(event, "content", TR_BRIDGE_ORIGIN, NULL));
	const struct tr_portal *portal =
		tr_portal_of_room(bridge, tr_json_get_str(event, "room_id"));
	if (tr_str_empty(origin) || portal == NULL) {
		return false;
	}
	char *key = tr_bridge_state_key(portal);
	bool same = tr_str_eq_c(origin, key);
	if (same) {
		char *text = tr_asprintf(
			"Another bridge joins this room to %s too: what it brings is not sent back there. Take one of the two away.",
			portal->name);
		tr_log_warn(
			"bridge", "%s: room %s: %s", bridge->options.name, portal->rooms[0], text);
		tr_bridge_tell_room(bridge, tr_json_get_str(event, "room_id").ptr, text);
		tr_free(text);
	}
	tr_free(key);
	return same;
}

static enum tr_from_matrix_verdict classify(
	void *arg, const struct tr_json *event, struct tr_buf *lane, struct tr_buf *position)
{
	struct tr_bridge *bridge = arg;
	struct tr_str room_id = tr_json_get_str(event, "room_id");
	if (tr_bridge_is_ours(bridge, tr_json_get_str(event, "sender"))) {
		return own_event(bridge, event, lane, position);
	}
	if (came_from_there(bridge, event) || tr_unbridged_note(bridge, event)) {
		return TR_EVENT_IGNORE;
	}
	if (is_member_event(event)) {
		note_membership(bridge, event);
		if (!tr_bridge_is_ours(bridge, tr_json_get_str(event, "state_key"))) {
			note_name(bridge, event);
		}
		return member_matters(bridge, event) ? keep(bridge, room_id, lane, position)
						     : TR_EVENT_IGNORE;
	}
	if (tr_str_eq_c(tr_json_get_str(event, "type"), "m.room.power_levels") &&
		tr_json_is_str(tr_json_get(event, "state_key"))) {
		tr_mirror_levels_changed(bridge, room_id);
	}
	bool concerns;
	if (tr_portal_of_room(bridge, room_id) != NULL) {
		note_said(bridge, event);
		concerns = can_carry(bridge, event);
	} else {
		struct tr_str type = tr_json_get_str(event, "type");
		concerns = (tr_str_eq_c(type, "m.room.message") ||
				   tr_str_eq_c(type, "m.room.encrypted")) &&
			   tr_json_get(event, "state_key") == NULL;
	}
	if (!concerns) {
		return TR_EVENT_IGNORE;
	}
	tr_activity_note(bridge, tr_json_get_str(event, "sender"), tr_clock_wall_ms());
	return keep(bridge, room_id, lane, position);
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
	unsigned can = bridge->options.protocol->capabilities;
	const struct tr_delivery *before = last->data;
	if ((can & TR_CAN_PIPELINE) == 0 || before == NULL || !tr_delivery_is_talk(before) ||
		!before->given) {
		return false;
	}
	bool same = strcmp(last->sender, next->sender) == 0 &&
		    strcmp(last->room_id, next->room_id) == 0;
	if (!same && (can & TR_CAN_ORDER) == 0) {
		return false;
	}
	/* What refers to another message must be looked up first. */
	const struct tr_delivery *after = look_ahead(bridge, next);
	return tr_delivery_is_talk(after) && after->op.relation == TR_RELATION_NONE &&
	       after->op.portal == before->op.portal;
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
	struct tr_str type = tr_json_get_str(event, "type");
	if (tr_content_is_message(type)) {
		/* With the seq: sent again and dead again it is another notice. */
		char *key = tr_asprintf(
			"dead:%s:%lld", inbound->event_id, (long long)inbound->item.seq);
		char *text = tr_asprintf("Your message was not delivered: %s", error->text);
		tr_bridge_notice(bridge, inbound->room_id, tr_str_from(key), text);
		tr_free(text);
		tr_free(key);
	} else if (tr_str_eq_c(type, "m.room.topic")) {
		char *text = tr_asprintf("The topic was not changed: %s", error->text);
		tr_bridge_tell_room(bridge, inbound->room_id, text);
		tr_free(text);
	} else if (tr_str_eq_c(type, "m.room.encrypted")) {
		tr_unbridged_encrypted(bridge, inbound->room_id);
	}
	tr_json_free(event);
}

static bool is_said(const struct tr_inbound *inbound)
{
	struct tr_json *event = tr_json_parse(tr_str_from(inbound->body), NULL);
	struct tr_str type = tr_json_get_str(event, "type");
	bool said = tr_content_is_message(type);
	tr_json_free(event);
	return said;
}

static bool says(void *arg, const struct tr_inbound *inbound)
{
	(void)arg;
	return is_said(inbound);
}

static void take_back(void *arg, struct tr_inbound *inbound)
{
	struct tr_bridge *bridge = arg;
	struct tr_delivery *delivery = inbound->data;
	const struct tr_protocol *protocol = bridge->options.protocol;
	if (delivery != NULL && delivery->given && protocol->take_back != NULL) {
		protocol->take_back(bridge->module, &delivery->op);
	}
}

/* Only what was said: who came or went then is no news, and a topic is long another. */
static bool may_send_again(void *arg, const struct tr_inbound *inbound, struct tr_str lane)
{
	struct tr_bridge *bridge = arg;
	struct tr_str room_id = tr_str_from(inbound->room_id);
	const struct tr_portal *portal = tr_portal_of_room(bridge, room_id);
	if (portal == NULL) {
		return false;
	}
	struct tr_buf now = TR_BUF_INIT(4096);
	lane_of(portal, room_id, &now);
	bool may = is_said(inbound) && tr_str_eq(tr_buf_str(&now), lane);
	tr_buf_finish(&now);
	return may;
}

void tr_bridge_send_again(struct tr_bridge *bridge, const char *user_id,
	tr_bridge_again_callback *callback, void *arg)
{
	tr_from_matrix_again(bridge->from_matrix, user_id, callback, arg);
}

void tr_bridge_again_since(const struct tr_bridge *bridge, int64_t *died_ms, int64_t *said_ms)
{
	tr_from_matrix_again_since(bridge->options.max_age_ms, died_ms, said_ms);
}

const struct tr_from_matrix_handler tr_bridge_from_matrix = {
	.classify = classify,
	.deliver = deliver,
	.pipelines = pipelines,
	.says = says,
	.take_back = take_back,
	.dead = dead,
	.may_send_again = may_send_again,
};
