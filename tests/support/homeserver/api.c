/* SPDX-License-Identifier: Apache-2.0
 *
 * Implements api.h: routes, authorization, and the faults a test has asked for.
 */
#include "tests/support/homeserver/api.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_SEGMENTS = 12 };

struct path {
	char *copy;
	const char *segments[MAX_SEGMENTS];
	size_t count;
};

static const struct hs_route *const tables[] = {hs_routes_event, hs_routes_room, hs_routes_history,
	hs_routes_account, hs_routes_directory, hs_routes_media, hs_routes_appservice};

struct hs_text *hs_api_out(struct hs_api *api)
{
	return &api->request->answer;
}

void hs_api_reply(struct hs_api *api)
{
	hs_request_answer(api->request, 200);
}

void hs_api_empty(struct hs_api *api)
{
	hs_text_puts(&api->request->answer, "{}");
	hs_request_answer(api->request, 200);
}

void hs_api_error(struct hs_api *api, int status, const char *errcode, const char *format, ...)
{
	char message[512];
	va_list args;
	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	struct hs_text *out = hs_api_out(api);
	hs_text_clear(out);
	hs_text_puts(out, "{");
	hs_text_pair(out, "errcode", errcode);
	hs_text_pair(out, "error", message);
	hs_text_puts(
		out, strcmp(errcode, "M_UNKNOWN_TOKEN") == 0 ? ",\"soft_logout\":false}" : "}");
	hs_request_answer(api->request, status);
}

void hs_api_refused(struct hs_api *api, const struct hs_refusal *refusal)
{
	hs_api_error(api, refusal->status, refusal->errcode, "%s", refusal->message);
}

void hs_api_event_id(struct hs_api *api, const char *event_id)
{
	hs_text_puts(hs_api_out(api), "{");
	hs_text_pair(hs_api_out(api), "event_id", event_id);
	hs_text_puts(hs_api_out(api), "}");
	hs_api_reply(api);
}

const char *hs_api_string(const struct hs_api *api, const char *name)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(api->body, name));
}

struct hs_room *hs_api_room(struct hs_api *api)
{
	struct hs_room *room = hs_server_room(api->server, api->args[0]);
	if (!room) {
		hs_api_error(api, 404, "M_UNKNOWN", "Not a known room");
	}
	return room;
}

static struct hs_room *room_with_user(struct hs_api *api, const char *more)
{
	struct hs_room *room = hs_server_room(api->server, api->args[0]);
	if (!room || hs_room_membership(room, api->user) != HS_JOIN) {
		hs_api_error(api, 403, "M_FORBIDDEN", "User %s not in room %s%s", api->user,
			api->args[0], more);
		return NULL;
	}
	return room;
}

struct hs_room *hs_api_joined_room(struct hs_api *api)
{
	return room_with_user(api, ", and room previews are disabled");
}

struct hs_room *hs_api_sending_room(struct hs_api *api)
{
	return room_with_user(api, "");
}

const char *hs_api_body_line(struct hs_api *api, size_t *len)
{
	struct hs_text *body = &api->request->body;
	if (body->len == 0) {
		hs_text_puts(body, "{}");
	}
	/* Outside of strings line ends are mere space, and inside they are not legal. */
	for (size_t i = 0; i < body->len; i++) {
		if (body->data[i] == '\n' || body->data[i] == '\r') {
			body->data[i] = ' ';
		}
	}
	*len = body->len;
	return body->data;
}

static bool act_as_appservice(struct hs_api *api, char **user_id)
{
	const struct hs_appservice *appservice = &api->server->appservice;
	api->appservice = true;
	api->owner = appservice->id;
	*user_id = hs_request_query(api->request, "user_id");
	if (!*user_id || strcmp(*user_id, appservice->sender) == 0) {
		api->user = appservice->sender;
		return true;
	}
	if (!hs_server_is_ours(api->server, *user_id)) {
		hs_api_error(api, 403, "M_FORBIDDEN",
			"Application service cannot masquerade as this user (%s).", *user_id);
		return false;
	}
	if (!hs_server_user(api->server, *user_id)) {
		hs_api_error(api, 403, "M_FORBIDDEN",
			"Application service has not registered this user (%s)", *user_id);
		return false;
	}
	api->user = *user_id;
	return true;
}

static bool authorize(struct hs_api *api, char **user_id)
{
	const char *header = hs_request_header(api->request, "Authorization");
	if (!header || strncmp(header, "Bearer ", 7) != 0) {
		hs_api_error(api, 401, "M_MISSING_TOKEN", "Missing access token");
		return false;
	}
	const char *token = header + 7;
	if (strcmp(token, api->server->appservice.as_token) == 0) {
		return act_as_appservice(api, user_id);
	}
	const struct hs_user *user = hs_server_user_by_token(api->server, token);
	if (!user) {
		hs_api_error(api, 401, "M_UNKNOWN_TOKEN", "Invalid access token passed.");
		return false;
	}
	api->user = api->owner = user->id;
	return true;
}

static bool split(struct path *path, const char *raw)
{
	path->copy = hs_dup(raw[0] == '/' ? raw + 1 : raw);
	char *at = path->copy;
	for (;;) {
		if (path->count == MAX_SEGMENTS) {
			return false;
		}
		path->segments[path->count++] = at;
		char *slash = strchr(at, '/');
		if (!slash) {
			return true;
		}
		*slash = '\0';
		at = slash + 1;
	}
}

