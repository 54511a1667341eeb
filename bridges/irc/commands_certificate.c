/* SPDX-License-Identifier: Apache-2.0 */
/*
 * !certificate: a client certificate of one's own to log in with. The bridge makes it, so that no
 * private key is ever said in a room; the person tells the network's services the fingerprint.
 */
#include "bridges/irc/commands_internal.h"

#include "bridges/irc/account.h"
#include "core/base/alloc.h"
#include "core/io/stream.h"

enum { TEXT_MAX = 2048 };

/* A command that waits for the store, and what it will say. */
struct storing {
	struct tr_command *command;
	char *done;
};

static void stored(void *arg, const struct tr_error *error)
{
	struct storing *storing = arg;
	tr_irc_command_end_with(storing->command,
		error ? "That could not be stored. Please try again later." : storing->done);
	tr_free(storing->done);
	tr_free(storing);
}

static void add_fingerprints(const struct tr_tls_identity *identity, struct tr_buf *out)
{
	tr_buf_add_c(out, "SHA-512 ");
	(void)tr_tls_identity_fingerprint(identity, "SHA512", out);
	tr_buf_add_c(out, "\nSHA-256 ");
	(void)tr_tls_identity_fingerprint(identity, "SHA256", out);
	tr_buf_add_c(out, "\nSHA-1 ");
	(void)tr_tls_identity_fingerprint(identity, "SHA1", out);
}

static void show(struct tr_irc_network *network, struct tr_command *command)
{
	struct tr_buf text = TR_BUF_INIT(TEXT_MAX);
	struct tr_tls_identity *identity =
		tr_irc_account_certificate(network->accounts, tr_command_user(command));
	if (identity == NULL) {
		tr_buf_addf(&text, "You have no certificate for %s.", network->config->name);
	} else {
		tr_buf_addf(&text, "The fingerprint of your certificate for %s:\n",
			network->config->name);
		add_fingerprints(identity, &text);
	}
	tr_tls_identity_destroy(identity);
	tr_irc_command_end_with(command, tr_buf_c(&text));
	tr_buf_finish(&text);
}

static void store(struct tr_irc_network *network, struct tr_command *command, struct tr_str pem,
	const char *done)
{
	struct tr_error error;
	struct storing *storing = tr_alloc(sizeof(*storing));
	*storing = (struct storing){command, tr_strdup(done)};
	if (tr_irc_account_set_certificate(network->accounts, tr_command_user(command), pem, stored,
		    storing, &error) != 0) {
		tr_free(storing->done);
		tr_free(storing);
		tr_irc_command_end_with(command, error.text);
	}
}

static void make(struct tr_irc_network *network, struct tr_command *command)
{
	struct tr_buf pem = TR_BUF_INIT(TR_IRC_CERTIFICATE_MAX);
	struct tr_buf text = TR_BUF_INIT(TEXT_MAX);
	struct tr_tls_identity *identity = NULL;
	if (!network->config->ssl) {
		tr_irc_command_end_with(command,
			"This network is connected without TLS, so there are no certificates.");
		return;
	}
	if (tr_irc_certificate_make(tr_command_user(command), &pem) == 0) {
		identity = tr_tls_identity_create(tr_buf_str(&pem), NULL);
	}
	if (identity == NULL) {
		tr_irc_command_end_with(command, "The certificate could not be made.");
	} else {
		tr_buf_addf(&text,
			"You have a new certificate for %s. Say !reconnect, then tell the network's "
			"services its fingerprint (on most networks: CERT ADD to NickServ, while you "
			"are logged in). From then on it logs you in.\n",
			network->config->name);
		add_fingerprints(identity, &text);
		store(network, command, tr_buf_str(&pem), tr_buf_c(&text));
	}
	tr_tls_identity_destroy(identity);
	tr_wipe(pem.data, pem.len);
	tr_buf_finish(&pem);
	tr_buf_finish(&text);
}

void tr_irc_command_certificate(void *self, struct tr_command *command)
{
	struct tr_irc_network *network = self;
	struct tr_str what;
	if (!tr_irc_command_argument(network, command, &what)) {
		show(network, command);
	} else if (tr_str_eq_nocase(what, TR_STR("new"))) {
		make(network, command);
	} else if (tr_str_eq_nocase(what, TR_STR("remove"))) {
		store(network, command, (struct tr_str){NULL, 0},
			"Successfully removed your certificate.");
	} else {
		tr_command_usage(command);
	}
}
