/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logging in while the connection registers, or later (IRCv3 SASL 3.2): which mechanism, what it
 * says, and what a refusal means. EXTERNAL goes first where there is a certificate, then
 * SCRAM-SHA-256, then PLAIN, each at most once. After a refusal another mechanism is tried only
 * where that can help and gives nothing away: a password that SCRAM was to protect does not follow
 * in the clear. The mathematics of SCRAM are scram.c's, its slow part runs on a worker.
 */
#include "bridges/irc/connection_internal.h"
#include "bridges/irc/scram.h"
#include "core/base/alloc.h"
#include "core/base/encode.h"
#include "core/io/worker.h"

enum {
	CHUNK = 400,
	REASON_MAX = 120,
	CREDENTIALS_MAX = 4096,
	CHALLENGE_MAX = 4 * TR_SCRAM_MESSAGE_MAX / 3 + 4,
};

enum mechanism { EXTERNAL = 1, SCRAM = 2, PLAIN = 4, ALL = 7 };

static const struct {
	const char *name;
	enum mechanism mechanism;
} mechanism_names[] = {{"EXTERNAL", EXTERNAL}, {"SCRAM-SHA-256", SCRAM}, {"PLAIN", PLAIN}};

enum step {
	IDLE,
	ASKED,    /* the mechanism is named */
	FIRST,    /* SCRAM: the first message is out */
	WORKING,  /* SCRAM: the worker has it */
	FINAL,    /* SCRAM: the proof is out */
	ANSWERED, /* all is said: the verdict comes */
	OVER,
};

/* A piece of work that may outlive the connection. */
struct work {
	struct tr_irc_connection *connection; /* NULL = gone */
	struct tr_scram *scram;
};

struct tr_irc_sasl {
	char *user, *password;
	bool external, optional;
	bool later; /* the connection is ready: its owner is told, and it goes on */
	struct tr_worker *worker;
	unsigned tried; /* mechanisms */
	enum mechanism current;
	enum step step;
	struct tr_buf challenge; /* base64, while it comes in pieces */
	struct tr_scram *scram;
	struct work *work; /* has `scram` meanwhile */
	bool known;        /* SCRAM: the server knows the account */
	bool proven;       /* SCRAM: the server knows the password */
};

static const struct tr_str none = {NULL, 0};

void tr_irc_sasl_init(
	struct tr_irc_connection *connection, const struct tr_irc_connection_options *options)
{
	bool external = options->sasl_external && connection->identified;
	connection->sasl_offered = connection->sasl_offered ? connection->sasl_offered : ALL;
	if (options->sasl_user == NULL || (options->sasl_password == NULL && !external)) {
		return;
	}
	struct tr_irc_sasl *sasl = tr_alloc(sizeof(*sasl));
	sasl->user = tr_strdup(options->sasl_user);
	sasl->password = tr_strdup(options->sasl_password);
	sasl->external = external;
	sasl->optional = options->sasl_optional;
	sasl->worker = options->worker;
	tr_buf_init(&sasl->challenge, CHALLENGE_MAX);
	connection->sasl = sasl;
}

void tr_irc_sasl_finish(struct tr_irc_connection *connection)
{
	struct tr_irc_sasl *sasl = connection->sasl;
	if (sasl == NULL) {
		return;
	}
	connection->sasl = NULL;
	if (sasl->work != NULL) {
		sasl->work->connection = NULL;
	} else {
		tr_scram_destroy(sasl->scram);
	}
	tr_buf_finish(&sasl->challenge);
	tr_free_secret(sasl->password);
	tr_free(sasl->user);
	tr_free(sasl);
}

bool tr_irc_sasl_wanted(const struct tr_irc_connection *connection)
{
	return connection->sasl != NULL && connection->sasl->step != OVER;
}

bool tr_irc_sasl_busy(const struct tr_irc_connection *connection)
{
	return connection->sasl != NULL && connection->sasl->step != IDLE &&
	       connection->sasl->step != OVER;
}

/* A login of a connection that is ready has ended. */
static void end_later(struct tr_irc_connection *connection, const struct tr_error *error)
{
	tr_irc_sasl_finish(connection);
	connection->logged_in = error == NULL;
	connection->handler->on_login(connection->arg, error);
}

static void fail(struct tr_irc_connection *connection, int numeric, enum tr_error_code code,
	enum tr_error_class cls, struct tr_str reason)
{
	struct tr_error error;
	reason = tr_irc_readable(reason, REASON_MAX);
	tr_error_set_class(&error, code, cls, "the server does not accept the login as %.60s: %.*s",
		connection->sasl->user, TR_STR_ARG(reason));
	error.status = numeric;
	if (connection->sasl->later) {
		end_later(connection, &error);
	} else {
		tr_irc_connection_fail(connection, &error);
	}
}

