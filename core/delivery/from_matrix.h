/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The durable queue from Matrix to the network: accept events, keep their order, have them
 * delivered.
 *
 * Accepting stores every event of a transaction in one database transaction, keyed by event id;
 * only after the commit does the callback come, and only then may the homeserver be told 200. A
 * known event id is ignored, whatever transaction it comes in. A malformed event is stored as dead
 * with the reason, so that it cannot hold up the others. Then each event goes to its lane
 * (core/delivery/lane.h).
 *
 * What is redacted while it waits is not delivered: the redaction is stored in the commit that
 * accepts it, and the event is done when its turn comes, or when it comes back, also after a
 * restart and as a dead one.
 *
 * An event leaves its lane as done (stored together with its remote ids), or dead: counted, logged,
 * stored with the reason, and told to its sender by the handler. Transient failures have no limit
 * of attempts, only of age.
 */
#ifndef TRESTLE_DELIVERY_FROM_MATRIX_H
#define TRESTLE_DELIVERY_FROM_MATRIX_H

#include "core/base/json.h"
#include "core/delivery/journal.h"
#include "core/delivery/lane.h"

struct tr_from_matrix;
struct tr_metrics;

/* One accepted event on its way. Read-only for the handler; valid until it is ended, plus the call
 * that does. */
struct tr_inbound {
	struct tr_lane_item item;
	struct tr_from_matrix *queue;
	char *event_id;
	char *room_id;
	char *sender;
	char *position;    /* what the handler's classify() wrote when the event was accepted */
	int64_t origin_ts; /* ms, as the sender's server says */
	char *body;        /* the event's JSON text */
	size_t part;       /* of the batch that stores it */
	bool maybe_sent;   /* an earlier life of the process, or an earlier attempt, may have
			      delivered it */
	bool redacted;     /* meanwhile: what it says is not said any more */
	void *data;        /* the handler's */
};

enum tr_from_matrix_verdict { TR_EVENT_IGNORE, TR_EVENT_KEEP };

struct tr_from_matrix_handler {
	/* Looks at a well-formed event before it is stored. KEEP: with the key of its lane appended
	 * to `lane` and, where the network has such a thing, the place in the remote history before
	 * which it cannot have been delivered appended to `position`. */
	enum tr_from_matrix_verdict (*classify)(void *arg, const struct tr_json *event,
		struct tr_buf *lane, struct tr_buf *position);
	/* Delivers; ends with exactly one of the three functions below, now or later. */
	void (*deliver)(void *arg, struct tr_inbound *inbound);
	/* Whether `next` may be delivered while `last` is still on its way. */
	bool (*pipelines)(void *arg, const struct tr_inbound *last, const struct tr_inbound *next);
	/* Whether this event says something: then it is done, once it was redacted, whatever became
	 * of it. */
	bool (*says)(void *arg, const struct tr_inbound *inbound);
	/* This event, which says something and is on its way, was redacted: what has not left yet
	 * need not. It ends as ever, now or later. */
	void (*take_back)(void *arg, struct tr_inbound *inbound);
	/* Tells the sender that this event will not be delivered. */
	void (*dead)(void *arg, const struct tr_inbound *inbound, const struct tr_error *error);
	/* Whether this dead event, of that lane, still has where to go and is worth sending. */
	bool (*may_send_again)(void *arg, const struct tr_inbound *inbound, struct tr_str lane);
};

struct tr_from_matrix_options {
	struct tr_loop *loop;
	struct tr_db *db;
	struct tr_journal *journal;
	struct tr_metrics *metrics;
	uint64_t max_age_ms; /* older events are refused instead of delivered; 0 = never */
};

struct tr_from_matrix *tr_from_matrix_create(const struct tr_from_matrix_options *options,
	const struct tr_from_matrix_handler *handler, void *arg);
/* The handler must have given up all deliveries before: none of them may be ended any more. */
void tr_from_matrix_destroy(struct tr_from_matrix *queue);

typedef void tr_from_matrix_callback(void *arg, const struct tr_error *error);

/* Reads from the store where an earlier process stopped. Nothing is accepted or delivered before
 * the callback (error NULL = ready); delivery starts with tr_from_matrix_pause(queue, false). */
void tr_from_matrix_resume(
	struct tr_from_matrix *queue, tr_from_matrix_callback *callback, void *arg);

/* Stores the events of one transaction (a JSON array, borrowed for the call). error NULL = all are
 * durable. */
void tr_from_matrix_accept(struct tr_from_matrix *queue, const struct tr_json *events,
	tr_from_matrix_callback *callback, void *arg);

enum { TR_FROM_MATRIX_AGAIN_MAX = 100 };

/* `count` events are accepted again, `left` more could be. */
typedef void tr_from_matrix_again_callback(
	void *arg, size_t count, size_t left, const struct tr_error *error);

/* Accepts the dead events of this sender again, the oldest TR_FROM_MATRIX_AGAIN_MAX that are not
 * too old, in their old order and behind all that is accepted already: they were given up, so they
 * overtake nothing. One commit; the callback comes when it is durable, not after destroy. */
void tr_from_matrix_again(struct tr_from_matrix *queue, const char *sender,
	tr_from_matrix_again_callback *callback, void *arg);

/* Which dead events those can be where nothing older than `max_age_ms` is delivered (0 = no limit):
 * dead since `died_ms` at the earliest, and said not before `said_ms`. */
void tr_from_matrix_again_since(uint64_t max_age_ms, int64_t *died_ms, int64_t *said_ms);

/* Paused from the start. Pausing starts no further delivery; what is on its way may still end. */
void tr_from_matrix_pause(struct tr_from_matrix *queue, bool paused);
void tr_from_matrix_wake(struct tr_from_matrix *queue);
void tr_from_matrix_set_max_age(struct tr_from_matrix *queue, uint64_t max_age_ms);

/* Delivered. `remote_ids` are what the network calls the parts of it (may be none). `settled` (may
 * be NULL) comes once that is durable, after any number of attempts to store it. */
void tr_inbound_done(struct tr_inbound *inbound, const struct tr_str *remote_ids, size_t count,
	tr_loop_callback *settled, void *arg);
/* Not now: the lane waits and begins again at its first undone event. */
void tr_inbound_retry(struct tr_inbound *inbound, const struct tr_error *error);
/* Never: stored as dead, counted, logged, told to the sender. */
void tr_inbound_refuse(struct tr_inbound *inbound, const struct tr_error *error);

/* Accepted and not yet done or dead, in memory and in the store. */
size_t tr_from_matrix_depth(const struct tr_from_matrix *queue);
size_t tr_from_matrix_in_flight(const struct tr_from_matrix *queue);

#endif
