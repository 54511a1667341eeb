/* SPDX-License-Identifier: Apache-2.0 */
/* P19: every bad configuration is refused with the place, the key and what would be right, and
 * with nothing else. One row a file; the places in it count from the first line of its text. */
#include "bridges/irc/irc_config.h"
#include "core/base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { RECORDS_MAX = 6 };

/* Line 1; lines 2 and 3; line 4 after them. */
#define TOP        "homeserver: {url: \"http://h:1\", domain: example.com}\n"
#define ENTRY      "bridged_irc_servers:\n- address: irc.example.com\n"
#define PARAMETERS TOP ENTRY "  parameters:\n"

struct bad_file {
	const char *what;
	const char *text;
	const char *records[RECORDS_MAX]; /* "line:column: key: beginning of the sentence" */
};

static const struct bad_file bad_files[] = {
	{"a tab indents", TOP ENTRY "\tparameters: {}\n", {"4:1: a tab cannot indent"}},
	{"an at sign begins a value", TOP ENTRY "  admins: [@a:b]\n",
		{"4:12: a value cannot begin with '@'"}},
	{"a quote is never closed", TOP ENTRY "  users_prefix: \"irc_\n",
		{"4:17: the quote opened at line 4, column 17 is never closed"}},
	{"a colon in plain text", TOP ENTRY "  users_prefix: a: b\n",
		{"4:18: a colon cannot stand here"}},
	{"a key without colon", TOP "bridged_irc_servers\n",
		{"2:1: there is no colon after the key"}},
	{"indented too little", TOP ENTRY " parameters: {}\n",
		{"4:2: this does not fit what began at line 1, column 1"}},
	{"a list closed by a brace", TOP "bridged_irc_servers: [}\n", {"2:23: is not YAML"}},
	{"a flow map is never closed", "homeserver: {url: x\n",
		{"1:13: the bracket opened at line 1, column 13 is never closed"}},
	{"a second document",
		TOP ENTRY "---\n"
			  "x: 1\n",
		{"4:1: a second document begins here"}},
	{"a key twice",
		TOP ENTRY "  users_prefix: a\n"
			  "  users_prefix: b\n",
		{"5:3: users_prefix: is given twice, first at line 4, column 3"}},
	{"a section twice", TOP TOP ENTRY,
		{"2:1: homeserver: is given twice, first at line 1, column 1"}},
	{"a key that is a list", TOP ENTRY "  [a]: b\n", {"4:3: a key must be"}},
	{"no key before the colon", TOP ENTRY "  : b\n", {"4:3: this does not fit"}},
	{"an alias without anchor", TOP ENTRY "  users_prefix: *x\n",
		{"4:17: the alias *x has no anchor"}},
	{"an unquoted room id", PARAMETERS "    mappings: {\"#a\": {roomIds: [!a:example.com]}}\n",
		{"5:33: begins with '!', which is a tag in YAML: put it in quotes"}},
	{"not utf 8", TOP ENTRY "  users_prefix: a\377\n", {"4:18: is not UTF-8"}},
	{"a control character", TOP ENTRY "  users_prefix: a\001\n",
		{"4:18: the character U+0001"}},
	{"an escaped nul", TOP ENTRY "  users_prefix: \"a\\0b\"\n",
		{"4:17: bridged_irc_servers[0].users_prefix: has a line break or another control"}},
	{"an unknown tag", TOP ENTRY "  users_prefix: !secret a\n",
		{"4:17: !secret is read as a YAML tag"}},
	{"an empty file", "",
		{"1:1: homeserver: is required and missing",
			"1:1: bridged_irc_servers: is required"}},
	{"only comments", "# nothing\n",
		{"1:1: homeserver: is required", "1:1: bridged_irc_servers: is required"}},
	{"a list at the top", "- homeserver\n", {"1:1: is a list: write a section"}},
	{"a word at the top", "hello\n", {"1:1: is \"hello\": write a section"}},
	{"merging something else", TOP ENTRY "  <<: 5\n", {"4:7: <<: takes sections only"}},
	{"a misspelt section", "homserver: {url: \"http://h\", domain: a.b}\n" ENTRY,
		{"1:1: homserver: is not a known key: did you mean homeserver?",
			"1:1: homeserver: is required"}},
	{"a misspelt key deep inside", PARAMETERS "    botConfig: {nik: x}\n",
		{"5:17: bridged_irc_servers[0].parameters.botConfig.nik: is not a known key: did you mean nick?"}},
	{"a key in the wrong case", PARAMETERS "    ircClients: {linelimit: 3}\n",
		{"5:18: bridged_irc_servers[0].parameters.ircClients.linelimit: is not a known key: did you mean lineLimit?"}},
	{"swapped letters", TOP ENTRY "  admnis: []\n",
		{"4:3: bridged_irc_servers[0].admnis: is not a known key: did you mean admins?"}},
	{"a key one level too high", TOP ENTRY "  ssl: true\n",
		{"4:3: bridged_irc_servers[0].ssl: is not a key here: it belongs under parameters"}},
	{"an entry key at the top", TOP ENTRY "users_prefix: irc_\n",
		{"4:1: users_prefix: is not a key here: it belongs under bridged_irc_servers"}},
	{"a key nobody knows", TOP ENTRY "metrics: {frobnicate: 1}\n",
		{"4:11: metrics.frobnicate: is not a known key: known here are listen"}},
	{"the layout of the incumbent", TOP ENTRY "ircService: {servers: {}}\n",
		{"4:13: ircService: is not a key here: write each of its servers as an entry"}},
	{"a setting that moved",
		"homeserver: {url: \"http://h:1\", domain: example.com, bindPort: 8090}\n" ENTRY,
		{"1:64: homeserver.bindPort: is not a key here: write appservice.listen"}},
	{"two spellings of one key",
		PARAMETERS "    membershipLists:\n"
			   "      ignoreIdleOnStartup: {enabled: true}\n"
			   "      ignoreIdleUsersOnStartup: {enabled: true}\n",
		{"6:28: bridged_irc_servers[0].parameters.membershipLists.ignoreIdleUsersOnStartup: is given as"}},
	{"no homeserver", ENTRY,
		{"1:1: homeserver: is required and missing: write for example homeserver: {url:"}},
	{"no domain", "homeserver: {url: \"http://h\"}\n" ENTRY,
		{"1:13: homeserver.domain: is required and missing: write for example domain: example.com"}},
	{"no address",
		TOP "bridged_irc_servers:\n"
		    "- users_prefix: a\n",
		{"3:3: bridged_irc_servers[0].address: is required"}},
	{"an empty address",
		TOP "bridged_irc_servers:\n"
		    "- address: \"\"\n",
		{"3:12: bridged_irc_servers[0].address: is empty"}},
	{"a null address",
		TOP "bridged_irc_servers:\n"
		    "- address:\n",
		{"3:11: bridged_irc_servers[0].address: is required"}},
	{"no entries", TOP "bridged_irc_servers: []\n",
		{"2:22: bridged_irc_servers: is empty: write at least one entry"}},
	{"an entry that is nothing",
		TOP "bridged_irc_servers:\n"
		    "-\n",
		{"3:2: bridged_irc_servers[0].address: is required"}},
	{"a mapping without rooms", PARAMETERS "    mappings: {\"#a\": {key: k}}\n",
		{"5:22: bridged_irc_servers[0].parameters.mappings.#a.roomIds: is required and missing"}},
	{"text for a number", PARAMETERS "    port: ircs\n",
		{"5:11: bridged_irc_servers[0].parameters.port: is \"ircs\": write a whole number from 1 to 65535"}},
	{"a number in quotes", PARAMETERS "    port: \"6697\"\n",
		{"5:11: bridged_irc_servers[0].parameters.port: is a text because of its quotes: write 6697 without them"}},
	{"a number out of range", PARAMETERS "    port: 70000\n",
		{"5:11: bridged_irc_servers[0].parameters.port: is \"70000\": write a whole number from 1 to 65535"}},
	{"a negative number", TOP ENTRY "  rmau_limit: -1\n",
		{"4:15: bridged_irc_servers[0].rmau_limit: is \"-1\": write a whole number, at least 0"}},
	{"a fraction for a whole number", TOP ENTRY "  rmau_limit: 1.5\n",
		{"4:15: bridged_irc_servers[0].rmau_limit: is \"1.5\": write a whole number"}},
	{"a number too large",
		TOP ENTRY "  drop_matrix_messages_after_seconds: 99999999999999999999\n",
		{"4:39: bridged_irc_servers[0].drop_matrix_messages_after_seconds: is \"99999999999999999999\": write a whole number"}},
	{"a hexadecimal number", PARAMETERS "    port: 0x1a\n",
		{"5:11: bridged_irc_servers[0].parameters.port: is \"0x1a\": write a whole number"}},
	{"yes for true", PARAMETERS "    ssl: yes\n",
		{"5:10: bridged_irc_servers[0].parameters.ssl: is \"yes\": write true or false"}},
	{"true in quotes", PARAMETERS "    ssl: \"true\"\n",
		{"5:10: bridged_irc_servers[0].parameters.ssl: is the text \"true\": write true or false"}},
	{"a list for a text", PARAMETERS "    name: [a]\n",
		{"5:11: bridged_irc_servers[0].parameters.name: is a list: write a text"}},
	{"a text for a list", TOP ENTRY "  admins: \"@a:b.c\"\n",
		{"4:11: bridged_irc_servers[0].admins: is the text \"@a:b.c\": write a list"}},
	{"a map for a list", TOP "bridged_irc_servers: {address: a}\n",
		{"2:22: bridged_irc_servers: is a section: write a list"}},
	{"a list for a map", PARAMETERS "    mappings: []\n",
		{"5:15: bridged_irc_servers[0].parameters.mappings: is a list: write a section"}},
	{"a text for a section", PARAMETERS "    botConfig: yes\n",
		{"5:16: bridged_irc_servers[0].parameters.botConfig: is \"yes\": write a section"}},
	{"an unknown choice", PARAMETERS "    dynamicChannels: {joinRule: open}\n",
		{"5:33: bridged_irc_servers[0].parameters.dynamicChannels.joinRule: is \"open\": write one of public, invite"}},
	{"an unknown log level", TOP ENTRY "logging: {level: loud}\n",
		{"4:18: logging.level: is \"loud\": write one of error, warn"}},
	{"a bad regular expression", PARAMETERS "    excludedUsers: [{regex: \"@(a\"}]\n",
		{"5:29: bridged_irc_servers[0].parameters.excludedUsers[0].regex: is no regular expression"}},
	{"a secret is not shown",
		TOP ENTRY "  postgres_fqdn: db\n"
			  "  postgres_user: u\n"
			  "  postgres_password: [hunter2]\n",
		{"6:22: bridged_irc_servers[0].postgres_password: is a list: write a text"}},
	{"a url without scheme", "homeserver: {url: \"h:8008\", domain: example.com}\n" ENTRY,
		{"1:19: homeserver.url: is the text \"h:8008\": write a URL"}},
	{"a url with a password",
		"homeserver: {url: \"http://a:b@h\", domain: example.com}\n" ENTRY,
		{"1:19: homeserver.url: is a URL with a user or password in it"}},
	{"a domain with a scheme",
		"homeserver: {url: \"http://h\", domain: \"https://example.com\"}\n" ENTRY,
		{"1:39: homeserver.domain: is \"https://example.com\": write a server name"}},
	{"a listener without port", TOP ENTRY "appservice: {listen: \"127.0.0.1\"}\n",
		{"4:22: appservice.listen: is the text \"127.0.0.1\": write an address and a port"}},
	{"a listener with a name", TOP ENTRY "metrics: {listen: \"localhost:9001\"}\n",
		{"4:19: metrics.listen: "}},
	{"a listener with a port too large", TOP ENTRY "metrics: {listen: \"127.0.0.1:90010\"}\n",
		{"4:19: metrics.listen: "}},
	{"a database of another kind", TOP ENTRY "database: \"mysql://u:hunter2@h/n\"\n",
		{"4:11: database: is a text that does not fit: write \"sqlite:PATH\""}},
	{"an admin without sigil", TOP ENTRY "  admins: [user]\n",
		{"4:12: bridged_irc_servers[0].admins[0]: is \"user\": write a user id"}},
	{"a permission of an unknown level", TOP ENTRY "permissions: {\"*\": god}\n",
		{"4:20: permissions.*: is \"god\": write one of block"}},
	{"a permission for nobody", TOP ENTRY "permissions: {\"@a\": user}\n",
		{"4:15: permissions.@a: is \"@a\": write \"*\", a domain"}},
	{"a channel without hash", PARAMETERS "    mappings: {welcome: {roomIds: [\"!a:b\"]}}\n",
		{"5:16: bridged_irc_servers[0].parameters.mappings.welcome: is \"welcome\": write a channel"}},
	{"a channel with a line break",
		PARAMETERS "    mappings: {\"#a\\r\\nQUIT\": {roomIds: [\"!a:b\"]}}\n", {"5:16: "}},
	{"a room alias for a room id",
		PARAMETERS "    mappings: {\"#a\": {roomIds: [\"#a:b.c\"]}}\n",
		{"5:33: bridged_irc_servers[0].parameters.mappings.#a.roomIds[0]: is \"#a:b.c\": write the room's id"}},
	{"a password with a line break", PARAMETERS "    botConfig: {password: \"a\\nQUIT\"}\n",
		{"5:27: bridged_irc_servers[0].parameters.botConfig.password: has a line break"}},
	{"a nick with a space", PARAMETERS "    botConfig: {nick: \"a b\"}\n",
		{"5:23: bridged_irc_servers[0].parameters.botConfig.nick: is \"a b\": write a nick"}},
	{"a nick that begins with a digit", PARAMETERS "    botConfig: {nick: \"1a\"}\n",
		{"5:23: bridged_irc_servers[0].parameters.botConfig.nick: is \"1a\": write a nick"}},
	{"an address with a port",
		TOP "bridged_irc_servers:\n"
		    "- address: irc.example.com:6697\n",
		{"3:12: bridged_irc_servers[0].address: is \"irc.example.com:6697\": write the host only; the port goes into parameters.port"}},
	{"an address that is a url",
		TOP "bridged_irc_servers:\n"
		    "- address: \"ircs://irc.example.com\"\n",
		{"3:12: bridged_irc_servers[0].address: is \"ircs://irc.example.com\": write a host name"}},
	{"a bot name in capitals", TOP ENTRY "  bot_username: Bot\n",
		{"4:17: bridged_irc_servers[0].bot_username: is \"Bot\": write the part of a user id"}},
	{"a whole id as bot name", TOP ENTRY "  bot_username: \"@bot:example.com\"\n",
		{"4:17: bridged_irc_servers[0].bot_username: "}},
	{"a user template without nick",
		PARAMETERS "    matrixClients: {userTemplate: \"@irc_$NAME\"}\n",
		{"5:35: bridged_irc_servers[0].parameters.matrixClients.userTemplate: is \"@irc_$NAME\": write a template"}},
	{"an alias template that ends otherwise",
		PARAMETERS "    dynamicChannels: {aliasTemplate: \"#$CHANNEL_x\"}\n",
		{"5:38: bridged_irc_servers[0].parameters.dynamicChannels.aliasTemplate: is \"#$CHANNEL_x\": write a template"}},
	{"a nick template without variable", PARAMETERS "    ircClients: {nickTemplate: guest}\n",
		{"5:32: bridged_irc_servers[0].parameters.ircClients.nickTemplate: is \"guest\": write a template"}},
	{"a mode of two letters", PARAMETERS "    modePowerMap: {ov: 50}\n",
		{"5:20: bridged_irc_servers[0].parameters.modePowerMap.ov: is \"ov\": write one mode letter"}},
	{"an icon that is no mxc", PARAMETERS "    icon: \"http://x/y.png\"\n",
		{"5:11: bridged_irc_servers[0].parameters.icon: "}},
	{"a ca that is neither",
		PARAMETERS "    tlsOptions: {ca: \"a\\nb\"}\n"
			   "    ssl: true\n",
		{"5:22: bridged_irc_servers[0].parameters.tlsOptions.ca: is neither"}},
	{"a key without its certificate",
		PARAMETERS "    tlsOptions: {key: a.key}\n"
			   "    ssl: true\n",
		{"5:23: bridged_irc_servers[0].parameters.tlsOptions.key: is of no use alone"}},
	{"a TLS that there is not",
		PARAMETERS "    tlsOptions: {minVersion: TLSv2}\n"
			   "    ssl: true\n",
		{"5:17: bridged_irc_servers[0].parameters.tlsOptions: cannot be used: minVersion TLSv2"}},
	{"one channel in two spellings",
		PARAMETERS "    mappings:\n"
			   "      \"#Foo[x]\": {roomIds: [\"!a:b\"]}\n"
			   "      \"#foo{x}\": {roomIds: [\"!c:d\"]}\n",
		{"7:18: bridged_irc_servers[0].parameters.mappings.#foo{x}: is the same channel to an IRC server as #Foo[x]"}},
	{"a room listed twice",
		PARAMETERS "    mappings: {\"#a\": {roomIds: [\"!a:b\", \"!a:b\"]}}\n",
		{"5:32: bridged_irc_servers[0].parameters.mappings.#a.roomIds: has !a:b twice"}},
	{"postgres keys without host", TOP ENTRY "  postgres_user: u\n",
		{"4:18: bridged_irc_servers[0].postgres_user: does nothing without postgres_fqdn"}},
	{"postgres without user", TOP ENTRY "  postgres_fqdn: db\n",
		{"4:18: bridged_irc_servers[0].postgres_fqdn: needs postgres_user"}},
	{"pings rarer than the timeout",
		PARAMETERS "    ircClients: {pingRateMs: 60000, pingTimeoutMs: 30000}\n",
		{"5:30: bridged_irc_servers[0].parameters.ircClients.pingRateMs: must be below"}},
	{"pacing that never sends", PARAMETERS "    ircClients: {floodPacing: {perSecond: 0}}\n",
		{"5:43: bridged_irc_servers[0].parameters.ircClients.floodPacing.perSecond: would never send a line"}},
	{"delays the wrong way round",
		PARAMETERS "    quitDebounce: {delayMinMs: 10, delayMaxMs: 5}\n",
		{"5:32: bridged_irc_servers[0].parameters.quitDebounce.delayMinMs: is above delayMaxMs"}},
	{"two cas",
		PARAMETERS "    ssl: true\n"
			   "    ca: a.pem\n"
			   "    tlsOptions: {ca: b.pem}\n",
		{"6:9: bridged_irc_servers[0].parameters.ca: is given here and under tlsOptions"}},
	{"two entries without own files",
		TOP ENTRY "- address: b.example.com\n"
			  "  users_prefix: b_\n"
			  "  bot_username: b\n",
		{"3:3: bridged_irc_servers[0].database: is required with several entries",
			"3:3: bridged_irc_servers[0].registration: is required with several",
			"4:3: bridged_irc_servers[1].database",
			"4:3: bridged_irc_servers[1].registration"}},
	{"two entries that share",
		TOP
		"bridged_irc_servers:\n"
		"- {address: a, registration: r.yml, database: \"sqlite:a.db\", users_prefix: a_}\n"
		"- {address: b, registration: ./r.yml, database: \"sqlite:./a.db\", users_prefix: a_}\n",
		{"4:3: bridged_irc_servers[1].bot_username: is that of entry 0 too",
			"4:30: bridged_irc_servers[1].registration: is that of entry 0 too",
			"4:49: bridged_irc_servers[1].database: names the store of entry 0 too",
			"4:80: bridged_irc_servers[1].users_prefix: gives IRC users the ids of entry 0"}},
	{"one database for two entries",
		TOP
		"database: \"sqlite:x.db\"\n"
		"bridged_irc_servers:\n"
		"- {address: a, registration: a.yml, users_prefix: a_, bot_username: a, database: \"sqlite:a.db\"}\n"
		"- {address: b, registration: b.yml, users_prefix: b_, bot_username: b, database: \"sqlite:b.db\"}\n",
		{"2:11: database: cannot serve several entries"}},
	{"several mistakes at once",
		"homeserver: {url: x, domain: \"a b\"}\n"
		"bridged_irc_servers:\n"
		"- address: irc.example.com\n"
		"  rmau_limit: many\n"
		"  parameters: {port: 0, bogus_key_name: 1}\n",
		{"1:19: homeserver.url", "1:30: homeserver.domain",
			"4:15: bridged_irc_servers[0].rmau_limit",
			"5:22: bridged_irc_servers[0].parameters.port",
			"5:25: bridged_irc_servers[0].parameters.bogus_key_name"}},
};

