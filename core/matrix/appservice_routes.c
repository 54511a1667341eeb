/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The routes of the application service API: which path is which, stable, unstable and legacy, and
 * what of the request its handler gets. Tokens and methods have been checked in appservice.c.
 */
#include "core/matrix/appservice_internal.h"

#include "core/base/alloc.h"
#include "core/base/encode.h"

#include <string.h>

struct route_entry {
	const char *path; /* behind the prefix; ends in '/' when a parameter follows */
	const char *method;
	enum tr_route_kind kind;
	enum tr_appservice_third_party_kind third_party;
	bool bare;     /* also without any prefix, as before the specification's first version */
	bool unstable; /* also under /_matrix/app/unstable/ */
};

static const struct route_entry routes[] = {
	{"transactions/", "PUT", TR_ROUTE_TRANSACTION, TR_THIRD_PARTY_PROTOCOL, true, false},
	{"users/", "GET", TR_ROUTE_USER, TR_THIRD_PARTY_PROTOCOL, true, false},
	{"rooms/", "GET", TR_ROUTE_ROOM, TR_THIRD_PARTY_PROTOCOL, true, false},
	{"ping", "POST", TR_ROUTE_PING, TR_THIRD_PARTY_PROTOCOL, false, false},
	{"thirdparty/protocol/", "GET", TR_ROUTE_THIRD_PARTY, TR_THIRD_PARTY_PROTOCOL, false, true},
	{"thirdparty/user/", "GET", TR_ROUTE_THIRD_PARTY, TR_THIRD_PARTY_USER, false, true},
	{"thirdparty/location/", "GET", TR_ROUTE_THIRD_PARTY, TR_THIRD_PARTY_LOCATION, false, true},
	{"thirdparty/user", "GET", TR_ROUTE_THIRD_PARTY, TR_THIRD_PARTY_USER_REVERSE, false, true},
	{"thirdparty/location", "GET", TR_ROUTE_THIRD_PARTY, TR_THIRD_PARTY_LOCATION_REVERSE, false,
		true},
};

static bool entry_matches(const struct route_entry *entry, struct tr_str rest, struct tr_str *param)
{
	struct tr_str path = tr_str_from(entry->path);

	if (!tr_str_ends(path, TR_STR("/"))) {
		*param = TR_STR("");
		return tr_str_eq(rest, path);
	}
	if (!tr_str_starts(rest, path)) {
		return false;
	}
	*param = tr_str_from_index(rest, path.len);
	return param->len > 0 && tr_str_find_char(*param, '/') < 0;
}

struct tr_route tr_route_find(struct tr_str path)
{
	struct tr_str stable = TR_STR("/_matrix/app/v1/");
	struct tr_str unstable = TR_STR("/_matrix/app/unstable/");
	struct tr_route route;
	struct tr_str rest;
	size_t i;
	bool is_stable = tr_str_starts(path, stable);
	bool is_unstable = !is_stable && tr_str_starts(path, unstable);

	memset(&route, 0, sizeof(route));
	rest = tr_str_from_index(path, is_stable ? stable.len : is_unstable ? unstable.len : 1);
	if (!tr_str_starts(path, TR_STR("/"))) {
		return route;
	}
	for (i = 0; i < TR_ARRAY_LEN(routes); i++) {
		const struct route_entry *entry = &routes[i];

		if ((is_stable || (is_unstable ? entry->unstable : entry->bare)) &&
			entry_matches(entry, rest, &route.param)) {
			route.kind = entry->kind;
			route.method = entry->method;
			route.third_party = entry->third_party;
			break;
		}
	}
	return route;
}

static void dispatch_transaction(
	struct tr_appservice_registration *registration, struct tr_appservice_reply *reply)
{
	struct tr_error error;

	reply->body =
		tr_transaction_parse(tr_http_server_body(reply->http), &reply->transaction, &error);
	if (!reply->body) {
		tr_appservice_fail(reply, 400,
			error.code == TR_E_INVALID ? "M_NOT_JSON" : "M_BAD_JSON", error.text);
		return;
	}
	reply->transaction.id = tr_buf_str(&reply->param);
	registration->handler->on_transaction(registration->arg, &reply->transaction, reply);
}

