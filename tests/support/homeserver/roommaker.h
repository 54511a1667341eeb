/* SPDX-License-Identifier: Apache-2.0
 *
 * createRoom: the row of state events that makes a room.
 */
#ifndef HS_ROOMMAKER_H
#define HS_ROOMMAKER_H

#include "tests/support/homeserver/membership.h"
#include "tests/support/homeserver/server.h"

/* request: the body of POST /createRoom. NULL with the refusal set when it is not allowed. */
struct hs_room *hs_make_room(struct hs_server *server, const char *creator, const cJSON *request,
	struct hs_refusal *refusal);

#endif
