/* SPDX-License-Identifier: Apache-2.0 */
/* The control port: one JSON object a line in, one a line out, in the order of the requests except
 * for those that wait. The commands are documented in README.md. */
#ifndef SCRIPTED_IRCD_CONTROL_H
#define SCRIPTED_IRCD_CONTROL_H

#include "json.h"
#include "server.h"

/* An answer in the making. With error NULL it is {"ok":true<fields>}. */
struct ircd_answer {
	struct ircd_buf fields; /* ,"name":value ... */
	char *error;            /* owned */
	bool later;             /* answered by ircd_control_answer when it is time */
	uint64_t client;
	char *id; /* what the request had as "id", as JSON text; NULL without */
};

typedef void ircd_control_handler(
	struct ircd_server *server, const struct ircd_json *request, struct ircd_answer *answer);

int ircd_control_open(struct ircd_server *server);
void ircd_control_close(struct ircd_server *server);
int ircd_control_port(struct ircd_server *server);
void ircd_control_fail(struct ircd_answer *answer, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Sends the answer, if its client is still there, and frees what it holds. */
void ircd_control_answer(struct ircd_server *server, struct ircd_answer *answer);

/* control_fault.c: connections and the server's manners */
ircd_control_handler ircd_control_set, ircd_control_raw, ircd_control_end, ircd_control_silent,
	ircd_control_delay, ircd_control_kill, ircd_control_caps, ircd_control_tls;
/* control_world.c: users and channels */
ircd_control_handler ircd_control_fake, ircd_control_join, ircd_control_part, ircd_control_quit,
	ircd_control_nick, ircd_control_kick, ircd_control_mode, ircd_control_umode,
	ircd_control_topic, ircd_control_split, ircd_control_rejoin, ircd_control_account;
/* say.c */
ircd_control_handler ircd_control_say;
void ircd_says_stop(struct ircd_server *server);
/* control_state.c */
ircd_control_handler ircd_control_state, ircd_control_counts, ircd_control_history;

#endif
