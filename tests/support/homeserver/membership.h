/* SPDX-License-Identifier: Apache-2.0
 *
 * Joining, inviting, leaving, kicking, banning: the rules and the refusals as Synapse words them.
 */
#ifndef HS_MEMBERSHIP_H
#define HS_MEMBERSHIP_H

#include "tests/support/homeserver/server.h"

struct hs_refusal {
	int status;
	const char *errcode;
	char message[400];
};

/* Sets a refusal and returns it, so that a rule can end with one. */
struct hs_refusal *hs_refuse(struct hs_refusal *refusal, int status, const char *errcode,
	const char *format, ...) __attribute__((format(printf, 4, 5)));

/* sender makes target a member of this kind. extra: members for the content (reason, is_direct, a
 * name that overrides the profile), or NULL. Returns the event, or the present one when nothing
 * changes; NULL with the refusal set when it is not allowed. */
struct hs_event *hs_membership_change(struct hs_server *server, struct hs_room *room,
	const char *sender, const char *target, enum hs_membership to, const cJSON *extra,
	struct hs_refusal *refusal);

/* May the user send this? NULL, or the refusal. */
const struct hs_refusal *hs_may_send(const struct hs_room *room, const char *user, const char *type,
	bool state, struct hs_refusal *refusal);

/* The profile has changed: tell every room the user is in. */
void hs_membership_renew(struct hs_server *server, struct hs_user *user);

#endif
