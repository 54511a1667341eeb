/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IRC lines (RFC 1459, RFC 2812, IRCv3 message-tags): a parser that works in place and never
 * allocates, and the one typed writer. Nothing else in the bridge makes bytes for a server.
 *
 * The parser takes any bytes: what is no line gives false, more than 15 parameters or 64 tags are
 * cut off (the last parameter keeps the rest of the line). Views point into the buffer given. The
 * writer refuses (TR_E_INVALID) CR, LF and NUL anywhere, spaces and a leading ':' in middle
 * parameters, empty middle parameters, and lines beyond what it was told; so no caller can break
 * the framing.
 */
#ifndef TRESTLE_IRC_LINE_H
#define TRESTLE_IRC_LINE_H

#include "core/base/buf.h"
#include "core/base/error.h"

enum {
	TR_IRC_PARAMS_MAX = 15,
	TR_IRC_TAGS_MAX = 64,
	TR_IRC_TAGS_BYTES = 8191,
	TR_IRC_LINE_BYTES = 512,
	TR_IRC_RECEIVED_MAX = TR_IRC_TAGS_BYTES + 16 * TR_IRC_LINE_BYTES,
	/* What the buffer of tr_irc_lines_feed() must be able to hold. */
	TR_IRC_PARTIAL_MAX = TR_IRC_RECEIVED_MAX + 2,
};

struct tr_irc_tag {
	struct tr_str key;
	struct tr_str value; /* still escaped: tr_irc_tag_value() */
};

struct tr_irc_line {
	struct tr_str raw; /* the whole line as it was parsed */
	struct tr_irc_tag tags[TR_IRC_TAGS_MAX];
	size_t tag_count;
	struct tr_str prefix; /* "nick!user@host" or a server name, "" when absent */
	struct tr_str nick;   /* of the prefix, up to '!' or '@' */
	struct tr_str user;
	struct tr_str host;
	struct tr_str command; /* as sent: letters or three digits */
	int numeric;           /* 1 to 999, or 0 */
	struct tr_str params[TR_IRC_PARAMS_MAX];
	size_t param_count;
};

/* nick [ [ "!" user ] "@" host ]; a server name has neither. Views into the prefix. */
struct tr_irc_prefix {
	struct tr_str nick, user, host;
	bool has_user;
};
void tr_irc_prefix_parse(struct tr_str prefix, struct tr_irc_prefix *out);

/* `text` is one line without CR LF. */
bool tr_irc_line_parse(struct tr_str text, struct tr_irc_line *line);
/* Parameter `index`, or the empty view. */
struct tr_str tr_irc_param(const struct tr_irc_line *line, size_t index);
bool tr_irc_is(const struct tr_irc_line *line, const char *command);
/* The tag's value, still escaped; false when the tag is absent. */
bool tr_irc_tag(const struct tr_irc_line *line, const char *key, struct tr_str *value);
/* Appends the unescaped value. */
int tr_irc_tag_unescape(struct tr_str value, struct tr_buf *out);

/* Takes whole lines out of a stream: appends `bytes` to *partial and calls back for each complete
 * line (empty lines are left out). A line beyond TR_IRC_RECEIVED_MAX bytes is dropped whole and
 * counted in *too_long; so `partial` must have a maximum of TR_IRC_PARTIAL_MAX. The fast path calls
 * back on `bytes` itself without copying. Stops early when the callback returns false. */
typedef bool tr_irc_line_callback(void *arg, struct tr_str line);
bool tr_irc_lines_feed(struct tr_buf *partial, struct tr_str bytes, size_t *too_long,
	tr_irc_line_callback *callback, void *arg);

/* One outgoing line. */
struct tr_irc_out {
	const struct tr_irc_out_tag {
		const char *key;
		struct tr_str value; /* escaped by the writer */
	} * tags;
	size_t tag_count;
	const char *command; /* static text: letters only */
	struct tr_str params[TR_IRC_PARAMS_MAX];
	size_t param_count;
	bool trailing; /* write the last parameter with ':' even where it is not needed */
};
/* Appends the line with CR LF. The part after the tags, with CR LF, may have `line_max` bytes (0 =
 * 512). 0, TR_E_INVALID or TR_E_TOO_BIG; on error nothing is appended. */
int tr_irc_line_write(struct tr_buf *out, const struct tr_irc_out *line, size_t line_max);

#endif
