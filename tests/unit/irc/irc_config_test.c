/* SPDX-License-Identifier: Apache-2.0 */
/* The IRC configuration: what administrators have is taken, what follows from it is derived, what
 * two bridges may not share is refused. The bad files are in irc_config_bad_test.c. */
#include "bridges/irc/irc_config.h"
#include "core/base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define TOP   "homeserver: {url: \"http://h:1\", domain: example.com}\n"
#define ENTRY "bridged_irc_servers:\n- address: irc.example.com\n"

static const char seed[] = "key_file: passkey.pem\n"
			   "bridged_irc_servers:\n"
			   "- postgres_fqdn: ircbridge-postgres\n"
			   "  postgres_user: ircbridge\n"
			   "  postgres_db: ircbridge\n"
			   "  postgres_password: postgres_password\n"
			   "  admins:\n"
			   "  - \"@user:example.com\"\n"
			   "  logging_level: debug\n"
			   "  enable_presence: true\n"
			   "  drop_matrix_messages_after_seconds: 0\n"
			   "  bot_username: \"ircbridgebot\"\n"
			   "  provisioning_room_limit: 50\n"
			   "  rmau_limit: 100\n"
			   "  users_prefix: \"irc_\"\n"
			   "  alias_prefix: \"irc_\"\n"
			   "  address: irc.example.com\n"
			   "  parameters:\n"
			   "    name: \"Example IRC\"\n"
			   "    port: 6697\n"
			   "    ssl: true\n"
			   "    botConfig:\n"
			   "      enabled: true\n"
			   "      nick: \"MatrixBot\"\n"
			   "      username: \"matrixbot\"\n"
			   "      password: \"some_password\"\n"
			   "    dynamicChannels:\n"
			   "      enabled: true\n"
			   "    mappings:\n"
			   "      \"#welcome\":\n"
			   "        roomIds: [\"!MLdeIFVsWCgrPkcYkL:example.com\"]\n"
			   "    ircClients:\n"
			   "      allowNickChanges: true\n";

static void read_text(const char *text, struct tr_irc_config *config, struct tr_report *report)
{
	struct tr_yaml_doc *doc = tr_yaml_parse(tr_str_from(text), "/etc/t/bridge.yml", report);
	assert_non_null(doc);
	tr_schema_read(&tr_irc_config_schema, doc, config, report);
	tr_yaml_free(doc);
	tr_report_sort(report);
	for (size_t i = 0; i < report->count; i++) {
		if (report->items[i].kind == TR_REPORT_MISTAKE) {
			print_error("%u:%u: %s: %s\n", report->items[i].line,
				report->items[i].column, report->items[i].key,
				report->items[i].text);
		}
	}
}

static void read_good(const char *text, struct tr_irc_config *config)
{
	struct tr_report report = {0};
	read_text(text, config, &report);
	assert_int_equal(report.mistakes, 0);
	tr_report_finish(&report);
}

/* The only warning of a text. */
static void assert_warning(const char *text, const char *key, const char *part)
{
	struct tr_irc_config config = {0};
	struct tr_report report = {0};
	size_t found = 0;
	read_text(text, &config, &report);
	assert_int_equal(report.mistakes, 0);
	for (size_t i = 0; i < report.count; i++) {
		if (report.items[i].kind == TR_REPORT_WARNING) {
			assert_string_equal(report.items[i].key, key);
			assert_non_null(strstr(report.items[i].text, part));
			found++;
		}
	}
	assert_int_equal(found, 1);
	tr_report_finish(&report);
	tr_irc_config_finish(&config);
}

