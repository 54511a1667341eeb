/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client-server calls about rooms, their events and the room directory. How a call is made is
 * in client.c.
 */
#include "core/matrix/client_internal.h"

#include <inttypes.h>
#include <stdio.h>

/* An event with `ts_ms` as its time (0 = now); `last` is the transaction id or the state key. */
static struct tr_matrix_call *put_event(struct tr_matrix_client *client, const char *operation,
	const char *as_user, int64_t ts_ms, struct tr_str content_json,
	tr_matrix_callback *callback, void *arg, const char *path, const char *room_id,
	const char *event_type, const char *last)
{
	char ts[32];
	struct tr_matrix_spec spec = {.operation = operation,
		.method = "PUT",
		.as_user = as_user,
		.query = ts_ms ? ts : NULL,
		.body = content_json,
		.required = "event_id"};

	(void)snprintf(ts, sizeof(ts), "ts=%" PRId64, ts_ms);
	return tr_matrix_start(client, &spec, callback, arg, path, room_id, event_type, last, NULL);
}

struct tr_matrix_call *tr_matrix_send(struct tr_matrix_client *client, const char *as_user,
	const char *room_id, const char *event_type, const char *txn_id, int64_t ts_ms,
	struct tr_str content_json, tr_matrix_callback *callback, void *arg)
{
	return put_event(client, "send", as_user, ts_ms, content_json, callback, arg,
		"/_matrix/client/v3/rooms/{}/send/{}/{}", room_id, event_type, txn_id);
}

struct tr_matrix_call *tr_matrix_put_state(struct tr_matrix_client *client, const char *as_user,
	const char *room_id, const char *event_type, const char *state_key, int64_t ts_ms,
	struct tr_str content_json, tr_matrix_callback *callback, void *arg)
{
	return put_event(client, "put_state", as_user, ts_ms, content_json, callback, arg,
		"/_matrix/client/v3/rooms/{}/state/{}/{}", room_id, event_type, state_key);
}

struct tr_matrix_call *tr_matrix_redact(struct tr_matrix_client *client, const char *as_user,
	const char *room_id, const char *event_id, const char *txn_id, const char *reason,
	tr_matrix_callback *callback, void *arg)
{
	struct tr_json *body = tr_json_new_object();
	struct tr_matrix_spec spec = {.operation = "redact",
		.method = "PUT",
		.as_user = as_user,
		.json = body,
		.required = "event_id"};

	tr_matrix_set_optional(body, "reason", reason);
	return tr_matrix_start(client, &spec, callback, arg,
		"/_matrix/client/v3/rooms/{}/redact/{}/{}", room_id, event_id, txn_id, NULL);
}

struct tr_matrix_call *tr_matrix_create_room(struct tr_matrix_client *client, const char *as_user,
	struct tr_str options_json, tr_matrix_callback *callback, void *arg)
{
	struct tr_matrix_spec spec = {.operation = "create_room",
		.method = "POST",
		.as_user = as_user,
		.body = options_json,
		.once = true,
		.required = "room_id"};

	return tr_matrix_start(client, &spec, callback, arg, "/_matrix/client/v3/createRoom", NULL);
}

struct tr_matrix_call *tr_matrix_join(struct tr_matrix_client *client, const char *as_user,
	const char *room, const char *const *via, tr_matrix_callback *callback, void *arg)
{
	struct tr_buf query = TR_BUF_INIT(TR_MATRIX_URL_MAX);
	struct tr_matrix_spec spec = {.operation = "join",
		.method = "POST",
		.as_user = as_user,
		.body = TR_STR("{}"),
		.required = "room_id"};
	struct tr_matrix_call *call;

	for (; via && *via; via++) {
		/* The second is what homeservers before Matrix 1.12 know. */
		tr_matrix_query_add(&query, "via", *via);
		tr_matrix_query_add(&query, "server_name", *via);
	}
	spec.query = tr_buf_c(&query);
	call = tr_matrix_start(
		client, &spec, callback, arg, "/_matrix/client/v3/join/{}", room, NULL);
	tr_buf_finish(&query);
	return call;
}

/* invite, kick, ban, unban, and leave without a user. */
static struct tr_matrix_call *membership(struct tr_matrix_client *client, const char *operation,
	const char *as_user, const char *room_id, const char *user_id, const char *reason,
	tr_matrix_callback *callback, void *arg)
{
	struct tr_json *body = tr_json_new_object();
	struct tr_matrix_spec spec = {
		.operation = operation, .method = "POST", .as_user = as_user, .json = body};

	tr_matrix_set_optional(body, "user_id", user_id);
	tr_matrix_set_optional(body, "reason", reason);
	return tr_matrix_start(client, &spec, callback, arg, "/_matrix/client/v3/rooms/{}/{}",
		room_id, operation, NULL);
}

