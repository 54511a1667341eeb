/* SPDX-License-Identifier: Apache-2.0
 *
 * The control port: how a test sets faults, makes users, rooms and messages, and asks what has
 * happened. README.md lists the calls. Each is a POST with a JSON object (or nothing) and answers
 * with a JSON object.
 */
#ifndef HS_CONTROL_H
#define HS_CONTROL_H

#include <cjson/cJSON.h>

#include "tests/support/homeserver/http.h"
#include "tests/support/homeserver/inject.h"
#include "tests/support/homeserver/server.h"

struct hs_control {
	struct hs_server *server;
	struct hs_http *clients; /* the client port, for restarts */
	struct hs_injector injector;
};

/* The request handler of the control port; user: struct hs_control. */
void hs_control_handle(struct hs_request *request, void *user);

struct hs_control_call {
	struct hs_control *control;
	struct hs_request *request;
	cJSON *body; /* an object; NULL for /transaction, whose body is raw */
};

/* The calls that concern faults and the pusher. */
void hs_control_settings(struct hs_control_call *call);
void hs_control_fault(struct hs_control_call *call);
void hs_control_restart(struct hs_control_call *call);
void hs_control_resend(struct hs_control_call *call);
void hs_control_transaction(struct hs_control_call *call);
void hs_control_stats(struct hs_control_call *call);

/* The calls that make a world. */
void hs_control_user(struct hs_control_call *call);
void hs_control_room(struct hs_control_call *call);
void hs_control_inject(struct hs_control_call *call);

/* Ways to answer. */
void hs_control_ok(struct hs_control_call *call);
void hs_control_error(struct hs_control_call *call, const char *message);
/* Members of the body. */
const char *hs_control_string(const struct hs_control_call *call, const char *name);
int64_t hs_control_number(const struct hs_control_call *call, const char *name, int64_t otherwise);
bool hs_control_flag(const struct hs_control_call *call, const char *name, bool otherwise);

#endif
