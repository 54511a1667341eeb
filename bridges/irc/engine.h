/* SPDX-License-Identifier: Apache-2.0 */
/* The IRC module as core sees it. */
#ifndef TRESTLE_IRC_ENGINE_H
#define TRESTLE_IRC_ENGINE_H

#include "core/bridge/protocol.h"

/* Its configuration (protocol_config) is a struct tr_irc_bridge_config that outlives the bridge. */
extern const struct tr_protocol tr_irc_protocol;

#endif
