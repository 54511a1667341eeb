/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The accounts of Matrix users on the network: the table irc_account and its copy in memory. What
 * is done with a password is session_login.c's, what people say to change one the commands'.
 */
#include "bridges/irc/account.h"

#include "core/base/alloc.h"
#include "core/base/list.h"
#include "core/base/log.h"
#include "core/base/map.h"
#include "core/io/stream.h"
#include "core/store/seal.h"

enum { SEALED_MAX = 64 * 1024, CONTEXT_MAX = 1024 };

enum field { USERNAME, PASSWORD, CERTIFICATE };

/* Each sets one column and drops the row when nothing is left in it. */
static const struct tr_db_statement set_field[] = {
	[USERNAME] = {"INSERT INTO irc_account(user_id, username, password, certificate)"
		      " VALUES ($1, $2, '', '') ON CONFLICT (user_id)"
		      " DO UPDATE SET username = excluded.username"},
	[PASSWORD] = {"INSERT INTO irc_account(user_id, username, password, certificate)"
		      " VALUES ($1, '', $2, '') ON CONFLICT (user_id)"
		      " DO UPDATE SET password = excluded.password"},
	[CERTIFICATE] = {"INSERT INTO irc_account(user_id, username, password, certificate)"
			 " VALUES ($1, '', '', $2) ON CONFLICT (user_id)"
			 " DO UPDATE SET certificate = excluded.certificate"},
};
static const struct tr_db_statement drop_empty = {
	"DELETE FROM irc_account WHERE user_id = $1 AND username = '' AND password = ''"
	" AND certificate = ''"};
static const struct tr_db_statement select_all = {
	"SELECT user_id, username, password, certificate FROM irc_account"};

struct tr_irc_accounts {
	struct tr_db *db;
	struct tr_seal *seal;
	struct tr_map by_user;
	struct tr_list changes;
};

struct change {
	struct tr_list node;
	struct tr_irc_accounts *accounts; /* NULL = destroyed meanwhile */
	char *user_id;
	enum field field;
	char *text; /* as it is stored; "" = nothing */
	tr_irc_account_stored *stored;
	void *arg;
};

struct tr_irc_accounts *tr_irc_accounts_create(struct tr_db *db, struct tr_seal *seal)
{
	struct tr_irc_accounts *accounts = tr_alloc(sizeof(*accounts));
	accounts->db = db;
	accounts->seal = seal;
	tr_list_init(&accounts->changes);
	return accounts;
}

static void account_free(struct tr_irc_account *account)
{
	if (account != NULL) {
		tr_free(account->user_id);
		tr_free(account->username);
		tr_free(account->password_sealed);
		tr_free(account->certificate_sealed);
		tr_free(account);
	}
}

void tr_irc_accounts_destroy(struct tr_irc_accounts *accounts)
{
	if (accounts == NULL) {
		return;
	}
	struct tr_list *node;
	while ((node = tr_list_head(&accounts->changes)) != NULL) {
		TR_LIST_ENTRY(node, struct change, node)->accounts = NULL;
		tr_list_remove(node);
	}
	for (struct tr_map_entry *e = tr_map_first(&accounts->by_user); e; e = tr_map_next(e)) {
		account_free(tr_map_value(e));
	}
	tr_map_finish(&accounts->by_user);
	tr_free(accounts);
}

static char **field_of(struct tr_irc_account *account, enum field field)
{
	switch (field) {
	case USERNAME:
		return &account->username;
	case PASSWORD:
		return &account->password_sealed;
	default:
		return &account->certificate_sealed;
	}
}

static void set(struct tr_irc_accounts *accounts, struct tr_str user_id, enum field field,
	struct tr_str text)
{
	struct tr_irc_account *account = tr_map_get(&accounts->by_user, user_id);
	if (account == NULL) {
		account = tr_alloc(sizeof(*account));
		account->user_id = tr_str_dup(user_id);
		(void)tr_map_set(&accounts->by_user, user_id, account);
	}
	char **place = field_of(account, field);
	tr_free(*place);
	*place = tr_str_empty(text) ? NULL : tr_str_dup(text);
	if (account->username == NULL && account->password_sealed == NULL &&
		account->certificate_sealed == NULL) {
		account_free(tr_map_remove(&accounts->by_user, user_id));
	}
}

