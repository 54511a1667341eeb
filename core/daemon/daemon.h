/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A running daemon: the bridges of one configuration on one loop, the listener for the homeserver,
 * the listener for figures, signals.
 *
 * SIGTERM and SIGINT drain: transactions are refused, what is on its way is confirmed, all within
 * 10 s; then the status is 0. SIGHUP reads the configuration again: what can change while running
 * does, the rest is named; a bad file changes nothing.
 */
#ifndef TRESTLE_DAEMON_DAEMON_H
#define TRESTLE_DAEMON_DAEMON_H

#include "core/daemon/module.h"

/* Runs until a signal ends it. `config` is usable and stays the caller's. Returns the exit status.
 */
int tr_daemon_run(const struct tr_daemon_module *module, const char *file, void *config);

#endif
