/* SPDX-License-Identifier: Apache-2.0 */
/*
 * 005 and what follows from it. The first line is what a server says of itself, the second a MODE
 * with its arguments, the others are names. Limits hold, folding is an equivalence, every argument
 * of a MODE goes to one change at most and in order, no nick is a channel.
 */
#include "bridges/irc/isupport.h"
#include "core/base/alloc.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_limits(const struct tr_irc_isupport *isupport)
{
	TR_ASSERT(isupport->nick_len >= 1 && isupport->nick_len <= 512);
	TR_ASSERT(isupport->channel_len >= 1 && isupport->channel_len <= 512);
	TR_ASSERT(isupport->line_len >= 512 && isupport->line_len <= 65536);
	TR_ASSERT(isupport->modes >= 1 && isupport->modes <= TR_IRC_PARAMS_MAX);
	TR_ASSERT(strlen(isupport->prefix_modes) == strlen(isupport->prefix_symbols));
	TR_ASSERT(isupport->chan_types[0] != '\0');
	for (size_t i = 0; i < 4; i++) {
		TR_ASSERT(memchr(isupport->chan_modes[i], '\0', sizeof(isupport->chan_modes[i])));
	}
	TR_ASSERT(memchr(isupport->network, '\0', sizeof(isupport->network)));
	TR_ASSERT(memchr(isupport->status_msg, '\0', sizeof(isupport->status_msg)));
	/* No letter, digit or special of a nick begins a channel or is a sign before a name. */
	for (int byte = 0; byte < 256; byte++) {
		const char name[] = {(char)byte, 'x', '\0'};
		struct tr_str view = tr_str_of(name, 2);
		bool of_nick = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
			       (byte != 0 && strchr("[]\\`_^{|}", byte) != NULL);
		TR_ASSERT(!of_nick || !tr_irc_is_channel(isupport, view));
		TR_ASSERT(!of_nick || tr_irc_strip_prefix(isupport, view).len == 2);
	}
}

static void check_modes(const struct tr_irc_isupport *isupport, struct tr_str text)
{
	struct tr_str params[TR_IRC_PARAMS_MAX];
	struct tr_irc_mode_change changes[40];
	size_t count = 0;
	size_t next = 1;
	while (count < TR_IRC_PARAMS_MAX && tr_str_word(&text, &params[count])) {
		count++;
	}
	size_t found = tr_irc_modes_parse(isupport, params, count, changes, TR_ARRAY_LEN(changes));
	TR_ASSERT(found <= TR_ARRAY_LEN(changes));
	for (size_t i = 0; i < found; i++) {
		TR_ASSERT(changes[i].mode != '+' && changes[i].mode != '-');
		if (changes[i].argument.len > 0) {
			TR_ASSERT(next < count && changes[i].argument.ptr == params[next].ptr);
			next++;
		}
	}
}

static void check_name(const struct tr_irc_isupport *isupport, struct tr_str name)
{
	struct tr_buf once = TR_BUF_INIT(name.len + 1);
	struct tr_buf twice = TR_BUF_INIT(name.len + 1);
	struct tr_str bare = tr_irc_strip_prefix(isupport, name);
	TR_ASSERT(tr_irc_fold(isupport, name, &once) == 0 && once.len == name.len);
	TR_ASSERT(tr_irc_fold(isupport, tr_buf_str(&once), &twice) == 0);
	TR_ASSERT(tr_str_eq(tr_buf_str(&once), tr_buf_str(&twice)));
	TR_ASSERT(tr_irc_same(isupport, name, tr_buf_str(&once)));
	TR_ASSERT(tr_str_ends(name, bare));
	if (tr_irc_is_channel(isupport, name)) {
		TR_ASSERT(name.len <= isupport->channel_len && tr_str_find_char(name, ' ') < 0);
		TR_ASSERT(tr_str_find_char(name, ',') < 0 && tr_str_find_char(name, '\n') < 0);
		TR_ASSERT(tr_irc_is_channel(isupport, tr_buf_str(&once)));
	}
	tr_buf_finish(&once);
	tr_buf_finish(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tr_str rest = tr_str_of((const char *)data, size);
	struct tr_str text;
	struct tr_irc_line line;
	struct tr_irc_isupport isupport;

	tr_irc_isupport_init(&isupport);
	if (tr_str_split(&rest, '\n', &text) && tr_irc_line_parse(text, &line)) {
		tr_irc_isupport_take(&isupport, &line);
	}
	check_limits(&isupport);
	if (tr_str_split(&rest, '\n', &text)) {
		check_modes(&isupport, text);
	}
	while (tr_str_split(&rest, '\n', &text)) {
		check_name(&isupport, text);
	}
	return 0;
}