static void deny(struct tr_irc_connection *connection, int numeric, const char *reason)
{
	fail(connection, numeric, TR_E_AUTH, TR_CLASS_DENIED, tr_str_from(reason));
}

void tr_irc_sasl_lacking(struct tr_irc_connection *connection, const char *why)
{
	if (!tr_irc_sasl_wanted(connection)) {
		return;
	}
	if (connection->sasl->later) {
		fail(connection, 0, TR_E_UNSUPPORTED, TR_CLASS_RETRY, tr_str_from(why));
	} else if (connection->sasl->optional) {
		connection->sasl->step = OVER;
	} else {
		deny(connection, 0, why);
	}
}

void tr_irc_sasl_offered(struct tr_irc_connection *connection, struct tr_str list)
{
	struct tr_str name;
	unsigned offered = 0;
	if (tr_str_empty(list)) {
		connection->sasl_offered = ALL;
		return;
	}
	while (tr_str_split(&list, ',', &name)) {
		for (size_t i = 0; i < TR_ARRAY_LEN(mechanism_names); i++) {
			if (tr_str_eq_nocase(name, tr_str_from(mechanism_names[i].name))) {
				offered |= mechanism_names[i].mechanism;
			}
		}
	}
	connection->sasl_offered = offered;
}

/* The best mechanism that is left, or 0. */
static unsigned pick(const struct tr_irc_connection *connection)
{
	const struct tr_irc_sasl *sasl = connection->sasl;
	bool in_clear_after_scram = !connection->encrypted && (sasl->tried & SCRAM);
	unsigned ours = (sasl->external ? EXTERNAL : 0) |
			(sasl->password && sasl->worker ? SCRAM : 0) |
			(sasl->password && !in_clear_after_scram ? PLAIN : 0);
	unsigned left = ours & connection->sasl_offered & ~sasl->tried;
	return left & EXTERNAL ? EXTERNAL : left & SCRAM ? SCRAM : left & PLAIN;
}

bool tr_irc_sasl_possible(const struct tr_irc_connection *connection)
{
	return connection->sasl != NULL && pick(connection) != 0;
}

/* Names the next mechanism; false = none is left. */
static bool ask_next(struct tr_irc_connection *connection)
{
	struct tr_irc_sasl *sasl = connection->sasl;
	unsigned next = pick(connection);
	for (size_t i = 0; i < TR_ARRAY_LEN(mechanism_names); i++) {
		if (mechanism_names[i].mechanism == next) {
			sasl->tried |= next;
			sasl->current = mechanism_names[i].mechanism;
			sasl->step = ASKED;
			tr_buf_clear(&sasl->challenge);
			tr_irc_send_words(connection, "AUTHENTICATE",
				tr_str_from(mechanism_names[i].name), none, none);
			return true;
		}
	}
	return false;
}

void tr_irc_sasl_begin(struct tr_irc_connection *connection)
{
	if (connection->sasl != NULL && connection->sasl->step == IDLE && !ask_next(connection)) {
		tr_irc_sasl_lacking(connection, "it offers no mechanism that we have");
	}
}

void tr_irc_sasl_granted(struct tr_irc_connection *connection, bool granted)
{
	bool later = connection->sasl != NULL && connection->sasl->later;
	if (connection->welcomed && !later) {
		return;
	}
	if (granted) {
		tr_irc_sasl_begin(connection);
	} else {
		tr_irc_sasl_lacking(connection, "it refuses SASL");
	}
}

bool tr_irc_connection_has_sasl(const struct tr_irc_connection *connection)
{
	return (connection->caps_offered & TR_IRC_CAP_SASL) != 0;
}

int tr_irc_connection_login(
	struct tr_irc_connection *connection, const struct tr_irc_connection_options *options)
{
	if (connection->state != TR_IRC_CONNECTION_READY || connection->failing) {
		return TR_E_CLOSED;
	}
	if (connection->sasl != NULL) {
		return TR_E_EXISTS;
	}
	tr_irc_sasl_init(connection, options);
	if (!tr_irc_connection_has_sasl(connection) || !tr_irc_sasl_possible(connection)) {
		tr_irc_sasl_finish(connection);
		return TR_E_UNSUPPORTED;
	}
	connection->sasl->later = true;
	if (connection->caps & TR_IRC_CAP_SASL) {
		tr_irc_sasl_begin(connection);
	} else {
		tr_irc_caps_request(connection, TR_IRC_CAP_SASL);
	}
	return 0;
}

