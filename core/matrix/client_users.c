/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client-server calls about users (accounts, profiles, presence and other hints) and about the
 * homeserver itself. How a call is made is in client.c.
 */
#include "core/matrix/client_internal.h"

struct tr_matrix_call *tr_matrix_register(struct tr_matrix_client *client, const char *localpart,
	tr_matrix_callback *callback, void *arg)
{
	struct tr_json *body = tr_json_new_object();
	struct tr_matrix_spec spec = {.operation = "register",
		.method = "POST",
		.json = body,
		.success_errcode = "M_USER_IN_USE"};

	tr_json_set_c(body, "type", "m.login.application_service");
	tr_json_set_c(body, "username", localpart);
	/* Without this, homeservers with their own login service refuse (Matrix 1.17). */
	tr_json_set_bool(body, "inhibit_login", true);
	return tr_matrix_start(client, &spec, callback, arg, "/_matrix/client/v3/register", NULL);
}

static struct tr_matrix_call *set_profile(struct tr_matrix_client *client, const char *operation,
	const char *user_id, const char *field, const char *value, tr_matrix_callback *callback,
	void *arg)
{
	struct tr_json *body = tr_json_new_object();
	struct tr_matrix_spec spec = {
		.operation = operation, .method = "PUT", .as_user = user_id, .json = body};

	tr_json_set_c(body, field, value);
	return tr_matrix_start(client, &spec, callback, arg, "/_matrix/client/v3/profile/{}/{}",
		user_id, field, NULL);
}

struct tr_matrix_call *tr_matrix_set_displayname(struct tr_matrix_client *client,
	const char *user_id, const char *name, tr_matrix_callback *callback, void *arg)
{
	return set_profile(client, "set_displayname", user_id, "displayname", name, callback, arg);
}

struct tr_matrix_call *tr_matrix_set_avatar_url(struct tr_matrix_client *client,
	const char *user_id, const char *mxc, tr_matrix_callback *callback, void *arg)
{
	return set_profile(client, "set_avatar_url", user_id, "avatar_url", mxc, callback, arg);
}

struct tr_matrix_call *tr_matrix_get_profile(struct tr_matrix_client *client, const char *as_user,
	const char *user_id, tr_matrix_callback *callback, void *arg)
{
	struct tr_matrix_spec spec = {
		.operation = "get_profile", .method = "GET", .as_user = as_user};

	return tr_matrix_start(
		client, &spec, callback, arg, "/_matrix/client/v3/profile/{}", user_id, NULL);
}

struct tr_matrix_call *tr_matrix_typing(struct tr_matrix_client *client, const char *user_id,
	const char *room_id, bool typing, uint64_t timeout_ms, tr_matrix_callback *callback,
	void *arg)
{
	struct tr_json *body = tr_json_new_object();
	struct tr_matrix_spec spec = {
		.operation = "typing", .method = "PUT", .as_user = user_id, .json = body};

	tr_json_set_bool(body, "typing", typing);
	if (typing) {
		tr_json_set_int(body, "timeout", (int64_t)timeout_ms);
	}
	return tr_matrix_start(client, &spec, callback, arg,
		"/_matrix/client/v3/rooms/{}/typing/{}", room_id, user_id, NULL);
}

struct tr_matrix_call *tr_matrix_presence(struct tr_matrix_client *client, const char *user_id,
	const char *presence, const char *status, tr_matrix_callback *callback, void *arg)
{
	struct tr_json *body = tr_json_new_object();
	struct tr_matrix_spec spec = {
		.operation = "presence", .method = "PUT", .as_user = user_id, .json = body};

	tr_json_set_c(body, "presence", presence);
	tr_matrix_set_optional(body, "status_msg", status);
	return tr_matrix_start(client, &spec, callback, arg,
		"/_matrix/client/v3/presence/{}/status", user_id, NULL);
}

struct tr_matrix_call *tr_matrix_receipt(struct tr_matrix_client *client, const char *as_user,
	const char *room_id, const char *type, const char *event_id, tr_matrix_callback *callback,
	void *arg)
{
	struct tr_matrix_spec spec = {
		.operation = "receipt", .method = "POST", .as_user = as_user, .body = TR_STR("{}")};

	return tr_matrix_start(client, &spec, callback, arg,
		"/_matrix/client/v3/rooms/{}/receipt/{}/{}", room_id, type, event_id, NULL);
}

struct tr_matrix_call *tr_matrix_whoami(struct tr_matrix_client *client, const char *as_user,
	tr_matrix_callback *callback, void *arg)
{
	struct tr_matrix_spec spec = {
		.operation = "whoami", .method = "GET", .as_user = as_user, .required = "user_id"};

	return tr_matrix_start(
		client, &spec, callback, arg, "/_matrix/client/v3/account/whoami", NULL);
}

struct tr_matrix_call *tr_matrix_versions(
	struct tr_matrix_client *client, tr_matrix_callback *callback, void *arg)
{
	struct tr_matrix_spec spec = {.operation = "versions", .method = "GET"};

	return tr_matrix_start(client, &spec, callback, arg, "/_matrix/client/versions", NULL);
}

struct tr_matrix_call *tr_matrix_capabilities(struct tr_matrix_client *client, const char *as_user,
	tr_matrix_callback *callback, void *arg)
{
	struct tr_matrix_spec spec = {
		.operation = "capabilities", .method = "GET", .as_user = as_user};

	return tr_matrix_start(
		client, &spec, callback, arg, "/_matrix/client/v3/capabilities", NULL);
}

struct tr_matrix_call *tr_matrix_appservice_ping(struct tr_matrix_client *client,
	const char *appservice_id, const char *txn_id, tr_matrix_callback *callback, void *arg)
{
	struct tr_json *body = tr_json_new_object();
	struct tr_matrix_spec spec = {
		.operation = "appservice_ping", .method = "POST", .json = body};

	tr_json_set_c(body, "transaction_id", txn_id);
	return tr_matrix_start(client, &spec, callback, arg,
		"/_matrix/client/v1/appservice/{}/ping", appservice_id, NULL);
}
