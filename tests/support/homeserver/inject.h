/* SPDX-License-Identifier: Apache-2.0
 *
 * Messages of Matrix users made inside the homeserver, at once or at a rate, several jobs at a
 * time.
 */
#ifndef HS_INJECT_H
#define HS_INJECT_H

#include "tests/support/homeserver/server.h"

struct hs_job;

struct hs_injector {
	struct hs_server *server;
	struct hs_job *jobs;
	struct hs_timer timer;
	uint64_t left; /* messages still to come, of all jobs */
};

struct hs_job_parts {
	struct hs_room *room;
	char **users; /* take turns; the job takes them over */
	size_t user_count;
	char *prefix; /* a body is prefix and number; taken over */
	char *msgtype;
	uint64_t first; /* the first number */
	uint64_t count;
	double rate; /* a second; 0: all at once */
};

void hs_injector_init(struct hs_injector *injector, struct hs_server *server);
void hs_injector_finish(struct hs_injector *injector);
void hs_inject(struct hs_injector *injector, const struct hs_job_parts *parts);
/* One message with a content of the caller's; returns its event, borrowed. */
const struct hs_event *hs_inject_one(struct hs_server *server, struct hs_room *room,
	const char *user, const char *type, const char *content);

#endif
