/* SPDX-License-Identifier: Apache-2.0 */
/* The sections that every daemon has, and the reload. */
#include "core/base/alloc.h"
#include "core/config/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define HOMESERVER "homeserver: {url: \"http://127.0.0.1:8008/\", domain: example.com}\n"

static void read_good(const char *text, struct tr_config_common *config)
{
	struct tr_report report = {0};
	struct tr_yaml_doc *doc = tr_yaml_parse(tr_str_from(text), "/etc/t/bridge.yml", &report);
	assert_non_null(doc);
	tr_schema_read(&tr_config_common_schema, doc, config, &report);
	assert_int_equal(report.count, 0);
	tr_yaml_free(doc);
	tr_report_finish(&report);
}

static void finish(struct tr_config_common *config)
{
	tr_schema_free(&tr_config_common_schema, config, sizeof(*config));
}

static void all_but_the_homeserver_may_be_left_out(void **state)
{
	(void)state;
	struct tr_config_common config = {0};
	read_good(HOMESERVER, &config);
	assert_string_equal(config.homeserver.url, "http://127.0.0.1:8008");
	assert_string_equal(config.homeserver.domain, "example.com");
	assert_string_equal(config.appservice.listen, "127.0.0.1:9999");
	assert_string_equal(config.appservice.url, "http://127.0.0.1:9999");
	assert_string_equal(config.appservice.registration, "/etc/t/registration.yml");
	assert_false(config.appservice.registration_given);
	assert_null(config.database);
	assert_null(config.metrics.listen);
	assert_int_equal(config.logging.level, TR_LOG_INFO);
	assert_int_equal(config.logging.format, TR_LOG_TEXT);
	assert_false(config.logging.level_given);
	assert_null(config.key_file);
	finish(&config);
}

static void what_the_sections_say_is_taken(void **state)
{
	(void)state;
	struct tr_config_common config = {0};
	read_good(HOMESERVER
		"appservice: {listen: \"[::1]:7000\", url: \"https://as.example.com\", "
		"registration: r.yml}\n"
		"database: sqlite:data/t.db\nmetrics: {listen: \"0.0.0.0:9001\"}\n"
		"logging: {level: debug, format: json}\nkey_file: passkey.pem\n",
		&config);
	assert_string_equal(config.appservice.listen, "[::1]:7000");
	assert_string_equal(config.appservice.url, "https://as.example.com");
	assert_string_equal(config.appservice.registration, "/etc/t/r.yml");
	assert_true(config.appservice.registration_given);
	assert_string_equal(config.database, "sqlite:/etc/t/data/t.db");
	assert_string_equal(config.metrics.listen, "0.0.0.0:9001");
	assert_int_equal(config.logging.level, TR_LOG_DEBUG);
	assert_true(config.logging.level_given);
	assert_int_equal(config.logging.format, TR_LOG_JSON);
	assert_string_equal(config.key_file, "/etc/t/passkey.pem");
	finish(&config);
}

static void the_url_for_the_homeserver_follows_the_listener(void **state)
{
	(void)state;
	static const char *const cases[][2] = {{"127.0.0.1:1", "http://127.0.0.1:1"},
		{"[::1]:2", "http://[::1]:2"}, {"0.0.0.0:3", "http://127.0.0.1:3"},
		{"[::]:4", "http://127.0.0.1:4"}};
	for (size_t i = 0; i < TR_ARRAY_LEN(cases); i++) {
		struct tr_config_common config = {0};
		char *text = tr_asprintf(HOMESERVER "appservice: {listen: \"%s\"}\n", cases[i][0]);
		read_good(text, &config);
		assert_string_equal(config.appservice.url, cases[i][1]);
		tr_free(text);
		finish(&config);
	}
}

static void the_most_particular_permission_wins(void **state)
{
	(void)state;
	struct tr_config_common config = {0};
	read_good(HOMESERVER "permissions: {\"@a:x.org\": admin, x.org: commands, \"*\": block}\n",
		&config);
	static const struct {
		const char *user;
		enum tr_config_level level;
	} cases[] = {{"@a:x.org", TR_LEVEL_ADMIN}, {"@b:x.org", TR_LEVEL_COMMANDS},
		{"@a:y.org", TR_LEVEL_BLOCK}, {"x.org", TR_LEVEL_BLOCK}, {"", TR_LEVEL_BLOCK},
		{"@a:x.org:8448", TR_LEVEL_BLOCK}};
	for (size_t i = 0; i < TR_ARRAY_LEN(cases); i++) {
		assert_int_equal(tr_config_level_of(config.permissions, config.permission_count,
					 tr_str_from(cases[i].user), TR_LEVEL_USER),
			cases[i].level);
	}
	finish(&config);
	assert_int_equal(
		tr_config_level_of(NULL, 0, TR_STR("@a:b"), TR_LEVEL_RELAY), TR_LEVEL_RELAY);
}

