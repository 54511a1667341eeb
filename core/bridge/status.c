/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the bridge is ready, in sentences for people, and its queues as figures. */
#include "core/base/clock.h"
#include "core/bridge/bridge_internal.h"
#include "core/io/metrics.h"

enum { AGE_INTERVAL_MS = 5000, SILENCE_S = 5 };

struct tr_status {
	struct tr_bridge *bridge;
	struct tr_timer *timer;
	bool asking; /* the store for the oldest rows */
	struct tr_metric *from_depth, *to_depth, *from_oldest, *to_oldest, *memberships, *up;
};

static const struct tr_db_statement oldest_from = {
	"SELECT COALESCE(MIN(received_ms), 0) FROM from_matrix WHERE state = 0"};
static const struct tr_db_statement oldest_to = {
	"SELECT COALESCE(MIN(received_ms), 0) FROM to_matrix WHERE state = 0"};

static const char *homeserver_step(enum tr_homeserver_step step)
{
	switch (step) {
	case TR_HOMESERVER_VERSIONS:
		return "the homeserver does not answer yet";
	case TR_HOMESERVER_WHOAMI:
		return "the homeserver does not know this bridge yet";
	case TR_HOMESERVER_PING:
		return "the homeserver cannot reach this bridge yet";
	case TR_HOMESERVER_READY:
		break;
	}
	return "the homeserver has not let the bot in yet";
}

static void add_sentence(struct tr_buf *why, const char *text)
{
	tr_buf_addf(why, "%s%s", why->len > 0 ? "\n" : "", text);
}

/* What makes messages late while all is well otherwise: it passes by itself. */
static void add_what_is_slow(const struct tr_bridge *bridge, struct tr_buf *why)
{
	uint64_t silent = tr_matrix_client_silent_ms(bridge->client) / 1000;
	uint64_t limited = (tr_matrix_client_limited_ms(bridge->client) + 999) / 1000;
	if (silent >= SILENCE_S) {
		add_sentence(why, "the homeserver has been silent for ");
		tr_buf_addf(why, "%llu s: what is said waits", (unsigned long long)silent);
	}
	if (limited > 0) {
		add_sentence(why, "the homeserver limits how much it takes and is left alone for ");
		tr_buf_addf(why, "%llu s: \"rate_limited: false\" in the registration lifts that",
			(unsigned long long)limited);
	}
}

static bool homeserver_is_ready(const struct tr_bridge *bridge, struct tr_buf *why)
{
	if (bridge->homeserver_ready) {
		add_what_is_slow(bridge, why);
		return true;
	}
	if (bridge->homeserver == NULL) {
		add_sentence(why, "the bridge is starting or has been stopped");
		return false;
	}
	const struct tr_error *error = tr_homeserver_error(bridge->homeserver);
	add_sentence(why, homeserver_step(tr_homeserver_step(bridge->homeserver)));
	if (error != NULL) {
		tr_buf_addf(why, " (%s)", error->text);
	}
	return false;
}

bool tr_bridge_ready(const struct tr_bridge *bridge, struct tr_buf *why)
{
	bool ready = bridge->state == TR_BRIDGE_RUNNING;
	if (bridge->db != NULL && !tr_db_healthy(bridge->db)) {
		add_sentence(why, "the store cannot be used now");
		ready = false;
	}
	ready = homeserver_is_ready(bridge, why) && ready;
	if (bridge->module != NULL && bridge->options.protocol->status != NULL) {
		struct tr_buf sentence = TR_BUF_INIT(1024);
		ready = bridge->options.protocol->status(bridge->module, &sentence) && ready;
		if (sentence.len > 0) {
			add_sentence(why, tr_buf_c(&sentence));
		}
		tr_buf_finish(&sentence);
	}
	return ready;
}

static double age(int64_t received_ms)
{
	int64_t ms = received_ms ? tr_clock_wall_ms() - received_ms : 0;
	return ms > 0 ? (double)ms / 1000 : 0;
}

