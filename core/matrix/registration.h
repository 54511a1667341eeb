/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The registration: the file that makes us known to a homeserver (Matrix specification 1.19,
 * Application Service API, "Registration"). Written here, read here, and compared with what the
 * configuration wants, so that a homeserver that was told something else is found out before the
 * first message.
 */
#ifndef TRESTLE_MATRIX_REGISTRATION_H
#define TRESTLE_MATRIX_REGISTRATION_H

#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/config/report.h"

struct tr_namespace {
	char *regex;
	bool exclusive;
};

struct tr_namespaces {
	struct tr_namespace *items;
	size_t count;
};

/* Owned strings, NULL = not there. A zeroed struct is an empty registration. */
struct tr_registration {
	char *id;
	char *url; /* how the homeserver reaches us; NULL is written as null: it does not */
	char *as_token;
	char *hs_token;
	char *sender_localpart;
	struct tr_namespaces users, aliases, rooms;
	bool rate_limited;
	bool receive_ephemeral; /* written under its stable and its unstable name */
	bool msc4190;           /* io.element.msc4190: devices without login */
	bool msc3202;           /* org.matrix.msc3202: device lists and key counts */
	char **protocols;
	size_t protocol_count;
};

void tr_registration_finish(struct tr_registration *registration);
void tr_namespaces_add(struct tr_namespaces *list, const char *regex, bool exclusive);
void tr_registration_add_protocol(struct tr_registration *registration, const char *protocol);
/* Random id and tokens (256 bits) where there are none yet. */
void tr_registration_fill(struct tr_registration *registration);

/* YAML that says what every field is for. 0 or TR_E_TOO_BIG. */
int tr_registration_print(const struct tr_registration *registration, struct tr_buf *out);
/* The same into a file that only we can read (0600), all or nothing: it is written aside, synced
 * and renamed. It replaces what was there; a caller that wants to keep tokens loads them first. */
int tr_registration_write(
	const struct tr_registration *registration, const char *path, struct tr_error *error);

/* Fills an empty *registration from a file; mistakes go to the report. 0 or TR_E_CONFIG; finish it
 * in both cases. Unknown keys are left alone, they are the homeserver's affair. */
int tr_registration_load(
	struct tr_registration *registration, const char *path, struct tr_report *report);

/* One sentence per difference that matters; never a token. */
typedef void tr_registration_difference(void *arg, const char *sentence);
/* Compares a file that was loaded with what the configuration wants; fields of `wanted` that are
 * NULL are not compared. Namespaces may be wider than wanted and written differently. Returns how
 * many differences there are. */
size_t tr_registration_compare(const struct tr_registration *loaded,
	const struct tr_registration *wanted, tr_registration_difference *difference, void *arg);

#endif
