/* SPDX-License-Identifier: Apache-2.0 */
/* What people store of their accounts: durable, sealed, bound to its row, bounded. */
#include "bridges/irc/account.h"

#include "bridges/irc/schema.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/io/stream.h"
#include "core/store/seal.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { GUARD_MS = 20000 };

static char dir[] = "/tmp/account_test.XXXXXX";
static char key_file[64];

struct world {
	struct tr_loop *loop;
	struct tr_timer *tick;
	struct tr_db *db;
	struct tr_seal *seal;
	struct tr_irc_accounts *accounts;
	int calls, failures;
};

static void tick(void *arg)
{
	(void)arg;
}

static void migrated(void *arg, const struct tr_error *error)
{
	assert_null(error);
	++*(int *)arg;
}

static void await(struct world *world, const int *count, int wanted)
{
	uint64_t start = tr_clock_mono_ms();
	while (*count < wanted) {
		tr_loop_turn(world->loop, true);
		assert_true(tr_clock_mono_ms() - start < GUARD_MS);
	}
}

static int setup(void **state)
{
	struct world *world = tr_alloc(sizeof(*world));
	const struct tr_db_options options = {.url = "sqlite::memory:"};
	int done = 0;
	world->loop = tr_loop_create();
	world->tick = tr_timer_create(world->loop, tick, NULL);
	tr_timer_repeat(world->tick, 2);
	world->db = tr_db_open(world->loop, &options, NULL);
	assert_non_null(world->db);
	tr_migrate(world->db, "irc", tr_irc_migrations, TR_IRC_MIGRATIONS, migrated, &done);
	await(world, &done, 1);
	world->seal = tr_seal_open(key_file, NULL);
	assert_non_null(world->seal);
	world->accounts = tr_irc_accounts_create(world->db, world->seal);
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;
	tr_irc_accounts_destroy(world->accounts);
	tr_db_close(world->db);
	tr_seal_close(world->seal);
	tr_timer_destroy(world->tick);
	tr_loop_destroy(world->loop);
	tr_free(world);
	return 0;
}

static void stored(void *arg, const struct tr_error *error)
{
	struct world *world = arg;
	world->calls++;
	world->failures += error != NULL;
}

static void loaded(void *arg, const struct tr_db_result *result, const struct tr_error *error)
{
	struct world *world = arg;
	assert_null(error);
	tr_irc_accounts_load(world->accounts, result, 0);
	world->calls++;
}

/* As after a restart. */
static void load_again(struct world *world)
{
	tr_irc_accounts_destroy(world->accounts);
	world->accounts = tr_irc_accounts_create(world->db, world->seal);
	struct tr_db_batch *batch = tr_db_batch_create(world->db);
	tr_irc_accounts_ask(batch);
	int calls = world->calls;
	tr_db_submit_take(batch, loaded, world);
	await(world, &world->calls, calls + 1);
}

static void set_password(struct world *world, const char *user_id, const char *password)
{
	int calls = world->calls;
	assert_int_equal(tr_irc_account_set_password(world->accounts, user_id,
				 tr_str_from(password), stored, world, NULL),
		0);
	assert_int_equal(world->calls, calls);
	await(world, &world->calls, calls + 1);
}

static void assert_password(struct world *world, const char *user_id, const char *expected)
{
	char *password = tr_irc_account_password(world->accounts, user_id);
	if (expected == NULL) {
		assert_null(password);
	} else {
		assert_non_null(password);
		assert_string_equal(password, expected);
	}
	tr_free_secret(password);
}

static void a_password_comes_back_whole_also_after_a_restart(void **state)
{
	struct world *world = *state;
	set_password(world, "@a:x", "hunter2 with  space \xc3\xa4");
	assert_password(world, "@a:x", "hunter2 with  space \xc3\xa4");
	assert_password(world, "@b:x", NULL);
	load_again(world);
	assert_password(world, "@a:x", "hunter2 with  space \xc3\xa4");
	const struct tr_irc_account *account = tr_irc_account_find(world->accounts, "@a:x");
	assert_non_null(account);
	assert_null(account->username);
	assert_null(strstr(account->password_sealed, "hunter2"));
	set_password(world, "@a:x", "");
	assert_null(tr_irc_account_find(world->accounts, "@a:x"));
	load_again(world);
	assert_null(tr_irc_account_find(world->accounts, "@a:x"));
}

static void a_user_name_stays_when_the_password_goes(void **state)
{
	struct world *world = *state;
	assert_int_equal(tr_irc_account_set_username(
				 world->accounts, "@a:x", TR_STR("ali"), stored, world, NULL),
		0);
	set_password(world, "@a:x", "secret");
	set_password(world, "@a:x", "");
	load_again(world);
	const struct tr_irc_account *account = tr_irc_account_find(world->accounts, "@a:x");
	assert_non_null(account);
	assert_string_equal(account->username, "ali");
	assert_null(account->password_sealed);
}

