/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The three questions to the homeserver at start, asked again with backoff until each has its
 * answer. One call or one timer is under way at any time. What the bridge does once the homeserver
 * is there is left to the callback.
 */
#include "core/matrix/homeserver.h"

#include "core/base/alloc.h"
#include "core/base/digest.h"
#include "core/base/log.h"

#include <inttypes.h>
#include <string.h>

enum { RETRY_FIRST_MS = 500, RETRY_MAX_MS = 30000, VERSIONS_MAX = 64 };

struct tr_homeserver {
	struct tr_matrix_client *client;
	char *bot_user_id;
	char *appservice_id;
	uint64_t retry_first_ms;
	uint64_t retry_max_ms;
	tr_homeserver_callback *on_ready;
	void *arg;
	enum tr_homeserver_step step;
	struct tr_timer *timer;
	struct tr_matrix_call *call; /* under way */
	unsigned attempt;
	bool obstructed;
	struct tr_error error;
	char *versions[VERSIONS_MAX];
	size_t version_count;
};

static void ask(struct tr_homeserver *homeserver);

static void on_timer(void *arg)
{
	ask(arg);
}

/* Remembers what is in the way and says so, but the same thing only once. */
static void obstruct(
	struct tr_homeserver *homeserver, const struct tr_error *error, const char *advice)
{
	bool known = homeserver->obstructed && strcmp(homeserver->error.text, error->text) == 0;

	homeserver->obstructed = true;
	homeserver->error = *error;
	if (!known) {
		tr_log_warn("matrix", "waiting for the homeserver: %s; %s", error->text, advice);
	}
}

static void retry(struct tr_homeserver *homeserver, const struct tr_error *error)
{
	uint64_t delay = tr_backoff_ms(
		homeserver->attempt++, homeserver->retry_first_ms, homeserver->retry_max_ms);

	if (error->cls == TR_CLASS_RETRY_AFTER && delay < error->retry_after_ms) {
		delay = error->retry_after_ms;
	}
	tr_timer_start(homeserver->timer, delay);
}

/* On to the next question, or ready. */
static void advance(struct tr_homeserver *homeserver)
{
	homeserver->step++;
	homeserver->attempt = 0;
	homeserver->obstructed = false;
	if (homeserver->step != TR_HOMESERVER_READY) {
		ask(homeserver);
		return;
	}
	tr_log_info(
		"matrix", "the homeserver is there and knows us as %s", homeserver->bot_user_id);
	homeserver->on_ready(homeserver->arg, homeserver);
}

static void forget_versions(struct tr_homeserver *homeserver)
{
	while (homeserver->version_count > 0) {
		tr_free(homeserver->versions[--homeserver->version_count]);
	}
}

static void on_versions(void *arg, const struct tr_json *response, const struct tr_error *error)
{
	struct tr_homeserver *homeserver = arg;
	const struct tr_json *versions = tr_json_get(response, "versions");
	const struct tr_json *version;
	struct tr_error wrong;

	homeserver->call = NULL;
	if (!error && (!versions || tr_json_type(versions) != TR_JSON_ARRAY)) {
		(void)tr_error_set(&wrong, TR_E_PROTOCOL, "versions: no homeserver answers there");
		error = &wrong;
	}
	if (error) {
		obstruct(homeserver, error, "check homeserver.url and whether it runs");
		retry(homeserver, error);
		return;
	}
	forget_versions(homeserver);
	for (version = tr_json_first(versions); version && homeserver->version_count < VERSIONS_MAX;
		version = tr_json_next(version)) {
		homeserver->versions[homeserver->version_count++] =
			tr_str_dup(tr_json_str(version));
	}
	advance(homeserver);
}

static void on_whoami(void *arg, const struct tr_json *response, const struct tr_error *error)
{
	struct tr_homeserver *homeserver = arg;
	struct tr_str user_id = tr_json_get_str(response, "user_id");
	struct tr_error wrong;
	const char *advice = "trying again";

	homeserver->call = NULL;
	if (!error && !tr_str_eq_c(user_id, homeserver->bot_user_id)) {
		(void)tr_error_set(&wrong, TR_E_CONFIG,
			"whoami: it takes us for %.*s and not for %s", TR_STR_ARG(user_id),
			homeserver->bot_user_id);
		error = &wrong;
		advice = "check homeserver.domain and the sender_localpart of the registration";
	} else if (error && error->code == TR_E_AUTH) {
		advice = "add our registration file to its configuration and restart it "
			 "(Synapse: app_service_config_files)";
	}
	if (error) {
		obstruct(homeserver, error, advice);
		retry(homeserver, error);
		return;
	}
	advance(homeserver);
}