void tr_irc_accounts_ask(struct tr_db_batch *batch)
{
	tr_db_batch_add(batch, &select_all, NULL, 0);
}

void tr_irc_accounts_load(
	struct tr_irc_accounts *accounts, const struct tr_db_result *result, size_t index)
{
	for (size_t row = 0; row < tr_db_rows(result, index); row++) {
		struct tr_str user_id = tr_db_text(result, index, row, 0);
		for (enum field field = USERNAME; field <= CERTIFICATE; field++) {
			set(accounts, user_id, field,
				tr_db_text(result, index, row, (size_t)field + 1));
		}
	}
}

const struct tr_irc_account *tr_irc_account_find(
	const struct tr_irc_accounts *accounts, const char *user_id)
{
	return tr_map_get(&accounts->by_user, tr_str_from(user_id));
}

/* The row a secret belongs to: in another one it does not open. */
static void context_of(const char *user_id, enum field field, struct tr_buf *out)
{
	tr_buf_addf(
		out, "irc_account/%s/%s", user_id, field == PASSWORD ? "password" : "certificate");
}

/* Opens a secret into `out`. A password may be in the incumbent's form. */
static bool open_secret(const struct tr_irc_accounts *accounts, const char *user_id,
	enum field field, struct tr_buf *out)
{
	const struct tr_irc_account *account = tr_irc_account_find(accounts, user_id);
	const char *sealed = account == NULL     ? NULL
			     : field == PASSWORD ? account->password_sealed
						 : account->certificate_sealed;
	if (sealed == NULL) {
		return false;
	}
	if (accounts->seal == NULL) {
		tr_log_warn(
			"irc", "what %s has stored cannot be used: there is no key_file", user_id);
		return false;
	}
	struct tr_error error;
	struct tr_str text = tr_str_from(sealed);
	struct tr_buf context = TR_BUF_INIT(CONTEXT_MAX);
	context_of(user_id, field, &context);
	int failed = tr_str_starts(text, TR_STR("tr1:"))
			     ? tr_seal_open_secret(
				       accounts->seal, tr_buf_str(&context), text, out, &error)
			     : tr_seal_decrypt_incumbent(accounts->seal, text, out, &error);
	tr_buf_finish(&context);
	if (failed) {
		tr_log_warn("irc", "what %s has stored cannot be used: %s", user_id, error.text);
	}
	return failed == 0;
}

char *tr_irc_account_password(const struct tr_irc_accounts *accounts, const char *user_id)
{
	struct tr_buf text = TR_BUF_INIT(SEALED_MAX);
	char *password = open_secret(accounts, user_id, PASSWORD, &text)
				 ? tr_str_dup(tr_buf_str(&text))
				 : NULL;
	tr_wipe(text.data, text.len);
	tr_buf_finish(&text);
	return password;
}

struct tr_tls_identity *tr_irc_account_certificate(
	const struct tr_irc_accounts *accounts, const char *user_id)
{
	struct tr_error error;
	struct tr_tls_identity *identity = NULL;
	struct tr_buf text = TR_BUF_INIT(SEALED_MAX);
	if (open_secret(accounts, user_id, CERTIFICATE, &text) &&
		(identity = tr_tls_identity_create(tr_buf_str(&text), &error)) == NULL) {
		tr_log_warn("irc", "the certificate of %s cannot be used: %s", user_id, error.text);
	}
	tr_wipe(text.data, text.len);
	tr_buf_finish(&text);
	return identity;
}

static void change_stored(
	void *arg, const struct tr_db_result *result, const struct tr_error *error)
{
	struct change *change = arg;
	(void)result;
	if (change->accounts != NULL) {
		tr_list_remove(&change->node);
		if (error == NULL) {
			set(change->accounts, tr_str_from(change->user_id), change->field,
				tr_str_from(change->text));
		}
		if (change->stored != NULL) {
			change->stored(change->arg, error);
		}
	}
	tr_free(change->user_id);
	tr_free(change->text);
	tr_free(change);
}

