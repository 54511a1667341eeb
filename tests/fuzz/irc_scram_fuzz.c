/* SPDX-License-Identifier: Apache-2.0 */
/* The server's two messages of SCRAM-SHA-256, one a line: bounds hold, and nobody succeeds who was
 * refused before. */
#include "bridges/irc/scram.h"
#include "core/base/alloc.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tr_str rest = tr_str_of((const char *)data, size);
	struct tr_str message;
	struct tr_error error = {0};
	struct tr_buf out = TR_BUF_INIT((size_t)TR_SCRAM_MESSAGE_MAX * 2);
	struct tr_scram *scram = tr_scram_create("user", "pencil", "rOprNGfwEbeRWgbNEkqO");
	tr_scram_first(scram, &out);
	if (tr_str_split(&rest, '\n', &message) &&
		tr_scram_take_first(scram, message, &error) == 0) {
		tr_buf_clear(&out);
		tr_scram_final(scram, &out); /* the work itself takes nothing of the server's */
		TR_ASSERT(!tr_buf_failed(&out));
		while (tr_str_split(&rest, '\n', &message)) {
			TR_ASSERT(tr_scram_take_final(scram, message, &error) != 0);
		}
	}
	tr_scram_destroy(scram);
	tr_buf_finish(&out);
	return 0;
}
