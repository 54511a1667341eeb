/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client's side of SCRAM-SHA-256 (RFC 5802, RFC 7677), without channel binding: messages in and
 * out, no network. create -> first -> take_first -> tr_scram_work() -> final -> take_final.
 *
 * The server proves in its last message that it knows the password too; a login without that proof
 * has not succeeded. Passwords are taken as they are: SASLprep changes only some that are not
 * ASCII. tr_scram_work() is the costly step (hundreds of thousands of hashes): it touches nothing
 * but its object, so it may run on another thread while nobody else uses that.
 */
#ifndef TRESTLE_IRC_SCRAM_H
#define TRESTLE_IRC_SCRAM_H

#include "core/base/buf.h"
#include "core/base/error.h"

enum {
	TR_SCRAM_ITERATIONS_MIN = 4096, /* RFC 7677 section 4 */
	/* Half a second of work; more is an attack or a mistake. */
	TR_SCRAM_ITERATIONS_MAX = 1000000,
	TR_SCRAM_MESSAGE_MAX = 4096,
};

struct tr_scram;

/* `nonce` NULL = a random one; else printable ASCII without comma, for tests. */
struct tr_scram *tr_scram_create(const char *user, const char *password, const char *nonce);
/* Wipes. NULL is fine. */
void tr_scram_destroy(struct tr_scram *scram);
/* Appends the first message. */
void tr_scram_first(struct tr_scram *scram, struct tr_buf *out);
/* The server's first: 0, or TR_E_PROTOCOL with what is wrong with it. */
int tr_scram_take_first(struct tr_scram *scram, struct tr_str message, struct tr_error *error);
void tr_scram_work(struct tr_scram *scram);
/* Appends the message with our proof. */
void tr_scram_final(struct tr_scram *scram, struct tr_buf *out);
/* The server's last: 0, TR_E_AUTH (it refuses), TR_E_PROTOCOL (it cannot prove itself). */
int tr_scram_take_final(struct tr_scram *scram, struct tr_str message, struct tr_error *error);

#endif