static void check_seed(const struct tr_irc_config *config)
{
	const struct tr_irc_bridge_config *bridge = &config->bridges[0];
	const struct tr_irc_server_config *server = &bridge->parameters;
	assert_int_equal(config->bridge_count, 1);
	assert_string_equal(config->common.key_file, "/etc/t/passkey.pem");
	assert_int_equal(config->common.logging.level, TR_LOG_DEBUG);
	assert_string_equal(bridge->database,
		"postgres://ircbridge:postgres_password@ircbridge-postgres:5432/ircbridge");
	assert_string_equal(bridge->registration, "/etc/t/registration.yml");
	assert_int_equal(bridge->admins.count, 1);
	assert_string_equal(bridge->admins.items[0], "@user:example.com");
	assert_true(bridge->enable_presence);
	assert_int_equal(bridge->drop_matrix_messages_after_seconds, 0);
	assert_string_equal(bridge->bot_username, "ircbridgebot");
	assert_int_equal(bridge->provisioning_room_limit, 50);
	assert_int_equal(bridge->rmau_limit, 100);
	assert_string_equal(bridge->address, "irc.example.com");
	assert_string_equal(server->name, "Example IRC");
	assert_string_equal(server->networkId, "irc.example.com");
	assert_int_equal(server->port, 6697);
	assert_true(server->ssl);
	assert_string_equal(server->botConfig.nick, "MatrixBot");
	assert_string_equal(server->botConfig.username, "matrixbot");
	assert_string_equal(server->botConfig.password, "some_password");
	assert_true(server->dynamicChannels.enabled);
	assert_string_equal(server->dynamicChannels.aliasTemplate, "#irc_$CHANNEL");
	assert_string_equal(server->matrixClients.userTemplate, "@irc_$NICK");
	assert_int_equal(server->mapping_count, 1);
	assert_string_equal(server->mappings[0].key, "#welcome");
	assert_int_equal(server->mappings[0].roomIds.count, 1);
	assert_string_equal(
		server->mappings[0].roomIds.items[0], "!MLdeIFVsWCgrPkcYkL:example.com");
	assert_true(server->ircClients.allowNickChanges);
}

static void the_seed_is_taken_as_written_with_a_homeserver(void **state)
{
	(void)state;
	struct tr_irc_config config = {0};
	struct tr_report report = {0};
	char *text = tr_asprintf("%s%s", seed, TOP);
	read_text(text, &config, &report);
	assert_int_equal(report.mistakes, 0);
	check_seed(&config);
	static const char *const not_yet[] = {"bridged_irc_servers[0].provisioning_room_limit",
		"bridged_irc_servers[0].rmau_limit"};
	for (size_t i = 0; i < TR_ARRAY_LEN(not_yet); i++) {
		assert_int_equal(report.items[i].kind, TR_REPORT_NOT_YET);
		assert_string_equal(report.items[i].key, not_yet[i]);
	}
	tr_free(text);
	tr_report_finish(&report);
	tr_irc_config_finish(&config);
}

static void the_seed_is_taken_with_all_sections_of_an_installer(void **state)
{
	(void)state;
	struct tr_irc_config config = {0};
	char *text = tr_asprintf("%s%s%s", seed, TOP,
		"appservice:\n  listen: \"127.0.0.1:9999\"\n  url: \"http://127.0.0.1:9999\"\n"
		"  registration: registration.yml\n"
		"database: \"sqlite:trestle.db\"\nmetrics: {listen: \"127.0.0.1:9001\"}\n"
		"logging: {level: info, format: text}\n");
	read_good(text, &config);
	assert_string_equal(config.bridges[0].database, "sqlite:/etc/t/trestle.db");
	assert_string_equal(config.bridges[0].registration, "/etc/t/registration.yml");
	assert_int_equal(config.common.logging.level, TR_LOG_INFO);
	tr_free(text);
	tr_irc_config_finish(&config);
}

