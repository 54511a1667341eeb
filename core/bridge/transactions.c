/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Transactions of the homeserver: given to the queue, answered 200 when it has stored them. While
 * the store does not answer, the request is held: a store that comes back within seconds costs no
 * backoff of the homeserver. It is not held longer than half of Synapse's patience; the 503 that it
 * gets then, or when the store says that it failed, makes it send the same again, and a ping makes
 * it do so as soon as the store works again. What was held is stored all the same: coming again, it
 * is known.
 */
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/bridge/bridge_internal.h"

enum {
	FLUSH_PING_MS = 100, /* the homeserver notes the failure first */
	HOLD_MS = 30000,     /* Synapse gives up after 60 s */
};

struct transaction {
	struct tr_list node; /* in bridge->transactions, oldest first */
	struct tr_bridge *bridge;
	struct tr_appservice_reply *reply; /* NULL = answered */
	uint64_t since_ms;
};

static void refuse(struct transaction *transaction, const char *why)
{
	transaction->bridge->store_failed = true;
	tr_appservice_fail(transaction->reply, 503, "M_UNKNOWN", why);
	transaction->reply = NULL;
}

static void stored(void *arg, const struct tr_error *error)
{
	struct transaction *transaction = arg;
	struct tr_bridge *bridge = transaction->bridge;
	if (error != NULL) {
		tr_log_warn("bridge", "a transaction cannot be stored now: %s", error->text);
	}
	if (transaction->reply != NULL && error == NULL) {
		tr_appservice_ok(transaction->reply);
	} else if (transaction->reply != NULL) {
		refuse(transaction, "Events cannot be stored now");
	}
	if (error == NULL && bridge->store_failed) {
		bridge->store_failed = false;
		tr_timer_start(bridge->flush_ping, FLUSH_PING_MS);
	}
	tr_list_remove(&transaction->node);
	tr_free(transaction);
}

static uint64_t hold_ms(const struct tr_bridge *bridge)
{
	return bridge->options.hold_ms ? bridge->options.hold_ms : HOLD_MS;
}

void tr_bridge_held_too_long(void *arg)
{
	struct tr_bridge *bridge = arg;
	uint64_t now = tr_clock_mono_ms();
	struct tr_list *node;
	struct tr_list *following;
	TR_LIST_EACH (&bridge->transactions, node, following) {
		struct transaction *transaction = TR_LIST_ENTRY(node, struct transaction, node);
		if (transaction->reply == NULL) {
			continue;
		}
		uint64_t held = now - transaction->since_ms;
		if (held < hold_ms(bridge)) {
			tr_timer_start(bridge->hold, hold_ms(bridge) - held);
			return;
		}
		tr_log_warn("bridge",
			"%s: the store has not answered for %llu s, the homeserver"
			" shall try again",
			bridge->options.name, (unsigned long long)held / 1000);
		refuse(transaction, "The store does not answer");
	}
}

/* element-hq/synapse#14556 and the transaction in flight at a crash: Synapse sends that one again
 * only when another has failed. A number that is the first we see, or lower than the last, says
 * that one of us was restarted. */
static bool orphans_possible(struct tr_bridge *bridge, struct tr_str id)
{
	uint64_t number = 0;
	if (!bridge->options.orphan_flush || !tr_str_to_u64(id, &number) || number == 0) {
		return false;
	}
	bool restarted = number < bridge->last_transaction || bridge->last_transaction == 0;
	bridge->last_transaction = number;
	return restarted;
}

void tr_bridge_flush_ping(void *arg)
{
	struct tr_bridge *bridge = arg;
	if (bridge->homeserver != NULL) {
		tr_homeserver_ping(bridge->homeserver);
	}
}

void tr_bridge_on_transaction(
	void *arg, const struct tr_transaction *given, struct tr_appservice_reply *reply)
{
	struct tr_bridge *bridge = arg;
	if (orphans_possible(bridge, given->id)) {
		tr_log_info("bridge",
			"%s: transaction %.*s is refused once, so that what the "
			"homeserver left behind comes first",
			bridge->options.name, TR_STR_ARG(given->id));
		tr_appservice_fail(
			reply, 503, "M_UNKNOWN", "once more: what was left behind first");
		tr_timer_start(bridge->flush_ping, FLUSH_PING_MS);
		return;
	}
	tr_hint_ephemeral(bridge, given->ephemeral);
	if (tr_json_count(given->events) == 0) {
		tr_appservice_ok(reply);
		return;
	}
	struct transaction *transaction = tr_alloc(sizeof(*transaction));
	transaction->bridge = bridge;
	transaction->reply = reply;
	transaction->since_ms = tr_clock_mono_ms();
	tr_list_append(&bridge->transactions, &transaction->node);
	if (!tr_timer_active(bridge->hold)) {
		tr_timer_start(bridge->hold, hold_ms(bridge));
	}
	tr_from_matrix_accept(bridge->from_matrix, given->events, stored, transaction);
}

void tr_transactions_finish(struct tr_bridge *bridge)
{
	struct tr_list *node;
	while ((node = tr_list_head(&bridge->transactions)) != NULL) {
		struct transaction *transaction = TR_LIST_ENTRY(node, struct transaction, node);
		if (transaction->reply != NULL) {
			tr_appservice_fail(
				transaction->reply, 503, "M_UNKNOWN", "The bridge is stopping");
		}
		tr_list_remove(node);
		tr_free(transaction);
	}
}
