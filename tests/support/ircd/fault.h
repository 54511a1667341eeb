/* SPDX-License-Identifier: Apache-2.0 */
/* Raw bytes to a connection: whole, or in pieces with pauses between them. While pieces are left,
 * nothing else goes out on that connection, so a half line stays half until its rest has come. */
#ifndef SCRIPTED_IRCD_FAULT_H
#define SCRIPTED_IRCD_FAULT_H

#include "server.h"

/* cuts are byte positions, rising; data is copied. */
void ircd_raw_send(struct ircd_conn *conn, const char *data, size_t len, const size_t *cuts,
	size_t cut_count, int gap_ms);
void ircd_raw_cancel(struct ircd_conn *conn);

#endif
