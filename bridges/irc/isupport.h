/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a server says of itself in 005 (RPL_ISUPPORT): case mapping, lengths, prefixes, channel
 * types, modes. Values a server sends are bounded and checked; what is absurd is ignored and what
 * was there stays; "-TOKEN" brings the RFC's default back. Values may have bytes as \xHH. A case
 * mapping that is not known counts as ascii: better two names for one thing than one name for two
 * (GHSA-xvqg-mv25-rwvw).
 */
#ifndef TRESTLE_IRC_ISUPPORT_H
#define TRESTLE_IRC_ISUPPORT_H

#include "bridges/irc/line.h"

enum tr_irc_casemapping { TR_IRC_CASE_RFC1459, TR_IRC_CASE_RFC1459_STRICT, TR_IRC_CASE_ASCII };

struct tr_irc_isupport {
	enum tr_irc_casemapping casemapping;
	unsigned nick_len;                         /* default 9 */
	unsigned channel_len;                      /* default 200 */
	unsigned topic_len, kick_len, away_len;    /* 0 = not said */
	unsigned line_len;                         /* LINELEN with CR LF; default 512 */
	unsigned modes;                            /* parameters of one MODE; default 3 */
	unsigned targ_max_privmsg, targ_max_join;  /* TARGMAX, MAXTARGETS; 0 = no limit said */
	unsigned chathistory_max;                  /* CHATHISTORY; 0 = not said */
	unsigned monitor_max, watch_max;           /* MONITOR, WATCH; 0 = has it not */
	char chan_types[16];                       /* default "#&" */
	char prefix_modes[16], prefix_symbols[16]; /* "ov" and "@+" */
	char chan_modes[4][64];                    /* the four kinds of CHANMODES */
	char status_msg[16]; /* signs before a channel that make a message for its operators only */
	char except_mode,
		invex_mode; /* lists of exceptions from bans and +i; '\0' = there are none */
	char deaf_mode; /* a user with this mode is not sent what is said in channels; '\0' = none
			 */
	char network[64];
	bool utf8_only;
	bool history_by_time_only; /* MSGREFTYPES has timestamp and no msgid */
};

void tr_irc_isupport_init(struct tr_irc_isupport *isupport);
/* Takes in one 005 line. */
void tr_irc_isupport_take(struct tr_irc_isupport *isupport, const struct tr_irc_line *line);
/* Takes in 004, for what some servers say there only. */
void tr_irc_isupport_take_version(struct tr_irc_isupport *isupport, const struct tr_irc_line *line);

/* Appends `name` folded by the server's case mapping. */
int tr_irc_fold(const struct tr_irc_isupport *isupport, struct tr_str name, struct tr_buf *out);
/* Folds ASCII letters only: for names in the store, which must not change with a server's mapping.
 */
int tr_irc_fold_stable(struct tr_str name, struct tr_buf *out);
bool tr_irc_same(const struct tr_irc_isupport *isupport, struct tr_str a, struct tr_str b);
/* Whether it begins like a channel and obeys the grammar (no space of any script, comma, colon,
 * control characters; length). */
bool tr_irc_is_channel(const struct tr_irc_isupport *isupport, struct tr_str name);
/* NAMES entry without its prefix symbols. */
struct tr_str tr_irc_strip_prefix(const struct tr_irc_isupport *isupport, struct tr_str name);

/* One change of a MODE line. */
struct tr_irc_mode_change {
	bool add;
	char mode;
	struct tr_str argument; /* "" when the mode takes none */
};
/* Pairs the letters of "+ov-k a b c" with their arguments as CHANMODES and PREFIX say
 * (GHSA-cq7q-5c67-w39w). Returns how many changes were written, at most `max`. */
size_t tr_irc_modes_parse(const struct tr_irc_isupport *isupport, const struct tr_str *params,
	size_t count, struct tr_irc_mode_change *changes, size_t max);

#endif