/* Whether the ping says nothing about us being reachable. */
static bool ping_is_moot(const struct tr_json *response, const struct tr_error *error)
{
	if (tr_str_eq_c(tr_json_get_str(response, "errcode"), "M_URL_NOT_SET")) {
		tr_log_warn("matrix", "the registration at the homeserver has no url: it will not "
				      "send us anything");
		return true;
	}
	return error->code == TR_E_UNSUPPORTED; /* before Matrix 1.7 */
}

static void on_ping(void *arg, const struct tr_json *response, const struct tr_error *error)
{
	struct tr_homeserver *homeserver = arg;
	int64_t duration = 0;

	homeserver->call = NULL;
	if (error && !ping_is_moot(response, error)) {
		obstruct(homeserver, error,
			"it must reach us under the url of the registration: check appservice.url, "
			"appservice.listen and the hs_token at both ends");
		retry(homeserver, error);
		return;
	}
	if (!error && tr_json_get_int(response, "duration_ms", &duration)) {
		tr_log_debug("matrix", "the homeserver reached us in %" PRId64 " ms", duration);
	}
	homeserver->attempt = 0;
	homeserver->obstructed = false;
	if (homeserver->step == TR_HOMESERVER_PING) {
		advance(homeserver);
	}
}

static void start_ping(struct tr_homeserver *homeserver)
{
	char *txn_id = tr_random_token(8);

	homeserver->call = tr_matrix_appservice_ping(
		homeserver->client, homeserver->appservice_id, txn_id, on_ping, homeserver);
	tr_free(txn_id);
}

static void ask(struct tr_homeserver *homeserver)
{
	TR_ASSERT(!homeserver->call);
	switch (homeserver->step) {
	case TR_HOMESERVER_VERSIONS:
		homeserver->call = tr_matrix_versions(homeserver->client, on_versions, homeserver);
		break;
	case TR_HOMESERVER_WHOAMI:
		homeserver->call =
			tr_matrix_whoami(homeserver->client, NULL, on_whoami, homeserver);
		break;
	case TR_HOMESERVER_PING:
	case TR_HOMESERVER_READY: /* pinged again */
		start_ping(homeserver);
		break;
	}
}

struct tr_homeserver *tr_homeserver_create(struct tr_loop *loop, struct tr_matrix_client *client,
	const struct tr_homeserver_options *options, tr_homeserver_callback *on_ready, void *arg)
{
	struct tr_homeserver *homeserver = tr_alloc(sizeof(*homeserver));

	homeserver->client = client;
	homeserver->bot_user_id = tr_strdup(options->bot_user_id);
	homeserver->appservice_id = tr_strdup(options->appservice_id);
	homeserver->retry_first_ms =
		options->retry_first_ms ? options->retry_first_ms : RETRY_FIRST_MS;
	homeserver->retry_max_ms = options->retry_max_ms ? options->retry_max_ms : RETRY_MAX_MS;
	homeserver->on_ready = on_ready;
	homeserver->arg = arg;
	homeserver->timer = tr_timer_create(loop, on_timer, homeserver);
	ask(homeserver);
	return homeserver;
}

void tr_homeserver_destroy(struct tr_homeserver *homeserver)
{
	if (!homeserver) {
		return;
	}
	if (homeserver->call) {
		tr_matrix_call_cancel(homeserver->call);
	}
	tr_timer_destroy(homeserver->timer);
	forget_versions(homeserver);
	tr_free(homeserver->bot_user_id);
	tr_free(homeserver->appservice_id);
	tr_free(homeserver);
}

enum tr_homeserver_step tr_homeserver_step(const struct tr_homeserver *homeserver)
{
	return homeserver->step;
}

const struct tr_error *tr_homeserver_error(const struct tr_homeserver *homeserver)
{
	return homeserver->obstructed ? &homeserver->error : NULL;
}

bool tr_homeserver_has_version(const struct tr_homeserver *homeserver, const char *version)
{
	size_t i;

	for (i = 0; i < homeserver->version_count; i++) {
		if (strcmp(homeserver->versions[i], version) == 0) {
			return true;
		}
	}
	return false;
}

void tr_homeserver_ping(struct tr_homeserver *homeserver)
{
	if (homeserver->step == TR_HOMESERVER_READY && !homeserver->call &&
		!tr_timer_active(homeserver->timer)) {
		start_ping(homeserver);
	}
}
