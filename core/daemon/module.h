/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a daemon's program says of itself: how its configuration is read and what its bridges are.
 * One struct per program; main() of a program only calls tr_daemon_main().
 */
#ifndef TRESTLE_DAEMON_MODULE_H
#define TRESTLE_DAEMON_MODULE_H

#include "core/bridge/bridge.h"
#include "core/config/config.h"
#include "core/matrix/registration.h"

struct tr_daemon_module {
	const char *program; /* "trestle-irc" */
	const char *what;    /* "joins IRC networks to Matrix" */
	const struct tr_schema *schema;

	/* Reads `file`. Never NULL; usable only when *failed is 0. Freed with unload(). */
	void *(*load)(const char *file, struct tr_report *report, int *failed);
	void (*unload)(void *config);
	const struct tr_config_common *(*common)(const void *config);
	size_t (*bridge_count)(const void *config);

	/* Fills what the configuration says of bridge `index`: everything but running things and
	 * tokens. Borrowed from the configuration, which lives as long as the bridges. */
	void (*describe)(const void *config, size_t index, struct tr_bridge_options *options);
	/* Where the registration file is, and what must stand in it (no tokens, no id). */
	const char *(*registration_path)(const void *config, size_t index);
	void (*registration)(const void *config, size_t index, struct tr_registration *wanted);
	/* The level to log at. */
	enum tr_log_level (*log_level)(const void *config);
	/* Takes over from a newly read configuration what can change while running. */
	void (*adopt)(void *config, void *fresh);
	/* Checks of --doctor that only the module can do: says one plain sentence (and how to mend
	 * it) through `say`; ends with `done`, once. */
	void (*doctor)(const void *config, size_t index, struct tr_loop *loop,
		void (*say)(void *arg, bool good, const char *what, const char *mend),
		void (*done)(void *arg), void *arg);
};

/* The whole program; returns the exit status. */
int tr_daemon_main(const struct tr_daemon_module *module, int argc, char **argv);

#endif
