/* SPDX-License-Identifier: Apache-2.0
 *
 * Implements query.h.
 */
#include "tests/support/homeserver/query.h"

#include <stdlib.h>
#include <string.h>

#include "tests/support/homeserver/text.h"

enum { QUERY_TIMEOUT_MS = 60000 };

static void ask(struct hs_server *server, struct hs_call *call, const char *kind, const char *id)
{
	struct hs_text url = {0};
	hs_text_printf(&url, "%s/_matrix/app/v1/%s/", server->appservice.url, kind);
	hs_text_escape(&url, id);
	hs_call_start(&server->outgoing, call, "GET", url.data, server->appservice.hs_token, NULL,
		0, QUERY_TIMEOUT_MS);
	hs_text_free(&url);
}

struct waiting {
	struct waiting *next;
	struct hs_event *event;
};

struct hs_gate {
	struct hs_call call;
	struct hs_server *server;
	struct waiting *first; /* asked about while the call runs */
	struct waiting *last;
	size_t count;
};

static bool concerns_unknown_user(const struct hs_server *server, const struct hs_event *event)
{
	return server->appservice.url && event->state_key &&
	       strcmp(event->type, "m.room.member") == 0 &&
	       hs_server_is_ours(server, event->state_key) &&
	       !hs_server_user(server, event->state_key);
}

static struct hs_event *take(struct hs_gate *gate)
{
	struct waiting *first = gate->first;
	struct hs_event *event = first->event;
	gate->first = first->next;
	gate->count--;
	free(first);
	return event;
}

static void pass_first(struct hs_gate *gate)
{
	struct hs_event *event = take(gate);
	hs_pusher_add(&gate->server->pusher, event);
	hs_event_unref(event);
}

/* Lets events pass up to the first one that needs a question, and asks it. */
static void go_on(struct hs_gate *gate)
{
	while (gate->first) {
		const struct hs_event *event = gate->first->event;
		if (concerns_unknown_user(gate->server, event)) {
			ask(gate->server, &gate->call, "users", event->state_key);
			return;
		}
		pass_first(gate);
	}
}

static void user_answered(struct hs_call *call)
{
	struct hs_gate *gate = (struct hs_gate *)call;
	pass_first(gate); /* whatever the answer was */
	go_on(gate);
}

struct hs_gate *hs_gate_create(struct hs_server *server)
{
	struct hs_gate *gate = hs_alloc(sizeof(*gate));
	gate->server = server;
	gate->call.done = user_answered;
	return gate;
}

void hs_gate_push(struct hs_gate *gate, struct hs_event *event)
{
	if (!gate->first && !concerns_unknown_user(gate->server, event)) {
		hs_pusher_add(&gate->server->pusher, event);
		return;
	}
	struct waiting *waiting = hs_alloc(sizeof(*waiting));
	waiting->event = hs_event_ref(event);
	bool idle = !gate->first;
	if (idle) {
		gate->first = waiting;
	} else {
		gate->last->next = waiting;
	}
	gate->last = waiting;
	gate->count++;
	if (idle) {
		go_on(gate);
	}
}

size_t hs_gate_waiting(const struct hs_gate *gate)
{
	return gate->count;
}

void hs_gate_restart(struct hs_gate *gate, bool lose)
{
	hs_call_cancel(&gate->call);
	while (gate->first && !lose) {
		pass_first(gate);
	}
	while (gate->first) {
		struct hs_event *event = take(gate);
		hs_ledger_lost(&gate->server->ledger, event);
		gate->server->pusher.lost_events++;
		hs_event_unref(event);
	}
}

void hs_gate_destroy(struct hs_gate *gate)
{
	hs_call_cancel(&gate->call);
	while (gate->first) {
		hs_event_unref(take(gate));
	}
	hs_text_free(&gate->call.answer);
	free(gate);
}

struct alias_query {
	struct hs_call call;
	struct hs_server *server;
	struct hs_request *request;
};

static void alias_gone(struct hs_request *request)
{
	struct alias_query *query = request->user;
	hs_call_cancel(&query->call);
	hs_text_free(&query->call.answer);
	free(query);
}

static void alias_answered(struct hs_call *call)
{
	struct alias_query *query = (struct alias_query *)call;
	struct hs_request *request = query->request;
	struct hs_server *server = query->server;
	request->gone = NULL;
	hs_text_free(&call->answer);
	free(query);
	hs_api_again(request, server);
}

bool hs_query_alias(struct hs_api *api, const char *alias)
{
	if (api->again || !api->server->appservice.url ||
		!hs_server_is_our_alias(api->server, alias)) {
		return false;
	}
	struct alias_query *query = hs_alloc(sizeof(*query));
	query->server = api->server;
	query->request = api->request;
	query->call.done = alias_answered;
	api->request->user = query;
	api->request->gone = alias_gone;
	ask(api->server, &query->call, "rooms", alias);
	return true;
}
