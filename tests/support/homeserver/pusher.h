/* SPDX-License-Identifier: Apache-2.0
 *
 * Pushes events to the appservice the way Synapse does: one transaction in flight, at most 100
 * events each; a failed one is tried again with the same id and body after 2, 4, 8 .. 512 units,
 * and while that goes on every new event becomes a transaction of its own. A transaction counts as
 * taken when the answer is a 2xx with a JSON body.
 *
 * Two stores are told apart because a restart treats them differently: the queue (events in memory)
 * and the transactions (the database). A transaction in flight at a restart stays in the database
 * as an orphan and is not sent before the next failure makes the pusher go through the database,
 * oldest first.
 */
#ifndef HS_PUSHER_H
#define HS_PUSHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/support/homeserver/event.h"
#include "tests/support/homeserver/ledger.h"
#include "tests/support/homeserver/outgoing.h"

struct hs_txn {
	struct hs_txn *next;
	uint64_t id;
	unsigned attempts;
	char *body;
	size_t body_len;
	size_t count;
	struct hs_event *events[];
};

struct hs_event_ring {
	struct hs_event **events;
	size_t cap;
	size_t first;
	size_t count;
};

struct hs_pusher {
	struct hs_outgoing *outgoing;
	struct hs_ledger *ledger;
	char *const *url; /* of the appservice; *url may be NULL and may change */
	const char *hs_token;

	/* Settings. */
	bool paused;
	int64_t backoff_unit_ms;
	int64_t timeout_ms;
	size_t down_batch; /* events a transaction while backing off; Synapse: 1 */

	struct hs_event_ring queue;
	struct hs_event_ring recent; /* the last events delivered, for hs_pusher_resend */
	struct hs_txn *txns;         /* oldest first */
	struct hs_txn *last_txn;
	struct hs_txn *in_flight; /* one of txns, or NULL */
	size_t stored;            /* number of txns */
	struct hs_call call;
	struct hs_timer retry;
	uint64_t next_id;
	unsigned backoff; /* exponent of the next wait; 0: not backing off */

	/* Counted. */
	uint64_t pushed_txns;
	uint64_t pushed_events;
	uint64_t failed_tries;
	uint64_t lost_events;
};

void hs_pusher_init(struct hs_pusher *pusher, struct hs_outgoing *outgoing,
	struct hs_ledger *ledger, char *const *url, const char *hs_token, size_t remember);
void hs_pusher_finish(struct hs_pusher *pusher);

/* Without a url the event is forgotten, as an appservice that takes none wants it. */
void hs_pusher_add(struct hs_pusher *pusher, struct hs_event *event);
/* After a setting or the url has changed. */
void hs_pusher_kick(struct hs_pusher *pusher);
/* What a successful ping does: a pusher that backs off tries at once. false when it is in the
 * middle of a try already, over which Synapse fails the ping. */
bool hs_pusher_retry_now(struct hs_pusher *pusher);
/* Queues the last n delivered events again; returns how many were remembered. */
size_t hs_pusher_resend(struct hs_pusher *pusher, size_t n);
/* The homeserver's process ends and starts again. */
void hs_pusher_restart(struct hs_pusher *pusher, bool lose_queue);

#endif
