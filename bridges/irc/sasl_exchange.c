/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is said in AUTHENTICATE lines, in pieces of 400 bytes of base64 (IRCv3 SASL 3.2): PLAIN (RFC
 * 4616), EXTERNAL (RFC 4422) and SCRAM-SHA-256 (RFC 5802, 7677). The mathematics of SCRAM are
 * scram.c's, its slow part runs on a worker.
 */
#include "bridges/irc/sasl_internal.h"
#include "core/base/alloc.h"
#include "core/base/encode.h"
#include "core/io/worker.h"

enum { CHUNK = 400, CREDENTIALS_MAX = 4096 };

/* A piece of work that may outlive the connection. */
struct tr_irc_sasl_work {
	struct tr_irc_connection *connection; /* NULL = gone */
	struct tr_scram *scram;
};

static const struct tr_str none = {NULL, 0};

void tr_irc_sasl_drop_scram(struct tr_irc_sasl *sasl)
{
	if (sasl->work != NULL) {
		sasl->work->connection = NULL;
	} else {
		tr_scram_destroy(sasl->scram);
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
		tr_irc_sasl_deny(connection, 0, "the password is too long for SASL");
	} else {
		respond(connection, tr_buf_str(&plain));
	}
	tr_wipe(plain.data, plain.len);
	tr_buf_finish(&plain);
}

static void respond_scram(struct tr_irc_connection *connection,
	void (*write)(struct tr_scram *scram, struct tr_buf *out), enum tr_irc_sasl_step next)
{
	struct tr_buf message = TR_BUF_INIT(CREDENTIALS_MAX);
	write(connection->sasl->scram, &message);
	if (tr_buf_failed(&message)) {
		tr_irc_sasl_deny(connection, 0, "the user name is too long for SASL");
	} else {
		connection->sasl->step = next;
		respond(connection, tr_buf_str(&message));
	}
	tr_buf_finish(&message);
}

static void work(void *arg)
{
	tr_scram_work(((struct tr_irc_sasl_work *)arg)->scram);
}

static void worked(void *arg)
{
	struct tr_irc_sasl_work *done = arg;
	struct tr_irc_connection *connection = done->connection;
	if (connection == NULL) {
		tr_scram_destroy(done->scram);
	} else {
		connection->sasl->work = NULL;
		respond_scram(connection, tr_scram_final, TR_SASL_FINAL);
	}
	tr_free(done);
}

static void deny_as(struct tr_irc_connection *connection, const struct tr_error *error)
{
	tr_irc_sasl_fail(connection, 0, TR_E_AUTH, TR_CLASS_DENIED, tr_str_from(error->text));
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
	struct tr_irc_sasl_work *job = tr_alloc(sizeof(*job));
	*job = (struct tr_irc_sasl_work){connection, sasl->scram};
	sasl->work = job;
	sasl->step = TR_SASL_WORKING;
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
	sasl->step = TR_SASL_ANSWERED;
	respond(connection, none);
}

static void take_challenge(struct tr_irc_connection *connection, struct tr_str message)
{
	struct tr_irc_sasl *sasl = connection->sasl;
	if (sasl->step == TR_SASL_FIRST) {
		scram_first(connection, message);
	} else if (sasl->step == TR_SASL_FINAL) {
		scram_final(connection, message);
	} else if (sasl->current == TR_SASL_SCRAM) {
		sasl->scram = tr_scram_create(sasl->user, sasl->password, NULL);
		respond_scram(connection, tr_scram_first, TR_SASL_FIRST);
	} else if (sasl->current == TR_SASL_EXTERNAL) {
		sasl->step = TR_SASL_ANSWERED;
		respond(connection, none); /* whoever the certificate says */
	} else {
		sasl->step = TR_SASL_ANSWERED;
		respond_plain(connection);
	}
}

/* "AUTHENTICATE" + up to 400 bytes of base64; "+" is nothing, and ends a run of full lines. */
void tr_irc_sasl_take_piece(struct tr_irc_connection *connection, struct tr_str piece)
{
	struct tr_irc_sasl *sasl = connection->sasl;
	if (sasl->step != TR_SASL_ASKED && sasl->step != TR_SASL_FIRST &&
		sasl->step != TR_SASL_FINAL) {
		return; /* not asked for */
	}
	bool empty = tr_str_eq(piece, TR_STR("+"));
	if (!empty && tr_buf_add(&sasl->challenge, piece) != 0) {
		tr_irc_sasl_deny(connection, 0, "what it says in the login is too long");
		return;
	}
	if (!empty && piece.len >= CHUNK) {
		return;
	}
	struct tr_buf message = TR_BUF_INIT(TR_SASL_CHALLENGE_MAX);
	if (tr_base64_decode(&message, tr_buf_str(&sasl->challenge)) != 0) {
		tr_irc_sasl_deny(connection, 0, "what it says in the login is not base64");
	} else {
		tr_buf_clear(&sasl->challenge);
		take_challenge(connection, tr_buf_str(&message));
	}
	tr_buf_finish(&message);
}