static void the_same_in_json_is_the_same(void **state)
{
	(void)state;
	struct tr_irc_config config = {0};
	read_good("{\"key_file\": \"passkey.pem\", \"homeserver\": {\"url\": \"http://h:1\", "
		  "\"domain\": \"example.com\"}, \"bridged_irc_servers\": [{"
		  "\"postgres_fqdn\": \"ircbridge-postgres\", \"postgres_user\": \"ircbridge\", "
		  "\"postgres_db\": \"ircbridge\", \"postgres_password\": \"postgres_password\", "
		  "\"admins\": [\"@user:example.com\"], \"logging_level\": \"debug\", "
		  "\"enable_presence\": true, \"drop_matrix_messages_after_seconds\": 0, "
		  "\"bot_username\": \"ircbridgebot\", \"provisioning_room_limit\": 50, "
		  "\"rmau_limit\": 100, \"users_prefix\": \"irc_\", \"alias_prefix\": \"irc_\", "
		  "\"address\": \"irc.example.com\", \"parameters\": {\"name\": \"Example IRC\", "
		  "\"port\": 6697, \"ssl\": true, \"botConfig\": {\"enabled\": true, "
		  "\"nick\": \"MatrixBot\", \"username\": \"matrixbot\", "
		  "\"password\": \"some_password\"}, \"dynamicChannels\": {\"enabled\": true}, "
		  "\"mappings\": {\"#welcome\": {\"roomIds\": "
		  "[\"!MLdeIFVsWCgrPkcYkL:example.com\"]}}, "
		  "\"ircClients\": {\"allowNickChanges\": true}}}]}",
		&config);
	check_seed(&config);
	tr_irc_config_finish(&config);
}

static void defaults_are_those_of_the_incumbent(void **state)
{
	(void)state;
	struct tr_irc_config config = {0};
	read_good(TOP ENTRY, &config);
	const struct tr_irc_bridge_config *bridge = &config.bridges[0];
	const struct tr_irc_server_config *server = &bridge->parameters;
	const struct tr_irc_clients_config *clients = &server->ircClients;
	assert_string_equal(bridge->database, "sqlite:/etc/t/trestle.db");
	assert_string_equal(bridge->bot_username, "appservice-irc");
	assert_string_equal(server->name, "irc.example.com");
	assert_int_equal(server->port, 6667);
	assert_false(server->ssl);
	assert_false(server->sasl);
	assert_true(server->sendConnectionMessages);
	assert_true(server->botConfig.enabled);
	assert_string_equal(server->botConfig.nick, "appservicebot");
	assert_true(server->botConfig.joinChannelsIfNoUsers);
	assert_true(server->privateMessages.enabled);
	assert_false(server->dynamicChannels.enabled);
	assert_true(server->dynamicChannels.published);
	assert_string_equal(server->dynamicChannels.aliasTemplate, "#irc_$SERVER_$CHANNEL");
	assert_string_equal(server->matrixClients.userTemplate, "@$SERVER_$NICK");
	assert_string_equal(server->matrixClients.displayName, "$NICK");
	assert_int_equal(server->matrixClients.joinAttempts, -1);
	assert_string_equal(clients->nickTemplate, "M-$DISPLAY");
	assert_int_equal(clients->maxClients, 30);
	assert_int_equal(clients->idleTimeout, 172800);
	assert_int_equal(clients->lineLimit, 3);
	assert_int_equal(clients->pingTimeoutMs, 600000);
	assert_int_equal(clients->pingRateMs, 60000);
	assert_true(clients->kickOn.userQuit);
	assert_true(clients->floodPacing.enabled);
	assert_int_equal(clients->floodPacing.burst, 5);
	assert_int_equal(server->membershipLists.floodDelayMs, 10000);
	assert_int_equal(server->mode_power_count, 2);
	assert_string_equal(server->modePowerMap[0].key, "o");
	assert_int_equal(server->modePowerMap[0].power, 50);
	assert_string_equal(
		bridge->globals.matrixHandler.longReplyTemplate, "<$NICK> \"$ORIGINAL\" <- $REPLY");
	assert_int_equal(bridge->globals.ircHandler.mapIrcMentionsToMatrix, TR_IRC_MENTIONS_ON);
	tr_irc_config_finish(&config);
}

