/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One stored event carried out: an operation goes to the module, a message in a management room is
 * a command, an invitation gets its answer. Which events come here, and in which order, is
 * events.c's and the queue's.
 */
#include "core/base/log.h"
#include "core/bridge/bridge_internal.h"
#include "core/bridge/departed.h"
#include "core/bridge/recall.h"

#include <string.h>

bool tr_delivery_is_talk(const struct tr_delivery *delivery)
{
	return delivery->op.kind == TR_OP_MESSAGE && delivery->op.portal != NULL &&
	       delivery->says && !delivery->is_room_command;
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

/* What was edited reads so for those who refer to it after this. */
static void note_done(const struct tr_delivery *delivery)
{
	const struct tr_op *op = &delivery->op;
	struct tr_recall *recall = delivery->bridge->recall;
	struct tr_str room_id = tr_str_from(op->room_id);
	struct tr_str about = tr_str_from(op->about.event_id);
	if (op->kind == TR_OP_REDACTION) {
		tr_recall_redact(recall, room_id, about);
	} else if (op->kind == TR_OP_MESSAGE && op->relation == TR_RELATION_EDIT) {
		tr_recall_edit(recall, room_id, about, tr_str_from(op->event_id));
	}
}

void tr_op_done(struct tr_op *op, const struct tr_str *remote_ids, size_t count,
	void (*settled)(void *arg), void *arg)
{
	if (!tr_sibling_copy(op, remote_ids, count, settled, arg)) {
		tr_op_finish(op, remote_ids, count, settled, arg);
	}
}

void tr_op_finish(struct tr_op *op, const struct tr_str *remote_ids, size_t count,
	void (*settled)(void *arg), void *arg)
{
	struct tr_inbound *inbound = delivery_of(op)->inbound;
	note_done(delivery_of(op));
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
	delivery->given = true;
	bridge->options.protocol->deliver(bridge->module, &delivery->op);
}

/* An edit of another person's message is none, whatever a homeserver let pass. */
static bool is_forged(const struct tr_op *op)
{
	return op->kind == TR_OP_MESSAGE && op->relation == TR_RELATION_EDIT &&
	       op->about.sender != NULL && strcmp(op->about.sender, op->sender) != 0;
}

void tr_delivery_found(struct tr_delivery *delivery)
{
	if (delivery->bridge->state != TR_BRIDGE_RUNNING) {
		struct tr_error error;
		tr_error_set(&error, TR_E_CANCELED, "the bridge is stopping");
		retry(delivery, &error);
	} else if (delivery->inbound->redacted && delivery->op.kind == TR_OP_MESSAGE) {
		tr_delivery_done(delivery); /* while that was looked up */
	} else if (is_forged(&delivery->op)) {
		tr_log_debug("bridge", "%s: edit %s is not by the one who said it",
			delivery->bridge->options.name, delivery->op.event_id);
		tr_delivery_done(delivery);
	} else {
		to_module(delivery);
	}
}

static void run_in_portal(struct tr_delivery *delivery)
{
	if (delivery->op.about.event_id != NULL) {
		tr_about_find(delivery);
	} else {
		to_module(delivery);
	}
}

/* A redaction or reaction without an event it is about says nothing. */
static bool says_something(const struct tr_delivery *delivery)
{
	const struct tr_op *op = &delivery->op;
	bool refers = op->kind == TR_OP_REDACTION || op->kind == TR_OP_REACTION;
	return op->kind == TR_OP_TOPIC || (refers && op->about.event_id != NULL) ||
	       tr_delivery_is_talk(delivery);
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
	struct tr_str now =
		tr_json_str(tr_json_path(delivery->event, "content", "membership", NULL));
	if (tr_membership_from_name(now) == TR_MEMBERSHIP_LEFT) {
		tr_departed_look(bridge, op->target);
	}
	if (op->portal != NULL && op->portal->kind == TR_PORTAL_CHANNEL) {
		to_module(delivery);
		return;
	}
	bool comes = tr_str_eq_c(now, "invite") || tr_str_eq_c(now, "join");
	const char *owner = tr_management_user(bridge, tr_str_from(op->room_id));
	if (comes && op->portal != NULL) {
		if (strcmp(op->portal->receiver, op->target) == 0) {
			tr_delivery_done(delivery);
		} else {
			tr_direct_third_person(delivery);
		}
		return;
	}
	if (comes && owner != NULL) {
		tr_management_joined(delivery);
		return;
	}
	if (!comes && owner != NULL && strcmp(owner, op->target) == 0) {
		tr_matrix_leave(bridge->client, NULL, op->room_id, NULL, NULL, NULL);
		tr_management_forget(bridge, op->room_id);
		tr_departed_look(bridge, op->target);
	}
	tr_delivery_done(delivery);
}

static bool is_encrypted(const struct tr_delivery *delivery)
{
	return tr_str_eq_c(tr_json_get_str(delivery->event, "type"), "m.room.encrypted");
}

/* Whether somebody may believe that we hear what is said in this room. */
static bool is_heard(const struct tr_delivery *delivery)
{
	const struct tr_bridge *bridge = delivery->bridge;
	struct tr_str room_id = tr_str_from(delivery->op.room_id);
	return delivery->op.portal != NULL || tr_management_user(bridge, room_id) != NULL ||
	       tr_members_get(&bridge->members, room_id, tr_str_from(bridge->bot_user_id)) ==
		       TR_MEMBERSHIP_JOINED;
}

void tr_delivery_run(struct tr_delivery *delivery)
{
	struct tr_bridge *bridge = delivery->bridge;
	const struct tr_op *op = &delivery->op;
	const char *owner = tr_management_user(bridge, tr_str_from(op->room_id));
	if (op->kind == TR_OP_MEMBER) {
		run_member(delivery);
	} else if (is_encrypted(delivery) && is_heard(delivery)) {
		struct tr_error error;
		tr_error_set_class(&error, TR_E_UNSUPPORTED, TR_CLASS_PERMANENT,
			"it is encrypted, and this bridge cannot read encrypted messages");
		refuse(delivery, &error);
	} else if (delivery->is_room_command) {
		tr_command_run(delivery);
	} else if (op->portal != NULL && op->portal->kind == TR_PORTAL_DIRECT &&
		   tr_direct_forbidden(bridge, op->sender) != NULL) {
		struct tr_error error;
		tr_error_set_class(&error, TR_E_DENIED, TR_CLASS_PERMANENT, "%s",
			tr_direct_forbidden(bridge, op->sender));
		refuse(delivery, &error);
	} else if (op->portal != NULL && says_something(delivery)) {
		run_in_portal(delivery);
	} else if (op->portal == NULL && delivery->says && owner != NULL &&
		   strcmp(owner, op->sender) == 0) {
		tr_command_run(delivery);
	} else {
		tr_log_debug("bridge", "%s: event %s in %s leads nowhere", bridge->options.name,
			op->event_id, op->room_id);
		tr_delivery_done(delivery);
	}
}
