/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of a login share: connection_sasl.c chooses mechanisms and hears the verdict,
 * sasl_exchange.c carries on the conversation of one.
 */
#ifndef TRESTLE_IRC_SASL_INTERNAL_H
#define TRESTLE_IRC_SASL_INTERNAL_H

#include "bridges/irc/connection_internal.h"
#include "bridges/irc/scram.h"

enum { TR_SASL_CHALLENGE_MAX = 4 * TR_SCRAM_MESSAGE_MAX / 3 + 4 };

enum tr_irc_sasl_mechanism {
	TR_SASL_EXTERNAL = 1,
	TR_SASL_SCRAM = 2,
	TR_SASL_PLAIN = 4,
	TR_SASL_ALL = 7
};

enum tr_irc_sasl_step {
	TR_SASL_IDLE,
	TR_SASL_ASKED,    /* the mechanism is named */
	TR_SASL_FIRST,    /* SCRAM: the first message is out */
	TR_SASL_WORKING,  /* SCRAM: the worker has it */
	TR_SASL_FINAL,    /* SCRAM: the proof is out */
	TR_SASL_ANSWERED, /* all is said: the verdict comes */
	TR_SASL_OVER,
};

struct tr_irc_sasl_work;

struct tr_irc_sasl {
	char *user, *password;
	bool external, optional;
	bool later; /* the connection is ready: its owner is told, and it goes on */
	struct tr_worker *worker;
	unsigned tried; /* mechanisms */
	enum tr_irc_sasl_mechanism current;
	enum tr_irc_sasl_step step;
	struct tr_buf challenge; /* base64, while it comes in pieces */
	struct tr_scram *scram;
	struct tr_irc_sasl_work *work; /* has `scram` meanwhile */
	bool known;                    /* SCRAM: the server knows the account */
	bool proven;                   /* SCRAM: the server knows the password */
};

/* Ends the login, and with it the connection unless that was ready before. */
void tr_irc_sasl_fail(struct tr_irc_connection *connection, int numeric, enum tr_error_code code,
	enum tr_error_class cls, struct tr_str reason);
/* The same for what no other attempt would mend. */
void tr_irc_sasl_deny(struct tr_irc_connection *connection, int numeric, const char *reason);

/* The parameter of an AUTHENTICATE line of the server. */
void tr_irc_sasl_take_piece(struct tr_irc_connection *connection, struct tr_str piece);
/* The login goes, and with it what SCRAM has and nobody works on. */
void tr_irc_sasl_drop_scram(struct tr_irc_sasl *sasl);

#endif
