/* SPDX-License-Identifier: Apache-2.0 */
/* Registrations: written, read back, compared. */
#include "core/base/alloc.h"
#include "core/matrix/registration.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[] = "/tmp/trestle-registration-XXXXXX";
static char *path;

static int set_up(void **state)
{
	(void)state;
	memcpy(directory + strlen(directory) - 6, "XXXXXX", 6);
	assert_non_null(mkdtemp(directory));
	path = tr_asprintf("%s/registration.yml", directory);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	unlink(path);
	assert_int_equal(rmdir(directory), 0);
	tr_free(path);
	return 0;
}

static void fill(struct tr_registration *registration)
{
	memset(registration, 0, sizeof(*registration));
	registration->id = tr_strdup("irc");
	registration->url = tr_strdup("http://127.0.0.1:9999");
	registration->sender_localpart = tr_strdup("ircbridgebot");
	registration->receive_ephemeral = true;
	tr_namespaces_add(&registration->users, "@irc_.*:example\\.com$", true);
	tr_namespaces_add(&registration->aliases, "#irc_.*:example\\.com$", true);
	tr_namespaces_add(&registration->rooms, "!MLde:example\\.com$", false);
	tr_registration_add_protocol(registration, "irc");
}

static void write_text(const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
	assert_int_equal(fclose(file), 0);
}

static struct tr_buf said;

static void keep_sentence(void *arg, const char *sentence)
{
	(void)arg;
	tr_buf_addf(&said, "%s\n", sentence);
}