void tr_irc_connection_login_stop(struct tr_irc_connection *connection)
{
	if (connection->sasl != NULL && connection->sasl->later) {
		if (tr_irc_sasl_busy(connection)) {
			tr_irc_send_words(connection, "AUTHENTICATE", TR_STR("*"), none, none);
		}
		tr_irc_sasl_finish(connection);
	}
}

/* In base64, in lines of 400; a full last line is followed by "+". */
static void respond(struct tr_irc_connection *connection, struct tr_str bytes)
{
	struct tr_buf text = TR_BUF_INIT(CREDENTIALS_MAX * 2);
	tr_base64_encode(&text, bytes.ptr, bytes.len);
	struct tr_str rest = tr_buf_str(&text);
	struct tr_str chunk;
	do {
		chunk = tr_str_slice(rest, 0, CHUNK);
		tr_irc_send_words(connection, "AUTHENTICATE", chunk.len > 0 ? chunk : TR_STR("+"),
			none, none);
		rest = tr_str_from_index(rest, chunk.len);
	} while (chunk.len == CHUNK);
	tr_wipe(text.data, text.len);
	tr_buf_finish(&text);
}

/* authzid NUL authcid NUL password (RFC 4616). */
static void respond_plain(struct tr_irc_connection *connection)
{
	const struct tr_irc_sasl *sasl = connection->sasl;
	struct tr_buf plain = TR_BUF_INIT(CREDENTIALS_MAX);
	tr_buf_add_c(&plain, sasl->user);
	tr_buf_add_char(&plain, '\0');
	tr_buf_add_c(&plain, sasl->user);
	tr_buf_add_char(&plain, '\0');
	tr_buf_add_c(&plain, sasl->password);
	if (tr_buf_failed(&plain)) {
		deny(connection, 0, "the password is too long for SASL");
	} else {
		respond(connection, tr_buf_str(&plain));
	}
	tr_wipe(plain.data, plain.len);
	tr_buf_finish(&plain);
}

static void respond_scram(struct tr_irc_connection *connection,
	void (*write)(struct tr_scram *scram, struct tr_buf *out), enum step next)
{
	struct tr_buf message = TR_BUF_INIT(CREDENTIALS_MAX);
	write(connection->sasl->scram, &message);
	if (tr_buf_failed(&message)) {
		deny(connection, 0, "the user name is too long for SASL");
	} else {
		connection->sasl->step = next;
		respond(connection, tr_buf_str(&message));
	}
	tr_buf_finish(&message);
}

static void work(void *arg)
{
	tr_scram_work(((struct work *)arg)->scram);
}

static void worked(void *arg)
{
	struct work *done = arg;
	struct tr_irc_connection *connection = done->connection;
	if (connection == NULL) {
		tr_scram_destroy(done->scram);
	} else {
		connection->sasl->work = NULL;
		respond_scram(connection, tr_scram_final, FINAL);
	}
	tr_free(done);
}

static void deny_as(struct tr_irc_connection *connection, const struct tr_error *error)
{
	fail(connection, 0, TR_E_AUTH, TR_CLASS_DENIED, tr_str_from(error->text));
}

static void scram_first(struct tr_irc_connection *connection, struct tr_str message)
{
	struct tr_irc_sasl *sasl = connection->sasl;
	struct tr_error error;
	sasl->known = true;
	if (tr_scram_take_first(sasl->scram, message, &error) != 0) {
		deny_as(connection, &error);
		return;
	}
	struct work *job = tr_alloc(sizeof(*job));
	*job = (struct work){connection, sasl->scram};
	sasl->work = job;
	sasl->step = WORKING;
	tr_worker_submit(sasl->worker, work, worked, job);
}

static void scram_final(struct tr_irc_connection *connection, struct tr_str message)
{
	struct tr_irc_sasl *sasl = connection->sasl;
	struct tr_error error;
	if (tr_scram_take_final(sasl->scram, message, &error) != 0) {
		deny_as(connection, &error);
		return;
	}
	sasl->proven = true;
	sasl->step = ANSWERED;
	respond(connection, none);
}

static void take_challenge(struct tr_irc_connection *connection, struct tr_str message)
{
	struct tr_irc_sasl *sasl = connection->sasl;
	if (sasl->step == FIRST) {
		scram_first(connection, message);
	} else if (sasl->step == FINAL) {
		scram_final(connection, message);
	} else if (sasl->current == SCRAM) {
		sasl->scram = tr_scram_create(sasl->user, sasl->password, NULL);
		respond_scram(connection, tr_scram_first, FIRST);
	} else if (sasl->current == EXTERNAL) {
		sasl->step = ANSWERED;
		respond(connection, none); /* whoever the certificate says */
	} else {
		sasl->step = ANSWERED;
		respond_plain(connection);
	}
}

