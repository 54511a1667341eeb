/* SPDX-License-Identifier: Apache-2.0 */
/* Control commands on connections and on the server's manners: raw bytes, closing, silence, delays,
 * refusals, TLS faults, capabilities. */
#include "cap.h"
#include "control.h"
#include "fault.h"
#include "net.h"
#include "send.h"
#include "tls.h"

#include <stdlib.h>
#include <string.h>

/* The connections a request means: "nick", "conn" (number) or "all". An array with NULL at its end,
 * freed by the caller; NULL after an error in the answer. */
static struct ircd_conn **targets(
	struct ircd_server *server, const struct ircd_json *request, struct ircd_answer *answer)
{
	struct ircd_conn **found = ircd_alloc((server->conn_count + 1) * sizeof(*found));
	const char *nick = ircd_json_text(request, "nick", NULL);
	uint64_t id = (uint64_t)ircd_json_number(request, "conn", 0);
	size_t n = 0;
	if (ircd_json_bool(request, "all", false)) {
		memcpy(found, server->conns, server->conn_count * sizeof(*found));
		n = server->conn_count;
	} else if (nick) {
		struct ircd_user *user = ircd_user_find(server, nick);
		found[0] = user ? user->conn : NULL;
		n = found[0] != NULL;
	} else if (id) {
		found[0] = ircd_conn_find(server, id);
		n = found[0] != NULL;
	}
	if (!n && !ircd_json_bool(request, "all", false)) {
		ircd_control_fail(answer, "no such connection (give nick, conn or all)");
		free(found);
		return NULL;
	}
	ircd_buf_printf(&answer->fields, ",\"connections\":%zu", n);
	return found;
}

/* The bytes of "hex", or of "text", or of "line" with CR LF. */
static bool read_bytes(const struct ircd_json *request, struct ircd_buf *out)
{
	static const char digits[] = "0123456789abcdef";
	const struct ircd_json *text = ircd_json_get(request, "text");
	const char *line = ircd_json_text(request, "line", NULL);
	const char *hex = ircd_json_text(request, "hex", NULL);
	ircd_buf_add(out, "", 0);
	if (line) {
		ircd_buf_printf(out, "%s\r\n", line);
	} else if (text && text->type == IRCD_JSON_STRING) {
		ircd_buf_add(out, text->text, text->text_len);
	}
	for (; hex && hex[0] && hex[1]; hex += 2) {
		const char *high = strchr(digits, hex[0]);
		const char *low = strchr(digits, hex[1]);
		if (!high || !low) {
			return false;
		}
		char byte = (char)((high - digits) * 16 + (low - digits));
		ircd_buf_add(out, &byte, 1);
	}
	return out->len > 0;
}

void ircd_control_raw(
	struct ircd_server *server, const struct ircd_json *request, struct ircd_answer *answer)
{
	struct ircd_buf bytes = {0};
	const struct ircd_json *split = ircd_json_get(request, "split");
	int gap_ms = (int)ircd_json_number(request, "gap_ms", 5);
	size_t cuts[256];
	size_t count = 0;
	if (!read_bytes(request, &bytes)) {
		ircd_control_fail(answer, "give text, line or hex (lower case)");
		ircd_buf_free(&bytes);
		return;
	}
	if (split && split->type == IRCD_JSON_NUMBER && split->number >= 1) {
		/* a number: pieces of that many bytes */
		for (size_t at = (size_t)split->number; at < bytes.len && count < 256;
			at += (size_t)split->number) {
			cuts[count++] = at;
		}
	}
	for (split = split ? split->child : NULL; split && count < 256; split = split->next) {
		cuts[count++] = (size_t)split->number;
	}
	struct ircd_conn **conns = targets(server, request, answer);
	for (size_t i = 0; conns && conns[i]; i++) {
		ircd_raw_send(conns[i], bytes.data, bytes.len, cuts, count, gap_ms);
	}
	free(conns);
	ircd_buf_free(&bytes);
}

