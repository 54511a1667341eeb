/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes TLS out of a network's settings; what is done with it is core/io's. Keys are wiped as soon
 * as they are read.
 */
#include "bridges/irc/irc_tls.h"

#include "core/base/alloc.h"
#include "core/base/buf.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { PEM_MAX = 64 * 1024 };

static int read_file(const char *file, struct tr_buf *out, struct tr_error *error)
{
	char bytes[4096];
	size_t count;
	FILE *stream = fopen(file, "re");
	if (stream == NULL) {
		return tr_error_set(
			error, TR_E_CONFIG, "cannot read %.120s: %s", file, strerror(errno));
	}
	while ((count = fread(bytes, 1, sizeof(bytes), stream)) > 0) {
		tr_buf_add(out, tr_str_of(bytes, count));
	}
	(void)fclose(stream);
	tr_wipe(bytes, sizeof(bytes));
	return tr_buf_failed(out) ? tr_error_set(error, TR_E_CONFIG, "%.120s is too big", file) : 0;
}

/* PEM text, or what the file of that name has in it. */
static int add_pem(const char *text, const char *file, struct tr_buf *out, struct tr_error *error)
{
	if (file != NULL) {
		return read_file(file, out, error);
	}
	tr_buf_add_c(out, text);
	tr_buf_add_char(out, '\n');
	return tr_buf_failed(out) ? tr_error_set(error, TR_E_CONFIG, "is too big") : 0;
}

/* The key may stand behind the certificate, in the same text or file. */
static int read_identity(const struct tr_irc_server_config *config,
	struct tr_tls_identity **identity, struct tr_error *error)
{
	struct tr_buf pem = TR_BUF_INIT(PEM_MAX);
	int failed = 0;
	if (config->tls_cert == NULL) {
		return 0;
	}
	failed = add_pem(config->tls_cert, config->tls_cert_file, &pem, error);
	if (failed != 0) {
		tr_error_prefix(error, "tlsOptions.cert");
	} else if (config->tls_key != NULL) {
		tr_buf_add_char(&pem, '\n');
		failed = add_pem(config->tls_key, config->tls_key_file, &pem, error);
		if (failed != 0) {
			tr_error_prefix(error, "tlsOptions.key");
		}
	}
	if (failed == 0) {
		*identity = tr_tls_identity_create(tr_buf_str(&pem), error);
		failed = *identity == NULL ? TR_E_CONFIG : 0;
		if (failed != 0) {
			tr_error_prefix(error, "tlsOptions.cert and key");
		}
	}
	tr_wipe(pem.data, pem.len);
	tr_buf_finish(&pem);
	return failed;
}

bool tr_irc_tls_trusts_all(const struct tr_irc_server_config *config)
{
	return config->sslselfsign || !config->tls_rejectUnauthorized;
}

static int create(const struct tr_irc_server_config *config, bool trust, struct tr_tls **tls,
	struct tr_tls_identity **identity, struct tr_error *error)
{
	const struct tr_tls_options options = {
		.ca_file = trust ? config->ca_file : NULL,
		.ca_pem = trust ? config->ca_pem : NULL,
		.allow_self_signed = tr_irc_tls_trusts_all(config),
		.allow_expired = config->allowExpiredCerts,
		.ciphers = config->tls_ciphers,
		.min_version = config->tls_minVersion,
	};
	struct tr_tls_identity *own = NULL;
	int failed = read_identity(config, &own, error);
	if (failed == 0 && (*tls = tr_tls_create(&options, error)) == NULL) {
		failed = TR_E_CONFIG;
		tr_tls_identity_destroy(own);
	} else if (failed == 0) {
		*identity = own;
	}
	return failed;
}

int tr_irc_tls_create(const struct tr_irc_server_config *config, struct tr_tls **tls,
	struct tr_tls_identity **identity, struct tr_error *error)
{
	return create(config, true, tls, identity, error);
}

int tr_irc_tls_check(const struct tr_irc_server_config *config, struct tr_error *error)
{
	struct tr_tls *tls = NULL;
	struct tr_tls_identity *identity = NULL;
	int failed = create(config, false, &tls, &identity, error);
	if (failed == 0) {
		tr_tls_destroy(tls);
		tr_tls_identity_destroy(identity);
	}
	return failed;
}