/* All that irc.md lists as legal for a server of the incumbent, in one file. */
static void every_key_of_the_incumbent_is_taken(void **state)
{
	(void)state;
	struct tr_irc_config config = {0};
	read_good(TOP ENTRY
		"  permissions: {\"*\": user, \"@a:b\": admin}\n"
		"  enable_provisioning: true\n"
		"  provisioning_rules: {userIds: {exempt: [\"@x:.*\"], conflict: [\"@y:.*\"]}}\n"
		"  provisioning: {enabled: true, widget: true, secret: s, requestTimeoutSeconds: 5, "
		"apiPrefix: /p, ratelimit: false, http: {port: 1, host: \"::\"}, "
		"openIdDisallowedIpRanges: [\"10.0.0.0/8\"], openIdOverrides: {a.b: \"https://c\"}}\n"
		"  enable_ident: true\n  ident_port_number: 1113\n  ident_port_type: NodePort\n"
		"  encodingFallback: ISO-8859-15\n"
		"  userActivity: {minUserActiveDays: 1, inactiveAfterDays: 30}\n"
		"  matrixHandler: {eventCacheSize: 1, shortReplyTemplate: a, longReplyTemplate: b, "
		"shortReplyTresholdSeconds: 1, replySourceMaxLength: 2, truncatedMessageTemplate: c}\n"
		"  ircHandler: {mapIrcMentionsToMatrix: force-off, powerLevelGracePeriod: 5}\n"
		"  perRoomConfig: {enabled: true, lineLimitMax: 5, allowUnconnectedMatrixUsers: true}\n"
		"  banLists: {rooms: [\"!a:b\", \"#c:d\"]}\n"
		"  bridgeInfoState: {enabled: true, initial: true}\n"
		"  debugApi: {enabled: false, port: 11100}\n"
		"  mediaProxy: {signingKeyPath: k, ttlSeconds: 1, bindPort: 2, publicUrl: \"http://x\"}\n"
		"  parameters:\n"
		"    description: d\n    networkId: example\n    icon: \"mxc://a/b\"\n"
		"    additionalAddresses: [irc2.example.com, \"2001:db8::1\"]\n"
		"    onlyAdditionalAddresses: true\n    ssl: true\n    sslselfsign: false\n"
		"    allowExpiredCerts: true\n    tlsOptions: {ca: ca.pem, ciphers: HIGH, ecdhCurve: y}\n"
		"    sasl: true\n    password: p\n    sendConnectionMessages: false\n"
		"    quitDebounce: {enabled: true, quitsPerSecond: 1, delayMinMs: 1, delayMaxMs: 2}\n"
		"    modePowerMap: {o: 50, v: 0, q: 100}\n"
		"    botConfig: {enabled: false, joinChannelsIfNoUsers: false}\n"
		"    privateMessages: {enabled: false, federate: false, exclude: [x]}\n"
		"    dynamicChannels: {enabled: true, createAlias: false, published: false, "
		"useHomeserverDirectory: true, joinRule: invite, federate: false, "
		"aliasTemplate: $CHANNEL, whitelist: [\"@a:b\"], exclude: [\"#x\"], roomVersion: 10}\n"
		"    excludedUsers: [{regex: \"@evil:.*\", kickReason: no}]\n"
		"    membershipLists: {enabled: true, floodDelayMs: 1, global: {ircToMatrix: {initial: "
		"true, incremental: true, requireMatrixJoined: true}, matrixToIrc: {initial: true, "
		"incremental: true}}, rooms: [{room: \"!a:b\", matrixToIrc: {initial: false}}], "
		"channels: [{channel: \"#a\", ircToMatrix: {initial: false}}], "
		"ignoreIdleUsersOnStartup: {enabled: true, idleForHours: 5, exclude: x}}\n"
		"    mappings: {\"#a\": {roomIds: [\"!a:b\", \"!c\"], key: k}, \"#b\": []}\n"
		"    matrixClients: {userTemplate: \"@i_$NICK\", displayName: \"$NICK (IRC)\", "
		"joinAttempts: 0}\n"
		"    ircClients: {nickTemplate: \"$LOCALPART[m]\", maxClients: 0, idleTimeout: 0, "
		"reconnectIntervalMs: 0, concurrentReconnectLimit: 0, lineLimit: 20, userModes: Ri, "
		"realnameFormat: reverse-mxid, kickOn: {channelJoinFailure: false, "
		"ircConnectionFailure: false, userQuit: false}, ipv6: {only: true, "
		"prefix: \"2001:db8::\", blocks: [{homeserver: a.b, startFrom: \"10:0\"}]}}\n",
		&config);
	const struct tr_irc_server_config *server = &config.bridges[0].parameters;
	assert_string_equal(server->ca_file, "/etc/t/ca.pem");
	assert_null(server->ca_pem);
	assert_string_equal(server->mappings[0].channel_key, "k");
	assert_int_equal(server->mappings[1].roomIds.count, 0);
	assert_int_equal(config.bridges[0].globals.ircHandler.powerLevelGracePeriodMs, 5);
	assert_string_equal(server->dynamicChannels.aliasTemplate, "$CHANNEL");
	assert_string_equal(server->membershipLists.rooms[0].room, "!a:b");
	assert_string_equal(server->ircClients.ipv6.blocks[0].startFrom, "10:0");
	tr_irc_config_finish(&config);
}

