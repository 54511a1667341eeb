/* SPDX-License-Identifier: Apache-2.0 */
/* The command line, the same in every daemon. */
#ifndef TRESTLE_DAEMON_OPTIONS_H
#define TRESTLE_DAEMON_OPTIONS_H

#include "core/base/error.h"

#include <stdio.h>

/* Exit statuses, of sysexits.h: service managers and scripts know them. */
enum {
	TR_EXIT_OK = 0,
	TR_EXIT_FAILED = 1,  /* --doctor found something, or the daemon could not start */
	TR_EXIT_USAGE = 64,  /* the command line is wrong */
	TR_EXIT_CONFIG = 78, /* the configuration is wrong */
};

enum tr_options_action {
	TR_ACTION_RUN,
	TR_ACTION_GENERATE_REGISTRATION,
	TR_ACTION_CHECK_CONFIG,
	TR_ACTION_DOCTOR,
	TR_ACTION_VERSION,
	TR_ACTION_HELP,
};

/* Pointers into argv. */
struct tr_options {
	enum tr_options_action action;
	const char *config;       /* never NULL but for VERSION and HELP */
	const char *registration; /* of GENERATE_REGISTRATION */
};

/* Fills *options, or returns TR_E_INVALID with *error saying what is wrong with the command line
 * (exit status TR_EXIT_USAGE). Prints nothing. */
int tr_options_parse(
	struct tr_options *options, int argc, char *const argv[], struct tr_error *error);

/* `program` is a name such as "trestle-irc", `what` one line about it. */
void tr_options_print_help(FILE *out, const char *program, const char *what);
void tr_options_print_version(FILE *out, const char *program);

#endif
