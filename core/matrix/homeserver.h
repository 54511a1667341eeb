/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The homeserver at start: asks for its versions, then whether it knows our token and takes us for
 * our bot (whoami), then has it ping us, and tries again with backoff until all three have
 * succeeded. Each new obstacle is logged once with what to do about it. The ping is not only a
 * check: it makes a homeserver that had given up on us send its backlog at once. A homeserver that
 * does not know the ping route, or has no URL for us, is ready without it.
 */
#ifndef TRESTLE_MATRIX_HOMESERVER_H
#define TRESTLE_MATRIX_HOMESERVER_H

#include "core/matrix/client.h"

struct tr_homeserver;

enum tr_homeserver_step {
	TR_HOMESERVER_VERSIONS, /* is it there? */
	TR_HOMESERVER_WHOAMI,   /* does it know our registration? */
	TR_HOMESERVER_PING,     /* can it reach us? */
	TR_HOMESERVER_READY,
};

struct tr_homeserver_options {
	const char *bot_user_id;   /* who whoami must say we are */
	const char *appservice_id; /* of the registration */
	uint64_t retry_first_ms;   /* 0 = 500 */
	uint64_t retry_max_ms;     /* 0 = 30,000 */
};

/* Once, when all steps have succeeded. */
typedef void tr_homeserver_callback(void *arg, struct tr_homeserver *homeserver);

/* Starts asking. The client outlives it. */
struct tr_homeserver *tr_homeserver_create(struct tr_loop *loop, struct tr_matrix_client *client,
	const struct tr_homeserver_options *options, tr_homeserver_callback *on_ready, void *arg);
/* Legal at any time, also inside the callback. NULL is fine. */
void tr_homeserver_destroy(struct tr_homeserver *homeserver);

/* Where it stands; and the last obstacle, NULL when there was none since the last success. */
enum tr_homeserver_step tr_homeserver_step(const struct tr_homeserver *homeserver);
const struct tr_error *tr_homeserver_error(const struct tr_homeserver *homeserver);
/* Whether the list of versions names this one ("v1.11"). */
bool tr_homeserver_has_version(const struct tr_homeserver *homeserver, const char *version);
/* Pings again, for instance after transactions had stopped coming; nothing when one is under way.
 */
void tr_homeserver_ping(struct tr_homeserver *homeserver);

#endif
