/* SPDX-License-Identifier: Apache-2.0
 *
 * Implements pusher.h.
 */
#include "tests/support/homeserver/pusher.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAX_EVENTS = 100, MAX_BACKOFF = 9, ABORTED = -2 };

static void ring_push(struct hs_event_ring *ring, struct hs_event *event)
{
	if (ring->count == ring->cap) {
		size_t cap = ring->cap ? ring->cap * 2 : 256;
		struct hs_event **events = hs_alloc(cap * sizeof(struct hs_event *));
		for (size_t i = 0; i < ring->count; i++) {
			events[i] = ring->events[(ring->first + i) % ring->cap];
		}
		free(ring->events);
		ring->events = events;
		ring->cap = cap;
		ring->first = 0;
	}
	ring->events[(ring->first + ring->count++) % ring->cap] = hs_event_ref(event);
}

static struct hs_event *ring_take(struct hs_event_ring *ring)
{
	struct hs_event *event = ring->events[ring->first];
	ring->first = (ring->first + 1) % ring->cap;
	ring->count--;
	return event;
}

static void ring_free(struct hs_event_ring *ring)
{
	while (ring->count > 0) {
		hs_event_unref(ring_take(ring));
	}
	free(ring->events);
}

static void remember(struct hs_pusher *pusher, const struct hs_txn *txn)
{
	for (size_t i = 0; pusher->recent.cap > 0 && i < txn->count; i++) {
		if (pusher->recent.count == pusher->recent.cap) {
			hs_event_unref(ring_take(&pusher->recent));
		}
		ring_push(&pusher->recent, txn->events[i]);
	}
}

static void free_txn(struct hs_txn *txn)
{
	for (size_t i = 0; i < txn->count; i++) {
		hs_event_unref(txn->events[i]);
	}
	free(txn->body);
	free(txn);
}

/* Moves up to most events from the queue into a new stored transaction. */
static struct hs_txn *store_txn(struct hs_pusher *pusher, size_t most)
{
	size_t count = pusher->queue.count < most ? pusher->queue.count : most;
	struct hs_txn *txn = hs_alloc(sizeof(*txn) + count * sizeof(struct hs_event *));
	struct hs_text body = {0};
	hs_text_puts(&body, "{\"events\":[");
	for (size_t i = 0; i < count; i++) {
		struct hs_event *event = ring_take(&pusher->queue);
		txn->events[txn->count++] = event;
		hs_text_puts(&body, i ? "," : "");
		hs_text_add(&body, event->json, event->json_len);
	}
	hs_text_puts(&body, "]}");
	txn->body_len = body.len;
	txn->body = hs_text_take(&body);
	txn->id = pusher->next_id++;
	if (pusher->txns) {
		pusher->last_txn->next = txn;
	} else {
		pusher->txns = txn;
	}
	pusher->last_txn = txn;
	pusher->stored++;
	return txn;
}

static void remove_txn(struct hs_pusher *pusher, struct hs_txn *txn)
{
	struct hs_txn *before = NULL;
	for (struct hs_txn *at = pusher->txns; at != txn; at = at->next) {
		before = at;
	}
	if (before) {
		before->next = txn->next;
	} else {
		pusher->txns = txn->next;
	}
	if (pusher->last_txn == txn) {
		pusher->last_txn = before;
	}
	pusher->stored--;
	free_txn(txn);
}

static void store_queue(struct hs_pusher *pusher, size_t batch)
{
	while (pusher->queue.count > 0) {
		store_txn(pusher, batch);
	}
}

static void send_txn(struct hs_pusher *pusher, struct hs_txn *txn)
{
	struct hs_text url = {0};
	hs_text_printf(&url, "%s/_matrix/app/v1/transactions/%" PRIu64, *pusher->url, txn->id);
	pusher->in_flight = txn;
	txn->attempts++;
	hs_call_start(pusher->outgoing, &pusher->call, "PUT", url.data, pusher->hs_token, txn->body,
		txn->body_len, pusher->timeout_ms);
	hs_text_free(&url);
}

static bool can_send(const struct hs_pusher *pusher)
{
	return !pusher->in_flight && !pusher->paused && *pusher->url;
}

void hs_pusher_kick(struct hs_pusher *pusher)
{
	if (pusher->backoff > 0) {
		store_queue(pusher, pusher->down_batch);
		if (!pusher->retry.armed && can_send(pusher) && pusher->txns) {
			send_txn(pusher, pusher->txns);
		}
		return;
	}
	if (can_send(pusher) && pusher->queue.count > 0) {
		send_txn(pusher, store_txn(pusher, MAX_EVENTS));
	}
}

/* Goes through the stored transactions, and back to normal when none is left. */
static void recover(struct hs_pusher *pusher)
{
	if (!can_send(pusher)) {
		return;
	}
	if (pusher->txns) {
		send_txn(pusher, pusher->txns);
		return;
	}
	pusher->backoff = 0;
	hs_pusher_kick(pusher);
}

static void retry_due(struct hs_timer *timer)
{
	recover((struct hs_pusher *)((char *)timer - offsetof(struct hs_pusher, retry)));
}