static void dispatch_ping(
	struct tr_appservice_registration *registration, struct tr_appservice_reply *reply)
{
	struct tr_str body = tr_http_server_body(reply->http);
	struct tr_error error;

	if (body.len > 0) {
		reply->body = tr_json_parse(body, &error);
		if (!reply->body) {
			tr_appservice_fail(reply, 400, "M_NOT_JSON", error.text);
			return;
		}
	}
	if (registration->handler->on_ping) {
		registration->handler->on_ping(
			registration->arg, tr_json_get_str(reply->body, "transaction_id"));
	}
	tr_appservice_ok(reply);
}

/* All query parameters but the token. */
static struct tr_json *query_fields(const struct tr_http_server_request *http)
{
	struct tr_json *fields = tr_json_new_object();
	struct tr_str name;
	struct tr_str value;
	size_t i;

	for (i = 0; tr_http_server_query_at(http, i, &name, &value); i++) {
		if (!tr_str_eq_c(name, "access_token")) {
			char *key = tr_str_dup(name);

			tr_json_set_str(fields, key, value);
			tr_free(key);
		}
	}
	return fields;
}

static void dispatch_third_party(struct tr_appservice_registration *registration,
	const struct tr_route *route, struct tr_appservice_reply *reply)
{
	struct tr_appservice_third_party *query = &reply->third_party;
	bool user = route->third_party == TR_THIRD_PARTY_USER_REVERSE;

	if (!registration->handler->on_third_party) {
		tr_appservice_not_found(reply);
		return;
	}
	reply->fields = query_fields(reply->http);
	query->kind = route->third_party;
	query->fields = reply->fields;
	query->protocol = tr_buf_str(&reply->param);
	if (user || route->third_party == TR_THIRD_PARTY_LOCATION_REVERSE) {
		query->id = tr_json_get_str(reply->fields, user ? "userid" : "alias");
		if (query->id.len == 0) {
			tr_appservice_fail(reply, 400, "M_MISSING_PARAM",
				user ? "The parameter userid is missing"
				     : "The parameter alias is missing");
			return;
		}
	}
	registration->handler->on_third_party(registration->arg, query, reply);
}

/* Ids are text: what decodes to something else is none. */
static bool decode_param(struct tr_appservice_reply *reply, struct tr_str param)
{
	tr_buf_init(&reply->param, param.len + 1);
	return tr_percent_decode(&reply->param, param, false) == 0 &&
	       tr_utf8_valid(tr_buf_str(&reply->param)) &&
	       tr_str_find_char(tr_buf_str(&reply->param), '\0') < 0;
}

void tr_route_dispatch(struct tr_appservice_registration *registration,
	const struct tr_route *route, struct tr_http_server_request *http)
{
	const struct tr_appservice_handler *handler = registration->handler;
	struct tr_appservice_reply *reply = tr_alloc(sizeof(*reply));

	reply->http = http;
	tr_http_server_own(http, reply, tr_appservice_reply_destroy);
	if (!decode_param(reply, route->param)) {
		tr_appservice_fail(
			reply, 400, "M_INVALID_PARAM", "The path is not properly encoded");
		return;
	}
	switch (route->kind) {
	case TR_ROUTE_TRANSACTION:
		dispatch_transaction(registration, reply);
		return;
	case TR_ROUTE_PING:
		dispatch_ping(registration, reply);
		return;
	case TR_ROUTE_THIRD_PARTY:
		dispatch_third_party(registration, route, reply);
		return;
	case TR_ROUTE_USER:
		if (handler->on_user_query) {
			handler->on_user_query(registration->arg, tr_buf_str(&reply->param), reply);
			return;
		}
		break;
	case TR_ROUTE_ROOM:
		if (handler->on_room_query) {
			handler->on_room_query(registration->arg, tr_buf_str(&reply->param), reply);
			return;
		}
		break;
	case TR_ROUTE_NONE:
		break;
	}
	tr_appservice_not_found(reply);
}
