/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys and places of lines; see the header. A place that is a time begins with a space, which no
 * msgid has, and has the line's key behind it, so that no two lines have the same place. How far a
 * channel is read and stored is channel.c's.
 */
#include "bridges/irc/history_place.h"

#include "bridges/irc/history.h"
#include "bridges/irc/reader.h"
#include "core/base/clock.h"
#include "core/base/digest.h"
#include "core/base/encode.h"

#include <stdlib.h>
#include <string.h>

enum { SAID_BYTES = 8 };

/* What was said in one millisecond, as hashes. */
struct tr_irc_moment {
	int64_t ms;
	uint64_t said[256]; /* the latest */
	size_t count, next;
};

/* How often the same was said at that time so far, this line left out. */
static unsigned count_equal(struct tr_irc_moment *moment, int64_t ms, uint64_t said)
{
	unsigned equal = 0;
	if (moment->ms != ms) {
		moment->ms = ms;
		moment->count = moment->next = 0;
	}
	for (size_t i = 0; i < moment->count; i++) {
		equal += moment->said[i] == said;
	}
	moment->said[moment->next] = said;
	moment->next = (moment->next + 1) % TR_ARRAY_LEN(moment->said);
	moment->count += moment->count < TR_ARRAY_LEN(moment->said);
	return equal;
}

static void make_key(struct tr_irc_channel *channel, const struct tr_irc_line *line, int64_t ms,
	struct tr_buf *key)
{
	unsigned char digest[TR_SHA256_LEN];
	const struct tr_str parts[] = {line->nick, line->command, tr_irc_param(line, 1)};
	uint64_t said;
	if (channel->moment == NULL) {
		channel->moment = tr_alloc(sizeof(*channel->moment));
	}
	tr_sha256_parts(parts, TR_ARRAY_LEN(parts), digest);
	memcpy(&said, digest, sizeof(said));
	tr_buf_addf(key, "t%lld-", (long long)ms);
	tr_hex_encode(key, digest, SAID_BYTES);
	tr_buf_addf(key, "-%u", count_equal(channel->moment, ms, said));
}

void tr_irc_history_place_of(struct tr_irc_channel *channel, const struct tr_irc_line *line,
	struct tr_buf *key, struct tr_buf *place)
{
	const struct tr_irc_session *reader = channel->reader;
	struct tr_str text;
	int64_t ms;
	size_t start = key->len;
	tr_irc_msgid(line, key);
	bool has_id = key->len > start;
	bool by_time = reader != NULL && tr_irc_history_available(reader) &&
		       (!has_id || tr_irc_history_by_time_only(reader)) &&
		       tr_irc_tag(line, "time", &text) && tr_clock_parse(text, &ms);
	if (by_time && !has_id) {
		make_key(channel, line, ms, key);
	}
	if (by_time) {
		tr_buf_addf(place, " %lld ", (long long)ms);
	}
	tr_buf_add(place, tr_str_from_index(tr_buf_str(key), start));
}

void tr_irc_history_place_recount(struct tr_irc_channel *channel)
{
	if (channel->moment != NULL) {
		channel->moment->count = channel->moment->next = 0;
	}
}

bool tr_irc_history_place_is_time(const char *place)
{
	return place[0] == ' ';
}

void tr_irc_history_place_reference(const char *place, bool past, struct tr_buf *out)
{
	if (tr_irc_history_place_is_time(place)) {
		tr_buf_add_c(out, "timestamp=");
		tr_clock_format(out, strtoll(place, NULL, 10) - (past ? 0 : 1));
	} else {
		tr_buf_add_c(out, "msgid=");
		tr_buf_add_c(out, place);
	}
}
