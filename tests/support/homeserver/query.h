/* SPDX-License-Identifier: Apache-2.0
 *
 * Questions to the appservice about entities that it may want to make: GET /rooms/{alias} when an
 * alias of its namespace is unknown, and GET /users/{userId} when an event concerns a user of its
 * namespace who is not registered. As in Synapse the second stands before the pusher: no later
 * event is pushed before the answer.
 */
#ifndef HS_QUERY_H
#define HS_QUERY_H

#include <stdbool.h>

#include "tests/support/homeserver/api.h"

struct hs_gate;

struct hs_gate *hs_gate_create(struct hs_server *server);
void hs_gate_destroy(struct hs_gate *gate);
/* Hands the event to the pusher, after asking for an unknown user it concerns. */
void hs_gate_push(struct hs_gate *gate, struct hs_event *event);
/* Events that wait for an answer. */
size_t hs_gate_waiting(const struct hs_gate *gate);
/* A restart: the question in hand is dropped and what waits is lost, or (not lose) goes on to the
 * pusher. */
void hs_gate_restart(struct hs_gate *gate, bool lose);

/* Keeps the request, asks the appservice for the alias and lets the request start again. false when
 * there is nobody to ask, or when that has been done for this request. */
bool hs_query_alias(struct hs_api *api, const char *alias);

#endif
