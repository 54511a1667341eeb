/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several rooms of one place: what a Matrix user says in one of them is said in the others by the
 * ghost of the name he has on the network, once the network has it. The copies are stored before
 * the message counts as done, under keys made of its event id, so that a crash neither loses nor
 * doubles them.
 */
#include "core/bridge/bridge_internal.h"

enum { NAME_MAX = 1024 };

/* A message that is done once its copies are stored. */
struct sibling_copies {
	struct tr_list node;
	struct tr_op *op;
	struct tr_str *remote_ids; /* owned */
	size_t count;
	size_t pending;
	void (*settled)(void *arg);
	void *arg;
};

static void copies_free(struct sibling_copies *copies)
{
	tr_list_remove(&copies->node);
	for (size_t i = 0; i < copies->count; i++) {
		tr_free((char *)copies->remote_ids[i].ptr);
	}
	tr_free(copies->remote_ids);
	tr_free(copies);
}

static void copy_stored(void *arg)
{
	struct sibling_copies *copies = arg;
	if (--copies->pending == 0) {
		tr_op_finish(copies->op, copies->remote_ids, copies->count, copies->settled,
			copies->arg);
		copies_free(copies);
	}
}

/* What the message refers to are events of its own room. "@room" meant that room. */
static struct tr_json *copy_content(const struct tr_delivery *delivery)
{
	struct tr_json *content = tr_json_dup(tr_json_get(delivery->event, "content"));
	const struct tr_json *users = tr_json_path(content, "m.mentions", "user_ids", NULL);
	struct tr_json *mentions = tr_json_new_object();
	if (users != NULL) {
		tr_json_set_take(mentions, "user_ids", tr_json_dup(users));
	}
	tr_json_set_take(content, "m.mentions", mentions);
	tr_json_remove(content, "m.relates_to");
	tr_json_remove(content, "m.new_content");
	return content;
}

bool tr_sibling_copy(struct tr_op *op, const struct tr_str *remote_ids, size_t count,
	void (*settled)(void *arg), void *arg)
{
	const struct tr_delivery *delivery = TR_CONTAINER_OF(op, struct tr_delivery, op);
	struct tr_bridge *bridge = delivery->bridge;
	const struct tr_protocol *protocol = bridge->options.protocol;
	const struct tr_portal *portal = op->portal;
	struct tr_buf remote = TR_BUF_INIT(NAME_MAX);
	struct tr_buf name = TR_BUF_INIT(NAME_MAX);
	if (op->kind != TR_OP_MESSAGE || portal == NULL || portal->kind != TR_PORTAL_CHANNEL ||
		portal->room_count < 2 || protocol->name_of_user == NULL ||
		!protocol->name_of_user(bridge->module, op->sender, &remote, &name)) {
		tr_buf_finish(&remote);
		tr_buf_finish(&name);
		return false;
	}
	struct sibling_copies *copies = tr_alloc(sizeof(*copies));
	copies->op = op;
	copies->count = count;
	copies->remote_ids = tr_alloc_array(count + 1, sizeof(*copies->remote_ids));
	for (size_t i = 0; i < count; i++) {
		copies->remote_ids[i] = tr_str_of(tr_str_dup(remote_ids[i]), remote_ids[i].len);
	}
	copies->settled = settled;
	copies->arg = arg;
	copies->pending = portal->room_count - 1;
	tr_list_append(&bridge->sibling_copies, &copies->node);
	const struct tr_ghost *ghost =
		tr_ghost_open(bridge, tr_buf_str(&remote), tr_buf_str(&name));
	struct tr_json *content = copy_content(delivery);
	char *key = tr_asprintf("copy:%s", op->event_id);
	struct tr_to_matrix_event event = {
		.remote_key = tr_str_from(key),
		.sender = ghost->mxid,
		.type = "m.room.message",
		.content = content,
		.origin_ts = op->origin_ts,
		.keep_mapping = true, /* so that it is known when the message comes again */
	};
	for (size_t i = 0; i < portal->room_count; i++) {
		if (!tr_str_eq_c(tr_str_from(op->room_id), portal->rooms[i])) {
			event.room_id = portal->rooms[i];
			tr_to_matrix_accept(bridge->to_matrix, &event, copy_stored, copies);
		}
	}
	tr_free(key);
	tr_json_free(content);
	tr_buf_finish(&remote);
	tr_buf_finish(&name);
	return true;
}

void tr_siblings_finish(struct tr_bridge *bridge)
{
	struct tr_list *node;
	while ((node = tr_list_head(&bridge->sibling_copies)) != NULL) {
		copies_free(TR_LIST_ENTRY(node, struct sibling_copies, node));
	}
}
