/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the to_matrix queue share: to_matrix_accept.c stores,
 * to_matrix.c orders and ends, to_matrix_send.c delivers. */
#ifndef TRESTLE_DELIVERY_TO_MATRIX_INTERNAL_H
#define TRESTLE_DELIVERY_TO_MATRIX_INTERNAL_H

#include "core/base/map.h"
#include "core/delivery/count.h"
#include "core/delivery/lane_store.h"
#include "core/delivery/mark.h"
#include "core/delivery/to_matrix.h"

enum tr_outbound_state {
	TR_OUTBOUND_QUEUED,
	TR_OUTBOUND_PREPARING,
	TR_OUTBOUND_RELATING,  /* which event it answers */
	TR_OUTBOUND_SEARCHING, /* for an earlier attempt of ours in the room */
	TR_OUTBOUND_SENDING,
};

struct tr_outbound {
	struct tr_lane_item item;
	struct tr_to_matrix *queue;
	enum tr_outbound_state state;
	char *remote_key;
	char *room_id;     /* lane: a room id, or a name the handler turns into one */
	char *target_room; /* where it goes when room_id is not a room id; else NULL */
	char *sender;      /* NULL = the bot */
	char *type;
	char *txn_id;
	char *content;
	int64_t origin_ts;
	size_t part;              /* of the batch that stores it */
	struct tr_error *refused; /* by the store: a row of ours is to stand for it; else NULL */
	bool keep_mapping;
	bool ambiguous; /* an earlier attempt may have succeeded */
	bool repaired;
	char *event_id; /* known from an echo or a search: it is in the room */
	tr_loop_callback *durable;
	void *durable_arg;
};

struct tr_to_matrix {
	struct tr_to_matrix_options options;
	const struct tr_to_matrix_handler *handler;
	void *arg;
	struct tr_lanes *lanes;
	struct tr_marks *marks;
	struct tr_map settling; /* lane and remote key -> owned event id, until that is stored */
	struct tr_map started;  /* txn id -> outbound, of those whose delivery has begun */
	struct tr_list
		unstored; /* accepted, in order; the first `storing` of them are in a batch */
	size_t unstored_count;
	size_t storing;
	size_t select_index;
	struct tr_lane_store *store;
	bool pressed;
	struct tr_timer *retry;
	struct tr_lane_position position;
	struct tr_delivery_counts counts;
};

void tr_outbound_free(struct tr_outbound *outbound);
struct tr_outbound *tr_outbound_of(const struct tr_lane_item *item);

/* Writes everything that waits as one batch, unless one is on its way (to_matrix_accept.c); a
 * deferred call, and the timer's. */
void tr_to_matrix_store(void *queue);

/* Starts a delivery (to_matrix_send.c). */
void tr_outbound_deliver(struct tr_outbound *outbound);

/* The member of a stored content that names the remote message it answers. */
#define TR_OUTBOUND_REPLY_KEY "io.trestle.reply_to"
/* .. or the message that it answers or replaces: {keys, event, replaces}. */
#define TR_OUTBOUND_RELATION_KEY "io.trestle.relation"
/* Whether it answers a message whose event is to be looked up yet; does so and calls back
 * (to_matrix_relate.c). With an error the store cannot say now, and the message is as it was. */
bool tr_outbound_is_unrelated(const struct tr_outbound *outbound);
typedef void tr_outbound_related_callback(
	struct tr_outbound *outbound, const struct tr_error *error);
void tr_outbound_relate(struct tr_outbound *outbound, tr_outbound_related_callback *related);
/* The key of `settling`; owned. */
char *tr_outbound_settling_key(const char *room_id, const char *remote_key);
/* Whether events of this type are state. */
bool tr_to_matrix_is_state(const char *type);

/* Ends of a delivery (to_matrix.c): takes the message out of its lane and writes its end. */
void tr_outbound_end_done(struct tr_outbound *outbound, struct tr_str event_id);
void tr_outbound_end_dead(struct tr_outbound *outbound, const struct tr_error *error);
/* .. of one that never came into a lane, because the store refuses what it is made of; a row of
 * ours stands for it. */
void tr_outbound_end_refused(struct tr_outbound *outbound);

#endif