void ircd_control_end(
	struct ircd_server *server, const struct ircd_json *request, struct ircd_answer *answer)
{
	const char *how = ircd_json_text(request, "how", "rst");
	const char *reason = ircd_json_text(request, "reason", "closed by the script");
	bool half = strcmp(how, "half") == 0;
	if (!half && strcmp(how, "rst") != 0 && strcmp(how, "fin") != 0) {
		ircd_control_fail(answer, "how is rst, fin or half");
		return;
	}
	struct ircd_conn **conns = targets(server, request, answer);
	for (size_t i = 0; conns && conns[i]; i++) {
		if (half) {
			ircd_conn_half_close(conns[i]);
		} else {
			ircd_conn_close(
				conns[i], *how == 'r' ? IRCD_CLOSE_RESET : IRCD_CLOSE_FIN, reason);
		}
	}
	free(conns);
}

void ircd_control_silent(
	struct ircd_server *server, const struct ircd_json *request, struct ircd_answer *answer)
{
	bool on = ircd_json_bool(request, "on", true);
	struct ircd_conn **conns = targets(server, request, answer);
	for (size_t i = 0; conns && conns[i]; i++) {
		conns[i]->silent = on;
		ircd_conn_update_reading(conns[i]);
		if (!on) {
			ircd_conn_mark_dirty(conns[i]);
			ircd_queue_run(conns[i]);
		}
	}
	free(conns);
}

void ircd_control_delay(
	struct ircd_server *server, const struct ircd_json *request, struct ircd_answer *answer)
{
	int ms = (int)ircd_json_number(request, "ms", 0);
	if (!ircd_json_get(request, "nick") && !ircd_json_get(request, "conn") &&
		!ircd_json_get(request, "all")) {
		server->options.delay_ms = ms; /* everybody's, and of those to come */
		for (size_t i = server->conn_count; i > 0; i--) {
			ircd_queue_delay_changed(server->conns[i - 1]);
		}
		return;
	}
	struct ircd_conn **conns = targets(server, request, answer);
	for (size_t i = 0; conns && conns[i]; i++) {
		conns[i]->delay_ms = ms;
		ircd_queue_delay_changed(conns[i]);
	}
	free(conns);
}

/* KILL, K-line and plain ERROR by the text: all end in ERROR and the end of the connection. */
void ircd_control_kill(
	struct ircd_server *server, const struct ircd_json *request, struct ircd_answer *answer)
{
	const char *by = ircd_json_text(request, "by", "oper");
	const char *reason = ircd_json_text(request, "reason", "killed by the script");
	const char *kline = ircd_json_text(request, "kline", NULL);
	const char *error = ircd_json_text(request, "error", NULL);
	struct ircd_conn **conns = targets(server, request, answer);
	for (size_t i = 0; conns && conns[i]; i++) {
		struct ircd_conn *conn = conns[i];
		char *text = NULL;
		if (error) {
			char *line = ircd_printf("ERROR :%s\r\n", error);
			ircd_conn_write(conn, line, strlen(line));
			free(line);
			ircd_conn_close(conn, IRCD_CLOSE_GENTLY, error);
			continue;
		}
		if (kline) {
			ircd_numeric(conn, 465, ":You are banned from this server- %s", kline);
			text = ircd_printf("K-Lined: %s", kline);
		} else {
			struct ircd_msg msg = ircd_msg_make(server, ":%s KILL %s :%s (%s)", by,
				ircd_nick_of(conn->user), by, reason);
			ircd_send(conn, &msg, NULL);
			text = ircd_printf("Killed (%s (%s))", by, reason);
		}
		ircd_conn_error(conn, text);
		free(text);
	}
	free(conns);
}

