/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of --doctor share: the patient, how findings are said, and how an answer is waited
 * for. The doctor is a program that runs once and has nothing else to do, so its checks are written
 * one after the other and turn the loop themselves; each waits 15 s at most. Nobody else includes
 * this.
 */
#ifndef TRESTLE_DAEMON_DOCTOR_INTERNAL_H
#define TRESTLE_DAEMON_DOCTOR_INTERNAL_H

#include "core/daemon/doctor.h"
#include "core/io/http_client.h"
#include "core/matrix/appservice.h"
#include "core/matrix/client.h"

enum { TR_DOCTOR_LIMIT_MS = 15000, TR_DOCTOR_TEXT_MAX = 8192 };

struct tr_doctor {
	const struct tr_daemon_module *module;
	const char *file;
	const void *config;
	const struct tr_config_common *common;
	struct tr_loop *loop;
	struct tr_http_client *http;
	struct tr_appservice *appservice; /* NULL when the address is taken */
	bool listens;       /* we do, or the running daemon does and takes our token */
	bool daemon_runs;   /* it answers at the address */
	bool homeserver_up; /* it answered */
	int64_t clock_difference_ms;
	bool clock_known;
	char *last_warning; /* what the log would have said last */
	size_t bad;
};

/* One bridge of the configuration. */
struct tr_doctor_bridge {
	struct tr_doctor *doctor;
	size_t index;
	struct tr_bridge_options options; /* as described: no running things */
	const char *path;                 /* of the registration */
	struct tr_registration registration;
	bool loaded;
	char *bot_user_id;
	struct tr_matrix_client *client; /* NULL when there is no token */
};

/* One finding, in one line. A bad one is followed by tr_doctor_mend(). */
void tr_doctor_good(struct tr_doctor *doctor, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void tr_doctor_bad(struct tr_doctor *doctor, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void tr_doctor_mend(struct tr_doctor *doctor, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Turns the loop until *done or until the limit; returns *done. */
bool tr_doctor_wait(struct tr_doctor *doctor, const bool *done);

/* doctor_ports.c: the addresses we listen at. The first keeps the listener for the ping. */
void tr_doctor_check_listen(
	struct tr_doctor *doctor, const struct tr_doctor_bridge *bridges, size_t count);
void tr_doctor_check_metrics(struct tr_doctor *doctor);

/* doctor_homeserver.c */
void tr_doctor_check_homeserver(struct tr_doctor *doctor);
void tr_doctor_check_as_token(struct tr_doctor_bridge *bridge);
void tr_doctor_check_ping(struct tr_doctor_bridge *bridge);
void tr_doctor_check_clock(struct tr_doctor *doctor);

/* doctor_names.c */
void tr_doctor_check_names(const struct tr_doctor_bridge *bridge);
void tr_doctor_check_overlaps(
	struct tr_doctor *doctor, const struct tr_doctor_bridge *bridges, size_t count);

/* doctor_store.c */
void tr_doctor_check_store(const struct tr_doctor_bridge *bridge);

#endif
