/* SPDX-License-Identifier: Apache-2.0
 *
 * Power levels: what a user has and what an action needs.
 */
#ifndef HS_POWER_H
#define HS_POWER_H

#include <stdbool.h>

#include "tests/support/homeserver/room.h"

/* INT_MAX for a creator of a room of version 12. */
int hs_power_of(const struct hs_room *room, const char *user_id);
/* Needed to send an event of this type. */
int hs_power_to_send(const struct hs_room *room, const char *type, bool state);
/* Needed for "invite", "kick", "ban" or "redact". */
int hs_power_to(const struct hs_room *room, const char *action);
/* A creator named in the users of these power levels (forbidden from version 12 on), or NULL. */
const char *hs_power_names_creator(const struct hs_room *room, const cJSON *content);

#endif
