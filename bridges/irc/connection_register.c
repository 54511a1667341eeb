/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the open transport to the end of the message of the day: PASS, CAP LS 302, SASL PLAIN, NICK
 * and USER (RFC 2812 section 3.1, IRCv3 capability negotiation, IRCv3 SASL 3.2). NICK and USER go
 * out together with CAP LS, so a server that knows no CAP registers us at once.
 */
#include "bridges/irc/connection_internal.h"
#include "core/base/alloc.h"
#include "core/base/encode.h"
#include "core/base/log.h"

enum { SASL_CHUNK = 400, CREDENTIALS_MAX = 4096, REASON_MAX = 400 };

static const struct {
	const char *name;
	enum tr_irc_cap cap;
} cap_names[] = {
	{"message-tags", TR_IRC_CAP_MESSAGE_TAGS},
	{"server-time", TR_IRC_CAP_SERVER_TIME},
	{"batch", TR_IRC_CAP_BATCH},
	{"echo-message", TR_IRC_CAP_ECHO_MESSAGE},
	{"labeled-response", TR_IRC_CAP_LABELED_RESPONSE},
	{"draft/chathistory", TR_IRC_CAP_CHATHISTORY},
	{"sasl", TR_IRC_CAP_SASL},
	{"multi-prefix", TR_IRC_CAP_MULTI_PREFIX},
	{"account-tag", TR_IRC_CAP_ACCOUNT_TAG},
	{"userhost-in-names", TR_IRC_CAP_USERHOST_IN_NAMES},
	{"chghost", TR_IRC_CAP_CHGHOST},
	{"cap-notify", TR_IRC_CAP_CAP_NOTIFY},
	{"draft/event-playback", TR_IRC_CAP_EVENT_PLAYBACK},
};

static const struct tr_str none = {NULL, 0};

static unsigned cap_of(struct tr_str name)
{
	for (size_t i = 0; i < TR_ARRAY_LEN(cap_names); i++) {
		if (tr_str_eq_c(name, cap_names[i].name)) {
			return cap_names[i].cap;
		}
	}
	return 0;
}

static void fail_auth(struct tr_irc_connection *connection, struct tr_str reason)
{
	struct tr_error error;
	tr_error_set_class(&error, TR_E_AUTH, TR_CLASS_DENIED,
		"the server does not accept the login as %s: %.*s", connection->sasl_user,
		TR_STR_ARG(tr_str_slice(reason, 0, REASON_MAX)));
	tr_irc_connection_fail(connection, &error);
}

static void timed_out(void *arg)
{
	struct tr_error error;
	tr_error_set(&error, TR_E_TIMEOUT, "the server did not finish the registration in time");
	tr_irc_connection_fail(arg, &error);
}

static int send_nick(struct tr_irc_connection *connection)
{
	/* A space would make it a trailing parameter, and the server take half of it. */
	return tr_str_find_char(tr_str_from(connection->nick), ' ') >= 0
		       ? TR_E_INVALID
		       : tr_irc_send_words(
				 connection, "NICK", tr_str_from(connection->nick), none, none);
}

void tr_irc_register_start(struct tr_irc_connection *connection, uint64_t timeout_ms)
{
	connection->register_timer = tr_timer_create(connection->loop, timed_out, connection);
	tr_timer_start(connection->register_timer, timeout_ms);
	int failed = tr_irc_send_words(connection, "CAP", TR_STR("LS"), TR_STR("302"), none);
	if (connection->server_password != NULL && connection->server_password[0] != '\0') {
		failed |= tr_irc_send_words(
			connection, "PASS", tr_str_from(connection->server_password), none, none);
	}
	failed |= send_nick(connection);
	const struct tr_irc_out user = {
		.command = "USER",
		.params = {tr_str_from(connection->username), TR_STR("8"), TR_STR("*"),
			tr_str_from(connection->realname)},
		.param_count = 4,
		.trailing = true,
	};
	failed |= tr_irc_send(connection, &user);
	if (failed) {
		struct tr_error error;
		tr_error_set(&error, TR_E_INVALID,
			"the password, nick, user name or real name cannot be written on IRC");
		tr_irc_connection_fail(connection, &error);
	}
}

static void end_cap(struct tr_irc_connection *connection)
{
	if (!connection->cap_ended && connection->caps_asked == 0) {
		connection->cap_ended = true;
		tr_irc_send_words(connection, "CAP", TR_STR("END"), none, none);
	}
}

/* authzid NUL authcid NUL password, in base64, in lines of 400; a full last line is followed by
 * "+". */
