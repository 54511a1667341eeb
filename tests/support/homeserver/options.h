/* SPDX-License-Identifier: Apache-2.0
 *
 * The command line of the stub homeserver.
 */
#ifndef HS_OPTIONS_H
#define HS_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hs_options {
	const char *listen;
	const char *control;
	const char *domain;
	const char *as_id;
	const char *as_url;
	const char *as_token;
	const char *hs_token;
	const char *sender;      /* localpart */
	const char *user_prefix; /* localpart prefix of ghosts, used when users is NULL */
	const char *users;       /* POSIX extended regular expression of the users namespace */
	const char *aliases;     /* the same of aliases, or NULL */
	const char *ledger;      /* file, or NULL */
	int64_t delay_ms;
	int64_t backoff_unit_ms;
	int64_t push_timeout_ms;
	int room_version;
	size_t history;  /* events a room remembers */
	size_t remember; /* delivered events remembered for /resend */
	size_t cache;    /* entries of the idempotency cache */
	bool paused;
	bool watch_stdin; /* end when standard input does */
};

/* 0; 1 when help was asked for and given; -1 after a message on stderr. */
int hs_options_parse(struct hs_options *options, int argc, char **argv);

#endif