static void aged(void *arg, const struct tr_db_result *result, const struct tr_error *error)
{
	struct tr_status *status = arg;
	status->asking = false;
	if (error == NULL) {
		tr_metric_set(status->from_oldest, age(tr_db_int(result, 0, 0, 0)));
		tr_metric_set(status->to_oldest, age(tr_db_int(result, 1, 0, 0)));
	}
}

static void look_at_age(void *arg)
{
	struct tr_status *status = arg;
	struct tr_bridge *bridge = status->bridge;
	if (status->asking || bridge->state != TR_BRIDGE_RUNNING) {
		return;
	}
	if (tr_from_matrix_depth(bridge->from_matrix) + tr_to_matrix_depth(bridge->to_matrix) ==
		0) {
		tr_metric_set(status->from_oldest, 0);
		tr_metric_set(status->to_oldest, 0);
		return;
	}
	status->asking = true;
	struct tr_db_batch *batch = tr_db_batch_create(bridge->db);
	tr_db_batch_add(batch, &oldest_from, NULL, 0);
	tr_db_batch_add(batch, &oldest_to, NULL, 0);
	tr_db_submit_take(batch, aged, status);
}

static void collect(struct tr_metrics *metrics, void *arg)
{
	const struct tr_status *status = arg;
	const struct tr_bridge *bridge = status->bridge;
	(void)metrics;
	tr_metric_set(status->from_depth, (double)tr_from_matrix_depth(bridge->from_matrix));
	tr_metric_set(status->to_depth, (double)tr_to_matrix_depth(bridge->to_matrix));
	tr_metric_set(status->memberships, (double)tr_membership_depth(bridge->membership));
	tr_metric_set(status->up, bridge->homeserver_ready ? 1 : 0);
}

static struct tr_metric *gauge(
	const struct tr_bridge *bridge, const char *name, const char *direction, const char *help)
{
	struct tr_buf labels = TR_BUF_INIT(1024);
	if (direction != NULL) {
		tr_metrics_label(&labels, "direction", tr_str_from(direction));
	}
	tr_metrics_label(&labels, "bridge", tr_str_from(bridge->options.name));
	struct tr_metric *metric = tr_metrics_get(
		bridge->options.metrics, TR_METRIC_GAUGE, name, tr_buf_c(&labels), help);
	tr_buf_finish(&labels);
	return metric;
}

struct tr_status *tr_status_create(struct tr_bridge *bridge)
{
	struct tr_status *status = tr_alloc(sizeof(*status));
	const char *depth = "trestle_queue_depth";
	const char *depth_help = "Messages accepted and neither delivered nor dead";
	const char *oldest = "trestle_queue_oldest_seconds";
	const char *oldest_help = "Age of the oldest of them";
	status->bridge = bridge;
	status->from_depth = gauge(bridge, depth, "from_matrix", depth_help);
	status->to_depth = gauge(bridge, depth, "to_matrix", depth_help);
	status->from_oldest = gauge(bridge, oldest, "from_matrix", oldest_help);
	status->to_oldest = gauge(bridge, oldest, "to_matrix", oldest_help);
	status->memberships = gauge(bridge, "trestle_membership_queue_depth", NULL,
		"Joins and leaves of remote people that wait");
	status->up = gauge(
		bridge, "trestle_homeserver_ready", NULL, "Whether the homeserver was reached");
	status->timer = tr_timer_create(bridge->loop, look_at_age, status);
	tr_timer_repeat(status->timer, AGE_INTERVAL_MS);
	tr_metrics_add_collector(bridge->options.metrics, collect, status);
	return status;
}

void tr_status_destroy(struct tr_status *status)
{
	if (status == NULL) {
		return;
	}
	tr_metrics_remove_collector(status->bridge->options.metrics, collect, status);
	tr_timer_destroy(status->timer);
	tr_free(status);
}
