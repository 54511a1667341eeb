/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One stored event carried out: a message or a change of membership becomes an operation of the
 * module, a message in a management room a command, an invitation its answer. Which events come
 * here, and in which order, is events.c's and the queue's.
 */
#include "core/base/log.h"
#include "core/bridge/bridge_internal.h"

#include <string.h>

enum { TEXT_MAX = 256 * 1024 };

static enum tr_member_change change_of(const struct tr_json *event, struct tr_str target)
{
	struct tr_str now = tr_json_str(tr_json_path(event, "content", "membership", NULL));
	if (tr_str_eq_c(now, "join")) {
		return TR_MEMBER_JOIN;
	}
	if (tr_str_eq_c(now, "ban")) {
		return TR_MEMBER_BAN;
	}
	return tr_str_eq(tr_json_get_str(event, "sender"), target) ? TR_MEMBER_LEAVE
								   : TR_MEMBER_KICK;
}

static void read_member(struct tr_delivery *delivery)
{
	struct tr_op *op = &delivery->op;
	struct tr_str target = tr_json_get_str(delivery->event, "state_key");
	const struct tr_ghost *ghost = tr_ghost_of(delivery->bridge, target);
	op->kind = TR_OP_MEMBER;
	op->change = change_of(delivery->event, target);
	op->target = target.ptr;
	op->target_remote = ghost ? ghost->remote_id : NULL;
	op->reason = tr_json_str(tr_json_path(delivery->event, "content", "reason", NULL)).ptr;
	op->reason = op->reason ? op->reason : "";
}

static void read_html(struct tr_delivery *delivery)
{
	const struct tr_json *content = tr_json_get(delivery->event, "content");
	if (tr_json_get(content, "m.new_content") == NULL &&
		tr_str_eq_c(tr_json_get_str(content, "format"), "org.matrix.custom.html") &&
		tr_json_is_str(tr_json_get(content, "formatted_body"))) {
		delivery->op.html = tr_json_get_str(content, "formatted_body").ptr;
	}
}

struct tr_delivery *tr_delivery_create(struct tr_bridge *bridge, const struct tr_inbound *inbound)
{
	struct tr_delivery *delivery = tr_alloc(sizeof(*delivery));
	struct tr_op *op = &delivery->op;
	delivery->bridge = bridge;
	delivery->seq = inbound->item.seq;
	tr_buf_init(&delivery->text, TEXT_MAX);
	delivery->event = tr_json_parse(tr_str_from(inbound->body), NULL);
	op->portal = tr_portal_of_room(bridge, tr_str_from(inbound->room_id));
	op->sender = inbound->sender;
	op->event_id = inbound->event_id;
	op->room_id = inbound->room_id;
	op->origin_ts = inbound->origin_ts;
	op->maybe_sent = inbound->maybe_sent;
	op->position = inbound->position;
	op->text = op->html = op->reason = op->key = "";
	op->media = (struct tr_op_media){TR_MEDIA_NONE, "", "", -1, "", ""};
	if (tr_str_eq_c(tr_json_get_str(delivery->event, "type"), "m.room.member")) {
		read_member(delivery);
	} else {
		op->kind = TR_OP_MESSAGE;
		delivery->has_text = tr_event_text(delivery->event, &op->message, &delivery->text);
		op->text = tr_buf_c(&delivery->text);
		read_html(delivery);
	}
	return delivery;
}

void tr_delivery_free(struct tr_delivery *delivery)
{
	if (delivery == NULL) {
		return;
	}
	tr_list_remove(&delivery->node);
	tr_json_free(delivery->event);
	tr_buf_finish(&delivery->text);
	tr_free(delivery);
}

bool tr_delivery_is_talk(const struct tr_delivery *delivery)
{
	return delivery->op.kind == TR_OP_MESSAGE && delivery->op.portal != NULL &&
	       delivery->has_text;
}

void tr_delivery_done(struct tr_delivery *delivery)
{
	struct tr_inbound *inbound = delivery->inbound;
	tr_delivery_free(delivery);
	tr_inbound_done(inbound, NULL, 0, NULL, NULL);
}

static void retry(struct tr_delivery *delivery, const struct tr_error *error)
{
	struct tr_inbound *inbound = delivery->inbound;
	inbound->data = NULL;
	tr_delivery_free(delivery);
	tr_inbound_retry(inbound, error);
}

