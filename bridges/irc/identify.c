/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Identifies a session with the network's services where the server has no SASL: is NickServ there
 * and an operator (USERHOST), then IDENTIFY, then what it answers. What is logged in with comes
 * from login.c.
 */
#include "bridges/irc/identify.h"

#include "bridges/irc/guest.h"
#include "bridges/irc/login.h"
#include "bridges/irc/outgoing.h"
#include "bridges/irc/session_internal.h"
#include "bridges/irc/topic.h"
#include "core/base/alloc.h"
#include "core/base/log.h"

enum { ANSWER_MS = 5000, TEXT_MAX = 1024 };

enum state { ASKING, WAITING };

struct tr_irc_identify {
	struct tr_irc_session *session;
	enum state state;
	bool again; /* nothing waits for it */
	struct tr_timer *timer;
};

static const struct tr_str none = {NULL, 0};

static const char *service(const struct tr_irc_session *session)
{
	return session->network->config->loginService;
}

/* "NickServ@services.example.com" names a server: nobody else can have it. */
static struct tr_str nick_of(const char *name)
{
	struct tr_str text = tr_str_from(name);
	ptrdiff_t at = tr_str_find_char(text, '@');
	return at < 0 ? text : tr_str_slice(text, 0, (size_t)at);
}

static void end(struct tr_irc_session *session)
{
	struct tr_irc_identify *identify = session->identify;
	session->identify = NULL;
	session->identities_pending -= identify->again ? 0 : 1;
	tr_timer_destroy(identify->timer);
	tr_free(identify);
}

static void go_on(struct tr_irc_session *session)
{
	bool again = session->identify->again;
	end(session);
	if (!again) {
		tr_irc_session_rejoin_all(session);
		tr_irc_outgoing_pump(session);
		tr_irc_topic_pump(session);
	}
}

static void tell(struct tr_irc_session *session, const char *what)
{
	struct tr_buf text = TR_BUF_INIT(TEXT_MAX);
	tr_buf_addf(&text, "You are connected to %s, but not logged in: %s.",
		session->network->config->name, what);
	tr_log_warn("irc", "%s: %s is not logged in: %s", session->network->entry->address,
		tr_irc_session_who(session), what);
	if (session->user_id != NULL) {
		tr_bridge_tell_user(session->network->bridge, session->user_id, tr_buf_c(&text));
	}
	tr_buf_finish(&text);
}

/* Services are away: their return is waited for. Its user hears of it the first time. */
static void absent(struct tr_irc_session *session, const char *what)
{
	if (session->identify->again) {
		tr_log_debug(
			"irc", "%s: still not logged in: %s", tr_irc_session_who(session), what);
	} else {
		tell(session, what);
	}
	go_on(session);
	tr_irc_guest_wait(session);
}

static void late(void *arg)
{
	struct tr_irc_session *session = arg;
	struct tr_buf text = TR_BUF_INIT(TEXT_MAX);
	tr_buf_addf(&text, "%s does not answer", service(session));
	absent(session, tr_buf_c(&text));
	tr_buf_finish(&text);
}

static void say_password(struct tr_irc_session *session)
{
	struct tr_irc_login login;
	struct tr_buf text = TR_BUF_INIT(TEXT_MAX);
	tr_irc_login_of(session, &login);
	bool sent = false;
	if (login.password != NULL) {
		tr_buf_addf(&text, "IDENTIFY %s %s", login.account, login.password);
		sent = !tr_buf_failed(&text) &&
		       tr_irc_send_words(session->connection, "PRIVMSG",
			       tr_str_from(service(session)), tr_buf_str(&text), none) == 0;
	}
	tr_wipe(text.data, text.len);
	tr_buf_finish(&text);
	tr_irc_login_finish(&login);
	if (sent) {
		session->identify->state = WAITING;
		tr_timer_start(session->identify->timer, ANSWER_MS);
	} else {
		session->login_refused = true;
		tell(session, "the stored password cannot be sent");
		go_on(session);
	}
}

static bool begin(struct tr_irc_session *session, bool again)
{
	const struct tr_irc_server_config *config = session->network->config;
	const char *name = service(session);
	if (!config->sasl || session->login_refused || name == NULL || name[0] == '\0' ||
		tr_irc_connection_logged_in(session->connection) || session->identify != NULL) {
		return false;
	}
	struct tr_irc_login login;
	tr_irc_login_of(session, &login);
	bool has_password = login.password != NULL;
	tr_irc_login_finish(&login);
	if (!has_password) {
		return false;
	}
	struct tr_irc_identify *identify = tr_alloc(sizeof(*identify));
	identify->session = session;
	identify->state = ASKING;
	identify->again = again;
	identify->timer = tr_timer_create(session->network->loop, late, session);
	session->identify = identify;
	session->identities_pending += again ? 0 : 1;
	tr_timer_start(identify->timer, ANSWER_MS);
	if (nick_of(name).len < tr_str_from(name).len) {
		say_password(session);
	} else {
		tr_irc_send_words(session->connection, "USERHOST", tr_str_from(name), none, none);
	}
	return session->identify != NULL;
}

