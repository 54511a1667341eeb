/* SPDX-License-Identifier: Apache-2.0 */
/* Answers CTCP requests, within limits. What is said in channels is never answered. */
#include "bridges/irc/ctcp.h"

#include "bridges/irc/text.h"
#include "core/base/clock.h"

enum {
	CONNECTION_MS = 2000, /* per answer of one connection.. */
	CONNECTION_BURST = 3, /* ..of which so many may come at once */
	ECHO_MAX = 100,
	ANSWER_MAX = 256,
};

/* The connection's bucket, as the time when it will be full again. */
static bool take_token(struct tr_irc_session *session, uint64_t now_ms)
{
	uint64_t full = session->answers_full_ms > now_ms ? session->answers_full_ms : now_ms;
	if (full - now_ms > (uint64_t)(CONNECTION_BURST - 1) * CONNECTION_MS) {
		return false;
	}
	session->answers_full_ms = full + CONNECTION_MS;
	return true;
}

/* What is asked to be sent back is: without what could end the answer or be a command. */
static void add_echo(struct tr_str rest, struct tr_buf *answer)
{
	rest = tr_str_slice(rest, 0, ECHO_MAX);
	for (size_t i = 0; i < rest.len; i++) {
		unsigned char byte = (unsigned char)rest.ptr[i];
		if (byte >= ' ' && byte < 0x7f) {
			tr_buf_add_char(answer, rest.ptr[i]);
		}
	}
}

/* Appends the answer; false = there is none to this verb. */
static bool make_answer(struct tr_str verb, struct tr_str rest, struct tr_buf *answer)
{
	tr_buf_add_char(answer, 0x01);
	if (tr_str_eq_nocase(verb, TR_STR("VERSION"))) {
		tr_buf_add_c(answer, "VERSION trestle " TRESTLE_VERSION);
	} else if (tr_str_eq_nocase(verb, TR_STR("PING"))) {
		tr_buf_add_c(answer, "PING ");
		add_echo(rest, answer);
	} else if (tr_str_eq_nocase(verb, TR_STR("TIME"))) {
		tr_buf_add_c(answer, "TIME ");
		tr_clock_format(answer, tr_clock_wall_ms());
	} else if (tr_str_eq_nocase(verb, TR_STR("CLIENTINFO"))) {
		tr_buf_add_c(answer, "CLIENTINFO ACTION CLIENTINFO PING TIME VERSION");
	} else {
		return false;
	}
	tr_buf_add_char(answer, 0x01);
	return !tr_buf_failed(answer);
}

bool tr_irc_ctcp_request(struct tr_irc_session *session, const struct tr_irc_line *line)
{
	struct tr_str verb;
	struct tr_str rest;
	if (!tr_irc_is(line, "PRIVMSG") || !tr_irc_ctcp(tr_irc_param(line, 1), &verb, &rest) ||
		tr_str_eq_nocase(verb, TR_STR("ACTION"))) {
		return false;
	}
	uint64_t now = tr_clock_mono_ms();
	struct tr_buf answer = TR_BUF_INIT(ANSWER_MAX);
	if (!tr_str_empty(line->nick) && !tr_str_empty(line->host) &&
		make_answer(verb, rest, &answer) && take_token(session, now) &&
		tr_irc_answer_allowed(&session->network->answered, line->host, now)) {
		tr_irc_send_words(session->connection, "NOTICE", line->nick, tr_buf_str(&answer),
			(struct tr_str){NULL, 0});
	}
	tr_buf_finish(&answer);
	return true;
}
