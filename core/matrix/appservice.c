/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The listener for homeservers: who is it (token), is that a thing to ask (route), and the ways to
 * answer. What the routes mean is in appservice_routes.c; what a transaction's events mean is left
 * to the handlers.
 */
#include "core/matrix/appservice_internal.h"

#include "core/base/alloc.h"
#include "core/base/digest.h"

#include <string.h>

struct tr_appservice {
	struct tr_http_server *http;
	struct tr_list registrations;
	bool legacy_query_token;
};

static const char json_type[] = "application/json";

void tr_appservice_respond_error(
	struct tr_http_server_request *http, int status, const char *errcode, const char *text)
{
	struct tr_json *body = tr_json_new_object();
	struct tr_buf printed = TR_BUF_INIT(64 * 1024);

	tr_json_set_c(body, "errcode", errcode);
	tr_json_set_c(body, "error", text);
	(void)tr_json_print(body, &printed);
	tr_http_server_respond(http, status, json_type, tr_buf_str(&printed));
	tr_buf_finish(&printed);
	tr_json_free(body);
}

/* The token of the Authorization header; false when there is none. */
static bool bearer_token(const struct tr_http_server_request *http, struct tr_str *token)
{
	struct tr_str value = tr_http_server_header(http, "Authorization");
	struct tr_str scheme = TR_STR("Bearer ");

	if (value.len < scheme.len ||
		!tr_str_eq_nocase(tr_str_slice(value, 0, scheme.len), scheme)) {
		return false;
	}
	*token = tr_str_trim(tr_str_from_index(value, scheme.len));
	return true;
}

/* Whose token it is. All are compared, so that the time tells nothing about them. */
static struct tr_appservice_registration *find_by_token(
	const struct tr_appservice *appservice, struct tr_str token)
{
	struct tr_appservice_registration *found = NULL;
	struct tr_list *node;
	struct tr_list *following;

	TR_LIST_EACH (&appservice->registrations, node, following) {
		struct tr_appservice_registration *registration =
			TR_LIST_ENTRY(node, struct tr_appservice_registration, node);

		if (tr_secret_equal(token, tr_str_from(registration->hs_token))) {
			found = registration;
		}
	}
	return found;
}

/* The registration the request is for, or NULL when it has been answered 401 or 403. */
static struct tr_appservice_registration *authenticate(
	struct tr_appservice *appservice, struct tr_http_server_request *http)
{
	struct tr_appservice_registration *registration;
	struct tr_str header = TR_STR("");
	struct tr_str query = TR_STR("");
	bool by_header = bearer_token(http, &header);
	bool by_query = appservice->legacy_query_token &&
			tr_http_server_query(http, "access_token", &query);

	if (!by_header && !by_query) {
		tr_appservice_respond_error(http, 401, "M_MISSING_TOKEN", "Missing token");
		return NULL;
	}
	registration = find_by_token(appservice, by_header ? header : query);
	if (!registration || (by_header && by_query && !tr_secret_equal(header, query))) {
		tr_appservice_respond_error(http, 403, "M_FORBIDDEN", "Bad token");
		return NULL;
	}
	return registration;
}

static void on_headers(void *arg, struct tr_http_server_request *http)
{
	struct tr_appservice *appservice = arg;
	struct tr_route route = tr_route_find(tr_http_server_path(http));
	struct tr_appservice_registration *registration;

	if (route.kind == TR_ROUTE_NONE) {
		tr_appservice_respond_error(http, 404, "M_UNRECOGNIZED", "Unrecognized request");
		return;
	}
	if (!tr_str_eq_c(tr_http_server_method(http), route.method)) {
		tr_http_server_add_header(http, "Allow", route.method);
		tr_appservice_respond_error(http, 405, "M_UNRECOGNIZED", "Method not allowed");
		return;
	}
	registration = authenticate(appservice, http);
	if (!registration) {
		return;
	}
	if (!registration->ready && route.kind != TR_ROUTE_PING) {
		tr_appservice_respond_error(http, 503, "M_UNKNOWN", "The bridge is not ready yet");
		return;
	}
	tr_http_server_set_data(http, registration);
}

static void on_request(void *arg, struct tr_http_server_request *http)
{
	struct tr_route route = tr_route_find(tr_http_server_path(http));

	(void)arg;
	tr_route_dispatch(tr_http_server_data(http), &route, http);
}

static const struct tr_http_server_handler server_handler = {on_headers, on_request};

struct tr_appservice *tr_appservice_create(
	struct tr_loop *loop, const struct tr_appservice_options *options, struct tr_error *error)
{
	struct tr_appservice *appservice = tr_alloc(sizeof(*appservice));
	struct tr_http_server_options http = {
		.listen = options->listen, .body_max = options->body_max};

	tr_list_init(&appservice->registrations);
	appservice->legacy_query_token = options->legacy_query_token;
	appservice->http = tr_http_server_create(loop, &http, &server_handler, appservice, error);
	if (!appservice->http) {
		tr_free(appservice);
		return NULL;
	}
	return appservice;
}

void tr_appservice_quiesce(struct tr_appservice *appservice)
{
	tr_http_server_quiesce(appservice->http);
}

void tr_appservice_destroy(struct tr_appservice *appservice)
{
	struct tr_list *node;

	if (!appservice) {
		return;
	}
	tr_http_server_destroy(appservice->http);
	while ((node = tr_list_head(&appservice->registrations)) != NULL) {
		struct tr_appservice_registration *registration =
			TR_LIST_ENTRY(node, struct tr_appservice_registration, node);

		tr_list_remove(node);
		tr_free_secret(registration->hs_token);
		tr_free(registration);
	}
	tr_free(appservice);
}

uint16_t tr_appservice_port(const struct tr_appservice *appservice)
{
	return tr_http_server_port(appservice->http);
}

uint64_t tr_appservice_too_big_count(const struct tr_appservice *appservice)
{
	return tr_http_server_too_big_count(appservice->http);
}

struct tr_appservice_registration *tr_appservice_add(struct tr_appservice *appservice,
	const char *hs_token, const struct tr_appservice_handler *handler, void *arg)
{
	struct tr_appservice_registration *registration = tr_alloc(sizeof(*registration));

	TR_ASSERT(hs_token[0] != '\0' && handler->on_transaction);
	TR_ASSERT(!find_by_token(appservice, tr_str_from(hs_token)));
	registration->hs_token = tr_strdup(hs_token);
	registration->handler = handler;
	registration->arg = arg;
	tr_list_append(&appservice->registrations, &registration->node);
	return registration;
}

void tr_appservice_set_ready(struct tr_appservice_registration *registration, bool ready)
{
	registration->ready = ready;
}

void tr_appservice_reply_destroy(void *owned)
{
	struct tr_appservice_reply *reply = owned;

	tr_json_free(reply->body);
	tr_json_free(reply->fields);
	tr_buf_finish(&reply->param);
	tr_free(reply);
}

void tr_appservice_answer(struct tr_appservice_reply *reply, struct tr_str json)
{
	tr_http_server_respond(reply->http, 200, json_type, json);
}

void tr_appservice_ok(struct tr_appservice_reply *reply)
{
	/* Synapse takes an empty body for a failure. */
	tr_appservice_answer(reply, TR_STR("{}"));
}

void tr_appservice_fail(
	struct tr_appservice_reply *reply, int status, const char *errcode, const char *text)
{
	tr_appservice_respond_error(reply->http, status, errcode, text);
}

void tr_appservice_not_found(struct tr_appservice_reply *reply)
{
	tr_appservice_fail(reply, 404, "M_NOT_FOUND", "Not found");
}
