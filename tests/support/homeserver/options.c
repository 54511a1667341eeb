/* SPDX-License-Identifier: Apache-2.0
 *
 * Implements options.h: one table for parsing and for the help.
 */
#include "tests/support/homeserver/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind { TEXT, NUMBER, INT, SIZE, FLAG };

#define OPTION(name, kind, field, help)                \
 {                                                     \
  name, kind, offsetof(struct hs_options, field), help \
 }

static const struct option {
	const char *name;
	enum kind kind;
	size_t offset;
	const char *help;
} table[] = {
	OPTION("listen", TEXT, listen, "client-server port, default 127.0.0.1:0"),
	OPTION("control", TEXT, control, "control port, default 127.0.0.1:0"),
	OPTION("domain", TEXT, domain, "server name, default hs.test"),
	OPTION("as-id", TEXT, as_id, "registration id, default stub"),
	OPTION("as-url", TEXT, as_url, "where transactions go; none: nothing is pushed"),
	OPTION("as-token", TEXT, as_token, "token of the appservice, default as_token"),
	OPTION("hs-token", TEXT, hs_token, "token shown to the appservice, default hs_token"),
	OPTION("sender-localpart", TEXT, sender, "the appservice's own user, default bot"),
	OPTION("user-prefix", TEXT, user_prefix, "localpart prefix of ghosts, default _ghost_"),
	OPTION("namespace-users", TEXT, users, "regular expression instead of the prefix"),
	OPTION("namespace-aliases", TEXT, aliases, "regular expression of our aliases"),
	OPTION("ledger", TEXT, ledger, "file the ledger is appended to"),
	OPTION("delay-ms", NUMBER, delay_ms, "wait before each answer"),
	OPTION("backoff-unit-ms", NUMBER, backoff_unit_ms,
		"second of the pusher's backoff, default 1000"),
	OPTION("push-timeout-ms", NUMBER, push_timeout_ms, "for one transaction, default 60000"),
	OPTION("room-version", INT, room_version, "of new rooms, default 12"),
	OPTION("history", SIZE, history, "events a room remembers, default 2000"),
	OPTION("remember", SIZE, remember, "delivered events kept for /resend, default 1000"),
	OPTION("cache", SIZE, cache, "entries of the idempotency cache, default 1000000"),
	OPTION("paused", FLAG, paused, "do not push before told so"),
	OPTION("watch-stdin", FLAG, watch_stdin, "end when standard input is closed"),
};

static int help(void)
{
	puts("usage: stub-homeserver [--option value]...");
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		printf("  --%-18s %s\n", table[i].name, table[i].help);
	}
	return 1;
}

static const struct option *find(const char *name)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (strcmp(table[i].name, name) == 0) {
			return &table[i];
		}
	}
	return NULL;
}

static int set(struct hs_options *options, const struct option *option, const char *value)
{
	void *field = (char *)options + option->offset;
	char *end = NULL;
	if (option->kind == TEXT) {
		*(const char **)field = value;
		return 0;
	}
	long long number = strtoll(value, &end, 10);
	if (*end || end == value || number < 0) {
		fprintf(stderr, "stub-homeserver: --%s takes a number, not '%s'\n", option->name,
			value);
		return -1;
	}
	if (option->kind == NUMBER) {
		*(int64_t *)field = number;
	} else if (option->kind == INT) {
		*(int *)field = (int)number;
	} else {
		*(size_t *)field = (size_t)number;
	}
	return 0;
}

int hs_options_parse(struct hs_options *options, int argc, char **argv)
{
	*options = (struct hs_options){
		.listen = "127.0.0.1:0",
		.control = "127.0.0.1:0",
		.domain = "hs.test",
		.as_id = "stub",
		.as_token = "as_token",
		.hs_token = "hs_token",
		.sender = "bot",
		.user_prefix = "_ghost_",
		.backoff_unit_ms = 1000,
		.push_timeout_ms = 60000,
		.room_version = 12,
		.history = 2000,
		.remember = 1000,
		.cache = 1000000,
	};
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0) {
			return help();
		}
		const struct option *option =
			strncmp(argv[i], "--", 2) == 0 ? find(argv[i] + 2) : NULL;
		if (!option) {
			fprintf(stderr, "stub-homeserver: unknown option '%s'; see --help\n",
				argv[i]);
			return -1;
		}
		if (option->kind == FLAG) {
			*(bool *)((char *)options + option->offset) = true;
		} else if (++i == argc) {
			fprintf(stderr, "stub-homeserver: --%s takes a value\n", option->name);
			return -1;
		} else if (set(options, option, argv[i]) < 0) {
			return -1;
		}
	}
	return 0;
}
