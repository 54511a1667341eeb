/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the HTTP server share: the request, and the listening socket. Nobody else
 * includes this. */
#ifndef TRESTLE_IO_HTTP_SERVER_INTERNAL_H
#define TRESTLE_IO_HTTP_SERVER_INTERNAL_H

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/list.h"
#include "core/io/http_server.h"

#include <microhttpd.h>

enum request_state {
	REQUEST_NEW,       /* the request line is in */
	REQUEST_RECEIVING, /* the headers are in; the handler may answer early */
	REQUEST_HANDLED,   /* on_request runs */
	REQUEST_WAITING,   /* suspended until the answer */
	REQUEST_ANSWERED,  /* the answer is made; the rest of the body is thrown away */
};

struct tr_http_server_header {
	const char *name;
	const char *value;
};

struct tr_http_server_param {
	struct tr_str name;
	struct tr_str value;
};

enum { TR_HTTP_SERVER_PARAMS_MAX = 64 };

struct tr_http_server_request {
	struct tr_list node;               /* in server->waiting */
	struct tr_http_server *server;     /* NULL once the server has gone */
	struct MHD_Connection *connection; /* NULL likewise */
	enum request_state state;
	struct tr_arena arena;
	struct tr_str method;
	struct tr_str path;
	struct tr_http_server_param *params;
	size_t param_count;
	struct tr_buf body;
	uint64_t received;
	void *data;
	void *owned;
	tr_http_server_destroy_owned *destroy_owned; /* NULL = nothing is owned */
	struct tr_http_server_header *headers;       /* of the answer */
	size_t header_count;
	unsigned status;
	struct MHD_Response *response;
};

/* Splits the target of the request line into path and decoded parameters. */
void tr_http_server_request_set_uri(struct tr_http_server_request *request, struct tr_str uri);

/* A listening, non-blocking socket, and the port it got; -1 with *error. */
int tr_http_listen(const char *address, uint16_t *port, struct tr_error *error);

#endif
