/* SPDX-License-Identifier: Apache-2.0 */
/* The command line. */
#include "core/base/alloc.h"
#include "core/daemon/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { WORDS_MAX = 8 };

struct line {
	const char *words[WORDS_MAX]; /* without the program's name */
	enum tr_options_action action;
	const char *config, *registration;
	const char *error; /* part of the sentence, or NULL */
};

static int parse(const struct line *line, struct tr_options *options, struct tr_error *error)
{
	char *argv[WORDS_MAX + 2] = {tr_strdup("trestle-irc")};
	int argc = 1;
	while (argc <= WORDS_MAX && line->words[argc - 1]) {
		argv[argc] = (char *)(uintptr_t)line->words[argc - 1];
		argc++;
	}
	int result = tr_options_parse(options, argc, argv, error);
	tr_free(argv[0]);
	return result;
}

static void assert_same(const char *a, const char *b)
{
	if (b) {
		assert_non_null(a);
		assert_string_equal(a, b);
	} else {
		assert_null(a);
	}
}

static void good_command_lines_are_understood(void **state)
{
	(void)state;
	static const struct line lines[] = {
		{{"--config", "b.yml"}, TR_ACTION_RUN, "b.yml", NULL, NULL},
		{{"--config=b.yml"}, TR_ACTION_RUN, "b.yml", NULL, NULL},
		{{"-c", "b.yml"}, TR_ACTION_RUN, "b.yml", NULL, NULL},
		{{"--config", "b.yml", "--generate-registration", "r.yml"},
			TR_ACTION_GENERATE_REGISTRATION, "b.yml", "r.yml", NULL},
		{{"--generate-registration=r.yml", "--config=b.yml"},
			TR_ACTION_GENERATE_REGISTRATION, "b.yml", "r.yml", NULL},
		{{"--config", "b.yml", "--check-config"}, TR_ACTION_CHECK_CONFIG, "b.yml", NULL,
			NULL},
		{{"--check-config", "--check-config", "-c", "b.yml"}, TR_ACTION_CHECK_CONFIG,
			"b.yml", NULL, NULL},
		{{"--doctor", "--config", "b.yml"}, TR_ACTION_DOCTOR, "b.yml", NULL, NULL},
		{{"--version"}, TR_ACTION_VERSION, NULL, NULL, NULL},
		{{"--help"}, TR_ACTION_HELP, NULL, NULL, NULL},
		{{"-h"}, TR_ACTION_HELP, NULL, NULL, NULL},
		{{"--config", "b.yml", "--doctor", "--help"}, TR_ACTION_HELP, NULL, NULL, NULL},
	};
	for (size_t i = 0; i < TR_ARRAY_LEN(lines); i++) {
		struct tr_options options = {0};
		struct tr_error error = {0};
		assert_int_equal(parse(&lines[i], &options, &error), 0);
		assert_int_equal(options.action, lines[i].action);
		assert_same(options.config, lines[i].config);
		assert_same(options.registration, lines[i].registration);
	}
}

static void bad_command_lines_are_refused_with_a_sentence(void **state)
{
	(void)state;
	static const struct line lines[] = {
		{.words = {NULL}, .error = "--config FILE is missing"},
		{.words = {"--check-config"}, .error = "--config FILE is missing"},
		{.words = {"--config"}, .error = "--config needs the name of a file"},
		{.words = {"-c"}, .error = "-c needs the name of a file"},
		{.words = {"--config="}, .error = "--config needs the name of a file"},
		{.words = {"--config", "a", "--config", "b"}, .error = "--config is given twice"},
		{.words = {"--config", "a", "--generate-registration"},
			.error = "--generate-registration needs the name of a file"},
		{.words = {"--config", "a", "--nonsense"}, .error = "--nonsense is not an option"},
		{.words = {"--config", "a", "-x"}, .error = "-x is not an option"},
		{.words = {"--config", "a", "--check-config=yes"},
			.error = "--check-config takes no value"},
		{.words = {"--config", "a", "more"}, .error = "\"more\" is left over"},
		{.words = {"a.yml"}, .error = "\"a.yml\" is left over"},
		{.words = {"--config", "a", "--doctor", "--check-config"},
			.error = "--doctor and --check-config do not go together"},
		{.words = {"-c", "a", "--generate-registration", "r", "--doctor"},
			.error = "--generate-registration and --doctor do not go together"},
	};
	for (size_t i = 0; i < TR_ARRAY_LEN(lines); i++) {
		struct tr_options options = {.config = "untouched"};
		struct tr_error error = {0};
		assert_int_equal(parse(&lines[i], &options, &error), TR_E_INVALID);
		if (!strstr(error.text, lines[i].error)) {
			fail_msg("said \"%s\", wanted \"%s\"", error.text, lines[i].error);
		}
		assert_string_equal(options.config, "untouched");
	}
}

static char *printed(void (*print)(FILE *out))
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	assert_non_null(out);
	print(out);
	fclose(out);
	return text;
}

static void print_help(FILE *out)
{
	tr_options_print_help(out, "trestle-irc", "joins IRC networks to Matrix");
}

static void print_version(FILE *out)
{
	tr_options_print_version(out, "trestle-irc");
}

static void help_names_every_option_and_version_is_one_line(void **state)
{
	(void)state;
	static const char *const options[] = {"--config", "--generate-registration",
		"--check-config", "--doctor", "--version", "--help", "64", "78"};
	char *help = printed(print_help);
	for (size_t i = 0; i < TR_ARRAY_LEN(options); i++) {
		assert_non_null(strstr(help, options[i]));
	}
	char *version = printed(print_version);
	assert_string_equal(version, "trestle-irc " TRESTLE_VERSION "\n");
	free(help);
	free(version);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_command_lines_are_understood),
		cmocka_unit_test(bad_command_lines_are_refused_with_a_sentence),
		cmocka_unit_test(help_names_every_option_and_version_is_one_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
