/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --doctor: looks at everything a bridge needs and says of each, in one plain sentence, whether it
 * is well, and how to mend it if not: ports, registration, homeserver, both tokens, the ping back,
 * namespaces, clock, store, and what the module adds (the login to its network). Changes nothing.
 */
#ifndef TRESTLE_DAEMON_DOCTOR_H
#define TRESTLE_DAEMON_DOCTOR_H

#include "core/daemon/module.h"

/* Prints to standard output. TR_EXIT_OK when all is well, else TR_EXIT_FAILED. */
int tr_doctor_run(const struct tr_daemon_module *module, const char *file, const void *config);

#endif
