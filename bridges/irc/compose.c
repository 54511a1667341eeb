/* SPDX-License-Identifier: Apache-2.0 */
/* Writes operations as text for IRC. */
#include "bridges/irc/compose.h"

enum { NAME_MAX_BYTES = 200 };

enum tr_message_kind tr_irc_compose(const struct tr_op *op, struct tr_buf *out)
{
	if (op->relation == TR_RELATION_EDIT) {
		tr_buf_add_c(out, "* ");
	}
	if (op->media.kind != TR_MEDIA_NONE) {
		struct tr_str name = tr_str_from(op->media.name);
		tr_buf_addf(out, "uploaded a file: %.*s", (int)tr_utf8_fit(name, NAME_MAX_BYTES),
			name.ptr);
		if (op->media.url[0] != '\0') {
			tr_buf_addf(out, " < %s >", op->media.url);
		}
	}
	tr_buf_add_c(out, op->text);
	return op->message;
}
