/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An event as the operation that it is: which kind, by whom, what it says and what it refers to.
 * What it refers to is looked up by about.c; carrying out is deliver.c's.
 */
#include "core/bridge/bridge_internal.h"
#include "core/bridge/media.h"

#include <string.h>

enum { LINK_NAME_MAX = 60 };

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

/* A redaction, reaction or reply to nothing refers to nothing: `id` may be empty. */
static void refer_to(struct tr_op *op, struct tr_str id)
{
	op->about.event_id = tr_str_empty(id) ? NULL : id.ptr;
}

/* Since room version 11 in the content. */
static void read_redaction(struct tr_delivery *delivery)
{
	const struct tr_json *event = delivery->event;
	struct tr_str target = tr_json_str(tr_json_path(event, "content", "redacts", NULL));
	struct tr_str reason = tr_json_str(tr_json_path(event, "content", "reason", NULL));
	delivery->op.kind = TR_OP_REDACTION;
	delivery->op.reason = reason.ptr ? reason.ptr : "";
	refer_to(&delivery->op, tr_str_empty(target) ? tr_json_get_str(event, "redacts") : target);
}

static void read_reaction(struct tr_delivery *delivery)
{
	const struct tr_json *relates =
		tr_json_path(delivery->event, "content", "m.relates_to", NULL);
	struct tr_str key = tr_json_get_str(relates, "key");
	delivery->op.kind = TR_OP_REACTION;
	delivery->op.key = key.ptr ? key.ptr : "";
	if (tr_str_eq_c(tr_json_get_str(relates, "rel_type"), "m.annotation")) {
		refer_to(&delivery->op, tr_json_get_str(relates, "event_id"));
	}
}

static void read_topic(struct tr_delivery *delivery)
{
	struct tr_str topic = tr_json_str(tr_json_path(delivery->event, "content", "topic", NULL));
	delivery->op.kind = TR_OP_TOPIC;
	delivery->op.text = topic.ptr ? topic.ptr : "";
}

/* The address, with the name behind it where that is one. */
static const char *link_to(struct tr_delivery *delivery, const struct tr_op_media *media)
{
	bool named = media->kind != TR_MEDIA_STICKER && strlen(media->name) <= LINK_NAME_MAX;
	return tr_media_link(
		delivery->bridge, media->mxc, named ? media->name : NULL, &delivery->arena);
}

static void read_message(struct tr_delivery *delivery)
{
	struct tr_op *op = &delivery->op;
	struct tr_content *content = &delivery->content;
	op->kind = TR_OP_MESSAGE;
	delivery->says = tr_content_read(delivery->event, content);
	op->message = content->kind;
	op->text = tr_buf_c(&content->text);
	op->html = content->html;
	op->relation = content->relation;
	op->thread_root = content->thread_root;
	op->media = content->media;
	op->media.url = link_to(delivery, &op->media);
	op->mentions = content->mentions;
	op->mention_count = content->mention_count;
	op->mentions_room = content->mentions_room;
	op->has_mentions = content->has_mentions;
	op->about.event_id = content->about;
	delivery->is_room_command =
		delivery->says && content->kind == TR_MESSAGE_TEXT &&
		content->relation != TR_RELATION_EDIT && op->portal != NULL &&
		op->portal->kind == TR_PORTAL_CHANNEL &&
		tr_command_is_for_room(delivery->bridge, tr_buf_str(&content->text));
}

static void read_event(struct tr_delivery *delivery)
{
	static const struct {
		const char *type;
		void (*read)(struct tr_delivery *delivery);
	} readers[] = {
		{"m.room.member", read_member},
		{"m.room.redaction", read_redaction},
		{"m.reaction", read_reaction},
		{"m.room.topic", read_topic},
	};
	struct tr_str type = tr_json_get_str(delivery->event, "type");
	for (size_t i = 0; i < TR_ARRAY_LEN(readers); i++) {
		if (tr_str_eq_c(type, readers[i].type)) {
			readers[i].read(delivery);
			return;
		}
	}
	read_message(delivery);
}

struct tr_delivery *tr_delivery_create(struct tr_bridge *bridge, const struct tr_inbound *inbound)
{
	struct tr_delivery *delivery = tr_alloc(sizeof(*delivery));
	struct tr_op *op = &delivery->op;
	delivery->bridge = bridge;
	delivery->seq = inbound->item.seq;
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
	read_event(delivery);
	return delivery;
}

void tr_delivery_free(struct tr_delivery *delivery)
{
	if (delivery == NULL) {
		return;
	}
	tr_list_remove(&delivery->node);
	tr_json_free(delivery->event);
	tr_content_finish(&delivery->content);
	tr_arena_finish(&delivery->arena);
	tr_timer_destroy(delivery->ask_again);
	tr_free(delivery);
}