static void back_off(struct hs_pusher *pusher)
{
	if (pusher->backoff == 0) {
		/* What came in during the failed try is stored in full batches, what follows is
		 * not. */
		pusher->backoff = 1;
		store_queue(pusher, MAX_EVENTS);
	}
	hs_timer_start(
		pusher->outgoing->loop, &pusher->retry, pusher->backoff_unit_ms << pusher->backoff);
	pusher->backoff += pusher->backoff < MAX_BACKOFF;
}

static bool was_taken(const struct hs_call *call)
{
	if (call->status < 200 || call->status > 299 || !call->answer.data) {
		return false;
	}
	cJSON *answer = cJSON_ParseWithLength(call->answer.data, call->answer.len);
	cJSON_Delete(answer);
	return answer != NULL;
}

static void note_try(
	struct hs_pusher *pusher, const struct hs_txn *txn, int status, bool ok, int64_t took_ms)
{
	char id[24];
	snprintf(id, sizeof(id), "%" PRIu64, txn->id);
	hs_ledger_pushed(
		pusher->ledger, id, txn->attempts, status, ok, took_ms, txn->events, txn->count);
}

static void try_ended(struct hs_call *call)
{
	struct hs_pusher *pusher =
		(struct hs_pusher *)((char *)call - offsetof(struct hs_pusher, call));
	struct hs_txn *txn = pusher->in_flight;
	bool ok = was_taken(call);
	pusher->in_flight = NULL;
	note_try(pusher, txn, call->status, ok, call->took_ms);
	if (!ok) {
		pusher->failed_tries++;
		back_off(pusher);
		return;
	}
	pusher->pushed_txns++;
	pusher->pushed_events += txn->count;
	remember(pusher, txn);
	remove_txn(pusher, txn);
	if (pusher->backoff > 0) {
		pusher->backoff = 2; /* as Synapse: the first wait of two units comes only once */
		recover(pusher);
	} else {
		hs_pusher_kick(pusher);
	}
}

void hs_pusher_init(struct hs_pusher *pusher, struct hs_outgoing *outgoing,
	struct hs_ledger *ledger, char *const *url, const char *hs_token, size_t remember_events)
{
	*pusher = (struct hs_pusher){
		.outgoing = outgoing,
		.ledger = ledger,
		.url = url,
		.hs_token = hs_token,
		.backoff_unit_ms = 1000,
		.timeout_ms = 60000,
		.down_batch = 1,
		.next_id = 1,
	};
	pusher->call.done = try_ended;
	pusher->retry.fire = retry_due;
	pusher->recent.cap = remember_events;
	if (remember_events > 0) {
		pusher->recent.events = hs_alloc(remember_events * sizeof(struct hs_event *));
	}
}

void hs_pusher_finish(struct hs_pusher *pusher)
{
	hs_timer_stop(&pusher->retry);
	hs_call_cancel(&pusher->call);
	hs_text_free(&pusher->call.answer);
	while (pusher->txns) {
		remove_txn(pusher, pusher->txns);
	}
	ring_free(&pusher->queue);
	ring_free(&pusher->recent);
}

void hs_pusher_add(struct hs_pusher *pusher, struct hs_event *event)
{
	if (*pusher->url) {
		ring_push(&pusher->queue, event);
		hs_pusher_kick(pusher);
	}
}

bool hs_pusher_retry_now(struct hs_pusher *pusher)
{
	if (pusher->backoff == 0) {
		return true;
	}
	if (!pusher->retry.armed) {
		return false;
	}
	hs_timer_stop(&pusher->retry);
	recover(pusher);
	return true;
}

size_t hs_pusher_resend(struct hs_pusher *pusher, size_t n)
{
	struct hs_event_ring *recent = &pusher->recent;
	size_t count = n < recent->count ? n : recent->count;
	for (size_t i = recent->count - count; i < recent->count; i++) {
		ring_push(&pusher->queue, recent->events[(recent->first + i) % recent->cap]);
	}
	hs_pusher_kick(pusher);
	return count;
}

void hs_pusher_restart(struct hs_pusher *pusher, bool lose_queue)
{
	if (pusher->in_flight) {
		hs_call_cancel(&pusher->call);
		note_try(pusher, pusher->in_flight, ABORTED, false, 0);
		pusher->in_flight = NULL;
	}
	while (lose_queue && pusher->queue.count > 0) {
		struct hs_event *event = ring_take(&pusher->queue);
		hs_ledger_lost(pusher->ledger, event);
		hs_event_unref(event);
		pusher->lost_events++;
	}
	/* SQLite: the sequence goes on from the highest stored transaction, else from the start. */
	pusher->next_id = 1;
	for (const struct hs_txn *txn = pusher->txns; txn; txn = txn->next) {
		if (txn->id >= pusher->next_id) {
			pusher->next_id = txn->id + 1;
		}
	}
	if (pusher->backoff > 0) {
		pusher->backoff = 1;
		back_off(pusher);
	}
	hs_pusher_kick(pusher);
}