/* The record as printed, without the file's name. */
static char *printed(const struct tr_report_item *item)
{
	struct tr_buf line = TR_BUF_INIT(16384);
	tr_report_print(&line, item);
	struct tr_str prefix = TR_STR("bridge.yml:");
	assert_true(tr_str_starts(tr_buf_str(&line), prefix));
	tr_buf_consume(&line, prefix.len);
	return tr_buf_take(&line);
}

static size_t check_records(const struct bad_file *bad, const struct tr_report *report)
{
	size_t wrong = 0, expected = 0;
	for (size_t i = 0; i < report->count; i++) {
		if (report->items[i].kind != TR_REPORT_MISTAKE) {
			continue;
		}
		char *line = printed(&report->items[i]);
		const char *wanted = expected < RECORDS_MAX ? bad->records[expected] : NULL;
		if (!wanted || strncmp(line, wanted, strlen(wanted)) != 0) {
			print_error("%s: said \"%s\", wanted \"%s\"\n", bad->what, line,
				wanted ? wanted : "nothing");
			wrong++;
		}
		if (strstr(line, "hunter2")) {
			print_error("%s: shows a secret\n", bad->what);
			wrong++;
		}
		expected += wanted != NULL;
		tr_free(line);
	}
	if (expected < RECORDS_MAX && bad->records[expected]) {
		print_error("%s: did not say \"%s\"\n", bad->what, bad->records[expected]);
		wrong++;
	}
	return wrong;
}

static size_t try_text(const struct bad_file *bad)
{
	struct tr_irc_config config = {0};
	struct tr_report report = {0};
	struct tr_yaml_doc *doc = tr_yaml_parse(tr_str_from(bad->text), "bridge.yml", &report);
	if (doc) {
		tr_schema_read(&tr_irc_config_schema, doc, &config, &report);
		tr_yaml_free(doc);
	}
	tr_report_sort(&report);
	size_t wrong = check_records(bad, &report);
	if (report.mistakes == 0) {
		print_error("%s: was accepted\n", bad->what);
		wrong++;
	}
	tr_irc_config_finish(&config);
	tr_report_finish(&report);
	return wrong;
}

static void every_bad_configuration_is_refused_with_place_key_and_remedy(void **state)
{
	(void)state;
	size_t wrong = 0;
	for (size_t i = 0; i < TR_ARRAY_LEN(bad_files); i++) {
		wrong += try_text(&bad_files[i]);
	}
	assert_int_equal(wrong, 0);
	assert_true(TR_ARRAY_LEN(bad_files) >= 60);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_bad_configuration_is_refused_with_place_key_and_remedy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
