/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of scripted-ircd: one table of long options. What they mean is in README.md. */
#include "options.h"

#include "buf.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind {
	TEXT,  /* const char * */
	OWNED, /* char *, replaced at run time */
	NUMBER,
	SIZE,
	ON,
	OFF,
	ACCOUNT,
	ISUPPORT,
	PROFILE,
	TLS_MODE,
	REFUSE,
	HELP,
};

struct entry {
	const char *name;
	enum kind kind;
	size_t offset;
};

#define AT(field) offsetof(struct ircd_options, field)

static const struct entry entries[] = {
	{"listen", TEXT, AT(listen)},
	{"tls-listen", TEXT, AT(tls_listen)},
	{"control", TEXT, AT(control)},
	{"tls-cert", OWNED, AT(tls_cert)},
	{"tls-key", OWNED, AT(tls_key)},
	{"tls-mode", TLS_MODE, 0},
	{"tls-ask-cert", ON, AT(tls_ask_cert)},
	{"name", TEXT, AT(name)},
	{"network", TEXT, AT(network)},
	{"caps", OWNED, AT(caps)},
	{"profile", PROFILE, 0},
	{"cap-line-bytes", NUMBER, AT(cap_line_bytes)},
	{"isupport", ISUPPORT, 0},
	{"reject-long", OFF, AT(cut_long)},
	{"cut-nicks", ON, AT(cut_nicks)},
	{"no-msgid", OFF, AT(msgid)},
	{"authenticate-colon", ON, AT(echo_colon)},
	{"require-sasl", ON, AT(require_sasl)},
	{"deaf-locked", ON, AT(deaf_locked)},
	{"deaf-no-echo", ON, AT(deaf_no_echo)},
	{"ping-cookie", ON, AT(ping_cookie)},
	{"label-outer", ON, AT(label_outer)},
	{"history-unknown", TEXT, AT(history_unknown)},
	{"user-host", TEXT, AT(user_host)},
	{"password", TEXT, AT(password)},
	{"account", ACCOUNT, 0},
	{"history-depth", NUMBER, AT(history_depth)},
	{"history-limit", NUMBER, AT(history_limit)},
	{"join-list", NUMBER, AT(join_list)},
	{"history-errors", NUMBER, AT(history_errors)},
	{"delay-ms", NUMBER, AT(delay_ms)},
	{"flood-lines", NUMBER, AT(flood_lines)},
	{"recvq", SIZE, AT(recvq)},
	{"sendq", SIZE, AT(sendq)},
	{"gather-ms", NUMBER, AT(gather_ms)},
	{"ping-every-ms", NUMBER, AT(ping_every_ms)},
	{"ping-timeout-ms", NUMBER, AT(ping_timeout_ms)},
	{"channel-modes", TEXT, AT(channel_modes)},
	{"reader", OWNED, AT(reader)},
	{"kline", OWNED, AT(kline)},
	{"refuse", REFUSE, 0},
	{"refuse-text", OWNED, AT(refuse_text)},
	{"nick-in-use", NUMBER, AT(nick_in_use)},
	{"nick-erroneous", NUMBER, AT(nick_erroneous)},
	{"ledger", TEXT, AT(ledger)},
	{"log-bytes", TEXT, AT(log_bytes)},
	{"help", HELP, 0},
};

#define ENTRY_COUNT (sizeof(entries) / sizeof(entries[0]))

void ircd_option_set_text(char **slot, const char *text)
{
	char *copy = ircd_dup(text);
	free(*slot);
	*slot = copy;
}

static int by_name(const char *const *names, const char *name)
{
	for (int i = 0; names[i]; i++) {
		if (strcmp(names[i], name) == 0) {
			return i;
		}
	}
	return -1;
}

int ircd_refuse_by_name(const char *name)
{
	static const char *const names[] = {
		"none", "off", "reset", "close", "error", "stall", NULL};
	return by_name(names, name);
}

int ircd_tls_mode_by_name(const char *name)
{
	static const char *const names[] = {"ok", "stall", "close", "reset", "plain", NULL};
	return by_name(names, name);
}

/* rfc: no capabilities and no CAP; plain: CAP with an empty list; echo: confirmation but no
 * history; history: everything. */
static bool set_profile(struct ircd_options *options, const char *name)
{
	if (strcmp(name, "rfc") == 0) {
		ircd_option_set_text(&options->caps, NULL);
	} else if (strcmp(name, "plain") == 0) {
		ircd_option_set_text(&options->caps, "");
	} else if (strcmp(name, "echo") == 0) {
		ircd_option_set_text(&options->caps,
			"batch,cap-notify,echo-message,extended-join,labeled-response,"
			"message-tags,multi-prefix,sasl=PLAIN,server-time");
	} else if (strcmp(name, "history") == 0) {
		ircd_option_set_text(&options->caps, IRCD_ALL_CAPS);
	} else {
		return false;
	}
	return true;
}

