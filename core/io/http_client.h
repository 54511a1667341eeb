/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP client (libcurl multi_socket on the loop): keep-alive, a limit of connections per host,
 * HTTP/1.1 for http:// and HTTP/2 by ALPN for https://. Redirects are followed only when asked for,
 * and never with the Authorization header to another host (scheme, name or port differ). Secrets
 * never reach the log. Each request ends with exactly one callback, in a later turn than its start.
 */
#ifndef TRESTLE_IO_HTTP_CLIENT_H
#define TRESTLE_IO_HTTP_CLIENT_H

#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/io/loop.h"

struct tr_http_client;
struct tr_http_call;

struct tr_http_client_options {
	unsigned per_host_max;  /* connections; 0 = 32 */
	const char *ca_file;    /* NULL = the system's */
	const char *user_agent; /* NULL = trestle/VERSION */
};

struct tr_http_response {
	int status;         /* 100 to 599 */
	struct tr_str body; /* empty when written to a file */
	struct tr_str content_type;
	struct tr_str content_disposition;
	uint64_t retry_after_ms; /* from Retry-After (seconds or date); 0 = none */
	int64_t date_ms;         /* from Date, since 1970; 0 = none */
	uint64_t body_len;
	uint64_t latency_us;
};

/* `error` is NULL when a response came, whatever its status; else `response` is NULL. Both
 * borrowed. */
typedef void tr_http_callback(
	void *arg, const struct tr_http_response *response, const struct tr_error *error);

struct tr_http_request {
	const char *method; /* "GET", "PUT", ... */
	const char *url;
	const char *bearer;       /* sent as Authorization: Bearer; or NULL */
	const char *content_type; /* of the body; NULL = application/json when there is one */
	struct tr_str body;       /* copied */
	const char *body_file;    /* read from this path instead, or NULL */
	const char *save_file;    /* write a 2xx body to this path (created 0600), or NULL */
	size_t body_max;          /* of the response; 0 = 16 MiB. More is TR_E_TOO_BIG */
	uint64_t timeout_ms;      /* over all; 0 = 60,000 */
	bool follow_redirects;    /* at most 5 */
	bool once; /* never sent a second time, as is done when a kept connection turns out to be
		      dead: for what must not be done twice */
	bool public_only; /* refuse private, loopback and link-local addresses, after DNS and on
			     each redirect */
};

struct tr_http_client *tr_http_client_create(
	struct tr_loop *loop, const struct tr_http_client_options *options);
/* Calls still running are canceled: their callbacks do not come. */
void tr_http_client_destroy(struct tr_http_client *client);

/* Starts a request; everything in it is copied. The call is valid until its callback. */
struct tr_http_call *tr_http_client_start(struct tr_http_client *client,
	const struct tr_http_request *request, tr_http_callback *callback, void *arg);
/* Ends it without a callback. */
void tr_http_call_cancel(struct tr_http_call *call);
size_t tr_http_client_running(const struct tr_http_client *client);

#endif