static void a_written_registration_reads_back_the_same(void **state)
{
	struct tr_registration wanted;
	struct tr_registration loaded = {0};
	struct tr_report report = {0};
	struct stat info;

	(void)state;
	fill(&wanted);
	tr_free(wanted.url);
	wanted.url = tr_strdup("http://[::1]:9999/\"quoted\" # \xc3\xa9");
	tr_registration_fill(&wanted);
	assert_int_equal(strlen(wanted.as_token), 64);
	assert_string_not_equal(wanted.as_token, wanted.hs_token);
	assert_int_equal(tr_registration_write(&wanted, path, NULL), 0);
	assert_int_equal(stat(path, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0600);
	assert_int_equal(tr_registration_load(&loaded, path, &report), 0);
	assert_int_equal(report.count, 0);
	assert_int_equal(tr_registration_compare(&loaded, &wanted, NULL, NULL), 0);
	assert_string_equal(loaded.url, wanted.url);
	assert_false(loaded.rate_limited);
	assert_true(loaded.receive_ephemeral);
	assert_int_equal(loaded.users.count, 1);
	assert_true(loaded.users.items[0].exclusive);
	assert_false(loaded.rooms.items[0].exclusive);
	tr_report_finish(&report);
	tr_registration_finish(&loaded);
	tr_registration_finish(&wanted);
}

static void the_text_has_all_that_a_homeserver_needs(void **state)
{
	struct tr_buf out = TR_BUF_INIT(10000);
	struct tr_registration registration;

	(void)state;
	fill(&registration);
	registration.as_token = tr_strdup("as");
	registration.hs_token = tr_strdup("hs");
	tr_free(registration.url);
	registration.url = NULL;
	assert_int_equal(tr_registration_print(&registration, &out), 0);
	assert_non_null(strstr(tr_buf_c(&out), "\nurl: null\n"));
	assert_non_null(strstr(tr_buf_c(&out), "\nrate_limited: false\n"));
	assert_non_null(strstr(tr_buf_c(&out), "\nreceive_ephemeral: true\n"));
	assert_non_null(strstr(tr_buf_c(&out), "\nde.sorunome.msc2409.push_ephemeral: true\n"));
	assert_non_null(strstr(tr_buf_c(&out),
		"  users:\n  - regex: \"@irc_.*:example\\\\.com$\"\n    exclusive: true\n"));
	assert_non_null(strstr(tr_buf_c(&out), "protocols:\n- \"irc\"\n"));
	tr_buf_finish(&out);
	tr_registration_finish(&registration);
}

static void writing_where_one_may_not_fails_and_leaves_nothing(void **state)
{
	struct tr_registration registration;
	struct tr_error error = {0};
	char *inside = tr_asprintf("%s/no/such/place", directory);

	(void)state;
	fill(&registration);
	assert_int_equal(tr_registration_write(&registration, inside, &error), TR_E_SYSTEM);
	assert_non_null(strstr(error.text, inside));
	tr_free(inside);
	tr_registration_finish(&registration);
}

static void registrations_of_the_incumbent_are_good_enough(void **state)
{
	struct tr_registration wanted;
	struct tr_registration loaded = {0};
	struct tr_report report = {0};

	(void)state;
	write_text("id: abc\nurl: http://127.0.0.1:9999\nas_token: a\nhs_token: h\n"
		   "sender_localpart: ircbridgebot\nrate_limited: false\nprotocols: [irc]\n"
		   "de.sorunome.msc2409.push_ephemeral: true\nsomething_else: {a: 1}\n"
		   "namespaces:\n  users:\n  - {exclusive: true, regex: '@irc_.*:example.com'}\n"
		   "  aliases:\n  - {exclusive: true, regex: '^#irc_.*:example\\.com$'}\n"
		   "  rooms:\n  - {exclusive: false, regex: '!.*'}\n");
	fill(&wanted);
	tr_free(wanted.id);
	wanted.id = NULL;
	assert_int_equal(tr_registration_load(&loaded, path, &report), 0);
	assert_int_equal(tr_registration_compare(&loaded, &wanted, NULL, NULL), 0);
	tr_report_finish(&report);
	tr_registration_finish(&loaded);
	tr_registration_finish(&wanted);
}

static void every_difference_is_said_and_no_token_shown(void **state)
{
	struct tr_registration wanted;
	struct tr_registration loaded = {0};
	struct tr_report report = {0};

	(void)state;
	write_text("id: irc\nurl: http://other\nas_token: secret-a\nhs_token: secret-h\n"
		   "sender_localpart: bot\nnamespaces:\n  users:\n"
		   "  - {exclusive: false, regex: '@irc_.*:example\\.com'}\n"
		   "  aliases:\n  - {exclusive: true, regex: '#irc_.*:example\\.org'}\n");
	fill(&wanted);
	wanted.hs_token = tr_strdup("secret-other");
	tr_buf_init(&said, 10000);
	assert_int_equal(tr_registration_load(&loaded, path, &report), 0);
	assert_int_equal(tr_registration_compare(&loaded, &wanted, keep_sentence, NULL), 9);
	assert_non_null(strstr(tr_buf_c(&said),
		"url is \"http://other\" in the registration, but the configuration needs "
		"\"http://127.0.0.1:9999\".\n"));
	assert_non_null(strstr(tr_buf_c(&said), "hs_token is another one"));
	assert_non_null(strstr(tr_buf_c(&said), "sender_localpart"));
	assert_non_null(strstr(tr_buf_c(&said), "of users is not exclusive"));
	assert_non_null(strstr(tr_buf_c(&said), "no namespace of aliases"));
	assert_non_null(strstr(tr_buf_c(&said), "no namespace of rooms"));
	assert_non_null(strstr(tr_buf_c(&said), "rate_limited"));
	assert_non_null(strstr(tr_buf_c(&said), "receive_ephemeral"));
	assert_non_null(strstr(tr_buf_c(&said), "protocols lacks \"irc\""));
	assert_null(strstr(tr_buf_c(&said), "secret"));
	tr_buf_finish(&said);
	tr_report_finish(&report);
	tr_registration_finish(&loaded);
	tr_registration_finish(&wanted);
}

static void mistakes_in_a_file_are_all_reported(void **state)
{
	struct tr_registration loaded = {0};
	struct tr_report report = {0};

	(void)state;
	write_text(
		"id: [1]\nas_token: a\nhs_token: a\nsender_localpart: \"\"\nurl: ~\n"
		"rate_limited: maybe\nnamespaces:\n  users: {}\n  rooms: [x, {exclusive: true}]\n"
		"protocols: irc\n");
	assert_int_equal(tr_registration_load(&loaded, path, &report), TR_E_CONFIG);
	assert_int_equal(report.mistakes, 8);
	tr_report_finish(&report);
	tr_registration_finish(&loaded);
	write_text("just text\n");
	assert_int_equal(tr_registration_load(&loaded, path, &report), TR_E_CONFIG);
	tr_registration_finish(&loaded);
	tr_report_finish(&report);
	unlink(path);
	assert_int_equal(tr_registration_load(&loaded, path, &report), TR_E_CONFIG);
	tr_registration_finish(&loaded);
	tr_report_finish(&report);
	write_text("");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_written_registration_reads_back_the_same, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			the_text_has_all_that_a_homeserver_needs, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			writing_where_one_may_not_fails_and_leaves_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			registrations_of_the_incumbent_are_good_enough, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			every_difference_is_said_and_no_token_shown, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			mistakes_in_a_file_are_all_reported, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
