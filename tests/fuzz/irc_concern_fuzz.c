/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A line of a hostile server that is dropped without being parsed would, parsed, be somebody else's
 * and say the channel that was read from it.
 */
#include "bridges/irc/concern.h"
#include "bridges/irc/line.h"
#include "core/base/alloc.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tr_irc_isupport isupport;
	tr_irc_isupport_init(&isupport);
	struct tr_str text = tr_str_of((const char *)data, size);
	struct tr_str me = TR_STR("me");
	struct tr_str channel = {NULL, 0};
	enum tr_irc_concern concern = tr_irc_concern(&isupport, me, size % 2 == 0, text, &channel);
	struct tr_irc_line line;
	if (concern == TR_IRC_CONCERNS || !tr_irc_line_parse(text, &line)) {
		return 0;
	}
	TR_ASSERT(tr_str_empty(line.nick) || !tr_irc_same(&isupport, line.nick, me));
	if (concern == TR_IRC_OF_CHANNEL) {
		struct tr_str named = line.numeric == 353   ? tr_irc_param(&line, 2)
				      : line.numeric == 366 ? tr_irc_param(&line, 1)
							    : tr_irc_param(&line, 0);
		TR_ASSERT(tr_str_eq(named, channel));
	}
	return 0;
}
