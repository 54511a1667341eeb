/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chooses and opens what a session logs in with. How it is put on the wire is the connection's
 * business (connection_sasl.c), where it is kept account.c's.
 */
#include "bridges/irc/login.h"

#include "bridges/irc/account.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum {
	FILE_MAX = 64 * 1024,
	/* A wrong password stays wrong, but services may just have come back. */
	TRIES_MAX = 3,
	TRY_AGAIN_MS = 2000,
	TRY_AGAIN_MAX_MS = 8000,
};

bool tr_irc_login_exists(const struct tr_irc_session *session)
{
	const struct tr_irc_network *network = session->network;
	if (session->user_id == NULL) {
		return network->config->botConfig.password != NULL || network->bot_identity != NULL;
	}
	const struct tr_irc_account *account =
		tr_irc_account_find(network->accounts, session->user_id);
	return account != NULL &&
	       (account->password_sealed != NULL || account->certificate_sealed != NULL);
}

void tr_irc_login_of(const struct tr_irc_session *session, struct tr_irc_login *login)
{
	const struct tr_irc_network *network = session->network;
	*login = (struct tr_irc_login){NULL, NULL, NULL, NULL};
	if (session->user_id == NULL) {
		const struct tr_irc_bot_config *bot = &network->config->botConfig;
		login->username = tr_strdup(bot->username);
		login->account = tr_strdup(bot->username);
		login->password = tr_strdup(bot->password);
		login->identity = tr_tls_identity_ref(network->bot_identity);
		return;
	}
	const struct tr_irc_account *stored =
		tr_irc_account_find(network->accounts, session->user_id);
	const char *username = stored ? stored->username : NULL;
	login->username = tr_strdup(username);
	login->account = tr_strdup(username ? username : session->nick);
	if (stored != NULL) {
		login->password = tr_irc_account_password(network->accounts, session->user_id);
		login->identity = tr_irc_account_certificate(network->accounts, session->user_id);
	}
}

void tr_irc_login_finish(struct tr_irc_login *login)
{
	tr_free(login->username);
	tr_free(login->account);
	tr_free_secret(login->password);
	tr_tls_identity_destroy(login->identity);
}

void tr_irc_login_apply(const struct tr_irc_login *login, const struct tr_irc_server_config *config,
	struct tr_irc_connection_options *options)
{
	options->identity = login->identity;
	options->server_password = config->password;
	if (!config->sasl) {
		options->server_password =
			login->password ? login->password : options->server_password;
		return;
	}
	options->sasl_user = login->account;
	options->sasl_password = login->password;
	options->sasl_external = login->identity != NULL;
	/* Services that are away must not lock everybody out; see identify.h. */
	options->sasl_optional = true;
}

struct tr_tls_identity *tr_irc_login_read_certificate(const char *file, struct tr_error *error)
{
	char bytes[4096];
	size_t count;
	struct tr_tls_identity *identity = NULL;
	struct tr_buf pem = TR_BUF_INIT(FILE_MAX);
	FILE *stream = fopen(file, "re");
	if (stream == NULL) {
		tr_error_set(error, TR_E_CONFIG, "cannot read the certificate %.120s: %s", file,
			strerror(errno));
		return NULL;
	}
	while ((count = fread(bytes, 1, sizeof(bytes), stream)) > 0) {
		tr_buf_add(&pem, tr_str_of(bytes, count));
	}
	(void)fclose(stream);
	if (tr_buf_failed(&pem)) {
		tr_error_set(error, TR_E_CONFIG, "%.120s is too big for a certificate", file);
	} else if ((identity = tr_tls_identity_create(tr_buf_str(&pem), error)) == NULL) {
		tr_error_prefix(error, "%.120s", file);
	}
	tr_wipe(bytes, sizeof(bytes));
	tr_wipe(pem.data, pem.len);
	tr_buf_finish(&pem);
	return identity;
}

bool tr_irc_login_retry(
	struct tr_irc_session *session, const struct tr_error *error, uint64_t *delay_ms)
{
	bool may_pass = error->code == TR_E_AUTH && (error->status == 904 || error->status == 464);
	if (!may_pass || ++session->login_failures >= TRIES_MAX) {
		session->login_failures = 0;
		return false;
	}
	*delay_ms = tr_backoff_ms(session->login_failures, TRY_AGAIN_MS, TRY_AGAIN_MAX_MS);
	return true;
}

const char *tr_irc_login_advice(const struct tr_irc_session *session, const struct tr_error *error)
{
	const struct tr_irc_account *account =
		session->user_id ? tr_irc_account_find(session->network->accounts, session->user_id)
				 : NULL;
	if (error->code == TR_E_AUTH && account == NULL) {
		return "The bridge's administrator has to correct the password, or you store one "
		       "of your own with !storepass.";
	}
	if (error->code == TR_E_AUTH && error->status == 902) {
		return "The account is locked: ask the network's staff, or say !removepass to be "
		       "connected without it.";
	}
	if (error->code == TR_E_AUTH && account->password_sealed == NULL) {
		return "Tell the network's services the fingerprint of your certificate, or store "
		       "a password with !storepass.";
	}
	if (error->code == TR_E_AUTH) {
		return "Store the right password with !storepass and the account's name with "
		       "!username, or say !removepass to be connected without one.";
	}
	if (error->code == TR_E_DENIED) {
		return "Only the network's operators can lift that.";
	}
	return "";
}
