/* SPDX-License-Identifier: Apache-2.0 */
/* Cuts a byte stream into lines; copies only what arrives in pieces. */
#include "bridges/irc/line.h"

#include <string.h>

static struct tr_str without_cr(struct tr_str line)
{
	while (line.len > 0 && line.ptr[line.len - 1] == '\r') {
		line.len--;
	}
	return line;
}

static bool give(struct tr_str line, size_t *too_long, tr_irc_line_callback *callback, void *arg)
{
	/* Before the CRs go: what was kept of a longer line may end in one by chance. */
	bool beyond = line.len > TR_IRC_RECEIVED_MAX + 1;
	line = without_cr(line);
	if (beyond || line.len > TR_IRC_RECEIVED_MAX) {
		(*too_long)++;
		return true;
	}
	return tr_str_empty(line) || callback(arg, line);
}

/* Keeps the start of a line. One that is too long is kept as its first bytes, so that its end is
 * recognized as such. */
static void keep(struct tr_buf *partial, struct tr_str bytes)
{
	size_t room = TR_IRC_PARTIAL_MAX > partial->len ? TR_IRC_PARTIAL_MAX - partial->len : 0;
	tr_buf_add(partial, tr_str_slice(bytes, 0, room));
}

bool tr_irc_lines_feed(struct tr_buf *partial, struct tr_str bytes, size_t *too_long,
	tr_irc_line_callback *callback, void *arg)
{
	while (bytes.len > 0) {
		const char *end = memchr(bytes.ptr, '\n', bytes.len);
		if (end == NULL) {
			keep(partial, bytes);
			return true;
		}
		struct tr_str line = tr_str_of(bytes.ptr, (size_t)(end - bytes.ptr));
		bytes = tr_str_from_index(bytes, line.len + 1);
		bool go_on = true;
		if (partial->len == 0) {
			go_on = give(line, too_long, callback, arg);
		} else {
			keep(partial, line);
			struct tr_buf whole = *partial;
			*partial = (struct tr_buf)TR_BUF_INIT(partial->max);
			go_on = give(tr_buf_str(&whole), too_long, callback, arg);
			tr_buf_finish(&whole);
		}
		if (!go_on) {
			return false;
		}
	}
	return true;
}