/* "AUTHENTICATE" + up to 400 bytes of base64; "+" is nothing, and ends a run of full lines. */
static void take_piece(struct tr_irc_connection *connection, struct tr_str piece)
{
	struct tr_irc_sasl *sasl = connection->sasl;
	if (sasl->step != ASKED && sasl->step != FIRST && sasl->step != FINAL) {
		return; /* not asked for */
	}
	bool empty = tr_str_eq(piece, TR_STR("+"));
	if (!empty && tr_buf_add(&sasl->challenge, piece) != 0) {
		deny(connection, 0, "what it says in the login is too long");
		return;
	}
	if (!empty && piece.len >= CHUNK) {
		return;
	}
	struct tr_buf message = TR_BUF_INIT(CHALLENGE_MAX);
	if (tr_base64_decode(&message, tr_buf_str(&sasl->challenge)) != 0) {
		deny(connection, 0, "what it says in the login is not base64");
	} else {
		tr_buf_clear(&sasl->challenge);
		take_challenge(connection, tr_buf_str(&message));
	}
	tr_buf_finish(&message);
}

/* 904: another mechanism may do where this one never came to the password. */
static void mechanism_failed(struct tr_irc_connection *connection, struct tr_str reason)
{
	struct tr_irc_sasl *sasl = connection->sasl;
	bool unheard = sasl->current == EXTERNAL || (sasl->current == SCRAM && !sasl->known) ||
		       !(connection->sasl_offered & sasl->current);
	if (sasl->step == WORKING || !unheard || !ask_next(connection)) {
		fail(connection, 904, TR_E_AUTH, TR_CLASS_DENIED, reason);
	}
}

static void succeeded(struct tr_irc_connection *connection)
{
	struct tr_irc_sasl *sasl = connection->sasl;
	if (sasl->current == SCRAM && !sasl->proven) {
		deny(connection, 0, "it does not prove that it knows the password");
		return;
	}
	if (sasl->later) {
		end_later(connection, NULL);
		return;
	}
	sasl->step = OVER;
	connection->logged_in = true;
	tr_irc_caps_settle(connection);
}

/* A server that takes AUTHENTICATE only before the registration. */
static bool no_more_sasl(const struct tr_irc_line *line)
{
	bool unknown = line->numeric == 421 &&
		       tr_str_eq_nocase(tr_irc_param(line, 1), TR_STR("AUTHENTICATE"));
	return unknown || line->numeric == 462;
}

bool tr_irc_sasl_line(struct tr_irc_connection *connection, const struct tr_irc_line *line)
{
	struct tr_str reason = tr_irc_param(line, line->param_count - 1);
	if (connection->sasl == NULL) {
		return false;
	}
	if (tr_irc_is(line, "AUTHENTICATE")) {
		take_piece(connection, tr_irc_param(line, 0));
		return true;
	}
	if (connection->sasl->later && tr_irc_sasl_busy(connection) && no_more_sasl(line)) {
		fail(connection, line->numeric, TR_E_UNSUPPORTED, TR_CLASS_RETRY, reason);
		return true;
	}
	if (line->numeric < 900 || line->numeric > 908 || !tr_irc_sasl_busy(connection)) {
		return line->numeric >= 900 && line->numeric <= 908;
	}
	switch (line->numeric) {
	case 902: /* the account is locked */
	case 905: /* too long */
		fail(connection, line->numeric, TR_E_AUTH, TR_CLASS_DENIED, reason);
		break;
	case 903:
	case 907: /* logged in already */
		succeeded(connection);
		break;
	case 904:
		mechanism_failed(connection, reason);
		break;
	case 906: /* services are slow or gone: nothing is wrong with the login */
		fail(connection, 906, TR_E_UNAVAILABLE, TR_CLASS_RETRY, reason);
		break;
	case 908: /* the mechanisms it has; 904 follows */
		if (line->param_count > 2) {
			tr_irc_sasl_offered(connection, tr_irc_param(line, 1));
		}
		break;
	default: /* 900, 901: who we are now */
		break;
	}
	return true;
}

bool tr_irc_sasl_welcomed(struct tr_irc_connection *connection)
{
	if (connection->sasl == NULL || connection->sasl->step == OVER) {
		return true;
	}
	if (connection->sasl->step == IDLE && connection->sasl->optional) {
		connection->sasl->step = OVER;
		return true;
	}
	deny(connection, 0, "it let us in as a guest");
	return false;
}
