/* SPDX-License-Identifier: Apache-2.0
 *
 * Client-server API: what the server can do, who one is, registration, profiles, presence and
 * account data.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/support/homeserver/api.h"

static void versions(struct hs_api *api)
{
	hs_text_puts(hs_api_out(api),
		"{\"versions\":[\"r0.6.1\",\"v1.1\",\"v1.2\",\"v1.3\",\"v1.4\",\"v1.5\",\"v1.6\",\"v1.7\","
		"\"v1.8\",\"v1.9\",\"v1.10\",\"v1.11\",\"v1.12\",\"v1.13\",\"v1.14\",\"v1.15\"],"
		"\"unstable_features\":{\"fi.mau.msc2659.stable\":true}}");
	hs_api_reply(api);
}

static void capabilities(struct hs_api *api)
{
	hs_text_printf(hs_api_out(api),
		"{\"capabilities\":{\"m.room_versions\":{\"default\":\"%d\",\"available\":{"
		"\"1\":\"stable\",\"6\":\"stable\",\"9\":\"stable\",\"10\":\"stable\","
		"\"11\":\"stable\",\"12\":\"stable\"}},\"m.change_password\":{\"enabled\":true}}}",
		api->server->room_version);
	hs_api_reply(api);
}

static void whoami(struct hs_api *api)
{
	hs_text_puts(hs_api_out(api), "{");
	hs_text_pair(hs_api_out(api), "user_id", api->user);
	hs_text_puts(hs_api_out(api), ",\"is_guest\":false}");
	hs_api_reply(api);
}

/* An appservice may have any letters in the ids of its namespace, as Synapse lets it. */
static bool may_register(struct hs_api *api, const char *name, const char *user_id)
{
	if (!name[0]) {
		hs_api_error(api, 400, "M_INVALID_USERNAME", "User ID cannot be empty");
		return false;
	}
	if (!hs_server_is_ours(api->server, user_id)) {
		hs_api_error(api, 400, "M_EXCLUSIVE",
			"Invalid user localpart for this application service.");
		return false;
	}
	if (hs_server_user(api->server, user_id)) {
		hs_api_error(api, 400, "M_USER_IN_USE", "User ID already taken.");
		return false;
	}
	return true;
}

static void put_registered(struct hs_api *api, struct hs_user *user)
{
	struct hs_text *out = hs_api_out(api);
	hs_text_puts(out, "{");
	hs_text_pair(out, "user_id", user->id);
	hs_text_pair(out, "home_server", api->server->domain);
	if (!cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(api->body, "inhibit_login"))) {
		hs_text_pair(out, "access_token", hs_server_token(api->server, user));
		hs_text_pair(out, "device_id", "STUB");
	}
	hs_text_puts(out, "}");
	hs_api_reply(api);
}

static void do_register(struct hs_api *api)
{
	const char *type = hs_api_string(api, "type");
	const char *name = hs_api_string(api, "username");
	const char *header = hs_request_header(api->request, "Authorization");
	struct hs_text token = {0};
	hs_text_printf(&token, "Bearer %s", api->server->appservice.as_token);
	bool known = header && strcmp(header, token.data) == 0;
	hs_text_free(&token);
	if (!type || strcmp(type, "m.login.application_service") != 0) {
		hs_api_error(api, 403, "M_FORBIDDEN", "Registration has been disabled");
		return;
	}
	if (!known) {
		hs_api_error(api, 401, "M_UNKNOWN_TOKEN", "Invalid access token passed.");
		return;
	}
	if (!name) {
		hs_api_error(api, 400, "M_MISSING_PARAM", "Missing params: ['username']");
		return;
	}
	struct hs_text user_id = {0};
	hs_text_printf(&user_id, "@%s:%s", name, api->server->domain);
	if (may_register(api, name, user_id.data)) {
		struct hs_user *user = hs_server_add_user(api->server, user_id.data);
		user->displayname = hs_dup(name); /* as Synapse does */
		put_registered(api, user);
	}
	hs_text_free(&user_id);
}

static struct hs_user *profile_user(struct hs_api *api)
{
	struct hs_user *user = hs_server_user(api->server, api->args[0]);
	if (!user) {
		hs_api_error(api, 404, "M_UNKNOWN", "No row found (profiles)");
	}
	return user;
}

static void put_profile(struct hs_api *api, const struct hs_user *user, bool name, bool avatar)
{
	struct hs_text *out = hs_api_out(api);
	hs_text_puts(out, "{");
	if (name && user->displayname) {
		hs_text_pair(out, "displayname", user->displayname);
	}
	if (avatar && user->avatar_url) {
		hs_text_pair(out, "avatar_url", user->avatar_url);
	}
	hs_text_puts(out, "}");
	hs_api_reply(api);
}

static void get_profile(struct hs_api *api)
{
	const char *field = api->args[1];
	const struct hs_user *user = profile_user(api);
	if (user) {
		put_profile(api, user, !field || strcmp(field, "displayname") == 0,
			!field || strcmp(field, "avatar_url") == 0);
	}
}

static void set_profile(struct hs_api *api)
{
	const char *field = api->args[1];
	struct hs_user *user = hs_server_user(api->server, api->user);
	if (!user || strcmp(api->args[0], api->user) != 0) {
		hs_api_error(api, 400, "M_FORBIDDEN", "Cannot set another user's %s", field);
		return;
	}
	bool name = strcmp(field, "displayname") == 0;
	if (!name && strcmp(field, "avatar_url") != 0) {
		hs_api_empty(api); /* a custom field: taken, not kept */
		return;
	}
	const char *value = hs_api_string(api, field);
	char **kept = name ? &user->displayname : &user->avatar_url;
	bool same = (value ? value[0] : '\0') == '\0' ? !*kept : *kept && strcmp(*kept, value) == 0;
	if (!same) {
		free(*kept);
		*kept = value && value[0] ? hs_dup(value) : NULL;
		hs_membership_renew(api->server, user);
	}
	hs_api_empty(api);
}

static void accept_anything(struct hs_api *api)
{
	hs_api_empty(api);
}

static void get_presence(struct hs_api *api)
{
	hs_text_puts(hs_api_out(api), "{\"presence\":\"offline\"}");
	hs_api_reply(api);
}

static void no_account_data(struct hs_api *api)
{
	hs_api_error(api, 404, "M_NOT_FOUND", "Account data not found");
}

const struct hs_route hs_routes_account[] = {
	{"GET", "/_matrix/client/versions", versions, HS_ROUTE_OPEN},
	{"GET", "capabilities", capabilities, 0},
	{"GET", "account/whoami", whoami, 0},
	{"POST", "register", do_register, HS_ROUTE_OPEN | HS_ROUTE_JSON},
	{"GET", "profile/*", get_profile, HS_ROUTE_OPEN},
	{"GET", "profile/*/*", get_profile, HS_ROUTE_OPEN},
	{"PUT", "profile/*/*", set_profile, HS_ROUTE_JSON},
	{"GET", "presence/*/status", get_presence, 0},
	{"PUT", "presence/*/status", accept_anything, HS_ROUTE_JSON},
	{"GET", "user/*/account_data/*", no_account_data, 0},
	{"PUT", "user/*/account_data/*", accept_anything, HS_ROUTE_JSON},
	{0},
};
