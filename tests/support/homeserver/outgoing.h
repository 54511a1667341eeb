/* SPDX-License-Identifier: Apache-2.0
 *
 * HTTP requests to the appservice: libcurl's multi interface on the loop.
 *
 * A call's memory belongs to the caller until its done callback has run or it was cancelled. done
 * runs exactly once, from the loop, unless the call is cancelled first.
 */
#ifndef HS_OUTGOING_H
#define HS_OUTGOING_H

#include <curl/curl.h>

#include "tests/support/homeserver/loop.h"
#include "tests/support/homeserver/text.h"

enum {
	HS_CALL_REFUSED = 0, /* status of a call without an answer: no connection, or it broke */
	HS_CALL_TIMEOUT = -1,
};

struct hs_call {
	int status; /* of HTTP, or one of the above */
	struct hs_text answer;
	int64_t started_ms;
	int64_t took_ms;
	void (*done)(struct hs_call *call);

	/* Private to outgoing.c. */
	CURL *easy;
	struct curl_slist *headers;
	struct hs_outgoing *outgoing;
};

struct hs_outgoing {
	struct hs_loop *loop;
	CURLM *multi;
	struct hs_timer timer;
};

int hs_outgoing_init(struct hs_outgoing *outgoing, struct hs_loop *loop);
void hs_outgoing_finish(struct hs_outgoing *outgoing);
/* Starts method url with a bearer token. The body must live until the call ends; NULL: none. */
void hs_call_start(struct hs_outgoing *outgoing, struct hs_call *call, const char *method,
	const char *url, const char *token, const char *body, size_t len, int64_t timeout_ms);
/* Ends a running call without its callback and closes its connection. Legal when none runs. */
void hs_call_cancel(struct hs_call *call);

#endif
