/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When a guest is logged in: the waiting between tries, which way is tried, and what its user is
 * told. SASL is connection_sasl.c's, what is said to NickServ identify.c's.
 */
#include "bridges/irc/guest.h"

#include "bridges/irc/identify.h"
#include "bridges/irc/login.h"
#include "bridges/irc/session_internal.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/digest.h"
#include "core/base/log.h"

enum {
	TRIES_MAX = 20, /* of a connection */
	FIRST_MS = 10000,
	LONGEST_MS = 3600000,
	DOUBLINGS = 9,
	ANSWER_MS = 20000,
	SPREAD_MS = 1000, /* all guests of a network hear of services at once .. */
	SPREAD_EACH_MS = 20,
	SPREAD_MAX_MS = 60000,
	TEXT_MAX = 1024,
};

struct tr_irc_guest {
	struct tr_irc_session *session;
	struct tr_timer *timer;
	unsigned tries;
	bool logging_in; /* by SASL: the timer is for the answer */
	bool no_sasl;    /* not on this connection */
};

static void look(void *arg);

static struct tr_irc_guest *guest_of(struct tr_irc_session *session)
{
	if (session->guest == NULL) {
		struct tr_irc_guest *guest = tr_alloc(sizeof(*guest));
		guest->session = session;
		guest->timer = tr_timer_create(session->network->loop, look, guest);
		session->guest = guest;
	}
	return session->guest;
}

void tr_irc_guest_stop(struct tr_irc_session *session)
{
	if (session->guest != NULL) {
		tr_timer_destroy(session->guest->timer);
		tr_free(session->guest);
		session->guest = NULL;
	}
}

static bool may_log_in(const struct tr_irc_session *session)
{
	return session->network->config->sasl && !session->login_refused &&
	       tr_irc_session_online(session) && tr_irc_login_exists(session) &&
	       !tr_irc_connection_logged_in(session->connection);
}

/* Each wait is twice the last, from ten seconds to an hour. */
static void wait_more(struct tr_irc_guest *guest)
{
	unsigned doublings = guest->tries < DOUBLINGS ? guest->tries : DOUBLINGS;
	uint64_t delay = (uint64_t)FIRST_MS << doublings;
	guest->logging_in = false;
	if (guest->tries++ < TRIES_MAX) {
		delay = delay < LONGEST_MS ? delay : LONGEST_MS;
		tr_timer_start(guest->timer, delay + tr_random_below((uint32_t)(delay / 4)));
	}
}

/* false: there is nothing to log in with, or the server has no SASL for it. */
static bool begin_sasl(struct tr_irc_guest *guest)
{
	struct tr_irc_session *session = guest->session;
	struct tr_irc_connection_options options = {.nick = NULL};
	struct tr_irc_login login;
	tr_irc_login_of(session, &login);
	tr_irc_login_apply(&login, session->network->config, &options);
	if (options.sasl_password != NULL) {
		options.worker = tr_irc_network_worker(session->network);
	}
	bool begun = !guest->no_sasl && tr_irc_connection_login(session->connection, &options) == 0;
	tr_irc_login_finish(&login);
	return begun;
}

static void look(void *arg)
{
	struct tr_irc_guest *guest = arg;
	struct tr_irc_session *session = guest->session;
	if (guest->logging_in) {
		tr_irc_connection_login_stop(session->connection);
		wait_more(guest);
	} else if (!may_log_in(session)) {
		tr_irc_guest_stop(session);
	} else if (session->identify != NULL) {
		tr_timer_start(guest->timer, FIRST_MS); /* NickServ is being asked */
	} else if (begin_sasl(guest)) {
		guest->logging_in = true;
		tr_timer_start(guest->timer, ANSWER_MS);
	} else {
		wait_more(guest);
		tr_irc_identify_again(session);
	}
}

void tr_irc_guest_wait(struct tr_irc_session *session)
{
	struct tr_irc_guest *guest = guest_of(session);
	if (!tr_timer_active(guest->timer)) {
		wait_more(guest);
	}
}

void tr_irc_guest_sasl(void *arg)
{
	struct tr_irc_session *session = arg;
	struct tr_irc_guest *guest = session->guest;
	if (!may_log_in(session) ||
		(guest != NULL && (guest->logging_in || guest->tries >= TRIES_MAX))) {
		return;
	}
	uint64_t spread = SPREAD_MS + SPREAD_EACH_MS * tr_map_count(&session->network->sessions);
	spread = spread < SPREAD_MAX_MS ? spread : SPREAD_MAX_MS;
	guest = guest_of(session);
	guest->no_sasl = false;
	tr_timer_start(guest->timer, tr_random_below((uint32_t)spread));
}

static void tell(struct tr_irc_session *session, const char *text)
{
	tr_log_info("irc", "%s: told %s: %s", session->network->entry->address,
		tr_irc_session_who(session), text);
	if (session->user_id != NULL) {
		tr_bridge_tell_user(session->network->bridge, session->user_id, text);
	}
}

void tr_irc_guest_logged_in(struct tr_irc_session *session)
{
	struct tr_buf text = TR_BUF_INIT(TEXT_MAX);
	session->login_failures = 0;
	tr_buf_addf(&text, "You are logged in to %s now.", session->network->config->name);
	tell(session, tr_buf_c(&text));
	tr_buf_finish(&text);
	tr_irc_guest_stop(session);
	if (session->user_id == NULL) {
		tr_irc_session_rejoin_later(session, 0); /* channels for registered nicks */
	}
}

static void refused(struct tr_irc_session *session, const struct tr_error *error)
{
	struct tr_buf text = TR_BUF_INIT(TEXT_MAX);
	session->login_refused = true;
	tr_buf_addf(&text,
		"You are connected to %s, but not logged in: %s. %s Then say !reconnect.",
		session->network->config->name, error->text, tr_irc_login_advice(session, error));
	tell(session, tr_buf_c(&text));
	tr_buf_finish(&text);
	tr_irc_guest_stop(session);
}

void tr_irc_guest_login(void *arg, const struct tr_error *error)
{
	struct tr_irc_session *session = arg;
	struct tr_irc_guest *guest = session->guest;
	uint64_t delay_ms = 0;
	if (error == NULL) {
		tr_irc_guest_logged_in(session);
		return;
	}
	tr_log_info("irc", "%s: %s is not logged in: %s", session->network->entry->address,
		tr_irc_session_who(session), error->text);
	if (guest == NULL) {
		return;
	}
	guest->logging_in = false;
	if (error->cls != TR_CLASS_DENIED) {
		guest->no_sasl = guest->no_sasl || error->code == TR_E_UNSUPPORTED;
		wait_more(guest);
	} else if (tr_irc_login_retry(session, error, &delay_ms)) {
		tr_timer_start(guest->timer, delay_ms);
	} else {
		refused(session, error);
	}
}
