/* SPDX-License-Identifier: Apache-2.0 */
/* The IRC part of --doctor: connects to the network as the bot, under a nick of its own, and
 * leaves. */
#ifndef TRESTLE_IRC_DOCTOR_H
#define TRESTLE_IRC_DOCTOR_H

#include "core/base/error.h"
#include "core/io/loop.h"

#include <stdbool.h>
#include <stddef.h>

/* `config` is a struct tr_irc_config. Says what it found through `say`, then `done`, once, in a
 * later turn. */
void tr_irc_doctor(const void *config, size_t index, struct tr_loop *loop,
	void (*say)(void *arg, bool good, const char *what, const char *mend),
	void (*done)(void *arg), void *arg);

#endif
