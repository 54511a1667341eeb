/* SPDX-License-Identifier: Apache-2.0 */
/* Looks up what a person may do. Nothing is remembered: the configuration may change. */
#include "core/bridge/permission.h"

#include "core/bridge/bridge_internal.h"

#include <string.h>

enum tr_permission_level tr_permission_of(const struct tr_bridge *bridge, const char *user_id)
{
	for (size_t i = 0; i < bridge->options.admin_count; i++) {
		if (strcmp(bridge->options.admins[i], user_id) == 0) {
			return TR_PERMIT_ADMIN;
		}
	}
	if (bridge->options.permission == NULL) {
		return TR_PERMIT_USER;
	}
	int level = bridge->options.permission(bridge->options.protocol_config, user_id);
	return level <= TR_PERMIT_NOBODY  ? TR_PERMIT_NOBODY
	       : level >= TR_PERMIT_ADMIN ? TR_PERMIT_ADMIN
					  : TR_PERMIT_USER;
}