/* Does the path fit the route's pattern? Segments behind a * become arguments, still encoded. */
static bool fits(const char *pattern, const struct path *path, size_t from, const char **args)
{
	size_t arg = 0;
	for (size_t i = from; i < path->count; i++) {
		size_t len = strcspn(pattern, "/");
		bool last = pattern[len] == '\0';
		if (len == 1 && pattern[0] == '*') {
			args[arg++] = path->segments[i];
		} else if (strlen(path->segments[i]) != len ||
			   memcmp(pattern, path->segments[i], len) != 0) {
			return false;
		}
		if (last && i + 1 == path->count) {
			while (arg < HS_API_ARGS) {
				args[arg++] = NULL; /* may be left over from another pattern */
			}
			return true;
		}
		if (last) {
			return false;
		}
		pattern += len + 1;
	}
	return false;
}

static bool is_client_path(const struct path *path)
{
	return path->count >= 4 && strcmp(path->segments[0], "_matrix") == 0 &&
	       strcmp(path->segments[1], "client") == 0;
}

static const struct hs_route *find_route(struct hs_api *api, const struct path *path, bool *known)
{
	bool client = is_client_path(path);
	for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++) {
		for (const struct hs_route *route = tables[t]; route->method; route++) {
			bool whole = route->path[0] == '/';
			if (!whole && !client) {
				continue;
			}
			if (!fits(whole ? route->path + 1 : route->path, path, whole ? 0 : 3,
				    api->args)) {
				continue;
			}
			*known = true;
			if (strcmp(route->method, api->request->method) == 0) {
				return route;
			}
		}
	}
	return NULL;
}

static bool parse_body(struct hs_api *api)
{
	const struct hs_text *body = &api->request->body;
	if (body->len == 0) {
		api->body = cJSON_CreateObject();
		return true;
	}
	const char *end = NULL;
	api->body = cJSON_ParseWithLengthOpts(body->data, body->len + 1, &end, 1);
	if (!api->body || strlen(body->data) != body->len) {
		hs_api_error(api, 400, "M_NOT_JSON", "Content not JSON.");
		return false;
	}
	if (!cJSON_IsObject(api->body)) {
		hs_api_error(api, 400, "M_BAD_JSON", "Content must be a JSON object.");
		return false;
	}
	return true;
}

static void dispatch(struct hs_api *api, struct path *path)
{
	bool known = false;
	char *user_id = NULL;
	if (!split(path, api->request->path)) {
		hs_api_error(api, 404, "M_UNRECOGNIZED", "Unrecognized request");
		return;
	}
	const struct hs_route *route = find_route(api, path, &known);
	if (!route) {
		hs_api_error(api, known ? 405 : 404, "M_UNRECOGNIZED", "Unrecognized request");
		return;
	}
	for (size_t i = 0; i < HS_API_ARGS && api->args[i]; i++) {
		hs_unescape((char *)(uintptr_t)api->args[i], false);
	}
	if ((route->flags & HS_ROUTE_OPEN) || authorize(api, &user_id)) {
		if (!(route->flags & HS_ROUTE_JSON) || parse_body(api)) {
			route->handle(api);
		}
	}
	cJSON_Delete(api->body);
	free(user_id);
}

/* As the homeserver itself refuses (4xx), or as the proxy before one that is away (5xx). */
static void answer_error(struct hs_api *api, int status)
{
	if (status < 500) {
		hs_api_error(api, status,
			status == 403   ? "M_FORBIDDEN"
			: status == 404 ? "M_NOT_FOUND"
					: "M_UNKNOWN",
			"A fault that was asked for");
		return;
	}
	api->request->content_type = "text/html";
	hs_text_puts(&api->request->answer, "<html><body><h1>Bad Gateway</h1></body></html>\n");
	hs_request_answer(api->request, status);
}

/* true when a fault has answered in place of the handler. */
static bool strike(struct hs_api *api)
{
	struct hs_request *request = api->request;
	struct hs_faults *faults = &api->server->faults;
	const struct hs_fault *fault =
		hs_fault_take(faults, HS_FAULT_LIMIT, request->method, request->path);
	if (fault) {
		hs_text_printf(&request->answer,
			"{\"errcode\":\"M_LIMIT_EXCEEDED\",\"error\":\"Too Many Requests\","
			"\"retry_after_ms\":%" PRId64 "}",
			fault->retry_after_ms);
		request->retry_after_s = (fault->retry_after_ms + 999) / 1000;
		hs_request_answer(request, 429);
		return true;
	}
	fault = hs_fault_take(faults, HS_FAULT_ERROR, request->method, request->path);
	if (fault) {
		answer_error(api, fault->status);
		return true;
	}
	return false;
}

void hs_api_again(struct hs_request *request, struct hs_server *server)
{
	struct hs_api api = {.server = server, .request = request, .again = true};
	struct path path = {0};
	dispatch(&api, &path);
	free(path.copy);
}

void hs_api_handle(struct hs_request *request, void *user)
{
	struct hs_api api = {.server = user, .request = request};
	struct path path = {0};
	api.server->counters.requests++;
	request->delay_ms = api.server->delay_ms;
	if (strike(&api)) {
		return;
	}
	dispatch(&api, &path);
	free(path.copy);
	request->drop = hs_fault_take(&api.server->faults, HS_FAULT_DROP, request->method,
				request->path) != NULL;
}