static void what_no_server_could_take_is_refused_with_a_reason(void **state)
{
	struct world *world = *state;
	struct tr_error error;
	char longest[TR_IRC_PASSWORD_MAX + 2];
	memset(longest, 'x', sizeof(longest));
	const struct tr_str passwords[] = {TR_STR("a\nb"), TR_STR("a\rb"), {"a\0b", 3},
		TR_STR("\x01"), {longest, TR_IRC_PASSWORD_MAX + 1}};
	for (size_t i = 0; i < TR_ARRAY_LEN(passwords); i++) {
		assert_int_not_equal(tr_irc_account_set_password(world->accounts, "@a:x",
					     passwords[i], stored, world, &error),
			0);
		assert_non_null(strstr(error.text, "password"));
	}
	const struct tr_str names[] = {TR_STR("a b"), TR_STR(":a"), TR_STR("a@b"), TR_STR("a!b"),
		TR_STR("a\n"), TR_STR("\xff"), {longest, TR_IRC_USERNAME_MAX + 1}};
	for (size_t i = 0; i < TR_ARRAY_LEN(names); i++) {
		assert_int_not_equal(tr_irc_account_set_username(world->accounts, "@a:x", names[i],
					     stored, world, &error),
			0);
		assert_non_null(strstr(error.text, "user name"));
	}
	assert_int_not_equal(tr_irc_account_set_certificate(world->accounts, "@a:x",
				     TR_STR("no PEM"), stored, world, &error),
		0);
	assert_int_equal(world->calls, 0);
	assert_null(tr_irc_account_find(world->accounts, "@a:x"));
}

static void a_certificate_is_made_stored_and_shown(void **state)
{
	struct world *world = *state;
	struct tr_buf pem = TR_BUF_INIT(TR_IRC_CERTIFICATE_MAX);
	const char *user_id = "@somebody-with-a-name-that-is-longer-than-a-common-name:example.com";
	assert_int_equal(tr_irc_certificate_make(user_id, &pem), 0);
	assert_int_equal(tr_irc_account_set_certificate(
				 world->accounts, user_id, tr_buf_str(&pem), stored, world, NULL),
		0);
	await(world, &world->calls, 1);
	load_again(world);
	struct tr_tls_identity *made = tr_tls_identity_create(tr_buf_str(&pem), NULL);
	struct tr_tls_identity *kept = tr_irc_account_certificate(world->accounts, user_id);
	assert_non_null(kept);
	struct tr_buf a = TR_BUF_INIT(200);
	struct tr_buf b = TR_BUF_INIT(200);
	assert_int_equal(tr_tls_identity_fingerprint(made, "SHA512", &a), 0);
	assert_int_equal(tr_tls_identity_fingerprint(kept, "SHA512", &b), 0);
	assert_string_equal(tr_buf_c(&a), tr_buf_c(&b));
	tr_tls_identity_destroy(made);
	tr_tls_identity_destroy(kept);
	tr_buf_finish(&a);
	tr_buf_finish(&b);
	tr_buf_finish(&pem);
}

static void a_sealed_password_in_another_row_does_not_open(void **state)
{
	struct world *world = *state;
	set_password(world, "@a:x", "secret");
	struct tr_db_batch *batch = tr_db_batch_create(world->db);
	tr_db_batch_add_script(batch, "UPDATE irc_account SET user_id = '@b:x'");
	tr_db_submit_take(batch, NULL, NULL);
	load_again(world);
	assert_non_null(tr_irc_account_find(world->accounts, "@b:x"));
	assert_password(world, "@b:x", NULL);
}

static void the_incumbents_form_is_read(void **state)
{
	struct world *world = *state;
	struct tr_buf sealed = TR_BUF_INIT(4096);
	struct tr_buf script = TR_BUF_INIT(8192);
	assert_int_equal(
		tr_seal_encrypt_incumbent(world->seal, TR_STR("two words"), &sealed, NULL), 0);
	tr_buf_addf(&script, "INSERT INTO irc_account VALUES ('@a:x', '', '%s', '')",
		tr_buf_c(&sealed));
	struct tr_db_batch *batch = tr_db_batch_create(world->db);
	tr_db_batch_add_script(batch, tr_buf_c(&script));
	tr_db_submit_take(batch, NULL, NULL);
	load_again(world);
	assert_password(world, "@a:x", "two words");
	tr_buf_finish(&sealed);
	tr_buf_finish(&script);
}

static void without_a_key_nothing_is_kept(void **state)
{
	struct world *world = *state;
	struct tr_error error;
	tr_irc_accounts_destroy(world->accounts);
	world->accounts = tr_irc_accounts_create(world->db, NULL);
	assert_int_equal(tr_irc_account_set_password(
				 world->accounts, "@a:x", TR_STR("secret"), stored, world, &error),
		TR_E_UNSUPPORTED);
	assert_non_null(strstr(error.text, "key_file"));
	assert_int_equal(world->calls, 0);
}

static void a_change_under_way_does_not_call_back_after_the_end(void **state)
{
	struct world *world = *state;
	assert_int_equal(tr_irc_account_set_password(
				 world->accounts, "@a:x", TR_STR("secret"), stored, world, NULL),
		0);
	tr_irc_accounts_destroy(world->accounts);
	world->accounts = tr_irc_accounts_create(world->db, world->seal);
	load_again(world);
	assert_int_equal(world->calls, 1);
	assert_password(world, "@a:x", "secret");
}

static int group_setup(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(key_file, sizeof(key_file), "%s/key.pem", dir);
	EVP_PKEY *key = EVP_RSA_gen(2048);
	FILE *file = fopen(key_file, "w");
	assert_non_null(file);
	assert_int_equal(fchmod(fileno(file), 0600), 0);
	assert_int_equal(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), 1);
	assert_int_equal(fclose(file), 0);
	EVP_PKEY_free(key);
	return 0;
}

static int group_teardown(void **state)
{
	(void)state;
	(void)unlink(key_file);
	(void)rmdir(dir);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_password_comes_back_whole_also_after_a_restart),
		TEST(a_user_name_stays_when_the_password_goes),
		TEST(what_no_server_could_take_is_refused_with_a_reason),
		TEST(a_certificate_is_made_stored_and_shown),
		TEST(a_sealed_password_in_another_row_does_not_open),
		TEST(the_incumbents_form_is_read),
		TEST(without_a_key_nothing_is_kept),
		TEST(a_change_under_way_does_not_call_back_after_the_end),
	};
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
