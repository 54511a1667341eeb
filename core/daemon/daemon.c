/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs the bridges of one configuration: puts them on the loop, tells the service manager, drains
 * them on SIGTERM, reloads on SIGHUP. A bridge that cannot start for good (its store is newer than
 * the program, its registration is missing) ends the daemon with a sentence; a homeserver or
 * network that is away does not.
 */
#include "core/daemon/daemon.h"

#include "core/base/alloc.h"
#include "core/base/log.h"
#include "core/daemon/check_config.h"
#include "core/daemon/footprint.h"
#include "core/daemon/notify.h"
#include "core/daemon/options.h"
#include "core/daemon/status_server.h"
#include "core/io/metrics.h"
#include "core/matrix/appservice.h"
#include "core/store/seal.h"

#include <signal.h>

enum {
	STOP_TIMEOUT_MS = 9000,
	SETTLE_MS = 1000, /* the first connections are up by then */
	TRIM_INTERVAL_MS = 10000,
	TEXT_MAX = 64 * 1024,
};

struct hosted {
	struct daemon *daemon;
	struct tr_bridge *bridge;
	struct tr_registration registration;
	bool running;
};

struct daemon {
	const struct tr_daemon_module *module;
	const char *file;
	void *config;
	struct tr_loop *loop;
	struct tr_metrics *metrics;
	struct tr_appservice *appservice;
	struct tr_status_server *status;
	struct tr_seal *seal;
	struct hosted *bridges;
	size_t bridge_count;
	size_t starting, stopping;
	struct tr_timer *settle;
	struct tr_timer *trim;
	bool ending;
	int exit_status;
};

static int fail(const struct tr_error *error, const char *what)
{
	tr_log_error("daemon", "%s: %s", what, error->text);
	return error->code;
}

static void warn_difference(void *arg, const char *sentence)
{
	const char *path = arg;
	tr_log_warn("daemon",
		"%s: %s; write it again with --generate-registration and restart the homeserver",
		path, sentence);
}

static int load_registration(
	struct daemon *daemon, size_t index, struct tr_registration *registration)
{
	const char *path = daemon->module->registration_path(daemon->config, index);
	struct tr_report report = {0};
	if (tr_registration_load(registration, path, &report) != 0) {
		tr_check_config_log(&report);
		tr_log_error("daemon",
			"%s: the registration cannot be used; %s --config %s --generate-registration %s "
			"writes one",
			path, daemon->module->program, daemon->file, path);
		tr_report_finish(&report);
		return TR_E_CONFIG;
	}
	tr_report_finish(&report);
	struct tr_registration wanted = {0};
	daemon->module->registration(daemon->config, index, &wanted);
	tr_registration_compare(registration, &wanted, warn_difference, (void *)path);
	tr_registration_finish(&wanted);
	return 0;
}

static int create_bridge(struct daemon *daemon, size_t index)
{
	const struct tr_config_common *common = daemon->module->common(daemon->config);
	struct hosted *hosted = &daemon->bridges[index];
	hosted->daemon = daemon;
	int failed = load_registration(daemon, index, &hosted->registration);
	if (failed) {
		return failed;
	}
	struct tr_bridge_options options = {0};
	daemon->module->describe(daemon->config, index, &options);
	options.loop = daemon->loop;
	options.metrics = daemon->metrics;
	options.appservice = daemon->appservice;
	options.seal = daemon->seal;
	options.homeserver_url = common->homeserver.url;
	options.domain = common->homeserver.domain;
	options.orphan_flush = common->appservice.orphan_flush;
	options.as_token = hosted->registration.as_token;
	options.hs_token = hosted->registration.hs_token;
	options.appservice_id = hosted->registration.id;
	options.bot_localpart = hosted->registration.sender_localpart;
	struct tr_error error;
	hosted->bridge = tr_bridge_create(&options, &error);
	return hosted->bridge ? 0 : fail(&error, options.name);
}

static void end_with(struct daemon *daemon, int status);

static void started(void *arg, const struct tr_error *error)
{
	struct hosted *hosted = arg;
	struct daemon *daemon = hosted->daemon;
	if (error != NULL) {
		tr_log_error("daemon", "%s", error->text);
		end_with(daemon, TR_EXIT_FAILED);
		return;
	}
	hosted->running = true;
	if (--daemon->starting == 0 && !daemon->ending) {
		tr_log_info("daemon", "%s %s runs", daemon->module->program, TRESTLE_VERSION);
		tr_notify_ready("running");
		tr_timer_start(daemon->settle, SETTLE_MS);
	}
}

