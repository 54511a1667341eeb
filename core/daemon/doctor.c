/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs the checks of --doctor in their order and prints what they find. What is looked at is in
 * doctor_ports.c, doctor_homeserver.c, doctor_names.c, doctor_store.c and in the module; here are
 * the registration files, the key file and the frame.
 */
#include "core/daemon/doctor_internal.h"

#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/daemon/options.h"
#include "core/store/seal.h"

#include <stdio.h>

/* Sentences hold text of peers, and a terminal obeys control characters. */
static void print_line(const char *mark, struct tr_str text)
{
	size_t index = 0;
	fputs(mark, stdout);
	while (index < text.len) {
		char bytes[4];
		uint32_t code_point = tr_utf8_next(text, &index);
		if (code_point < 0x20 || (code_point >= 0x7f && code_point < 0xa0)) {
			code_point = ' ';
		}
		fwrite(bytes, 1, tr_utf8_encode(code_point, bytes), stdout);
	}
	fputc('\n', stdout);
	fflush(stdout);
}

static void print_format(const char *mark, const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));

static void print_format(const char *mark, const char *format, va_list args)
{
	struct tr_buf text = TR_BUF_INIT(TR_DOCTOR_TEXT_MAX);
	tr_buf_addfv(&text, format, args);
	print_line(mark, tr_buf_str(&text));
	tr_buf_finish(&text);
}

void tr_doctor_good(struct tr_doctor *doctor, const char *format, ...)
{
	va_list args;
	(void)doctor;
	va_start(args, format);
	print_format("ok   ", format, args);
	va_end(args);
}

void tr_doctor_bad(struct tr_doctor *doctor, const char *format, ...)
{
	va_list args;
	doctor->bad++;
	va_start(args, format);
	print_format("BAD  ", format, args);
	va_end(args);
}

void tr_doctor_mend(struct tr_doctor *doctor, const char *format, ...)
{
	va_list args;
	(void)doctor;
	va_start(args, format);
	print_format("     mend: ", format, args);
	va_end(args);
}

/* The log would stand between the findings; its last word may say why something did not answer. */
static void keep_warning(enum tr_log_level level, const char *line, void *arg)
{
	struct tr_doctor *doctor = arg;
	if (level <= TR_LOG_WARN) {
		tr_free(doctor->last_warning);
		doctor->last_warning = tr_strdup(line);
	}
}

static void set_flag(void *arg)
{
	bool *flag = arg;
	*flag = true;
}

static bool wait_for(struct tr_doctor *doctor, const bool *done, uint64_t limit_ms)
{
	bool late = false;
	struct tr_timer *timer = tr_timer_create(doctor->loop, set_flag, &late);
	tr_timer_start(timer, limit_ms);
	while (!*done && !late) {
		tr_loop_turn(doctor->loop, true);
	}
	tr_timer_destroy(timer);
	return *done;
}

bool tr_doctor_wait(struct tr_doctor *doctor, const bool *done)
{
	return wait_for(doctor, done, TR_DOCTOR_LIMIT_MS);
}

static void say_mistakes(struct tr_doctor_bridge *bridge, const struct tr_report *report)
{
	struct tr_buf line = TR_BUF_INIT(TR_DOCTOR_TEXT_MAX);
	for (size_t i = 0; i < report->count; i++) {
		if (report->items[i].kind == TR_REPORT_MISTAKE) {
			tr_buf_clear(&line);
			tr_report_print(&line, &report->items[i]);
			tr_doctor_bad(bridge->doctor, "%s", tr_buf_c(&line));
		}
	}
	tr_buf_finish(&line);
	tr_doctor_mend(bridge->doctor,
		"%s --config %s --generate-registration %s writes one; then name it in the "
		"homeserver's app_service_config_files and restart the homeserver",
		bridge->doctor->module->program, bridge->doctor->file, bridge->path);
}

static void say_difference(void *arg, const char *sentence)
{
	struct tr_doctor_bridge *bridge = arg;
	tr_doctor_bad(bridge->doctor, "%s: %s", bridge->path, sentence);
	tr_doctor_mend(bridge->doctor,
		"%s --config %s --generate-registration %s (it keeps the tokens), then restart the "
		"homeserver and the daemon",
		bridge->doctor->module->program, bridge->doctor->file, bridge->path);
}

static void check_registration(struct tr_doctor_bridge *bridge)
{
	struct tr_doctor *doctor = bridge->doctor;
	struct tr_registration wanted = {0};
	struct tr_report report = {0};
	if (tr_registration_load(&bridge->registration, bridge->path, &report) != 0) {
		say_mistakes(bridge, &report);
	} else {
		bridge->loaded = true;
		doctor->module->registration(doctor->config, bridge->index, &wanted);
		if (tr_registration_compare(
			    &bridge->registration, &wanted, say_difference, bridge) == 0) {
			tr_doctor_good(
				doctor, "the registration %s fits the configuration", bridge->path);
		}
	}
	tr_registration_finish(&wanted);
	tr_report_finish(&report);
}

