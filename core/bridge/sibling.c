/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several rooms of one place: what a Matrix user says in one of them is said in the others by the
 * ghost of the name he has on the network, once the network has it. The copies are stored before
 * the message counts as done, under keys made of its event id, so that a crash neither loses nor
 * doubles them. What is answered or edited there is the event that stands for it in that room;
 * which one that is, the queue looks up when the copy is sent.
 */
#include "core/bridge/bridge_internal.h"

enum { NAME_MAX = 1024, KEYS_MAX = 8 };

static const char copy_prefix[] = "copy:";

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

/* "@room" meant the room it was said in. */
static void narrow_mentions(struct tr_json *content)
{
	const struct tr_json *users = tr_json_path(content, "m.mentions", "user_ids", NULL);
	struct tr_json *mentions = tr_json_new_object();
	if (users != NULL) {
		tr_json_set_take(mentions, "user_ids", tr_json_dup(users));
	}
	tr_json_set_take(content, "m.mentions", mentions);
}

/* What the message refers to are events of its own room. What looks like a note of the queue is the
 * sender's invention. */
static struct tr_json *copy_content(const struct tr_delivery *delivery)
{
	static const char *const not_copied[] = {"m.relates_to", "m.new_content", "io.trestle.id",
		"io.trestle.reply_to", "io.trestle.relation"};
	struct tr_json *content = tr_json_dup(tr_json_get(delivery->event, "content"));
	const struct tr_json *now = tr_json_get(content, "m.new_content");
	struct tr_json *edited = NULL;
	if (delivery->op.relation == TR_RELATION_EDIT && tr_json_type(now) == TR_JSON_OBJECT) {
		edited = tr_json_dup(now);
		narrow_mentions(edited);
	}
	narrow_mentions(content);
	for (size_t i = 0; i < TR_ARRAY_LEN(not_copied); i++) {
		tr_json_remove(content, not_copied[i]);
	}
	if (edited != NULL) {
		tr_json_set_take(content, "m.new_content", edited);
	}
	return content;
}

/* What the message answers or edits has in the other rooms the key of its copy, or the network's
 * id; or it is a copy itself, and the original stands in one of them. `key` is owned. */
static size_t about_keys(
	const struct tr_op *op, struct tr_str *keys, char **key, struct tr_str *original)
{
	const struct tr_about *about = &op->about;
	size_t count = 0;
	*key = NULL;
	if (op->relation == TR_RELATION_NONE || about->event_id == NULL) {
		return 0;
	}
	*key = tr_asprintf("%s%s", copy_prefix, about->event_id);
	keys[count++] = tr_str_from(*key);
	for (size_t i = 0; i < about->remote_id_count && count < KEYS_MAX; i++) {
		keys[count++] = about->remote_ids[i];
		if (tr_str_starts(about->remote_ids[i], tr_str_from(copy_prefix))) {
			*original =
				tr_str_from_index(about->remote_ids[i], sizeof(copy_prefix) - 1);
		}
	}
	return count;
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
	char *key = tr_asprintf("%s%s", copy_prefix, op->event_id);
	char *about_key;
	struct tr_str keys[KEYS_MAX];
	struct tr_str original = TR_STR("");
	size_t key_count = about_keys(op, keys, &about_key, &original);
	struct tr_to_matrix_event event = {
		.remote_key = tr_str_from(key),
		.sender = ghost->mxid,
		.type = "m.room.message",
		.content = content,
		.origin_ts = op->origin_ts,
		.keep_mapping = true, /* so that it is known when the message comes again */
		.about_keys = keys,
		.about_key_count = key_count,
		.about_event = original,
		.replaces = op->relation == TR_RELATION_EDIT,
	};
	for (size_t i = 0; i < portal->room_count; i++) {
		if (!tr_str_eq_c(tr_str_from(op->room_id), portal->rooms[i])) {
			event.room_id = portal->rooms[i];
			tr_to_matrix_accept(bridge->to_matrix, &event, copy_stored, copies);
		}
	}
	tr_free(key);
	tr_free(about_key);
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
