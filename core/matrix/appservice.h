/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The application service API as a homeserver calls it (Matrix specification 1.19, Application
 * Service API): one listener for any number of registrations, told apart by their hs_token.
 *
 * The token is checked before any byte of a body is read: none is 401, a wrong one 403. Unknown
 * paths are 404 and known paths with another method 405, both M_UNRECOGNIZED. Handlers of the
 * registration then get the request with a struct tr_appservice_reply and answer it exactly once,
 * now or in any later turn; the homeserver waits meanwhile (Synapse for 60 s). What was given to a
 * handler is valid until that answer. A registration that is not ready is answered 503, so that
 * the homeserver tries again; pings are answered all the same.
 */
#ifndef TRESTLE_MATRIX_APPSERVICE_H
#define TRESTLE_MATRIX_APPSERVICE_H

#include "core/base/error.h"
#include "core/base/json.h"
#include "core/io/loop.h"
#include "core/matrix/transaction.h"

struct tr_appservice;
struct tr_appservice_registration;
struct tr_appservice_reply;

struct tr_appservice_options {
	const char *listen;      /* "127.0.0.1:9999"; port 0 = any free one */
	size_t body_max;         /* bytes; 0 = 16 MiB */
	bool legacy_query_token; /* take ?access_token= too; sent both ways, both must match */
};

enum tr_appservice_third_party_kind {
	TR_THIRD_PARTY_PROTOCOL,         /* about `protocol`: answer a protocol object */
	TR_THIRD_PARTY_USER,             /* users of `protocol` that fit `fields`: an array */
	TR_THIRD_PARTY_LOCATION,         /* rooms of `protocol` that fit `fields`: an array */
	TR_THIRD_PARTY_USER_REVERSE,     /* what the Matrix user `id` stands for: an array */
	TR_THIRD_PARTY_LOCATION_REVERSE, /* what the alias `id` stands for: an array */
};

struct tr_appservice_third_party {
	enum tr_appservice_third_party_kind kind;
	struct tr_str protocol;
	struct tr_str id;
	const struct tr_json *fields; /* object of strings from the query; never NULL */
};

/* on_transaction must be set. A query without its handler is answered 404; on_ping only informs and
 * may be NULL. */
struct tr_appservice_handler {
	/* tr_appservice_ok() once everything is stored; tr_appservice_fail() with 503 to be sent
	 * the same again. */
	void (*on_transaction)(void *arg, const struct tr_transaction *transaction,
		struct tr_appservice_reply *reply);
	/* tr_appservice_ok() = it exists now; tr_appservice_not_found(). Synapse holds all
	 * transactions back until the answer: be quick. */
	void (*on_user_query)(void *arg, struct tr_str user_id, struct tr_appservice_reply *reply);
	void (*on_room_query)(void *arg, struct tr_str alias, struct tr_appservice_reply *reply);
	/* tr_appservice_answer() with JSON text, or tr_appservice_not_found(). */
	void (*on_third_party)(void *arg, const struct tr_appservice_third_party *query,
		struct tr_appservice_reply *reply);
	void (*on_ping)(void *arg, struct tr_str transaction_id);
};

/* NULL with *error when it cannot listen. */
struct tr_appservice *tr_appservice_create(
	struct tr_loop *loop, const struct tr_appservice_options *options, struct tr_error *error);
/* New requests are answered 503; those under way can still be answered. */
void tr_appservice_quiesce(struct tr_appservice *appservice);
/* Ends all connections. Replies that were not given yet stay valid and go nowhere. NULL is fine. */
void tr_appservice_destroy(struct tr_appservice *appservice);
uint16_t tr_appservice_port(const struct tr_appservice *appservice);
/* Transactions refused because they were over body_max. */
uint64_t tr_appservice_too_big_count(const struct tr_appservice *appservice);

/* Adds a registration; it starts not ready and lives as long as the appservice. The token must be
 * different from all others. */
struct tr_appservice_registration *tr_appservice_add(struct tr_appservice *appservice,
	const char *hs_token, const struct tr_appservice_handler *handler, void *arg);
void tr_appservice_set_ready(struct tr_appservice_registration *registration, bool ready);

/* Each of these ends the reply. */
/* 200 {} */
void tr_appservice_ok(struct tr_appservice_reply *reply);
/* 200 with this JSON text. */
void tr_appservice_answer(struct tr_appservice_reply *reply, struct tr_str json);
/* 404 M_NOT_FOUND */
void tr_appservice_not_found(struct tr_appservice_reply *reply);
/* `status` with the standard error body. */
void tr_appservice_fail(
	struct tr_appservice_reply *reply, int status, const char *errcode, const char *text);

#endif
