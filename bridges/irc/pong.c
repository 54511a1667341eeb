/* SPDX-License-Identifier: Apache-2.0 */
/* Writes and knows the tokens; what waits for a PONG is its asker's. */
#include "bridges/irc/pong.h"

void tr_irc_ping_number(struct tr_irc_connection *connection, const char *letters, uint64_t number)
{
	const struct tr_str none = {NULL, 0};
	struct tr_buf token = TR_BUF_INIT(32);
	tr_buf_addf(&token, "%s%llu", letters, (unsigned long long)number);
	tr_irc_send_words(connection, "PING", tr_buf_str(&token), none, none);
	tr_buf_finish(&token);
}

bool tr_irc_pong_number(const struct tr_irc_line *line, const char *letters, uint64_t *number)
{
	struct tr_str token = tr_irc_param(line, line->param_count > 1 ? 1 : 0);
	struct tr_str start = tr_str_from(letters);
	uint64_t found;
	if (!tr_irc_is(line, "PONG") || !tr_str_starts(token, start) ||
		!tr_str_to_u64(tr_str_from_index(token, start.len), &found) || found == 0) {
		return false;
	}
	*number = found;
	return true;
}