static void refuse(struct tr_delivery *delivery, const struct tr_error *error)
{
	struct tr_inbound *inbound = delivery->inbound;
	tr_delivery_free(delivery);
	tr_inbound_refuse(inbound, error);
}

void tr_delivery_fail(struct tr_delivery *delivery, const struct tr_error *error)
{
	if (error->cls == TR_CLASS_RETRY || error->cls == TR_CLASS_RETRY_AFTER) {
		retry(delivery, error);
	} else {
		refuse(delivery, error);
	}
}

static struct tr_delivery *delivery_of(struct tr_op *op)
{
	return TR_CONTAINER_OF(op, struct tr_delivery, op);
}

void tr_op_done(struct tr_op *op, const struct tr_str *remote_ids, size_t count,
	void (*settled)(void *arg), void *arg)
{
	struct tr_inbound *inbound = delivery_of(op)->inbound;
	tr_inbound_done(inbound, remote_ids, count, settled, arg);
	tr_delivery_free(delivery_of(op));
}

void tr_op_retry(struct tr_op *op, const struct tr_error *error)
{
	retry(delivery_of(op), error);
}

void tr_op_refuse(struct tr_op *op, const struct tr_error *error)
{
	refuse(delivery_of(op), error);
}

static void to_module(struct tr_delivery *delivery)
{
	struct tr_bridge *bridge = delivery->bridge;
	bridge->options.protocol->deliver(bridge->module, &delivery->op);
}

/* Something happened to the bot or a ghost, by somebody who is neither. */
static void run_ours(struct tr_delivery *delivery)
{
	struct tr_bridge *bridge = delivery->bridge;
	const struct tr_op *op = &delivery->op;
	struct tr_str now =
		tr_json_str(tr_json_path(delivery->event, "content", "membership", NULL));
	if (tr_str_eq_c(now, "invite")) {
		tr_invitation_run(delivery);
	} else if (op->target_remote != NULL && op->portal != NULL &&
		   op->portal->kind == TR_PORTAL_CHANNEL) {
		to_module(delivery);
	} else {
		if (strcmp(op->target, bridge->bot_user_id) == 0) {
			tr_log_warn("bridge", "%s: %s put the bot out of room %s",
				bridge->options.name, op->sender, op->room_id);
			tr_management_forget(bridge, op->room_id);
		}
		tr_delivery_done(delivery);
	}
}

static void run_member(struct tr_delivery *delivery)
{
	struct tr_bridge *bridge = delivery->bridge;
	const struct tr_op *op = &delivery->op;
	if (tr_bridge_is_ours(bridge, tr_str_from(op->target))) {
		run_ours(delivery);
		return;
	}
	if (op->portal != NULL && op->portal->kind == TR_PORTAL_CHANNEL) {
		to_module(delivery);
		return;
	}
	const char *owner = tr_management_user(bridge, tr_str_from(op->room_id));
	if (owner != NULL && op->change != TR_MEMBER_JOIN && strcmp(owner, op->target) == 0) {
		tr_matrix_leave(bridge->client, NULL, op->room_id, NULL, NULL, NULL);
		tr_management_forget(bridge, op->room_id);
	}
	tr_delivery_done(delivery);
}

void tr_delivery_run(struct tr_delivery *delivery)
{
	struct tr_bridge *bridge = delivery->bridge;
	const struct tr_op *op = &delivery->op;
	const char *owner = tr_management_user(bridge, tr_str_from(op->room_id));
	if (op->kind == TR_OP_MEMBER) {
		run_member(delivery);
	} else if (tr_str_eq_c(tr_json_get_str(delivery->event, "type"), "m.room.encrypted")) {
		struct tr_error error;
		tr_error_set_class(&error, TR_E_UNSUPPORTED, TR_CLASS_PERMANENT,
			"Messages in this room are encrypted, so they do not reach the network.");
		refuse(delivery, &error);
	} else if (tr_delivery_is_talk(delivery)) {
		to_module(delivery);
	} else if (op->portal == NULL && delivery->has_text && owner != NULL &&
		   strcmp(owner, op->sender) == 0) {
		tr_command_run(delivery);
	} else {
		tr_log_debug("bridge", "%s: event %s in %s leads nowhere", bridge->options.name,
			op->event_id, op->room_id);
		tr_delivery_done(delivery);
	}
}
