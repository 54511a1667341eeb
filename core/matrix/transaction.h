/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The body of a transaction as a homeserver pushes it: {events: [..], ephemeral: [..], ..}.
 *
 * A homeserver sends the same transaction again until it is taken, and nothing behind it. So one
 * hostile event must not spoil it: where the body as a whole goes beyond the limits of
 * core/base/json.h (depth, number of values), it is taken apart and each event parsed by
 * itself; of one that is beyond them still, the members that can be read are kept and the others
 * left out. Only what is not JSON at all is refused.
 */
#ifndef TRESTLE_MATRIX_TRANSACTION_H
#define TRESTLE_MATRIX_TRANSACTION_H

#include "core/base/error.h"
#include "core/base/json.h"

struct tr_transaction {
	struct tr_str id;             /* as chosen by the homeserver; not to be relied upon alone */
	const struct tr_json *events; /* an array; its elements are unchecked */
	const struct tr_json *ephemeral; /* an array or NULL; stable or unstable name */
	const struct tr_json *body;      /* all of it */
	size_t body_len;                 /* bytes it had */
};

/* The body, to be freed by tr_json_free(), with *transaction (but for its id) pointing into it.
 * NULL with *error: code TR_E_INVALID when it is not JSON, TR_E_PROTOCOL when it is something else
 * than a transaction. */
struct tr_json *tr_transaction_parse(
	struct tr_str text, struct tr_transaction *transaction, struct tr_error *error);

#endif
