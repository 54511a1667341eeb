/* SPDX-License-Identifier: Apache-2.0
 *
 * The ledger: what this homeserver accepted and what it handed to the appservice, one JSON object a
 * line, written with one write() each before anything is answered. README.md documents the lines.
 */
#ifndef HS_LEDGER_H
#define HS_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/support/homeserver/event.h"

struct hs_ledger {
	int fd; /* -1: none is kept */
	uint64_t lines;
};

/* Appends to the file; NULL keeps no ledger. 0, or -1 with errno set. */
int hs_ledger_open(struct hs_ledger *ledger, const char *path);
void hs_ledger_close(struct hs_ledger *ledger);

/* An event of a client: kind "send" or "redact" (with its transaction id), or "inject". */
void hs_ledger_event(struct hs_ledger *ledger, const char *kind, const struct hs_event *event,
	const char *txn_id);
/* A PUT answered from the idempotency cache: nothing new was made of it. */
void hs_ledger_cached(struct hs_ledger *ledger, const char *kind, const char *room_id,
	const char *sender, const char *txn_id, const char *event_id, const char *content,
	size_t len);
/* One try to push a transaction has ended. status: as in struct hs_call, -2 when aborted by a
 * restart. */
void hs_ledger_pushed(struct hs_ledger *ledger, const char *txn_id, unsigned attempt, int status,
	bool ok, int64_t took_ms, struct hs_event *const *events, size_t count);
/* Queued events that a restart forgot; the appservice will never see them. */
void hs_ledger_lost(struct hs_ledger *ledger, const struct hs_event *event);
/* A restart, or another moment worth a line. */
void hs_ledger_mark(struct hs_ledger *ledger, const char *kind);

#endif
