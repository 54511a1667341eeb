/* SPDX-License-Identifier: Apache-2.0 */
/* Who may do what. The levels are those of core/bridge/command.h. */
#ifndef TRESTLE_BRIDGE_PERMISSION_H
#define TRESTLE_BRIDGE_PERMISSION_H

#include "core/bridge/command.h"

/* By the list of administrators, then by the configuration's own rule; USER where there is none. */
enum tr_permission_level tr_permission_of(const struct tr_bridge *bridge, const char *user_id);

#endif