bool tr_irc_identify_begin(struct tr_irc_session *session)
{
	return begin(session, false);
}

void tr_irc_identify_again(struct tr_irc_session *session)
{
	(void)begin(session, true);
}

/* "302 me :NickServ*=+services@services.example.com": the star is for operators (RFC 2812 section
 * 5.1). */
static bool take_userhost(struct tr_irc_session *session, const struct tr_irc_line *line)
{
	struct tr_str list = tr_irc_param(line, line->param_count - 1);
	struct tr_str nick = tr_str_from(service(session));
	struct tr_str entry;
	bool operator= false;
	bool there = false;
	while (tr_str_word(&list, &entry)) {
		ptrdiff_t equals = tr_str_find_char(entry, '=');
		struct tr_str name = tr_str_slice(entry, 0, equals < 0 ? 0 : (size_t)equals);
		bool star = tr_str_ends(name, TR_STR("*"));
		name = tr_str_slice(name, 0, name.len - (star ? 1 : 0));
		if (tr_irc_same(&session->network->isupport, name, nick)) {
			there = true;
			operator= star;
		}
	}
	if (operator) {
		say_password(session);
		return true;
	}
	struct tr_buf text = TR_BUF_INIT(TEXT_MAX);
	tr_buf_addf(&text,
		there ? "the server has no SASL now, and %s is no operator there: it gets no password"
		      : "the server has no SASL now, and there is no %s",
		service(session));
	absent(session, tr_buf_c(&text));
	tr_buf_finish(&text);
	return true;
}

static bool has_any(struct tr_str text, const char *const *words)
{
	for (; *words != NULL; words++) {
		struct tr_str word = tr_str_from(*words);
		for (size_t i = 0; i + word.len <= text.len; i++) {
			if (tr_str_eq_nocase(tr_str_slice(text, i, word.len), word)) {
				return true;
			}
		}
	}
	return false;
}

static void logged_in(struct tr_irc_session *session)
{
	bool again = session->identify->again;
	tr_log_info("irc", "%s: %s is logged in", session->network->entry->address,
		tr_irc_session_who(session));
	go_on(session);
	if (again) {
		tr_irc_guest_logged_in(session);
	}
}

/* Services answer in words; these are those of Atheme, Anope and ngIRCd's companions. */
static void take_notice(struct tr_irc_session *session, struct tr_str text)
{
	static const char *const good[] = {"now identified", "now logged in", "password accepted",
		"you are now recognized", "already logged in", "already identified", NULL};
	static const char *const bad[] = {"invalid password", "password incorrect",
		"incorrect password", "is not a registered", "isn't registered", "not registered",
		"is not registered", "too many", "frozen", "suspended", NULL};
	if (has_any(text, good)) {
		logged_in(session);
	} else if (has_any(text, bad)) {
		struct tr_buf reason = TR_BUF_INIT(TEXT_MAX);
		session->login_refused = true;
		tr_buf_addf(&reason,
			"%s says \"%.*s\". Correct the password with !storepass or the account "
			"with !username, then say !reconnect",
			service(session), TR_STR_ARG(tr_irc_readable(text, TEXT_MAX / 4)));
		tell(session, tr_buf_c(&reason));
		tr_buf_finish(&reason);
		go_on(session);
	}
}

bool tr_irc_identify_line(struct tr_irc_session *session, const struct tr_irc_line *line)
{
	struct tr_irc_identify *identify = session->identify;
	if (identify == NULL) {
		return false;
	}
	if (identify->state == ASKING) {
		return line->numeric == 302 && take_userhost(session, line);
	}
	bool from_service =
		tr_irc_same(&session->network->isupport, line->nick, nick_of(service(session)));
	if (line->numeric == 900) {
		logged_in(session);
	} else if (tr_irc_is(line, "NOTICE") && from_service &&
		   tr_irc_connection_is_me(session->connection, tr_irc_param(line, 0))) {
		take_notice(session, tr_irc_param(line, 1));
	} else if ((line->numeric == 401 || line->numeric == 440) &&
		   tr_irc_same(&session->network->isupport, tr_irc_param(line, 1),
			   tr_str_from(service(session)))) {
		absent(session, "the network's services are not there");
	}
	return false; /* the person may read it too */
}

void tr_irc_identify_stop(struct tr_irc_session *session)
{
	if (session->identify != NULL) {
		end(session);
	}
}
