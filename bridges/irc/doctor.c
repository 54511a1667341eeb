/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The IRC part of --doctor: visits each configured address of the network, one after the other,
 * with the bot's login and under a nick of its own, says what the server offers, and quits. No
 * channel is joined and nobody is written to.
 */
#include "bridges/irc/doctor.h"

#include "bridges/irc/connection.h"
#include "bridges/irc/irc_config.h"
#include "bridges/irc/irc_tls.h"
#include "bridges/irc/login.h"
#include "core/base/alloc.h"
#include "core/base/digest.h"
#include "core/io/worker.h"

#include <string.h>

enum { LIMIT_MS = 15000, QUIT_MS = 2000, TEXT_MAX = 4096, NICK_TRIES = 5 };

typedef void say_function(void *arg, bool good, const char *what, const char *mend);

struct visit {
	const struct tr_irc_bridge_config *entry;
	const struct tr_irc_server_config *config;
	struct tr_loop *loop;
	say_function *say;
	void (*done)(void *arg);
	void *arg;
	struct tr_tls *tls;
	struct tr_tls_identity *identity; /* the bot's own */
	struct tr_tls_identity *shown;    /* else this */
	struct tr_worker *worker;
	struct tr_timer *timer;
	struct tr_irc_connection *connection;
	size_t next; /* address to visit */
	unsigned nick_tries;
	bool ready; /* the server at hand let us in */
};

static void visit_next(struct visit *visit);

/* The address of this index, or NULL past the last. */
static const char *address_at(const struct visit *visit, size_t index)
{
	const struct tr_irc_texts *more = &visit->config->additionalAddresses;
	size_t own = visit->config->onlyAdditionalAddresses && more->count > 0 ? 0 : 1;
	if (index < own) {
		return visit->entry->address;
	}
	return index - own < more->count ? more->items[index - own] : NULL;
}

static const char *address(const struct visit *visit)
{
	return address_at(visit, visit->next - 1);
}