static void send_credentials(struct tr_irc_connection *connection)
{
	struct tr_buf plain = TR_BUF_INIT(CREDENTIALS_MAX);
	struct tr_buf text = TR_BUF_INIT(CREDENTIALS_MAX * 2);
	tr_buf_add_c(&plain, connection->sasl_user);
	tr_buf_add_char(&plain, '\0');
	tr_buf_add_c(&plain, connection->sasl_user);
	tr_buf_add_char(&plain, '\0');
	tr_buf_add_c(&plain, connection->sasl_password);
	bool fits = !tr_buf_failed(&plain);
	if (fits) {
		tr_base64_encode(&text, plain.data, plain.len);
	}
	struct tr_str rest = tr_buf_str(&text);
	while (rest.len > 0) {
		struct tr_str chunk = tr_str_slice(rest, 0, SASL_CHUNK);
		tr_irc_send_words(connection, "AUTHENTICATE", chunk, none, none);
		rest = tr_str_from_index(rest, chunk.len);
		if (rest.len == 0 && chunk.len == SASL_CHUNK) {
			tr_irc_send_words(connection, "AUTHENTICATE", TR_STR("+"), none, none);
		}
	}
	tr_wipe(plain.data, plain.len);
	if (fits) {
		tr_wipe(text.data, text.len);
	} else {
		fail_auth(connection, TR_STR("the password is too long for SASL"));
	}
	tr_buf_finish(&plain);
	tr_buf_finish(&text);
}

static bool sasl_line(struct tr_irc_connection *connection, const struct tr_irc_line *line)
{
	if (connection->sasl_user == NULL) {
		return false;
	}
	if (tr_irc_is(line, "AUTHENTICATE")) {
		/* Once, and only when we have asked for it. */
		if (tr_str_eq(tr_irc_param(line, 0), TR_STR("+")) && connection->sasl_asked &&
			!connection->sasl_sent) {
			connection->sasl_sent = true;
			send_credentials(connection);
		}
		return true;
	}
	switch (line->numeric) {
	case 900: /* logged in */
	case 908: /* the mechanisms it has; 904 follows */
		return true;
	case 903: /* SASL success */
	case 907: /* already authenticated */
		connection->sasl_done = true;
		end_cap(connection);
		return true;
	case 902:
	case 904:
	case 905:
	case 906:
		fail_auth(connection, tr_irc_param(line, line->param_count - 1));
		return true;
	default:
		return false;
	}
}

static void begin_sasl(struct tr_irc_connection *connection)
{
	connection->sasl_asked = true;
	tr_irc_send_words(connection, "AUTHENTICATE", TR_STR("PLAIN"), none, none);
}

/* "sasl=PLAIN,EXTERNAL" must name PLAIN where it names anything. */
static bool offers_plain(struct tr_str value)
{
	struct tr_str mechanism;
	if (tr_str_empty(value)) {
		return true;
	}
	while (tr_str_split(&value, ',', &mechanism)) {
		if (tr_str_eq_nocase(mechanism, TR_STR("PLAIN"))) {
			return true;
		}
	}
	return false;
}

static unsigned read_caps(struct tr_str list)
{
	unsigned caps = 0;
	struct tr_str word;
	while (tr_str_word(&list, &word)) {
		ptrdiff_t equals = tr_str_find_char(word, '=');
		struct tr_str name = equals < 0 ? word : tr_str_slice(word, 0, (size_t)equals);
		struct tr_str value =
			equals < 0 ? none : tr_str_from_index(word, (size_t)equals + 1);
		unsigned cap = cap_of(name);
		if (cap != TR_IRC_CAP_SASL || offers_plain(value)) {
			caps |= cap;
		}
	}
	return caps;
}

/* One REQ for each: a server that refuses one refuses the whole line. */
static void request(struct tr_irc_connection *connection, unsigned caps)
{
	for (size_t i = 0; i < TR_ARRAY_LEN(cap_names); i++) {
		if (caps & cap_names[i].cap) {
			connection->caps_asked++;
			tr_irc_send_words(connection, "CAP", TR_STR("REQ"),
				tr_str_from(cap_names[i].name), none);
		}
	}
}

/* The server has named all it has, or (`caps`) something new. */
static void offered(struct tr_irc_connection *connection, unsigned caps)
{
	unsigned wanted = connection->caps_wanted | (connection->sasl_user ? TR_IRC_CAP_SASL : 0);
	unsigned both = wanted & caps & ~connection->caps;
	if (connection->sasl_user != NULL && !connection->welcomed &&
		!(connection->caps_offered & TR_IRC_CAP_SASL)) {
		fail_auth(connection, TR_STR("it offers no SASL PLAIN"));
		return;
	}
	request(connection, both);
	if (!connection->welcomed) {
		end_cap(connection);
	}
}

static void answered(struct tr_irc_connection *connection, unsigned caps, bool granted)
{
	connection->caps_asked -= connection->caps_asked > 0;
	if (granted) {
		connection->caps |= caps;
	}
	if (connection->welcomed) {
		return;
	}
	if ((caps & TR_IRC_CAP_SASL) && connection->sasl_user != NULL) {
		if (granted && !connection->sasl_asked) {
			begin_sasl(connection);
		} else if (!granted) {
			fail_auth(connection, TR_STR("it refuses SASL"));
		}
	}
	bool waits_for_sasl = connection->sasl_user != NULL && !connection->sasl_done;
	if (!waits_for_sasl) {
		end_cap(connection);
	}
}

