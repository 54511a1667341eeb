/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chooses and opens what a session logs in with. How it is put on the wire is the connection's
 * business (connection_sasl.c), where it is kept account.c's.
 */
#include "bridges/irc/login.h"

#include "bridges/irc/account.h"
#include "core/base/alloc.h"

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