static void say(struct visit *visit, bool good, const char *mend, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

static void say(struct visit *visit, bool good, const char *mend, const char *format, ...)
{
	struct tr_buf text = TR_BUF_INIT(TEXT_MAX);
	va_list args;
	va_start(args, format);
	tr_buf_addfv(&text, format, args);
	va_end(args);
	visit->say(visit->arg, good, tr_buf_c(&text), mend);
	tr_buf_finish(&text);
}

/* By what is wrong with the certificate or the handshake (core/io/tls.c has the words). */
static const char *mend_tls(const struct tr_error *error)
{
	static const struct {
		const char *words, *mend;
	} cases[] = {
		{"is not for", "correct address, or name the certificate's host under "
			       "tlsOptions.servername"},
		{"has expired", "let the server's operators renew the certificate, or set "
				"allowExpiredCerts to true"},
		{"not valid yet", "correct the clock of this machine"},
		{"not trusted here", "name its authority (or the certificate itself) under "
				     "tlsOptions.ca, or set sslselfsign to true"},
		{"is not TLS", "set ssl to false, or correct port: it is one without TLS"},
		{"TLS 1.2 or later", "let the server's operators switch TLS 1.2 on"},
		{"certificate required", "name a client certificate under botConfig.certificate"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (strstr(error->text, cases[i].words) != NULL) {
			return cases[i].mend;
		}
	}
	return "correct address, port and ssl, or look at the server's TLS settings";
}

static const char *mend_login(const struct visit *visit, const struct tr_error *error)
{
	const struct tr_irc_bot_config *bot = &visit->config->botConfig;
	switch (error->status) {
	case 902:
		return "ask the network's staff why the account is locked, or use another one";
	case 464:
		return bot->password != NULL && !visit->config->sasl
			       ? "correct botConfig.password, or set sasl to true if it is the "
				 "account's"
			       : "correct password, which is the server's";
	case 904:
		return bot->password == NULL
			       ? "tell the network's services the fingerprint of "
				 "botConfig.certificate (NickServ CERT ADD)"
			       : "correct botConfig.username and botConfig.password, or register "
				 "the account with the network's services";
	case 905:
		return "choose a shorter botConfig.password";
	default:
		return "correct botConfig.username, botConfig.password, sasl or password, or "
		       "register the account with the network's services";
	}
}

static const char *mend_of(const struct visit *visit, const struct tr_error *error)
{
	switch (error->code) {
	case TR_E_TLS:
		return visit->config->ssl ? mend_tls(error) : "set ssl to true";
	case TR_E_AUTH:
		return mend_login(visit, error);
	case TR_E_DENIED:
		return "ask the network's operators to lift the ban or to except this machine";
	case TR_E_NETWORK:
		return "correct address and port, start the server, or open the firewall";
	case TR_E_TIMEOUT:
		return "correct port and ssl (with TLS at one end only both wait), or open the "
		       "firewall";
	case TR_E_UNAVAILABLE:
		return error->status == 906
			       ? "the network's services do not answer: wait, or ask its operators"
			       : "the server limits how often one address connects: wait, or ask "
				 "its operators for an exception";
	default:
		return "correct address, port and ssl, or ask the network's operators";
	}
}

static void say_failed(struct visit *visit, const struct tr_error *error)
{
	say(visit, false, mend_of(visit, error), "the bot cannot log in to %s port %lld: %s",
		address(visit), (long long)visit->config->port, error->text);
}

static void say_offers(struct visit *visit)
{
	unsigned caps = tr_irc_connection_caps(visit->connection);
	bool sasl = tr_irc_connection_logged_in(visit->connection);
	say(visit, true, NULL, "%s port %lld lets the bot in%s%s", address(visit),
		(long long)visit->config->port, visit->tls ? " over TLS" : "",
		sasl ? " with SASL" : "");
	if (!visit->tls && visit->config->botConfig.password != NULL) {
		say(visit, true, NULL,
			"passwords go to %s without encryption, because ssl is false: do so only "
			"on a network of your own",
			address(visit));
	}
	if (caps & TR_IRC_CAP_CHATHISTORY) {
		say(visit, true, NULL,
			"%s keeps a history: what is said while the bridge is away is fetched",
			address(visit));
	} else {
		say(visit, true, NULL,
			"%s offers no history (draft/chathistory): what is said while the bridge "
			"is away does not come",
			address(visit));
	}
	say(visit, true, NULL, "%s confirms messages by %s", address(visit),
		caps & TR_IRC_CAP_ECHO_MESSAGE       ? "echo-message"
		: caps & TR_IRC_CAP_LABELED_RESPONSE ? "labeled-response"
						     : "the answer to a PING after them");
}

static void make_nick(struct tr_buf *nick)
{
	char *token = tr_random_token(3);
	tr_buf_addf(nick, "tr%s", token);
	tr_free(token);
}

static void leave(struct visit *visit)
{
	tr_timer_stop(visit->timer);
	tr_irc_connection_destroy(visit->connection);
	visit->connection = NULL;
	visit_next(visit);
}

static void on_ready(void *arg)
{
	struct visit *visit = arg;
	visit->ready = true;
	say_offers(visit);
	tr_timer_start(visit->timer, QUIT_MS);
	tr_irc_connection_quit(visit->connection, TR_STR("visited by --doctor"));
}

static void on_line(void *arg, const struct tr_irc_line *line)
{
	(void)arg;
	(void)line;
}

static bool on_nick_refused(void *arg, const char *refused, int numeric, struct tr_buf *nick)
{
	struct visit *visit = arg;
	(void)refused;
	(void)numeric;
	make_nick(nick);
	return ++visit->nick_tries < NICK_TRIES;
}

static void on_close(void *arg, const struct tr_error *error)
{
	struct visit *visit = arg;
	if (!visit->ready) {
		say_failed(visit, error);
	}
	leave(visit);
}

static void on_time(void *arg)
{
	struct visit *visit = arg;
	if (!visit->ready && visit->connection != NULL) {
		struct tr_error error;
		tr_error_set(&error, TR_E_TIMEOUT, "no end of the registration within 15 s");
		say_failed(visit, &error);
	}
	leave(visit);
}

static const struct tr_irc_connection_handler handler = {
	.on_ready = on_ready,
	.on_line = on_line,
	.on_nick_refused = on_nick_refused,
	.on_close = on_close,
};

static void connect_to(struct visit *visit, const char *host)
{
	const struct tr_irc_server_config *config = visit->config;
	const struct tr_irc_bot_config *bot = &config->botConfig;
	struct tr_buf nick = TR_BUF_INIT(TEXT_MAX);
	make_nick(&nick);
	const struct tr_irc_login login = {
		.account = bot->username,
		.password = bot->password,
		.identity = visit->identity,
	};
	struct tr_irc_connection_options options = {
		.host = host,
		.port = (uint16_t)config->port,
		.tls = visit->tls,
		.tls_name = config->tls_servername,
		.nick = tr_buf_c(&nick),
		.username = bot->username,
		.realname = bot->username,
		.worker = visit->worker,
		.caps_wanted = TR_IRC_CAP_MESSAGE_TAGS | TR_IRC_CAP_SERVER_TIME | TR_IRC_CAP_BATCH |
			       TR_IRC_CAP_ECHO_MESSAGE | TR_IRC_CAP_LABELED_RESPONSE |
			       TR_IRC_CAP_CHATHISTORY,
		.register_timeout_ms = LIMIT_MS,
	};
	tr_irc_login_apply(&login, config, &options);
	options.identity = options.identity ? options.identity : visit->shown;
	options.sasl_optional = false; /* the administrator wants to know */
	visit->ready = false;
	visit->nick_tries = 0;
	tr_timer_start(visit->timer, LIMIT_MS);
	visit->connection = tr_irc_connection_create(visit->loop, &options, &handler, visit);
	tr_buf_finish(&nick);
}

static void finish(struct visit *visit)
{
	void (*done)(void *arg) = visit->done;
	void *arg = visit->arg;
	tr_timer_destroy(visit->timer);
	tr_tls_identity_destroy(visit->identity);
	tr_tls_identity_destroy(visit->shown);
	tr_tls_destroy(visit->tls);
	tr_worker_destroy(visit->worker);
	tr_free(visit);
	done(arg);
}

static void visit_next(struct visit *visit)
{
	const char *host = address_at(visit, visit->next++);
	if (host == NULL) {
		finish(visit);
	} else {
		connect_to(visit, host);
	}
}

static void begin(void *arg)
{
	struct visit *visit = arg;
	struct tr_error error;
	if (!visit->config->botConfig.enabled) {
		say(visit, true, NULL,
			"the bot is switched off for %s: the login is tried as a guest's would be",
			visit->config->name);
	}
	if (visit->config->ssl &&
		tr_irc_tls_create(visit->config, &visit->tls, &visit->shown, &error) != 0) {
		say(visit, false, "correct tlsOptions", "TLS cannot be had as configured: %s",
			error.text);
		finish(visit);
		return;
	}
	if (visit->config->ssl && tr_irc_tls_trusts_all(visit->config)) {
		say(visit, true, NULL,
			"any certificate of %s is taken (%s): whoever stands in between can read everything",
			visit->config->name,
			visit->config->sslselfsign ? "sslselfsign"
						   : "tlsOptions.rejectUnauthorized");
	}
	const char *certificate = visit->config->botConfig.certificate;
	if (certificate != NULL &&
		(visit->identity = tr_irc_login_read_certificate(certificate, &error)) == NULL) {
		say(visit, false, "correct botConfig.certificate", "%s", error.text);
		finish(visit);
		return;
	}
	visit_next(visit);
}

void tr_irc_doctor(const void *config, size_t index, struct tr_loop *loop,
	void (*say_it)(void *arg, bool good, const char *what, const char *mend),
	void (*done)(void *arg), void *arg)
{
	const struct tr_irc_config *irc = config;
	struct visit *visit = tr_alloc(sizeof(*visit));
	visit->entry = &irc->bridges[index];
	visit->config = &visit->entry->parameters;
	visit->loop = loop;
	visit->say = say_it;
	visit->done = done;
	visit->arg = arg;
	visit->timer = tr_timer_create(loop, on_time, visit);
	visit->worker = tr_worker_create(loop, "doctor");
	tr_loop_defer(loop, begin, visit);
}