static bool all_ready(void *arg, struct tr_buf *sentences)
{
	const struct daemon *daemon = arg;
	bool ready = daemon->starting == 0 && !daemon->ending;
	if (daemon->ending) {
		tr_buf_add_c(sentences, "stopping\n");
	}
	for (size_t i = 0; i < daemon->bridge_count; i++) {
		if (daemon->bridges[i].bridge != NULL) {
			ready &= tr_bridge_ready(daemon->bridges[i].bridge, sentences);
		}
	}
	if (sentences->len > 0 && !tr_str_ends(tr_buf_str(sentences), TR_STR("\n"))) {
		tr_buf_add_char(sentences, '\n');
	}
	tr_buf_add_c(sentences, ready ? "ready\n" : "");
	return ready;
}

/* What one process has, whatever bridges it hosts. */
static int open_shared(struct daemon *daemon)
{
	const struct tr_config_common *common = daemon->module->common(daemon->config);
	struct tr_error error;
	if (common->key_file != NULL &&
		(daemon->seal = tr_seal_open(common->key_file, &error)) == NULL) {
		return fail(&error, "key_file");
	}
	const struct tr_appservice_options options = {.listen = common->appservice.listen};
	if ((daemon->appservice = tr_appservice_create(daemon->loop, &options, &error)) == NULL) {
		return fail(&error, "appservice.listen");
	}
	if (common->metrics.listen != NULL &&
		(daemon->status = tr_status_server_create(daemon->loop, common->metrics.listen,
			 daemon->metrics, all_ready, daemon, &error)) == NULL) {
		return fail(&error, "metrics.listen");
	}
	return 0;
}

/* The longest turn since the figures were read last: whatever holds the loop up holds up all. */
static void collect_stall(struct tr_metrics *metrics, void *arg)
{
	const struct daemon *daemon = arg;
	tr_metric_set(tr_metrics_get(metrics, TR_METRIC_GAUGE, "trestle_loop_stall_seconds", "",
			      "Longest turn of the event loop since these figures were last read"),
		(double)tr_loop_take_lag_ms(daemon->loop) / 1000.0);
}

static int open_bridges(struct daemon *daemon)
{
	daemon->bridge_count = daemon->module->bridge_count(daemon->config);
	daemon->bridges = tr_alloc_array(daemon->bridge_count, sizeof(*daemon->bridges));
	for (size_t i = 0; i < daemon->bridge_count; i++) {
		int failed = create_bridge(daemon, i);
		if (failed) {
			return failed;
		}
	}
	daemon->starting = daemon->bridge_count;
	for (size_t i = 0; i < daemon->bridge_count; i++) {
		tr_bridge_start(daemon->bridges[i].bridge, started, &daemon->bridges[i]);
	}
	return 0;
}

static void stopped(void *arg, const struct tr_error *error)
{
	struct hosted *hosted = arg;
	struct daemon *daemon = hosted->daemon;
	if (error != NULL) {
		tr_log_warn("daemon", "stopping: %s; what is left goes on at the next start",
			error->text);
	}
	if (--daemon->stopping == 0) {
		tr_loop_stop(daemon->loop);
	}
}

static void end_with(struct daemon *daemon, int status)
{
	if (daemon->ending) {
		return;
	}
	daemon->ending = true;
	daemon->exit_status = status;
	for (size_t i = 0; i < daemon->bridge_count; i++) {
		if (daemon->bridges[i].running) {
			daemon->stopping++;
			tr_bridge_stop(daemon->bridges[i].bridge, STOP_TIMEOUT_MS, stopped,
				&daemon->bridges[i]);
		}
	}
	if (daemon->stopping == 0) {
		tr_loop_stop(daemon->loop);
	}
}

static void on_terminate(int number, void *arg)
{
	struct daemon *daemon = arg;
	if (daemon->ending) {
		tr_log_warn("daemon",
			"a second signal: stopping at once, what is left goes on at the next start");
		tr_loop_stop(daemon->loop);
		return;
	}
	tr_log_info("daemon", "%s: stopping", number == SIGTERM ? "SIGTERM" : "SIGINT");
	tr_notify("STOPPING=1");
	end_with(daemon, TR_EXIT_OK);
}

