/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a bridge but for its start (start.c): made, drained, ended. What its parts do is in
 * their own files (see bridge_internal.h).
 */
#include "core/bridge/bridge_internal.h"

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/bridge/departed.h"
#include "core/bridge/recall.h"
#include "core/bridge/unbridged.h"
#include "core/bridge/withhold.h"
#include "core/matrix/mxid.h"

#include <string.h>

enum { STOP_POLL_MS = 10 };

/* The texts of the options, so that they can be copied and freed alike. */
static const char **option_texts(struct tr_bridge_options *options, size_t index)
{
	const char **const texts[] = {&options->name, &options->homeserver_url, &options->domain,
		&options->as_token, &options->hs_token, &options->appservice_id,
		&options->bot_localpart, &options->bot_display_name, &options->database,
		&options->media_url, &options->user_template, &options->ghost_name_template,
		&options->server, &options->network_id, &options->icon, &options->alias_template,
		&options->room_version};
	return index < TR_ARRAY_LEN(texts) ? texts[index] : NULL;
}

static void options_copy(struct tr_bridge_options *out, const struct tr_bridge_options *options)
{
	*out = *options;
	const char **text;
	for (size_t i = 0; (text = option_texts(out, i)) != NULL; i++) {
		*text = tr_strdup(*text);
	}
	const char **admins = tr_alloc_array(options->admin_count, sizeof(*admins));
	for (size_t i = 0; i < options->admin_count; i++) {
		admins[i] = tr_strdup(options->admins[i]);
	}
	out->admins = admins;
}

static void options_finish(struct tr_bridge_options *options)
{
	const char **text;
	for (size_t i = 0; (text = option_texts(options, i)) != NULL; i++) {
		tr_free_secret((char *)(uintptr_t)*text);
	}
	for (size_t i = 0; i < options->admin_count; i++) {
		tr_free((char *)(uintptr_t)options->admins[i]);
	}
	tr_free((void *)(uintptr_t)options->admins);
}

enum { VALUES_MAX = 6 };

struct write {
	const struct tr_db_statement *statement;
	struct tr_db_value values[VALUES_MAX];
	size_t count;
	tr_loop_callback *settled;
	void *arg;
};

static void write_run(void *mark, struct tr_db_batch *batch)
{
	struct write *write = mark;
	tr_db_batch_add(batch, write->statement, write->values, write->count);
}

static void write_settled(void *mark, bool durable)
{
	struct write *write = mark;
	if (durable && write->settled != NULL) {
		write->settled(write->arg);
	}
	for (size_t i = 0; i < write->count; i++) {
		tr_free((char *)(uintptr_t)write->values[i].bytes.ptr);
	}
	tr_free(write);
}

void tr_bridge_write(struct tr_bridge *bridge, const struct tr_db_statement *statement,
	const struct tr_db_value *values, size_t count, tr_loop_callback *settled, void *arg)
{
	TR_ASSERT(count <= VALUES_MAX);
	struct write *write = tr_alloc(sizeof(*write));
	write->statement = statement;
	write->count = count;
	write->settled = settled;
	write->arg = arg;
	for (size_t i = 0; i < count; i++) {
		write->values[i] = values[i];
		if (values[i].type == TR_DB_TEXT) {
			write->values[i].bytes =
				tr_str_of(tr_str_dup(values[i].bytes), values[i].bytes.len);
		}
	}
	tr_marks_add(bridge->marks, write_run, write_settled, write);
}

static void turn_over(void *arg)
{
	struct tr_bridge *bridge = arg;
	bridge->turn_used = false;
	tr_arena_finish(&bridge->turn);
}

struct tr_arena *tr_bridge_turn(struct tr_bridge *bridge)
{
	if (!bridge->turn_used) {
		bridge->turn_used = true;
		tr_loop_defer(bridge->loop, turn_over, bridge);
	}
	return &bridge->turn;
}

