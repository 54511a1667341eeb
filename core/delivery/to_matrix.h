/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The durable queue from the network to Matrix: store what a remote person said, keep the order of
 * each room, send it effectively once.
 *
 * Accepting stores the event, unique per (room, remote key); a key that is stored or delivered
 * already is ignored. Each room is a lane with one message in flight. The transaction id is derived
 * from the remote key, so it is the same on every retry and after every restart and no other ghost
 * can have it. When an attempt may have reached the homeserver without an answer, or an earlier
 * life of the process may have sent it, the room's recent messages are searched for our own key
 * (content "io.trestle.id" = the transaction id) before it is sent again; the echo of our own event
 * in a transaction closes it too.
 *
 * On success the event id is stored as a mapping in the same transaction that deletes the row. What
 * can never be delivered is kept as dead, counted, logged and told by the handler.
 */
#ifndef TRESTLE_DELIVERY_TO_MATRIX_H
#define TRESTLE_DELIVERY_TO_MATRIX_H

#include "core/delivery/journal.h"
#include "core/delivery/lane.h"

struct tr_json;
struct tr_matrix_client;
struct tr_metrics;
struct tr_outbound;
struct tr_to_matrix;

/* What the network said, once for each Matrix room it goes to. Borrowed for the call. */
struct tr_to_matrix_event {
	struct tr_str remote_key; /* unique in the room for ever; the same when the network says it
				     again */
	const char *room_id;      /* or a name for a room to be made: see tr_outbound_set_room() */
	const char *sender;       /* full Matrix id of the ghost, NULL = the bot */
	const char *type;         /* "m.room.message" */
	const struct tr_json *content; /* io.trestle.id is added by the queue */
	int64_t origin_ts;             /* ms; 0 = now */
	bool keep_mapping; /* whether the key is the network's own id, worth a row for ever */
	/* Remote key of the message of the same room that this one answers; empty = none. One that
	 * is not known when it is sent makes it no reply. */
	struct tr_str reply_to;
	/* The same of a message that has one of several keys, or is this event when none of them is
	 * known. With `replaces` it is edited, not answered: only where the same ghost said it. */
	const struct tr_str *about_keys;
	size_t about_key_count;
	struct tr_str about_event; /* empty = none */
	bool replaces;
};

/* A message that can never be delivered; borrowed for the call. */
struct tr_to_matrix_dead {
	const char *remote_key;
	const char *room_id; /* or the name of a room that was to be made */
	const char *sender;  /* NULL = the bot */
	const char *type;
	const char *content; /* JSON */
	int64_t origin_ts;   /* 0 = not known */
};

struct tr_to_matrix_handler {
	/* Brings the ghost into being and into the room. true = it is there already; false =
	 * tr_outbound_prepared() follows, once, in a later turn. */
	bool (*prepare)(
		void *arg, struct tr_outbound *outbound, const char *sender, const char *room_id);
	/* The homeserver says that the ghost may not send: mend it (join, invite,
	 * power). Ends with
	 * tr_outbound_prepared(); comes at most once a message. */
	void (*repair)(
		void *arg, struct tr_outbound *outbound, const char *sender, const char *room_id);
	/* Tells the people concerned. */
	void (*dead)(
		void *arg, const struct tr_to_matrix_dead *message, const struct tr_error *error);
	/* true: too much waits to be stored, stop reading from the network; false: go on. */
	void (*pressure)(void *arg, bool stop);
};

struct tr_to_matrix_options {
	struct tr_loop *loop;
	struct tr_db *db;
	struct tr_journal *journal;
	struct tr_matrix_client *client;
	struct tr_metrics *metrics;
};

struct tr_to_matrix *tr_to_matrix_create(const struct tr_to_matrix_options *options,
	const struct tr_to_matrix_handler *handler, void *arg);
/* The client must have been destroyed before, so that no answer is under way. */
void tr_to_matrix_destroy(struct tr_to_matrix *queue);

typedef void tr_to_matrix_callback(void *arg, const struct tr_error *error);

/* Reads from the store where an earlier process stopped; nothing may be accepted before the
 * callback. */
void tr_to_matrix_resume(struct tr_to_matrix *queue, tr_to_matrix_callback *callback, void *arg);
/* Paused from the start. */
void tr_to_matrix_pause(struct tr_to_matrix *queue, bool paused);
void tr_to_matrix_wake(struct tr_to_matrix *queue);
/* What this room waited for is over. */
void tr_to_matrix_wake_room(struct tr_to_matrix *queue, const char *room_id);

/* Accepts. It is stored as soon as the store can, in order, however long the store fails; `durable`
 * (may be NULL) comes then: a module whose network has acknowledgements sends its own only now. */
void tr_to_matrix_accept(struct tr_to_matrix *queue, const struct tr_to_matrix_event *event,
	tr_loop_callback *durable, void *arg);

/* Our own event came back in a transaction. */
void tr_to_matrix_echo(struct tr_to_matrix *queue, struct tr_str txn_id, struct tr_str event_id);

/* In prepare(): the room to send to, where the event's room_id is only a name for a room that had
 * to be made first (a direct chat). */
void tr_outbound_set_room(struct tr_outbound *outbound, const char *room_id);

/* The remote key of the message that became this event just now, while that is not stored yet;
 * empty = the store knows better. Valid until the next turn of the loop. */
struct tr_str tr_to_matrix_settling_key(const struct tr_to_matrix *queue, struct tr_str event_id);

/* "m.room.message" and the like. */
const char *tr_outbound_type(const struct tr_outbound *outbound);

/* Ends prepare() or repair(): error NULL = the ghost can send. */
void tr_outbound_prepared(struct tr_outbound *outbound, const struct tr_error *error);

/* Whether a message of `sender` to the room is still on its way (a ghost must not leave before). */
bool tr_to_matrix_has_pending(struct tr_to_matrix *queue, const char *sender, const char *room_id);
/* Accepted and neither delivered nor dead. */
size_t tr_to_matrix_depth(const struct tr_to_matrix *queue);
/* On their way, or delivered and that is not durable yet. */
size_t tr_to_matrix_in_flight(const struct tr_to_matrix *queue);
/* Accepted and not durable yet. */
size_t tr_to_matrix_unstored(const struct tr_to_matrix *queue);

#endif
