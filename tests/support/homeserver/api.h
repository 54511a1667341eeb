/* SPDX-License-Identifier: Apache-2.0
 *
 * The client-server API: from a whole request to the handler of its route, and the ways to answer.
 *
 * A handler answers before it returns, except the few that keep the request (http.h) and say so.
 * What it gets is borrowed for the call.
 */
#ifndef HS_API_H
#define HS_API_H

#include <cjson/cJSON.h>

#include "tests/support/homeserver/http.h"
#include "tests/support/homeserver/membership.h"
#include "tests/support/homeserver/server.h"

enum { HS_API_ARGS = 6 };

struct hs_api {
	struct hs_server *server;
	struct hs_request *request;
	const char *user;  /* who acts; NULL on routes without authorization */
	const char *owner; /* whose idempotency cache: the appservice's id, or the user */
	bool appservice;
	bool again;                    /* this request was kept and starts for the second time */
	const char *args[HS_API_ARGS]; /* the path segments behind *, decoded */
	cJSON *body;                   /* an object, on routes that take JSON */
};

enum {
	HS_ROUTE_OPEN = 1, /* no authorization */
	HS_ROUTE_JSON = 2, /* the body must be a JSON object; an empty one counts as {} */
};

struct hs_route {
	const char *method;
	const char *path; /* behind /_matrix/client/<version>/ unless it starts with a slash */
	void (*handle)(struct hs_api *api);
	unsigned flags;
};

/* Each file api_*.c has one table, ended by a NULL method. */
extern const struct hs_route hs_routes_account[];
extern const struct hs_route hs_routes_room[];
extern const struct hs_route hs_routes_event[];
extern const struct hs_route hs_routes_history[];
extern const struct hs_route hs_routes_directory[];
extern const struct hs_route hs_routes_media[];
extern const struct hs_route hs_routes_appservice[];

/* The request handler of the client port; user: struct hs_server. */
void hs_api_handle(struct hs_request *request, void *user);

/* Starts a kept request again from its route on. */
void hs_api_again(struct hs_request *request, struct hs_server *server);

/* Where the answer is written; then hs_api_reply(). */
struct hs_text *hs_api_out(struct hs_api *api);
void hs_api_reply(struct hs_api *api);
void hs_api_empty(struct hs_api *api);
void hs_api_error(struct hs_api *api, int status, const char *errcode, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
void hs_api_refused(struct hs_api *api, const struct hs_refusal *refusal);
/* {"event_id": id} */
void hs_api_event_id(struct hs_api *api, const char *event_id);

/* A string of the body, or NULL. */
const char *hs_api_string(const struct hs_api *api, const char *name);
/* The room of args[0]; NULL after having answered 404. */
struct hs_room *hs_api_room(struct hs_api *api);
/* The same, and the user is joined; NULL after having answered 403, which does not tell whether the
 * room exists. The first is for what reads a room, the second for what sends into it. */
struct hs_room *hs_api_joined_room(struct hs_api *api);
struct hs_room *hs_api_sending_room(struct hs_api *api);
/* The body's text on one line, trimmed of nothing else. Borrowed from the request. */
const char *hs_api_body_line(struct hs_api *api, size_t *len);

#endif
