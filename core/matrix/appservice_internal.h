/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the application service API share. Nobody else includes this. */
#ifndef TRESTLE_MATRIX_APPSERVICE_INTERNAL_H
#define TRESTLE_MATRIX_APPSERVICE_INTERNAL_H

#include "core/base/buf.h"
#include "core/base/list.h"
#include "core/io/http_server.h"
#include "core/matrix/appservice.h"

struct tr_appservice_registration {
	struct tr_list node;
	char *hs_token;
	const struct tr_appservice_handler *handler;
	void *arg;
	bool ready;
};

/* One request on its way, with all that its handler was given. The request owns it: taking a
 * transaction's tree apart takes as long as sending the answer, and comes after that. */
struct tr_appservice_reply {
	struct tr_http_server_request *http;
	struct tr_json *body; /* of a transaction or a ping */
	struct tr_json *fields;
	struct tr_buf param; /* decoded path parameter */
	struct tr_transaction transaction;
	struct tr_appservice_third_party third_party;
};

enum tr_route_kind {
	TR_ROUTE_NONE,
	TR_ROUTE_TRANSACTION,
	TR_ROUTE_USER,
	TR_ROUTE_ROOM,
	TR_ROUTE_PING,
	TR_ROUTE_THIRD_PARTY,
};

struct tr_route {
	enum tr_route_kind kind;
	const char *method;
	enum tr_appservice_third_party_kind third_party;
	struct tr_str param; /* still encoded */
};

/* Which route a path is, legacy paths included. */
struct tr_route tr_route_find(struct tr_str path);
/* Takes the complete request to the handler. */
void tr_route_dispatch(struct tr_appservice_registration *registration,
	const struct tr_route *route, struct tr_http_server_request *http);

/* For tr_http_server_own(). */
void tr_appservice_reply_destroy(void *reply);

/* The standard error body. */
void tr_appservice_respond_error(
	struct tr_http_server_request *http, int status, const char *errcode, const char *text);

#endif
