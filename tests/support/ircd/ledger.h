/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger: what the server took, said, echoed and confirmed, one record a line, each written
 * with its own write() before the server goes on, so that it is complete up to the instant of any
 * kill. And the byte log of all connections. The record format is in README.md. */
#ifndef SCRIPTED_IRCD_LEDGER_H
#define SCRIPTED_IRCD_LEDGER_H

#include <stddef.h>
#include <stdint.h>

struct ircd_ledger {
	int fd;       /* -1: none kept */
	int bytes_fd; /* -1: none kept */
	uint64_t sequence;
};

/* 0, or -1 after saying on stderr what is wrong. Either path may be NULL. */
int ircd_ledger_open(struct ircd_ledger *ledger, const char *path, const char *bytes_path);
void ircd_ledger_close(struct ircd_ledger *ledger);

/* SEQ TIME_NS KIND CONN NICK FIELDS: conn 0 and nick NULL are written as '-'; fields are given by a
 * format whose arguments hold no tab; the last field is raw bytes, escaped (may be NULL). */
void ircd_ledger_write(struct ircd_ledger *ledger, const char *kind, uint64_t conn,
	const char *nick, const char *raw, size_t raw_len, const char *format, ...)
	__attribute__((format(printf, 7, 8)));

/* direction is '<' for bytes that came in and '>' for bytes that go out. */
void ircd_ledger_bytes(
	struct ircd_ledger *ledger, uint64_t conn, char direction, const char *data, size_t len);

#endif