static void cap_line(struct tr_irc_connection *connection, const struct tr_irc_line *line)
{
	struct tr_str verb = tr_irc_param(line, 1);
	bool more = tr_str_eq(tr_irc_param(line, 2), TR_STR("*"));
	unsigned caps = read_caps(tr_irc_param(line, more ? 3 : 2));
	if (tr_str_eq_nocase(verb, TR_STR("LS"))) {
		connection->caps_offered |= caps;
		if (!more && !connection->caps_listed) {
			connection->caps_listed = true;
			offered(connection, connection->caps_offered);
		}
	} else if (tr_str_eq_nocase(verb, TR_STR("NEW"))) {
		connection->caps_offered |= caps;
		if (connection->caps_listed) {
			offered(connection, caps);
		}
	} else if (tr_str_eq_nocase(verb, TR_STR("DEL"))) {
		connection->caps_offered &= ~caps;
		connection->caps &= ~caps;
	} else if (tr_str_eq_nocase(verb, TR_STR("ACK"))) {
		answered(connection, caps, true);
	} else if (tr_str_eq_nocase(verb, TR_STR("NAK"))) {
		answered(connection, caps, false);
	}
}

static bool refuses_nick(int numeric)
{
	return numeric == 431 || numeric == 432 || numeric == 433 || numeric == 436 ||
	       numeric == 437;
}

static void nick_refused(struct tr_irc_connection *connection, const struct tr_irc_line *line)
{
	struct tr_buf nick = TR_BUF_INIT(TR_IRC_LINE_BYTES);
	if (connection->handler->on_nick_refused(
		    connection->arg, connection->nick, line->numeric, &nick)) {
		tr_irc_connection_set_nick(connection, tr_buf_str(&nick));
	}
	if (tr_buf_failed(&nick) || nick.len == 0 || send_nick(connection) != 0) {
		struct tr_error error;
		tr_error_set(&error, TR_E_PROTOCOL,
			"the server takes none of the nicks that were tried (%d)", line->numeric);
		tr_irc_connection_fail(connection, &error);
	}
	tr_buf_finish(&nick);
}

static void banned(struct tr_irc_connection *connection, const struct tr_irc_line *line)
{
	struct tr_error error;
	tr_error_set_class(&error, TR_E_DENIED, TR_CLASS_DENIED, "the server has banned us: %.*s",
		TR_STR_ARG(tr_str_slice(tr_irc_param(line, line->param_count - 1), 0, REASON_MAX)));
	error.status = line->numeric;
	tr_irc_connection_fail(connection, &error);
}

static bool password_wrong(struct tr_irc_connection *connection, const struct tr_irc_line *line)
{
	if (line->numeric != 464 || connection->welcomed) {
		return false;
	}
	struct tr_error error;
	tr_error_set_class(&error, TR_E_AUTH, TR_CLASS_DENIED,
		"the server does not accept the password: %.*s",
		TR_STR_ARG(tr_str_slice(tr_irc_param(line, line->param_count - 1), 0, REASON_MAX)));
	tr_irc_connection_fail(connection, &error);
	return true;
}

bool tr_irc_register_line(struct tr_irc_connection *connection, const struct tr_irc_line *line)
{
	if (tr_irc_is(line, "CAP")) {
		cap_line(connection, line);
		return true;
	}
	if (line->numeric == 5) {
		tr_irc_isupport_take(&connection->isupport, line);
		return true;
	}
	if (line->numeric == 465 || line->numeric == 463 || line->numeric == 466) {
		banned(connection, line);
		return true;
	}
	if (connection->state != TR_IRC_CONNECTION_REGISTERING) {
		return false;
	}
	if (sasl_line(connection, line) || password_wrong(connection, line)) {
		return true;
	}
	if (refuses_nick(line->numeric) && !connection->welcomed) {
		nick_refused(connection, line);
	} else if (line->numeric == 1) {
		if (connection->sasl_user != NULL && !connection->sasl_done) {
			fail_auth(connection, TR_STR("it let us in as a guest"));
			return true;
		}
		connection->welcomed = true;
		tr_irc_connection_set_nick(connection, tr_irc_param(line, 0));
	} else if ((line->numeric == 376 || line->numeric == 422) && connection->welcomed) {
		tr_timer_stop(connection->register_timer);
		tr_irc_connection_become_ready(connection);
	}
	return true;
}

void tr_irc_register_stop(struct tr_irc_connection *connection)
{
	if (connection->register_timer != NULL) {
		tr_timer_stop(connection->register_timer);
	}
}

void tr_irc_register_finish(struct tr_irc_connection *connection)
{
	tr_timer_destroy(connection->register_timer);
	tr_free_secret(connection->server_password);
	tr_free_secret(connection->sasl_password);
	tr_free(connection->sasl_user);
}
