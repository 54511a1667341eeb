/* SPDX-License-Identifier: Apache-2.0
 *
 * An HTTP server on the loop: libmicrohttpd behind one callback that gets whole requests.
 *
 * The callback either answers at once (hs_request_answer) or keeps the request, which then waits
 * until it is answered; a kept request whose server is stopped first gets its gone callback. A
 * request may be told to answer later (delay_ms) or to have its connection closed in place of the
 * answer (drop).
 */
#ifndef HS_HTTP_H
#define HS_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/support/homeserver/loop.h"
#include "tests/support/homeserver/text.h"

struct hs_http;
struct MHD_Connection;

struct hs_request {
	struct hs_http *http;
	struct MHD_Connection *connection;
	const char *method;
	const char *path; /* as sent: without the query, not decoded */
	struct hs_text body;

	/* What the answer will be. */
	int status;
	struct hs_text answer;
	const char *content_type; /* application/json unless set; must outlive the request */
	int64_t retry_after_s;    /* sent when > 0 */
	int64_t delay_ms;
	bool drop;

	/* For who keeps the request. */
	void (*gone)(struct hs_request *request);
	void *user;

	/* Private to http.c. */
	bool handled;
	bool answered;
	bool suspended;
	bool too_large;
	struct hs_timer timer;
	struct hs_request *prev;
	struct hs_request *next;
};

typedef void hs_request_handler(struct hs_request *request, void *user);

/* Listens on address ("127.0.0.1:0"). NULL with a message on stderr if that fails. */
struct hs_http *hs_http_create(struct hs_loop *loop, const char *address, size_t max_body,
	hs_request_handler *handler, void *user);
void hs_http_destroy(struct hs_http *http);
/* The port listened on. */
unsigned hs_http_port(const struct hs_http *http);
/* Close every connection, and each new one at once until down_ms have passed. The port stays. */
void hs_http_restart(struct hs_http *http, int64_t down_ms);

/* The answer's text has been written to request->answer. Legal once a request. */
void hs_request_answer(struct hs_request *request, int status);
/* NULL when absent. Header values are borrowed for the call. */
const char *hs_request_header(struct hs_request *request, const char *name);
/* A query argument, decoded; the caller frees it. NULL when absent. */
char *hs_request_query(struct hs_request *request, const char *name);

#endif