void ircd_control_caps(
	struct ircd_server *server, const struct ircd_json *request, struct ircd_answer *answer)
{
	const char *list = ircd_json_text(request, "list", NULL);
	const char *added = ircd_json_text(request, "new", NULL);
	const char *removed = ircd_json_text(request, "del", NULL);
	if (!list && !added && !removed) {
		ircd_control_fail(answer, "give list (comma separated), new or del");
		return;
	}
	if (list) {
		ircd_option_set_text(&server->options.caps, list);
		ircd_caps_load(server);
	}
	if (removed) {
		ircd_caps_announce(server, "DEL", removed);
	}
	if (added) {
		ircd_caps_announce(server, "NEW", added);
	}
}

void ircd_control_tls(
	struct ircd_server *server, const struct ircd_json *request, struct ircd_answer *answer)
{
	const char *mode = ircd_json_text(request, "mode", NULL);
	const char *cert = ircd_json_text(request, "cert", NULL);
	const char *key = ircd_json_text(request, "key", NULL);
	int found = mode ? ircd_tls_mode_by_name(mode) : (int)server->options.tls_mode;
	if (found < 0) {
		ircd_control_fail(answer, "mode is ok, stall, close, reset or plain");
		return;
	}
	server->options.tls_mode = (enum ircd_tls_mode)found;
	if (cert && key) {
		ircd_option_set_text(&server->options.tls_cert, cert);
		ircd_option_set_text(&server->options.tls_key, key);
		char *error = NULL;
		if (ircd_tls_load(server, &error) < 0) {
			ircd_control_fail(answer, "%s", error);
			free(error);
		}
	}
}

static void set_flag(const struct ircd_json *request, const char *key, bool *slot, bool inverted)
{
	const struct ircd_json *value = ircd_json_get(request, key);
	if (value && value->type == IRCD_JSON_BOOL) {
		*slot = (value->number != 0) != inverted;
	}
}

static void set_number(const struct ircd_json *request, const char *key, int *slot)
{
	*slot = (int)ircd_json_number(request, key, *slot);
}

static void set_text(const struct ircd_json *request, const char *key, char **slot)
{
	const struct ircd_json *value = ircd_json_get(request, key);
	if (value) {
		ircd_option_set_text(slot, value->type == IRCD_JSON_STRING ? value->text : NULL);
	}
}

void ircd_control_set(
	struct ircd_server *server, const struct ircd_json *request, struct ircd_answer *answer)
{
	struct ircd_options *options = &server->options;
	set_flag(request, "reject_long", &options->cut_long, true);
	set_flag(request, "cut_nicks", &options->cut_nicks, false);
	set_flag(request, "msgid", &options->msgid, false);
	set_flag(request, "authenticate_colon", &options->echo_colon, false);
	set_flag(request, "require_sasl", &options->require_sasl, false);
	set_flag(request, "deaf_locked", &options->deaf_locked, false);
	set_flag(request, "deaf_no_echo", &options->deaf_no_echo, false);
	set_flag(request, "ping_cookie", &options->ping_cookie, false);
	set_flag(request, "label_outer", &options->label_outer, false);
	set_number(request, "nick_in_use", &options->nick_in_use);
	set_number(request, "nick_erroneous", &options->nick_erroneous);
	set_number(request, "history_limit", &options->history_limit);
	set_number(request, "history_errors", &options->history_errors);
	set_number(request, "flood_lines", &options->flood_lines);
	set_number(request, "ping_every_ms", &options->ping_every_ms);
	set_number(request, "gather_ms", &options->gather_ms);
	set_number(request, "ping_timeout_ms", &options->ping_timeout_ms);
	set_number(request, "delay_ms", &options->delay_ms);
	set_text(request, "reader", &options->reader);
	set_text(request, "kline", &options->kline);
	set_text(request, "refuse_text", &options->refuse_text);
	const char *refuse = ircd_json_text(request, "refuse", NULL);
	int found = refuse ? ircd_refuse_by_name(refuse) : (int)options->refuse;
	if (found < 0) {
		ircd_control_fail(answer, "refuse is none, off, reset, close, error or stall");
		return;
	}
	options->refuse = (enum ircd_refuse)found;
	if (ircd_net_apply_refuse(server) < 0) {
		ircd_control_fail(answer, "cannot listen again");
	}
}