static void an_old_plain_list_of_rooms_is_taken_with_a_warning(void **state)
{
	(void)state;
	assert_warning(TOP ENTRY "  parameters: {mappings: {\"#a\": [\"!a:b\"]}}\n",
		"bridged_irc_servers[0].parameters.mappings.#a", "old form");
}

static void a_ca_may_be_a_path_or_the_text_itself(void **state)
{
	(void)state;
	struct tr_irc_config config = {0};
	read_good(TOP ENTRY "  parameters:\n    ssl: true\n    tlsOptions:\n      ca: |\n"
			    "        -----BEGIN CERTIFICATE-----\n        AAAA\n"
			    "        -----END CERTIFICATE-----\n",
		&config);
	assert_null(config.bridges[0].parameters.ca_file);
	assert_string_equal(config.bridges[0].parameters.ca_pem,
		"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
	tr_irc_config_finish(&config);
	read_good(TOP ENTRY "  parameters: {ssl: true, ca: /etc/ca.pem}\n", &config);
	assert_string_equal(config.bridges[0].parameters.ca_file, "/etc/ca.pem");
	tr_irc_config_finish(&config);
}

static void postgres_keys_become_a_url_whatever_is_in_the_password(void **state)
{
	(void)state;
	struct tr_irc_config config = {0};
	read_good(TOP ENTRY "  postgres_fqdn: db.example.com\n  postgres_user: \"u@x\"\n"
			    "  postgres_password: \"p:w/d ?#%\"\n  postgres_port: 5433\n"
			    "  postgres_db: n\n  postgres_sslmode: verify-full\n",
		&config);
	assert_string_equal(config.bridges[0].database,
		"postgres://u%40x:p%3Aw%2Fd%20%3F%23%25@db.example.com:5433/n?sslmode=verify-full");
	tr_irc_config_finish(&config);
	read_good(TOP ENTRY "  postgres_fqdn: \"2001:db8::1\"\n  postgres_user: u\n", &config);
	assert_string_equal(config.bridges[0].database, "postgres://u@[2001:db8::1]:5432/");
	tr_irc_config_finish(&config);
}

static void what_is_not_used_is_said(void **state)
{
	(void)state;
	assert_warning(TOP "database: \"sqlite:x\"\n" ENTRY
			   "  postgres_fqdn: h\n  postgres_user: u\n",
		"bridged_irc_servers[0].postgres_fqdn", "not used");
	assert_warning(TOP ENTRY "  users_prefix: a_\n"
				 "  parameters: {matrixClients: {userTemplate: \"@b_$NICK\"}}\n",
		"bridged_irc_servers[0].users_prefix", "not used");
	assert_warning(TOP ENTRY "  parameters: {sslselfsign: true}\n",
		"bridged_irc_servers[0].parameters.sslselfsign", "does nothing without ssl");
	assert_warning(TOP ENTRY "  users_prefix: irc\n  bot_username: ircbot\n",
		"bridged_irc_servers[0].bot_username", "looks like an IRC user's id (@irc$NICK)");
	assert_warning(TOP ENTRY "  parameters: {ssl: true, sslselfsign: true}\n",
		"bridged_irc_servers[0].parameters.sslselfsign", "takes any certificate");
}

static void several_entries_each_with_their_own_are_taken(void **state)
{
	(void)state;
	struct tr_irc_config config = {0};
	read_good(TOP
		"bridged_irc_servers:\n"
		"- {address: a, registration: a.yml, database: \"sqlite:a.db\", bot_username: a}\n"
		"- {address: b, registration: b.yml, database: \"sqlite:b.db\", bot_username: b, "
		"logging_level: trace}\n"
		"- {address: c, registration: c.yml, postgres_fqdn: db, postgres_user: c, "
		"bot_username: c, logging_level: warn}\n",
		&config);
	assert_int_equal(config.bridge_count, 3);
	assert_string_equal(config.bridges[1].registration, "/etc/t/b.yml");
	assert_string_equal(config.bridges[2].database, "postgres://c@db:5432/");
	assert_int_equal(config.common.logging.level, TR_LOG_TRACE);
	tr_irc_config_finish(&config);
}

static void admins_and_permissions_say_who_may_do_what(void **state)
{
	(void)state;
	struct tr_irc_config config = {0};
	read_good(TOP "permissions: {x.org: relay, \"*\": commands}\n" ENTRY
		      "  admins: [\"@boss:y.org\"]\n  permissions: {\"@a:x.org\": user}\n",
		&config);
	const struct tr_irc_bridge_config *bridge = &config.bridges[0];
	assert_int_equal(
		tr_irc_config_level(&config, bridge, TR_STR("@boss:y.org")), TR_LEVEL_ADMIN);
	assert_int_equal(tr_irc_config_level(&config, bridge, TR_STR("@a:x.org")), TR_LEVEL_USER);
	assert_int_equal(tr_irc_config_level(&config, bridge, TR_STR("@b:x.org")), TR_LEVEL_RELAY);
	assert_int_equal(
		tr_irc_config_level(&config, bridge, TR_STR("@c:z.org")), TR_LEVEL_COMMANDS);
	tr_irc_config_finish(&config);
	read_good(TOP ENTRY, &config);
	assert_int_equal(
		tr_irc_config_level(&config, config.bridges, TR_STR("@c:z.org")), TR_LEVEL_USER);
	tr_irc_config_finish(&config);
}

static void a_reload_takes_administrators_and_not_the_network(void **state)
{
	(void)state;
	struct tr_irc_config before = {0}, after = {0};
	struct tr_buf taken = TR_BUF_INIT(4096), restart = TR_BUF_INIT(4096);
	read_good(TOP ENTRY, &before);
	read_good(TOP ENTRY "  admins: [\"@a:b\"]\n  drop_matrix_messages_after_seconds: 5\n"
			    "  parameters: {port: 7000}\n",
		&after);
	assert_int_equal(
		tr_config_diff(&tr_irc_config_schema, &before, &after, &taken, &restart), 3);
	assert_string_equal(tr_buf_c(&taken),
		"bridged_irc_servers[0].admins, "
		"bridged_irc_servers[0].drop_matrix_messages_after_seconds");
	assert_string_equal(tr_buf_c(&restart), "bridged_irc_servers[0].parameters.port");
	tr_buf_finish(&taken);
	tr_buf_finish(&restart);
	tr_irc_config_finish(&before);
	tr_irc_config_finish(&after);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_seed_is_taken_as_written_with_a_homeserver),
		cmocka_unit_test(the_seed_is_taken_with_all_sections_of_an_installer),
		cmocka_unit_test(the_same_in_json_is_the_same),
		cmocka_unit_test(defaults_are_those_of_the_incumbent),
		cmocka_unit_test(every_key_of_the_incumbent_is_taken),
		cmocka_unit_test(an_old_plain_list_of_rooms_is_taken_with_a_warning),
		cmocka_unit_test(a_ca_may_be_a_path_or_the_text_itself),
		cmocka_unit_test(postgres_keys_become_a_url_whatever_is_in_the_password),
		cmocka_unit_test(what_is_not_used_is_said),
		cmocka_unit_test(several_entries_each_with_their_own_are_taken),
		cmocka_unit_test(admins_and_permissions_say_who_may_do_what),
		cmocka_unit_test(a_reload_takes_administrators_and_not_the_network),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
