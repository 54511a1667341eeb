/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Matrix users have told the bridge of their accounts on the network: a user name, a password
 * and a client certificate, each or none of them. The table irc_account holds them, secrets sealed
 * with key_file and bound to their row; all rows are in memory, sealed, and opened for the one
 * connection that is being made.
 *
 * Changes: a call that returns 0 has begun; `stored` comes once, later, with error NULL when it is
 * durable, and from then on find() and open_*() show it. Any other return says why in *error, and
 * nothing comes. Without key_file there are no secrets (TR_E_UNSUPPORTED). A connection that is up
 * stays as it is: use tr_irc_session_retry() or reconnect for the new login.
 */
#ifndef TRESTLE_IRC_ACCOUNT_H
#define TRESTLE_IRC_ACCOUNT_H

#include "core/base/buf.h"
#include "core/store/db.h"

struct tr_irc_accounts;
struct tr_seal;
struct tr_tls_identity;

enum {
	TR_IRC_PASSWORD_MAX = 400, /* fits a PASS line */
	TR_IRC_USERNAME_MAX = 64,
	TR_IRC_CERTIFICATE_MAX = 16 * 1024,
};

struct tr_irc_account {
	char *user_id;
	char *username; /* user name and account; NULL = made from the Matrix id */
	char *password_sealed, *certificate_sealed; /* NULL = none */
};

/* `seal` may be NULL. Both outlive the accounts. */
struct tr_irc_accounts *tr_irc_accounts_create(struct tr_db *db, struct tr_seal *seal);
/* Callbacks of changes still under way do not come any more. NULL is fine. */
void tr_irc_accounts_destroy(struct tr_irc_accounts *accounts);
/* At start: records the question, and takes its rows. */
void tr_irc_accounts_ask(struct tr_db_batch *batch);
void tr_irc_accounts_load(
	struct tr_irc_accounts *accounts, const struct tr_db_result *result, size_t index);

/* NULL = nothing is known of this user. Valid until the next change. */
const struct tr_irc_account *tr_irc_account_find(
	const struct tr_irc_accounts *accounts, const char *user_id);
/* Owned, to be freed with tr_free_secret(); NULL when there is none or it does not open (logged).
 */
char *tr_irc_account_password(const struct tr_irc_accounts *accounts, const char *user_id);
/* Owned by the caller: tr_tls_identity_destroy(). */
struct tr_tls_identity *tr_irc_account_certificate(
	const struct tr_irc_accounts *accounts, const char *user_id);

typedef void tr_irc_account_stored(void *arg, const struct tr_error *error);

/* An empty text forgets what was stored. */
int tr_irc_account_set_username(struct tr_irc_accounts *accounts, const char *user_id,
	struct tr_str username, tr_irc_account_stored *stored, void *arg, struct tr_error *error);
int tr_irc_account_set_password(struct tr_irc_accounts *accounts, const char *user_id,
	struct tr_str password, tr_irc_account_stored *stored, void *arg, struct tr_error *error);
/* `pem`: certificate and key, as tr_tls_identity_create() takes them. */
int tr_irc_account_set_certificate(struct tr_irc_accounts *accounts, const char *user_id,
	struct tr_str pem, tr_irc_account_stored *stored, void *arg, struct tr_error *error);

/* Makes a self-signed certificate with a new key for an account, as PEM to store (wipe it after
 * use). Its fingerprint is what the network's services are told. */
int tr_irc_certificate_make(const char *user_id, struct tr_buf *pem);

#endif