static void store(struct tr_irc_accounts *accounts, const char *user_id, enum field field,
	struct tr_str text, tr_irc_account_stored *stored, void *arg)
{
	struct change *change = tr_alloc(sizeof(*change));
	*change = (struct change){
		.accounts = accounts,
		.user_id = tr_strdup(user_id),
		.field = field,
		.text = tr_str_dup(text),
		.stored = stored,
		.arg = arg,
	};
	tr_list_append(&accounts->changes, &change->node);
	struct tr_db_batch *batch = tr_db_batch_create(accounts->db);
	TR_DB_ADD(batch, &set_field[field], TR_DB_TC(user_id), TR_DB_T(text));
	TR_DB_ADD(batch, &drop_empty, TR_DB_TC(user_id));
	tr_db_submit_take(batch, change_stored, change);
}

static int store_secret(struct tr_irc_accounts *accounts, const char *user_id, enum field field,
	struct tr_str secret, tr_irc_account_stored *stored, void *arg, struct tr_error *error)
{
	if (tr_str_empty(secret)) {
		store(accounts, user_id, field, secret, stored, arg);
		return 0;
	}
	if (accounts->seal == NULL) {
		return tr_error_set(error, TR_E_UNSUPPORTED,
			"this bridge keeps no passwords: its configuration names no key_file");
	}
	struct tr_buf context = TR_BUF_INIT(CONTEXT_MAX);
	struct tr_buf sealed = TR_BUF_INIT(SEALED_MAX);
	context_of(user_id, field, &context);
	int failed =
		tr_seal_close_secret(accounts->seal, tr_buf_str(&context), secret, &sealed, error);
	if (!failed) {
		store(accounts, user_id, field, tr_buf_str(&sealed), stored, arg);
	}
	tr_buf_finish(&context);
	tr_buf_finish(&sealed);
	return failed;
}

static bool has_control(struct tr_str text, char highest)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char byte = (unsigned char)text.ptr[i];
		if (byte <= (unsigned char)highest || byte == 0x7f) {
			return true;
		}
	}
	return false;
}

int tr_irc_account_set_username(struct tr_irc_accounts *accounts, const char *user_id,
	struct tr_str username, tr_irc_account_stored *stored, void *arg, struct tr_error *error)
{
	if (username.len > TR_IRC_USERNAME_MAX) {
		return tr_error_set(error, TR_E_TOO_BIG, "a user name has at most %d bytes",
			TR_IRC_USERNAME_MAX);
	}
	if (has_control(username, ' ') || !tr_utf8_valid(username) ||
		tr_str_starts(username, TR_STR(":")) || tr_str_find_char(username, '@') >= 0 ||
		tr_str_find_char(username, '!') >= 0) {
		return tr_error_set(error, TR_E_INVALID,
			"a user name has no spaces, no control characters, no @ and no !");
	}
	store(accounts, user_id, USERNAME, username, stored, arg);
	return 0;
}

int tr_irc_account_set_password(struct tr_irc_accounts *accounts, const char *user_id,
	struct tr_str password, tr_irc_account_stored *stored, void *arg, struct tr_error *error)
{
	if (password.len > TR_IRC_PASSWORD_MAX) {
		return tr_error_set(error, TR_E_TOO_BIG, "a password has at most %d bytes",
			TR_IRC_PASSWORD_MAX);
	}
	if (has_control(password, ' ' - 1)) {
		return tr_error_set(error, TR_E_INVALID, "a password has no control characters");
	}
	return store_secret(accounts, user_id, PASSWORD, password, stored, arg, error);
}

int tr_irc_account_set_certificate(struct tr_irc_accounts *accounts, const char *user_id,
	struct tr_str pem, tr_irc_account_stored *stored, void *arg, struct tr_error *error)
{
	if (pem.len > TR_IRC_CERTIFICATE_MAX) {
		return tr_error_set(error, TR_E_TOO_BIG, "a certificate has at most %d bytes",
			TR_IRC_CERTIFICATE_MAX);
	}
	if (!tr_str_empty(pem)) {
		struct tr_tls_identity *identity = tr_tls_identity_create(pem, error);
		if (identity == NULL) {
			return TR_E_CONFIG;
		}
		bool expired = tr_tls_identity_expired(identity);
		tr_tls_identity_destroy(identity);
		if (expired) {
			return tr_error_set(error, TR_E_INVALID, "the certificate has expired");
		}
	}
	return store_secret(accounts, user_id, CERTIFICATE, pem, stored, arg, error);
}
