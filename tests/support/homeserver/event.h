/* SPDX-License-Identifier: Apache-2.0
 *
 * A Matrix event: one block of memory, shared by reference count between a room's history, its
 * state and the pusher's queues.
 */
#ifndef HS_EVENT_H
#define HS_EVENT_H

#include <stddef.h>
#include <stdint.h>

struct hs_event {
	unsigned refs;
	int64_t ts;
	const char *id;
	const char *room_id;
	const char *type;
	const char *sender;
	const char *state_key; /* NULL: a message */
	const char *content;   /* JSON text */
	size_t content_len;
	const char *json; /* as clients and appservices see it */
	size_t json_len;
};

struct hs_event_parts {
	const char *room_id;
	const char *sender;
	const char *type;
	const char *state_key; /* or NULL */
	const char *content;   /* JSON object text */
	size_t content_len;
	const char
		*unsigned_more; /* members for "unsigned", each with a comma before it, or NULL */
	const char *redacts;    /* or NULL */
	int64_t ts;             /* 0: now */
};

/* A new event with an identifier of its own and one reference. */
struct hs_event *hs_event_create(const struct hs_event_parts *parts);
struct hs_event *hs_event_ref(struct hs_event *event);
void hs_event_unref(struct hs_event *event);

#endif