struct tr_matrix_call *tr_matrix_invite(struct tr_matrix_client *client, const char *as_user,
	const char *room_id, const char *user_id, const char *reason, tr_matrix_callback *callback,
	void *arg)
{
	return membership(client, "invite", as_user, room_id, user_id, reason, callback, arg);
}

struct tr_matrix_call *tr_matrix_leave(struct tr_matrix_client *client, const char *as_user,
	const char *room_id, const char *reason, tr_matrix_callback *callback, void *arg)
{
	return membership(client, "leave", as_user, room_id, NULL, reason, callback, arg);
}

struct tr_matrix_call *tr_matrix_kick(struct tr_matrix_client *client, const char *as_user,
	const char *room_id, const char *user_id, const char *reason, tr_matrix_callback *callback,
	void *arg)
{
	return membership(client, "kick", as_user, room_id, user_id, reason, callback, arg);
}

struct tr_matrix_call *tr_matrix_ban(struct tr_matrix_client *client, const char *as_user,
	const char *room_id, const char *user_id, const char *reason, tr_matrix_callback *callback,
	void *arg)
{
	return membership(client, "ban", as_user, room_id, user_id, reason, callback, arg);
}

struct tr_matrix_call *tr_matrix_unban(struct tr_matrix_client *client, const char *as_user,
	const char *room_id, const char *user_id, const char *reason, tr_matrix_callback *callback,
	void *arg)
{
	return membership(client, "unban", as_user, room_id, user_id, reason, callback, arg);
}

struct tr_matrix_call *tr_matrix_get_state(struct tr_matrix_client *client, const char *as_user,
	const char *room_id, const char *event_type, const char *state_key,
	tr_matrix_callback *callback, void *arg)
{
	struct tr_matrix_spec spec = {
		.operation = "get_state", .method = "GET", .as_user = as_user};

	return tr_matrix_start(client, &spec, callback, arg,
		"/_matrix/client/v3/rooms/{}/state/{}/{}", room_id, event_type, state_key, NULL);
}

struct tr_matrix_call *tr_matrix_get_state_event(struct tr_matrix_client *client,
	const char *as_user, const char *room_id, const char *event_type, const char *state_key,
	tr_matrix_callback *callback, void *arg)
{
	struct tr_matrix_spec spec = {.operation = "get_state",
		.method = "GET",
		.as_user = as_user,
		.query = "format=event",
		.required = "sender"};

	return tr_matrix_start(client, &spec, callback, arg,
		"/_matrix/client/v3/rooms/{}/state/{}/{}", room_id, event_type, state_key, NULL);
}

struct tr_matrix_call *tr_matrix_get_all_state(struct tr_matrix_client *client, const char *as_user,
	const char *room_id, tr_matrix_callback *callback, void *arg)
{
	struct tr_matrix_spec spec = {
		.operation = "get_all_state", .method = "GET", .as_user = as_user};

	return tr_matrix_start(
		client, &spec, callback, arg, "/_matrix/client/v3/rooms/{}/state", room_id, NULL);
}

struct tr_matrix_call *tr_matrix_get_event(struct tr_matrix_client *client, const char *as_user,
	const char *room_id, const char *event_id, tr_matrix_callback *callback, void *arg)
{
	struct tr_matrix_spec spec = {
		.operation = "get_event", .method = "GET", .as_user = as_user};

	return tr_matrix_start(client, &spec, callback, arg, "/_matrix/client/v3/rooms/{}/event/{}",
		room_id, event_id, NULL);
}

struct tr_matrix_call *tr_matrix_context(struct tr_matrix_client *client, const char *as_user,
	const char *room_id, const char *event_id, const char *user_id,
	tr_matrix_callback *callback, void *arg)
{
	struct tr_json *filter = tr_json_new_object();
	struct tr_buf text = TR_BUF_INIT(TR_MATRIX_URL_MAX);
	struct tr_buf query = TR_BUF_INIT(TR_MATRIX_URL_MAX);
	struct tr_matrix_spec spec = {.operation = "context", .method = "GET", .as_user = as_user};
	struct tr_matrix_call *call;

	tr_json_append_str(tr_json_add_array(filter, "types"), TR_STR("m.room.member"));
	tr_json_append_str(tr_json_add_array(filter, "senders"), tr_str_from(user_id));
	tr_json_print(filter, &text);
	tr_matrix_query_add(&query, "limit", "0");
	tr_matrix_query_add(&query, "filter", tr_buf_c(&text));
	spec.query = tr_buf_c(&query);
	call = tr_matrix_start(client, &spec, callback, arg,
		"/_matrix/client/v3/rooms/{}/context/{}", room_id, event_id, NULL);
	tr_json_free(filter);
	tr_buf_finish(&text);
	tr_buf_finish(&query);
	return call;
}

