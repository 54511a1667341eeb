/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the command line. What the actions do is core/daemon/main.c's business. */
#define _GNU_SOURCE /* getopt_long */
#include "core/daemon/options.h"

#include <getopt.h>
#include <string.h>

enum { OPTION_REGISTRATION = 256, OPTION_CHECK, OPTION_DOCTOR, OPTION_VERSION };

static const struct option long_options[] = {
	{"config", required_argument, NULL, 'c'},
	{"generate-registration", required_argument, NULL, OPTION_REGISTRATION},
	{"check-config", no_argument, NULL, OPTION_CHECK},
	{"doctor", no_argument, NULL, OPTION_DOCTOR},
	{"version", no_argument, NULL, OPTION_VERSION},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static const char *action_name(enum tr_options_action action)
{
	switch (action) {
	case TR_ACTION_GENERATE_REGISTRATION:
		return "--generate-registration";
	case TR_ACTION_CHECK_CONFIG:
		return "--check-config";
	case TR_ACTION_DOCTOR:
		return "--doctor";
	default:
		return "";
	}
}

static int set_action(
	struct tr_options *options, enum tr_options_action action, struct tr_error *error)
{
	if (options->action != TR_ACTION_RUN && options->action != action) {
		return tr_error_set(error, TR_E_INVALID, "%s and %s do not go together: give one",
			action_name(options->action), action_name(action));
	}
	options->action = action;
	return 0;
}

static int set_file(const char **place, const char *value, const char *name, struct tr_error *error)
{
	if (*place) {
		return tr_error_set(error, TR_E_INVALID, "%s is given twice", name);
	}
	if (!*value) {
		return tr_error_set(error, TR_E_INVALID, "%s needs the name of a file", name);
	}
	*place = value;
	return 0;
}

/* What getopt_long() could not make sense of. */
static int bad_option(int result, char *const argv[], struct tr_error *error)
{
	const char *word = argv[optind - 1];
	if (result == ':') {
		return tr_error_set(
			error, TR_E_INVALID, "%.80s needs the name of a file after it", word);
	}
	for (const struct option *option = long_options; option->name; option++) {
		size_t length = strlen(option->name);
		if (strncmp(word, "--", 2) == 0 && strncmp(word + 2, option->name, length) == 0 &&
			word[2 + length] == '=') {
			return tr_error_set(
				error, TR_E_INVALID, "--%s takes no value", option->name);
		}
	}
	if (word[0] == '-' && word[1] != '-' && optopt) {
		return tr_error_set(error, TR_E_INVALID, "-%c is not an option", optopt);
	}
	return tr_error_set(
		error, TR_E_INVALID, "%.80s is not an option, or not enough of one", word);
}

static int take_option(
	struct tr_options *options, int result, char *const argv[], struct tr_error *error)
{
	switch (result) {
	case 'c':
		return set_file(&options->config, optarg, "--config", error);
	case OPTION_REGISTRATION: {
		int code = set_action(options, TR_ACTION_GENERATE_REGISTRATION, error);
		return code ? code
			    : set_file(&options->registration, optarg, "--generate-registration",
				      error);
	}
	case OPTION_CHECK:
		return set_action(options, TR_ACTION_CHECK_CONFIG, error);
	case OPTION_DOCTOR:
		return set_action(options, TR_ACTION_DOCTOR, error);
	default:
		return bad_option(result, argv, error);
	}
}

int tr_options_parse(
	struct tr_options *options, int argc, char *const argv[], struct tr_error *error)
{
	struct tr_options found = {.action = TR_ACTION_RUN};
	int result;
	optind = 0; /* begin anew, also for the second call of a test */
	opterr = 0;
	while ((result = getopt_long(argc, argv, "+:c:h", long_options, NULL)) != -1) {
		if (result == 'h' || result == OPTION_VERSION) {
			/* Whatever else is there: somebody wants to know. */
			*options = (struct tr_options){
				.action = result == 'h' ? TR_ACTION_HELP : TR_ACTION_VERSION};
			return 0;
		}
		int code = take_option(&found, result, argv, error);
		if (code != 0) {
			return code;
		}
	}
	if (optind < argc) {
		return tr_error_set(error, TR_E_INVALID,
			"\"%.80s\" is left over: options only are expected", argv[optind]);
	}
	if (!found.config) {
		return tr_error_set(error, TR_E_INVALID, "--config FILE is missing");
	}
	*options = found;
	return 0;
}

void tr_options_print_help(FILE *out, const char *program, const char *what)
{
	fprintf(out,
		"%s: %s\n\n"
		"usage: %s --config FILE [one of the actions]\n\n"
		"  -c, --config FILE             the configuration (bridge.yml)\n"
		"      --generate-registration FILE\n"
		"                                write the registration for the homeserver and "
		"end\n"
		"      --check-config            report every mistake in the configuration and "
		"end\n"
		"      --doctor                  try what the daemon needs, say what to mend, "
		"and end\n"
		"      --version                 print the version and end\n"
		"  -h, --help                    print this and end\n\n"
		"Without an action the daemon runs in the foreground. SIGTERM ends it in order, "
		"SIGHUP\nreads the configuration again.\n\n"
		"exit status: 0 done, 1 failed, 64 wrong command line, 78 wrong configuration\n",
		program, what, program);
}

void tr_options_print_version(FILE *out, const char *program)
{
	fprintf(out, "%s %s\n", program, TRESTLE_VERSION);
}
