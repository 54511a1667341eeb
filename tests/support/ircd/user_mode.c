/* SPDX-License-Identifier: Apache-2.0 */
/* MODE of a user: invisible, and deaf where ISUPPORT has DEAF. Asked for by the user or by the
 * script; channel modes are cmd_mode.c's. */
#include "dispatch.h"
#include "send.h"
#include "users.h"

#include <string.h>

/* What is told to the user of changes: "+d-i". */
struct shown {
	struct ircd_buf letters;
	char sign;
};

static void change_one(struct shown *shown, bool *flag, bool plus, char letter)
{
	char sign = plus ? '+' : '-';
	if (*flag == plus) {
		return;
	}
	*flag = plus;
	if (sign != shown->sign) {
		ircd_buf_add(&shown->letters, &sign, 1);
		shown->sign = sign;
	}
	ircd_buf_add(&shown->letters, &letter, 1);
}

void ircd_change_user_modes(
	struct ircd_server *server, const char *by, struct ircd_user *user, const char *modes)
{
	struct shown shown = {.sign = 0};
	bool own = strcmp(by, user->prefix) == 0;
	bool plus = true;
	for (const char *c = modes; *c; c++) {
		if (*c == '+' || *c == '-') {
			plus = *c == '+';
		} else if (*c == 'i') {
			change_one(&shown, &user->invisible, plus, 'i');
		} else if (*c == server->limits.deaf) {
			if (!own || plus || !server->options.deaf_locked) {
				change_one(&shown, &user->deaf, plus, *c);
			}
		} else if (own && user->conn) {
			ircd_numeric(user->conn, 501, "%c :is not a recognised user mode.", *c);
		}
	}
	if (shown.letters.len && user->conn) {
		struct ircd_msg msg = ircd_msg_make(
			server, ":%s MODE %s :%s", by, user->nick, shown.letters.data);
		ircd_send(user->conn, &msg, NULL);
	}
	ircd_buf_free(&shown.letters);
}

void ircd_user_mode(struct ircd_conn *conn, struct ircd_line *line)
{
	struct ircd_user *user = ircd_user_find(conn->server, line->params[0]);
	char deaf[2] = {conn->server->limits.deaf, '\0'};
	if (!user) {
		ircd_numeric(conn, 401, "%s :No such nick", line->params[0]);
	} else if (user != conn->user) {
		ircd_numeric(conn, 502, ":Can't view or change modes for other users");
	} else if (line->count == 1) {
		ircd_numeric(
			conn, 221, ":+%s%s", user->deaf ? deaf : "", user->invisible ? "i" : "");
	} else {
		ircd_change_user_modes(conn->server, user->prefix, user, ircd_line_param(line, 1));
	}
}