struct tr_bridge *tr_bridge_create(const struct tr_bridge_options *options, struct tr_error *error)
{
	if (options->protocol->abi != TR_PROTOCOL_ABI) {
		tr_error_set(error, TR_E_UNSUPPORTED,
			"%s: the protocol module is of version %u, not %d", options->name,
			options->protocol->abi, TR_PROTOCOL_ABI);
		return NULL;
	}
	struct tr_bridge *bridge = tr_alloc(sizeof(*bridge));
	options_copy(&bridge->options, options);
	bridge->loop = options->loop;
	bridge->bot_user_id = tr_asprintf("@%s:%s", options->bot_localpart, options->domain);
	if (!tr_user_id_parse(tr_str_from(bridge->bot_user_id), NULL)) {
		tr_error_set(error, TR_E_CONFIG, "%s: %s is not a Matrix user id", options->name,
			bridge->bot_user_id);
		options_finish(&bridge->options);
		tr_free(bridge->bot_user_id);
		tr_free(bridge);
		return NULL;
	}
	tr_list_init(&bridge->creations);
	tr_list_init(&bridge->withheld);
	tr_list_init(&bridge->deliveries);
	tr_list_init(&bridge->commands);
	tr_list_init(&bridge->invitations);
	tr_list_init(&bridge->farewells);
	tr_list_init(&bridge->sibling_copies);
	tr_list_init(&bridge->checks);
	tr_list_init(&bridge->replies);
	tr_list_init(&bridge->transactions);
	tr_list_init(&bridge->copies);
	tr_list_init(&bridge->transfers);
	bridge->recall = tr_recall_create(
		options->recall_max ? options->recall_max : (size_t)TR_BRIDGE_RECALL_MAX);
	return bridge;
}

void tr_bridge_call_back(void *arg)
{
	struct tr_bridge *bridge = arg;
	tr_bridge_callback *callback = bridge->callback;
	bridge->callback = NULL;
	if (callback != NULL) {
		callback(bridge->callback_arg,
			bridge->start_error.code != TR_E_OK ? &bridge->start_error : NULL);
	}
}

/* Everything that a callback of the homeserver could still reach is freed after the client. */
static void requests_finish(struct tr_bridge *bridge)
{
	tr_homeserver_destroy(bridge->homeserver);
	tr_matrix_client_destroy(bridge->client);
	tr_intents_finish(bridge);
	tr_hints_finish(bridge);
	tr_powers_finish(bridge);
	tr_mirrors_finish(bridge);
	tr_power_locks_finish(bridge);
	tr_creations_finish(bridge);
	tr_room_intents_finish(bridge);
	tr_openings_finish(bridge);
	tr_entries_finish(bridge);
	tr_invitations_finish(bridge);
	tr_directs_finish(bridge);
	tr_moves_finish(bridge);
	tr_transfers_finish(bridge);
	tr_membership_queue_destroy(bridge->membership);
	tr_withholds_finish(bridge);
	tr_departed_finish(bridge);
}

static void queues_finish(struct tr_bridge *bridge)
{
	tr_commands_finish(bridge);
	tr_queries_finish(bridge);
	tr_transactions_finish(bridge);
	struct tr_list *node;
	while ((node = tr_list_head(&bridge->deliveries)) != NULL) {
		tr_delivery_free(TR_LIST_ENTRY(node, struct tr_delivery, node));
	}
	tr_delivery_free(bridge->looked_ahead);
	bridge->looked_ahead = NULL;
	tr_from_matrix_destroy(bridge->from_matrix);
	tr_to_matrix_destroy(bridge->to_matrix);
	tr_marks_destroy(bridge->marks);
	tr_journal_destroy(bridge->journal);
	tr_db_close(bridge->db);
	tr_remote_finish(bridge);
	tr_siblings_finish(bridge);
}

void tr_bridge_destroy(struct tr_bridge *bridge)
{
	if (bridge == NULL) {
		return;
	}
	if (bridge->registration != NULL) {
		tr_appservice_set_ready(bridge->registration, false);
	}
	bridge->state = TR_BRIDGE_STOPPED;
	tr_loop_defer_cancel(bridge->loop, tr_bridge_call_back, bridge);
	tr_loop_defer_cancel(bridge->loop, turn_over, bridge);
	tr_timer_destroy(bridge->stop_poll);
	tr_timer_destroy(bridge->bot_retry);
	if (bridge->db != NULL) {
		tr_db_drain(bridge->db); /* its answers come while those they are for are there */
	}
	if (bridge->module != NULL) {
		bridge->options.protocol->destroy(bridge->module);
		/* From here on nobody is there to hear an answer. */
		TR_ASSERT(tr_db_pending(bridge->db) == 0);
	}
	tr_timer_destroy(bridge->flush_ping);
	tr_timer_destroy(bridge->hold);
	tr_status_destroy(bridge->status);
	tr_undelivered_destroy(bridge->undelivered);
	requests_finish(bridge);
	queues_finish(bridge);
	tr_management_finish(bridge);
	tr_unbridged_finish(bridge);
	tr_portals_finish(bridge);
	tr_recall_destroy(bridge->recall);
	tr_members_finish(&bridge->members);
	tr_activity_finish(&bridge->activity);
	tr_ghosts_finish(&bridge->ghosts);
	tr_arena_finish(&bridge->turn);
	options_finish(&bridge->options);
	tr_free(bridge->bot_user_id);
	tr_free(bridge);
}

