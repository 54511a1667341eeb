/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The queue of those who want to connect. How one connection is made and what its end means for its
 * session is session.c's; who may be connected at all puppet_idle.c's.
 */
#include "bridges/irc/connects.h"

#include "bridges/irc/outgoing.h"
#include "bridges/irc/puppet.h"
#include "bridges/irc/session.h"
#include "core/base/clock.h"
#include "core/base/digest.h"
#include "core/base/log.h"

enum {
	UNREACHABLE_FIRST_MS = 500,
	UNREACHABLE_MAX_MS = 30000,
	THROTTLED_DOUBLINGS = 3,
	NO_ROOM_MS = 1000, /* all connections are in use: look again */
};

static void pump(void *arg);

static void pump_in(struct tr_irc_connects *connects, uint64_t delay_ms)
{
	tr_timer_start(connects->timer, delay_ms);
}

/* A later turn, so that who is at it can finish. */
static void pump_soon(struct tr_irc_connects *connects)
{
	pump_in(connects, 0);
}

void tr_irc_connects_init(struct tr_irc_connects *connects, struct tr_irc_network *network)
{
	connects->network = network;
	tr_list_init(&connects->fresh);
	tr_list_init(&connects->speaking);
	tr_list_init(&connects->silent);
	connects->timer = tr_timer_create(network->loop, pump, connects);
}

void tr_irc_connects_finish(struct tr_irc_connects *connects)
{
	tr_timer_destroy(connects->timer);
}

void tr_irc_connects_add(struct tr_irc_connects *connects, struct tr_irc_session *session)
{
	if (tr_list_linked(&session->connect_node)) {
		return;
	}
	if (session->user_id == NULL) {
		tr_list_prepend(&connects->fresh, &session->connect_node);
	} else if (!session->returning) {
		tr_list_append(&connects->fresh, &session->connect_node);
	} else if (!tr_list_empty(&session->tasks)) {
		tr_list_append(&connects->speaking, &session->connect_node);
	} else {
		tr_list_append(&connects->silent, &session->connect_node);
	}
	pump_soon(connects);
}

void tr_irc_connects_hurry(struct tr_irc_connects *connects, struct tr_irc_session *session)
{
	if (tr_list_linked(&session->connect_node) && session->returning &&
		session->user_id != NULL) {
		tr_list_remove(&session->connect_node);
		tr_list_append(&connects->speaking, &session->connect_node);
	}
}

void tr_irc_connects_remove(struct tr_irc_connects *connects, struct tr_irc_session *session)
{
	(void)connects;
	tr_list_remove(&session->connect_node);
}

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static struct tr_list *first_of(const struct tr_irc_connects *connects)
{
	struct tr_list *node = tr_list_head(&connects->fresh);
	node = node ? node : tr_list_head(&connects->speaking);
	return node ? node : tr_list_head(&connects->silent);
}

/* While the server cannot be reached one knocks for all. */
static bool full(const struct tr_irc_connects *connects)
{
	int64_t limit = connects->network->config->ircClients.concurrentReconnectLimit;
	if (connects->failures > 0) {
		limit = 1;
	}
	return limit > 0 && connects->under_way >= (uint64_t)limit;
}

/* Whoever has nothing to say gives way when there is no room: speaking brings them back. */
static bool make_room(struct tr_irc_connects *connects, struct tr_irc_session *session)
{
	if (session->user_id == NULL) {
		return true;
	}
	bool silent = tr_list_empty(&session->tasks);
	if (tr_irc_puppets_full(connects->network) && silent) {
		tr_list_remove(&session->connect_node);
		tr_irc_session_stand_back(session);
		pump_soon(connects);
		return false;
	}
	if (!tr_irc_puppets_room(connects->network)) {
		pump_in(connects, NO_ROOM_MS);
		return false;
	}
	return true;
}

static void pump(void *arg)
{
	struct tr_irc_connects *connects = arg;
	struct tr_list *node = first_of(connects);
	if (node == NULL || connects->network->stopping || full(connects)) {
		return;
	}
	struct tr_irc_session *session = TR_LIST_ENTRY(node, struct tr_irc_session, connect_node);
	uint64_t now = tr_clock_mono_ms();
	bool spaced = session->returning && session->user_id != NULL;
	uint64_t due = later(connects->blocked_ms, spaced ? connects->next_ms : 0);
	if (due > now) {
		pump_in(connects, due - now);
		return;
	}
	if (!make_room(connects, session)) {
		return;
	}
	tr_list_remove(node);
	connects->next_ms =
		now + (uint64_t)connects->network->config->ircClients.reconnectIntervalMs;
	tr_irc_session_connect(session);
	pump_soon(connects);
}

void tr_irc_connects_began(struct tr_irc_connects *connects)
{
	connects->under_way++;
	connects->connected++;
}

void tr_irc_connects_ready(struct tr_irc_connects *connects)
{
	connects->under_way--;
	connects->failures = 0;
	connects->throttles = 0;
	pump_soon(connects);
}

/* Messages go back to their lanes, which know how old they may get. */
static void give_back(struct tr_list *sessions, const struct tr_error *error)
{
	struct tr_list *node;
	struct tr_list *following;
	TR_LIST_EACH (sessions, node, following) {
		tr_irc_outgoing_give_back(
			TR_LIST_ENTRY(node, struct tr_irc_session, connect_node), error);
	}
}

static void hold_back(
	struct tr_irc_connects *connects, uint64_t delay_ms, const struct tr_error *error)
{
	uint64_t until = tr_clock_mono_ms() + delay_ms;
	if (until <= connects->blocked_ms) {
		return;
	}
	connects->blocked_ms = until;
	tr_log_info("irc", "%s: nobody connects for %llu ms: %s", connects->network->entry->address,
		(unsigned long long)delay_ms, error->text);
	give_back(&connects->fresh, error);
	give_back(&connects->speaking, error);
}

/* The server is the same for all: what it says to one is true for the others. */
static void throttled(struct tr_irc_connects *connects, const struct tr_error *error)
{
	unsigned doublings = connects->throttles < THROTTLED_DOUBLINGS ? connects->throttles
								       : THROTTLED_DOUBLINGS;
	connects->throttles++;
	hold_back(connects, error->retry_after_ms << doublings, error);
}

/* A server that has no room says nothing of those who are in, or of other users' limits. */
static bool throttles(const struct tr_error *error)
{
	return error->cls == TR_CLASS_RETRY_AFTER && error->code != TR_E_UNAVAILABLE;
}

bool tr_irc_connects_holds(const struct tr_error *error)
{
	return throttles(error) ||
	       (error->cls == TR_CLASS_RETRY &&
		       (error->code == TR_E_NETWORK || error->code == TR_E_TIMEOUT ||
			       error->code == TR_E_TLS || error->code == TR_E_CLOSED));
}

void tr_irc_connects_failed(struct tr_irc_connects *connects, const struct tr_error *error)
{
	connects->under_way--;
	connects->connected--;
	if (throttles(error)) {
		throttled(connects, error);
	} else if (tr_irc_connects_holds(error) && !connects->network->stopping) {
		hold_back(connects,
			tr_backoff_ms(connects->failures, UNREACHABLE_FIRST_MS, UNREACHABLE_MAX_MS),
			error);
		connects->failures++;
	}
	pump_soon(connects);
}

void tr_irc_connects_lost(struct tr_irc_connects *connects, const struct tr_error *error)
{
	connects->connected--;
	if (throttles(error)) {
		throttled(connects, error);
	}
	pump_soon(connects);
}
