/* SPDX-License-Identifier: Apache-2.0 */
/* What every daemon's main() does: read the command line, load the configuration, do what was asked
 * for. */
#include "core/base/alloc.h"
#include "core/daemon/check_config.h"
#include "core/daemon/daemon.h"
#include "core/daemon/doctor.h"
#include "core/daemon/options.h"

/* Every file is in use, or the first of them goes to `path`: with several bridges each names its
 * own. */
static const char *target_of(
	const struct tr_daemon_module *module, const void *config, size_t index, const char *given)
{
	return module->bridge_count(config) == 1 ? given : module->registration_path(config, index);
}

static int generate_one(
	const struct tr_daemon_module *module, const void *config, size_t index, const char *path)
{
	struct tr_registration registration = {0};
	struct tr_registration old = {0};
	struct tr_report report = {0};
	struct tr_error error;
	module->registration(config, index, &registration);
	/* Tokens of a file that is there are kept: the homeserver may know them already. */
	if (tr_registration_load(&old, path, &report) == 0) {
		registration.id = tr_strdup(old.id);
		registration.as_token = tr_strdup(old.as_token);
		registration.hs_token = tr_strdup(old.hs_token);
	}
	tr_registration_fill(&registration);
	int failed = tr_registration_write(&registration, path, &error);
	if (failed) {
		fprintf(stderr, "%s\n", error.text);
	} else {
		printf("%s is written%s. Name it in the homeserver's configuration and restart the homeserver:\n"
		       "app_service_config_files:\n  - %s\n",
			path, old.as_token ? " with the tokens it had" : "", path);
	}
	tr_report_finish(&report);
	tr_registration_finish(&old);
	tr_registration_finish(&registration);
	return failed ? TR_EXIT_FAILED : TR_EXIT_OK;
}

static int generate(const struct tr_daemon_module *module, const void *config, const char *path)
{
	size_t count = module->bridge_count(config);
	int status = TR_EXIT_OK;
	for (size_t i = 0; i < count && status == TR_EXIT_OK; i++) {
		status = generate_one(module, config, i, target_of(module, config, i, path));
	}
	return status;
}

static int act(
	const struct tr_daemon_module *module, const struct tr_options *options, void *config)
{
	switch (options->action) {
	case TR_ACTION_GENERATE_REGISTRATION:
		return generate(module, config, options->registration);
	case TR_ACTION_DOCTOR:
		return tr_doctor_run(module, options->config, config);
	default:
		return tr_daemon_run(module, options->config, config);
	}
}

static int with_config(const struct tr_daemon_module *module, const struct tr_options *options)
{
	struct tr_report report = {0};
	int failed = 0;
	void *config = module->load(options->config, &report, &failed);
	int status;
	if (options->action == TR_ACTION_CHECK_CONFIG || failed) {
		FILE *out = options->action == TR_ACTION_CHECK_CONFIG ? stdout : stderr;
		status = tr_check_config_print(out, options->config, &report);
	} else {
		if (options->action == TR_ACTION_RUN) {
			tr_check_config_log(&report);
		}
		status = act(module, options, config);
	}
	tr_report_finish(&report);
	module->unload(config);
	return status;
}

int tr_daemon_main(const struct tr_daemon_module *module, int argc, char **argv)
{
	struct tr_options options;
	struct tr_error error;
	if (tr_options_parse(&options, argc, argv, &error) != 0) {
		fprintf(stderr, "%s: %s\n", module->program, error.text);
		return TR_EXIT_USAGE;
	}
	if (options.action == TR_ACTION_VERSION) {
		tr_options_print_version(stdout, module->program);
		return TR_EXIT_OK;
	}
	if (options.action == TR_ACTION_HELP) {
		tr_options_print_help(stdout, module->program, module->what);
		return TR_EXIT_OK;
	}
	return with_config(module, &options);
}