static void check_key_file(struct tr_doctor *doctor)
{
	struct tr_error error;
	if (doctor->common->key_file == NULL) {
		return;
	}
	struct tr_seal *seal = tr_seal_open(doctor->common->key_file, &error);
	if (seal != NULL) {
		tr_doctor_good(doctor, "key_file %s holds a key that seals passwords",
			doctor->common->key_file);
		tr_seal_close(seal);
		return;
	}
	tr_doctor_bad(doctor, "key_file cannot be used: %s", error.text);
	tr_doctor_mend(doctor,
		"name the key that was used so far; for a new bridge: openssl genpkey -algorithm "
		"RSA -pkeyopt rsa_keygen_bits:2048 -out %s",
		doctor->common->key_file);
}

static void module_says(void *arg, bool good, const char *what, const char *mend)
{
	struct tr_doctor *doctor = arg;
	if (good) {
		tr_doctor_good(doctor, "%s", what);
		return;
	}
	tr_doctor_bad(doctor, "%s", what);
	if (mend != NULL && mend[0] != '\0') {
		tr_doctor_mend(doctor, "%s", mend);
	}
}

struct module_visit {
	struct tr_doctor *doctor;
	bool done;
};

static void visit_says(void *arg, bool good, const char *what, const char *mend)
{
	const struct module_visit *visit = arg;
	module_says(visit->doctor, good, what, mend);
}

static void visit_done(void *arg)
{
	struct module_visit *visit = arg;
	visit->done = true;
}

/* The module keeps its own limits and always ends. */
static void check_module(struct tr_doctor_bridge *bridge)
{
	struct tr_doctor *doctor = bridge->doctor;
	struct module_visit visit = {doctor, false};
	if (doctor->module->doctor == NULL) {
		return;
	}
	doctor->module->doctor(
		doctor->config, bridge->index, doctor->loop, visit_says, visit_done, &visit);
	while (!visit.done) {
		tr_loop_turn(doctor->loop, true);
	}
}

static void open_bridge(struct tr_doctor_bridge *bridge)
{
	struct tr_doctor *doctor = bridge->doctor;
	doctor->module->describe(doctor->config, bridge->index, &bridge->options);
	bridge->path = doctor->module->registration_path(doctor->config, bridge->index);
	check_registration(bridge);
	if (!bridge->loaded) {
		return;
	}
	const struct tr_matrix_client_options options = {
		.homeserver_url = doctor->common->homeserver.url,
		.as_token = bridge->registration.as_token,
		.http = doctor->http,
		.timeout_ms = TR_DOCTOR_LIMIT_MS,
	};
	bridge->client = tr_matrix_client_create(doctor->loop, &options);
	bridge->bot_user_id = tr_asprintf(
		"@%s:%s", bridge->registration.sender_localpart, doctor->common->homeserver.domain);
}

static void close_bridge(struct tr_doctor_bridge *bridge)
{
	tr_matrix_client_destroy(bridge->client);
	tr_registration_finish(&bridge->registration);
	tr_free(bridge->bot_user_id);
}

static void check_all(struct tr_doctor *doctor, struct tr_doctor_bridge *bridges, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		bridges[i].doctor = doctor;
		bridges[i].index = i;
		open_bridge(&bridges[i]);
	}
	tr_doctor_check_listen(doctor, bridges, count);
	tr_doctor_check_metrics(doctor);
	tr_doctor_check_homeserver(doctor);
	for (size_t i = 0; i < count && doctor->homeserver_up; i++) {
		if (bridges[i].loaded) {
			tr_doctor_check_as_token(&bridges[i]);
			tr_doctor_check_ping(&bridges[i]);
			tr_doctor_check_names(&bridges[i]);
		}
	}
	tr_doctor_check_overlaps(doctor, bridges, count);
	tr_doctor_check_clock(doctor);
	for (size_t i = 0; i < count; i++) {
		tr_doctor_check_store(&bridges[i]);
	}
	check_key_file(doctor);
	for (size_t i = 0; i < count; i++) {
		check_module(&bridges[i]);
	}
}

int tr_doctor_run(const struct tr_daemon_module *module, const char *file, const void *config)
{
	struct tr_doctor doctor = {.module = module, .file = file, .config = config};
	size_t count = module->bridge_count(config);
	struct tr_doctor_bridge *bridges = tr_alloc_array(count, sizeof(*bridges));
	tr_log_set_sink(keep_warning, &doctor);
	doctor.common = module->common(config);
	doctor.loop = tr_loop_create();
	doctor.http = tr_http_client_create(doctor.loop, &(struct tr_http_client_options){0});
	tr_doctor_good(&doctor, "the configuration %s is good", file);
	check_all(&doctor, bridges, count);
	for (size_t i = 0; i < count; i++) {
		close_bridge(&bridges[i]);
	}
	tr_free(bridges);
	tr_appservice_destroy(doctor.appservice);
	tr_http_client_destroy(doctor.http);
	tr_loop_destroy(doctor.loop);
	tr_log_set_sink(NULL, NULL);
	tr_free(doctor.last_warning);
	if (doctor.bad == 0) {
		printf("all is well\n");
		return TR_EXIT_OK;
	}
	printf("%zu thing%s to mend\n", doctor.bad, doctor.bad == 1 ? "" : "s");
	return TR_EXIT_FAILED;
}
