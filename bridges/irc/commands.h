/* SPDX-License-Identifier: Apache-2.0 */
/* What people can ask the bot on IRC's behalf; docs/irc/using.md lists it. */
#ifndef TRESTLE_IRC_COMMANDS_H
#define TRESTLE_IRC_COMMANDS_H

#include "core/bridge/command.h"

extern const struct tr_command_table tr_irc_commands;

#endif
