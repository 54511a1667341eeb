/* SPDX-License-Identifier: Apache-2.0 */
/* What --check-config and every start say about a configuration. */
#ifndef TRESTLE_DAEMON_CHECK_CONFIG_H
#define TRESTLE_DAEMON_CHECK_CONFIG_H

#include "core/config/report.h"

#include <stdio.h>

/* Prints every record on its own line, mistakes and warnings in the order of the file, then one
 * line that sums up. Returns TR_EXIT_OK or TR_EXIT_CONFIG (core/daemon/options.h). */
int tr_check_config_print(FILE *out, const char *file, const struct tr_report *report);

/* For start and reload: mistakes to the log as errors, the rest as warnings; the keys that are not
 * yet acted on in one line. Returns how many mistakes there were. */
size_t tr_check_config_log(const struct tr_report *report);

#endif
