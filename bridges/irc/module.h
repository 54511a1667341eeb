/* SPDX-License-Identifier: Apache-2.0 */
/* trestle-irc as the daemon layer sees it. */
#ifndef TRESTLE_IRC_MODULE_H
#define TRESTLE_IRC_MODULE_H

#include "core/daemon/module.h"

extern const struct tr_daemon_module tr_irc_module;

#endif