struct tr_matrix_call *tr_matrix_joined_members(struct tr_matrix_client *client,
	const char *as_user, const char *room_id, tr_matrix_callback *callback, void *arg)
{
	struct tr_matrix_spec spec = {
		.operation = "joined_members", .method = "GET", .as_user = as_user};

	return tr_matrix_start(client, &spec, callback, arg,
		"/_matrix/client/v3/rooms/{}/joined_members", room_id, NULL);
}

struct tr_matrix_call *tr_matrix_members(struct tr_matrix_client *client, const char *as_user,
	const char *room_id, const char *membership_wanted, tr_matrix_callback *callback, void *arg)
{
	struct tr_buf query = TR_BUF_INIT(TR_MATRIX_URL_MAX);
	struct tr_matrix_spec spec = {.operation = "members", .method = "GET", .as_user = as_user};
	struct tr_matrix_call *call;

	tr_matrix_query_add(&query, "membership", membership_wanted);
	spec.query = tr_buf_c(&query);
	call = tr_matrix_start(
		client, &spec, callback, arg, "/_matrix/client/v3/rooms/{}/members", room_id, NULL);
	tr_buf_finish(&query);
	return call;
}

struct tr_matrix_call *tr_matrix_messages(struct tr_matrix_client *client, const char *as_user,
	const char *room_id, const struct tr_matrix_messages_query *query,
	tr_matrix_callback *callback, void *arg)
{
	struct tr_buf text = TR_BUF_INIT(TR_MATRIX_URL_MAX);
	struct tr_matrix_spec spec = {.operation = "messages", .method = "GET", .as_user = as_user};
	struct tr_matrix_call *call;
	char limit[16];

	tr_matrix_query_add(&text, "dir", query->forward ? "f" : "b");
	tr_matrix_query_add(&text, "from", query->from);
	tr_matrix_query_add(&text, "to", query->to);
	if (query->limit > 0) {
		(void)snprintf(limit, sizeof(limit), "%u", query->limit);
		tr_matrix_query_add(&text, "limit", limit);
	}
	tr_matrix_query_add(&text, "filter", query->filter_json);
	spec.query = tr_buf_c(&text);
	call = tr_matrix_start(client, &spec, callback, arg, "/_matrix/client/v3/rooms/{}/messages",
		room_id, NULL);
	tr_buf_finish(&text);
	return call;
}

struct tr_matrix_call *tr_matrix_joined_rooms(struct tr_matrix_client *client, const char *as_user,
	tr_matrix_callback *callback, void *arg)
{
	struct tr_matrix_spec spec = {
		.operation = "joined_rooms", .method = "GET", .as_user = as_user};

	return tr_matrix_start(
		client, &spec, callback, arg, "/_matrix/client/v3/joined_rooms", NULL);
}

struct tr_matrix_call *tr_matrix_alias_put(struct tr_matrix_client *client, const char *alias,
	const char *room_id, tr_matrix_callback *callback, void *arg)
{
	struct tr_json *body = tr_json_new_object();
	struct tr_matrix_spec spec = {.operation = "alias_put", .method = "PUT", .json = body};

	tr_json_set_c(body, "room_id", room_id);
	return tr_matrix_start(
		client, &spec, callback, arg, "/_matrix/client/v3/directory/room/{}", alias, NULL);
}

struct tr_matrix_call *tr_matrix_alias_get(
	struct tr_matrix_client *client, const char *alias, tr_matrix_callback *callback, void *arg)
{
	struct tr_matrix_spec spec = {
		.operation = "alias_get", .method = "GET", .required = "room_id"};

	return tr_matrix_start(
		client, &spec, callback, arg, "/_matrix/client/v3/directory/room/{}", alias, NULL);
}

struct tr_matrix_call *tr_matrix_alias_delete(
	struct tr_matrix_client *client, const char *alias, tr_matrix_callback *callback, void *arg)
{
	struct tr_matrix_spec spec = {.operation = "alias_delete", .method = "DELETE"};

	return tr_matrix_start(
		client, &spec, callback, arg, "/_matrix/client/v3/directory/room/{}", alias, NULL);
}

struct tr_matrix_call *tr_matrix_directory_visibility(struct tr_matrix_client *client,
	const char *network_id, const char *room_id, bool visible, tr_matrix_callback *callback,
	void *arg)
{
	struct tr_matrix_spec spec = {.operation = "directory_visibility",
		.method = "PUT",
		.body = visible ? TR_STR("{\"visibility\":\"public\"}")
				: TR_STR("{\"visibility\":\"private\"}")};

	return tr_matrix_start(client, &spec, callback, arg,
		"/_matrix/client/v3/directory/list/appservice/{}/{}", network_id, room_id, NULL);
}