static void apply(struct daemon *daemon, void *config)
{
	daemon->module->adopt(daemon->config, config);
	tr_log_set_level(daemon->module->log_level(config));
	tr_log_set_format(daemon->module->common(config)->logging.format);
	for (size_t i = 0; i < daemon->bridge_count && i < daemon->module->bridge_count(config);
		i++) {
		struct tr_bridge_options options = {0};
		daemon->module->describe(config, i, &options);
		tr_bridge_set_max_age(daemon->bridges[i].bridge, options.max_age_ms);
	}
}

static void say_differences(struct daemon *daemon, const void *config)
{
	struct tr_buf taken = TR_BUF_INIT(TEXT_MAX);
	struct tr_buf restart = TR_BUF_INIT(TEXT_MAX);
	size_t count =
		tr_config_diff(daemon->module->schema, daemon->config, config, &taken, &restart);
	if (count == 0) {
		tr_log_info("daemon", "the configuration is as it was");
	}
	if (taken.len > 0) {
		tr_log_info("daemon", "taken over: %s", tr_buf_c(&taken));
	}
	if (restart.len > 0) {
		tr_log_warn("daemon", "only a restart takes over: %s", tr_buf_c(&restart));
	}
	tr_buf_finish(&taken);
	tr_buf_finish(&restart);
}

static void on_reload(int number, void *arg)
{
	struct daemon *daemon = arg;
	(void)number;
	if (daemon->ending || daemon->starting > 0) {
		tr_log_warn("daemon", "SIGHUP: only while running");
		return;
	}
	tr_notify_reloading();
	tr_log_info("daemon", "SIGHUP: reading %s again", daemon->file);
	struct tr_report report = {0};
	int failed = 0;
	void *config = daemon->module->load(daemon->file, &report, &failed);
	tr_check_config_log(&report);
	if (failed) {
		tr_log_error(
			"daemon", "the new configuration has mistakes: the old one stays in force");
	} else {
		say_differences(daemon, config);
		apply(daemon, config);
	}
	tr_report_finish(&report);
	daemon->module->unload(config);
	tr_notify_ready(failed ? "running with the old configuration: the new one has mistakes"
			       : "running");
}

static void on_log_signals(struct daemon *daemon)
{
	tr_loop_on_signal(daemon->loop, SIGTERM, on_terminate, daemon);
	tr_loop_on_signal(daemon->loop, SIGINT, on_terminate, daemon);
	tr_loop_on_signal(daemon->loop, SIGHUP, on_reload, daemon);
}

/* After a burst the heap is full of holes: a third of what is resident. */
static void trim(void *arg)
{
	(void)arg;
	tr_alloc_trim();
}

/* What only the start needed. */
static void settle(void *arg)
{
	(void)arg;
	tr_alloc_trim();
	(void)tr_footprint_forget_start();
}

static void close_all(struct daemon *daemon)
{
	tr_timer_destroy(daemon->settle);
	tr_timer_destroy(daemon->trim);
	for (size_t i = 0; i < daemon->bridge_count; i++) {
		tr_bridge_destroy(daemon->bridges[i].bridge);
		tr_registration_finish(&daemon->bridges[i].registration);
	}
	tr_free(daemon->bridges);
	tr_status_server_destroy(daemon->status);
	tr_appservice_destroy(daemon->appservice);
	tr_seal_close(daemon->seal);
	tr_metrics_destroy(daemon->metrics);
	tr_loop_destroy(daemon->loop);
}

int tr_daemon_run(const struct tr_daemon_module *module, const char *file, void *config)
{
	struct daemon daemon = {
		.module = module, .file = file, .config = config, .exit_status = TR_EXIT_OK};
	tr_log_set_level(module->log_level(config));
	tr_log_set_format(module->common(config)->logging.format);
	daemon.loop = tr_loop_create();
	daemon.metrics = tr_metrics_create();
	tr_metrics_add_collector(daemon.metrics, collect_stall, &daemon);
	on_log_signals(&daemon);
	daemon.settle = tr_timer_create(daemon.loop, settle, NULL);
	if (open_shared(&daemon) != 0 || open_bridges(&daemon) != 0) {
		daemon.exit_status = TR_EXIT_FAILED;
	} else {
		daemon.trim = tr_timer_create(daemon.loop, trim, NULL);
		tr_timer_repeat(daemon.trim, TRIM_INTERVAL_MS);
		tr_loop_run(daemon.loop);
	}
	close_all(&daemon);
	tr_log_info("daemon", "%s ends", module->program);
	return daemon.exit_status;
}