static void ids_are_told_from_what_is_none(void **state)
{
	(void)state;
	static const char *const rooms[] = {"!a:b", "!MLdeIFVsWCgrPkcYkL:example.com",
		"!31hneApxJ_1o-63DmFrpeqnkFfWppnzWso1JvH3ogLM", "!a:[::1]:8448"};
	static const char *const no_rooms[] = {
		"", "!", "!:b", "#a:b", "a:b", "!a:", "!a b", "!a:b c"};
	static const char *const users[] = {"@a:b", "@A.b-c=/_:example.com:8448"};
	static const char *const no_users[] = {
		"", "@", "@:b", "@a", "a:b", "@a:", "@a:b/c", "!a:b"};
	static const char *const domains[] = {"a", "example.com", "example.com:8448", "[::1]:1"};
	static const char *const no_domains[] = {"", "https://a", "a b", "a/b", ".a", "@a"};
	for (size_t i = 0; i < TR_ARRAY_LEN(rooms); i++) {
		assert_int_equal(tr_config_check_room_id(rooms[i], NULL), 0);
	}
	for (size_t i = 0; i < TR_ARRAY_LEN(no_rooms); i++) {
		assert_int_equal(tr_config_check_room_id(no_rooms[i], NULL), TR_E_CONFIG);
	}
	for (size_t i = 0; i < TR_ARRAY_LEN(users); i++) {
		assert_int_equal(tr_config_check_user_id(users[i], NULL), 0);
	}
	for (size_t i = 0; i < TR_ARRAY_LEN(no_users); i++) {
		assert_int_equal(tr_config_check_user_id(no_users[i], NULL), TR_E_CONFIG);
	}
	for (size_t i = 0; i < TR_ARRAY_LEN(domains); i++) {
		assert_int_equal(tr_config_check_domain(domains[i], NULL), 0);
	}
	for (size_t i = 0; i < TR_ARRAY_LEN(no_domains); i++) {
		assert_int_equal(tr_config_check_domain(no_domains[i], NULL), TR_E_CONFIG);
	}
}

static void a_reload_tells_what_it_takes_from_what_needs_a_restart(void **state)
{
	(void)state;
	struct tr_config_common before = {0}, after = {0};
	struct tr_buf taken = TR_BUF_INIT(1024), restart = TR_BUF_INIT(1024);
	read_good(HOMESERVER, &before);
	read_good(HOMESERVER "logging: {level: debug}\npermissions: {\"*\": relay}\n"
			     "metrics: {listen: \"127.0.0.1:1\"}\ndatabase: \"sqlite:x\"\n",
		&after);
	assert_int_equal(
		tr_config_diff(&tr_config_common_schema, &before, &after, &taken, &restart), 4);
	assert_string_equal(tr_buf_c(&taken), "logging.level, permissions");
	assert_string_equal(tr_buf_c(&restart), "database, metrics.listen");
	tr_buf_finish(&taken);
	tr_buf_finish(&restart);
	finish(&before);
	finish(&after);
}

static void a_file_is_loaded_with_its_records_in_order(void **state)
{
	(void)state;
	char name[] = "/tmp/trestle-config-XXXXXX";
	int fd = mkstemp(name);
	assert_true(fd >= 0);
	static const char text[] = "logging: {level: loud}\nhomeserver: {url: x}\n";
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	struct tr_config_common config = {0};
	struct tr_report report = {0};
	assert_int_equal(
		tr_config_load(&tr_config_common_schema, name, &config, &report), TR_E_CONFIG);
	assert_int_equal(report.mistakes, 3);
	assert_string_equal(report.items[0].key, "logging.level");
	assert_string_equal(report.items[1].key, "homeserver.domain");
	assert_string_equal(report.items[2].key, "homeserver.url");
	assert_string_equal(report.items[2].file, name);
	unlink(name);
	tr_report_finish(&report);
	finish(&config);
	assert_int_equal(
		tr_config_load(&tr_config_common_schema, name, &config, &report), TR_E_CONFIG);
	assert_int_equal(report.mistakes, 1);
	tr_report_finish(&report);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_but_the_homeserver_may_be_left_out),
		cmocka_unit_test(what_the_sections_say_is_taken),
		cmocka_unit_test(the_url_for_the_homeserver_follows_the_listener),
		cmocka_unit_test(the_most_particular_permission_wins),
		cmocka_unit_test(ids_are_told_from_what_is_none),
		cmocka_unit_test(a_reload_tells_what_it_takes_from_what_needs_a_restart),
		cmocka_unit_test(a_file_is_loaded_with_its_records_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