static bool drained(const struct tr_bridge *bridge)
{
	return bridge->module_stopped && tr_from_matrix_in_flight(bridge->from_matrix) == 0 &&
	       tr_to_matrix_in_flight(bridge->to_matrix) == 0 &&
	       tr_to_matrix_unstored(bridge->to_matrix) == 0 &&
	       tr_marks_pending(bridge->marks) == 0 && tr_journal_pending(bridge->journal) == 0 &&
	       tr_db_pending(bridge->db) == 0;
}

static void stop_look(void *arg)
{
	struct tr_bridge *bridge = arg;
	bool late = tr_clock_mono_ms() >= bridge->stop_until_ms;
	if (!late && !drained(bridge)) {
		return;
	}
	if (late) {
		tr_log_warn("bridge",
			"%s: stopped with %zu deliveries unconfirmed; they go on at the next start",
			bridge->options.name,
			tr_from_matrix_in_flight(bridge->from_matrix) +
				tr_to_matrix_in_flight(bridge->to_matrix));
	}
	tr_timer_stop(bridge->stop_poll);
	bridge->state = TR_BRIDGE_STOPPED;
	tr_bridge_call_back(bridge);
}

static void module_stopped(void *arg)
{
	struct tr_bridge *bridge = arg;
	tr_activity_flush(bridge);
	bridge->module_stopped = true;
}

void tr_bridge_stop(
	struct tr_bridge *bridge, uint64_t timeout_ms, tr_bridge_callback *callback, void *arg)
{
	bool running = bridge->state == TR_BRIDGE_RUNNING;
	bridge->callback = callback;
	bridge->callback_arg = arg;
	if (!running) {
		bridge->start_error.code = TR_E_OK;
		bridge->state = TR_BRIDGE_STOPPED;
		tr_loop_defer(bridge->loop, tr_bridge_call_back, bridge);
		return;
	}
	bridge->state = TR_BRIDGE_STOPPING;
	tr_appservice_set_ready(bridge->registration, false);
	tr_from_matrix_pause(bridge->from_matrix, true);
	tr_to_matrix_pause(bridge->to_matrix, true);
	tr_membership_pause(bridge->membership, true);
	bridge->stop_until_ms = tr_clock_mono_ms() + timeout_ms;
	bridge->stop_poll = tr_timer_create(bridge->loop, stop_look, bridge);
	tr_timer_repeat(bridge->stop_poll, STOP_POLL_MS);
	/* What the module leaves of the time is for writing down what it has confirmed. */
	bridge->options.protocol->stop(
		bridge->module, timeout_ms - timeout_ms / 5, module_stopped, bridge);
}

struct tr_loop *tr_bridge_loop(struct tr_bridge *bridge)
{
	return bridge->loop;
}

struct tr_db *tr_bridge_db(struct tr_bridge *bridge)
{
	return bridge->db;
}

struct tr_journal *tr_bridge_journal(struct tr_bridge *bridge)
{
	return bridge->journal;
}

struct tr_metrics *tr_bridge_metrics(struct tr_bridge *bridge)
{
	return bridge->options.metrics;
}

struct tr_matrix_client *tr_bridge_client(struct tr_bridge *bridge)
{
	return bridge->client;
}

struct tr_seal *tr_bridge_seal(struct tr_bridge *bridge)
{
	return bridge->options.seal;
}

const char *tr_bridge_domain(const struct tr_bridge *bridge)
{
	return bridge->options.domain;
}

const char *tr_bridge_bot_user_id(const struct tr_bridge *bridge)
{
	return bridge->bot_user_id;
}

const char *tr_bridge_name(const struct tr_bridge *bridge)
{
	return bridge->options.name;
}

void tr_bridge_wake(struct tr_bridge *bridge)
{
	tr_from_matrix_wake(bridge->from_matrix);
}

void tr_bridge_set_max_age(struct tr_bridge *bridge, uint64_t max_age_ms)
{
	bridge->options.max_age_ms = max_age_ms;
	if (bridge->from_matrix != NULL) {
		tr_from_matrix_set_max_age(bridge->from_matrix, max_age_ms);
	}
}
