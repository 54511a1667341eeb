/* SPDX-License-Identifier: Apache-2.0 */
/* !retry: what a user said and IRC refused is sent again. Whose it is, in which order and that it
 * is kept, is core's (tr_bridge_send_again()); here it is only put into words. */
#include "bridges/irc/commands_internal.h"

static void sent_again(void *arg, size_t count, size_t left, const struct tr_error *error)
{
	struct tr_command *command = arg;
	struct tr_buf text = TR_BUF_INIT(1024);
	if (error != NULL) {
		tr_buf_addf(&text, "Nothing could be sent again: %s", error->text);
	} else if (count == 0) {
		tr_buf_add_c(&text, "Nothing of yours waits to be sent again.");
	} else {
		tr_buf_addf(
			&text, "%zu message%s sent again.", count, count == 1 ? " is" : "s are");
	}
	if (left > 0) {
		tr_buf_addf(
			&text, " %zu more wait%s: say !retry again.", left, left == 1 ? "s" : "");
	}
	tr_irc_command_end_with(command, tr_buf_c(&text));
	tr_buf_finish(&text);
}

void tr_irc_command_retry(void *self, struct tr_command *command)
{
	struct tr_irc_network *network = self;
	struct tr_str more;
	if (tr_irc_command_argument(network, command, &more)) {
		tr_command_usage(command);
		return;
	}
	tr_bridge_send_again(
		tr_command_bridge(command), tr_command_user(command), sent_again, command);
}