static bool set_number(const char *text, long long *out)
{
	char *end = NULL;
	*out = strtoll(text, &end, 10);
	return *text && !*end && *out >= 0 && *out <= 0x7fffffff;
}

static bool set_listed(struct ircd_options *options, enum kind kind, const char *value)
{
	int found = -1;
	switch (kind) {
	case ACCOUNT:
		if (options->account_count == IRCD_ACCOUNTS_MAX || !strchr(value, ':')) {
			return false;
		}
		options->accounts[options->account_count++] = value;
		return true;
	case ISUPPORT:
		if (options->isupport_count == IRCD_ISUPPORT_MAX) {
			return false;
		}
		options->isupport[options->isupport_count++] = ircd_dup(value);
		return true;
	case PROFILE:
		return set_profile(options, value);
	case TLS_MODE:
		found = ircd_tls_mode_by_name(value);
		options->tls_mode = (enum ircd_tls_mode)found;
		return found >= 0;
	default:
		found = ircd_refuse_by_name(value);
		options->refuse = (enum ircd_refuse)found;
		return found >= 0;
	}
}

static bool set(struct ircd_options *options, const struct entry *entry, char *value)
{
	char *slot = (char *)options + entry->offset;
	long long number = 0;
	switch (entry->kind) {
	case TEXT:
		*(const char **)(void *)slot = value;
		return true;
	case OWNED:
		ircd_option_set_text((char **)(void *)slot, value);
		return true;
	case NUMBER:
	case SIZE:
		if (!set_number(value, &number)) {
			return false;
		}
		if (entry->kind == SIZE) {
			*(size_t *)(void *)slot = (size_t)number;
		} else {
			*(int *)(void *)slot = (int)number;
		}
		return true;
	case ON:
	case OFF:
		*(bool *)(void *)slot = entry->kind == ON;
		return true;
	default:
		return set_listed(options, entry->kind, value);
	}
}

static void help(void)
{
	printf("scripted-ircd: a scripted IRC server for tests. Options (see README.md):\n");
	for (size_t i = 0; i < ENTRY_COUNT; i++) {
		bool flag =
			entries[i].kind == ON || entries[i].kind == OFF || entries[i].kind == HELP;
		printf("  --%s%s\n", entries[i].name, flag ? "" : " VALUE");
	}
}

static void set_defaults(struct ircd_options *options)
{
	*options = (struct ircd_options){
		.listen = "127.0.0.1:0",
		.control = "127.0.0.1:0",
		.name = "irc.scripted.test",
		.network = "Scripted",
		.caps = ircd_dup(IRCD_ALL_CAPS),
		.cap_line_bytes = 400,
		.cut_long = true,
		.msgid = true,
		.history_unknown = "empty",
		.user_host = "~%u@client.scripted.test",
		.history_depth = 20000,
		.history_limit = 100,
		.join_list = 1000,
		.recvq = 16u << 20,
		.sendq = 256u << 20,
		.ping_timeout_ms = 60000,
		.channel_modes = "nt",
		.refuse_text = ircd_dup("Closing Link: too many connections"),
	};
}

int ircd_options_parse(struct ircd_options *options, int argc, char **argv)
{
	struct option longs[ENTRY_COUNT + 1];
	memset(longs, 0, sizeof(longs));
	for (size_t i = 0; i < ENTRY_COUNT; i++) {
		bool flag =
			entries[i].kind == ON || entries[i].kind == OFF || entries[i].kind == HELP;
		longs[i].name = entries[i].name;
		longs[i].has_arg = flag ? no_argument : required_argument;
	}
	set_defaults(options);
	int index = 0;
	int c;
	while ((c = getopt_long(argc, argv, "", longs, &index)) != -1) {
		if (c != 0) {
			return -1; /* getopt has said why */
		}
		if (entries[index].kind == HELP) {
			help();
			return 1;
		}
		if (!set(options, &entries[index], optarg)) {
			fprintf(stderr, "scripted-ircd: --%s: bad value '%s'\n",
				entries[index].name, optarg);
			return -1;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "scripted-ircd: unexpected '%s'\n", argv[optind]);
		return -1;
	}
	if (options->tls_listen && (!options->tls_cert || !options->tls_key)) {
		fprintf(stderr, "scripted-ircd: --tls-listen needs --tls-cert and --tls-key\n");
		return -1;
	}
	return 0;
}
