/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The start of a bridge, step by step: open and migrate the store, load what is remembered, resume
 * the queues, start the module, take transactions, then wait for the homeserver and open the gates
 * to it. What a stop in the middle leaves is bridge.c's to end.
 */
#include "core/base/log.h"
#include "core/bridge/bridge_internal.h"
#include "core/bridge/schema.h"
#include "core/delivery/schema.h"

enum { BOT_RETRY_FIRST_MS = 1000, BOT_RETRY_MAX_MS = 60000 };

static const struct tr_db_statement select_ghosts = {
	"SELECT remote_id, mxid, name, registered FROM ghost"};
static const struct tr_db_statement select_portals = {
	"SELECT remote_id, receiver, name, kind, lane FROM portal"};
static const struct tr_db_statement select_rooms = {
	"SELECT room_id, remote_id, receiver FROM portal_room ORDER BY added_ms, room_id"};
static const struct tr_db_statement select_management = {
	"SELECT user_id, room_id FROM management_room"};
static const struct tr_db_statement select_lanes = {"SELECT lane, leads_to FROM chat_lane"};
static const struct tr_db_statement select_leavers = {
	"SELECT room_id, mxid, name FROM chat_leaver ORDER BY room_id, place"};
static const struct tr_db_statement select_intents = {"SELECT purpose FROM room_intent"};
static const struct tr_db_statement select_said = {"SELECT room_id, said FROM room_state"};
static const struct tr_db_statement select_mirrors = {
	"SELECT room_id, levels, door, listed FROM room_mirror"};
static const struct tr_db_statement select_active = {
	"SELECT user_id, active_ms FROM user_activity"};

static void start_ended(struct tr_bridge *bridge, const struct tr_error *error)
{
	if (error != NULL) {
		bridge->start_error = *error;
		tr_error_prefix(&bridge->start_error, "%s", bridge->options.name);
		bridge->state = TR_BRIDGE_STOPPED;
	}
	tr_loop_defer(bridge->loop, tr_bridge_call_back, bridge);
}

/* The bot is there: messages may go to Matrix, and the bot into its rooms. */
static void open_gates(struct tr_bridge *bridge)
{
	tr_log_info("bridge", "%s: the homeserver is ready", bridge->options.name);
	bridge->homeserver_ready = true;
	if (bridge->state == TR_BRIDGE_RUNNING) {
		tr_entries_start(bridge);
		tr_moves_start(bridge);
		tr_mirrors_pump(bridge);
		tr_membership_pause(bridge->membership, false);
		tr_to_matrix_pause(bridge->to_matrix, false);
	}
}

static void bot_named(void *arg, const struct tr_json *response, const struct tr_error *error)
{
	struct tr_bridge *bridge = arg;
	(void)response;
	if (error != NULL) {
		tr_log_warn("bridge", "%s: the bot cannot be named: %s", bridge->options.name,
			error->text);
	}
	open_gates(bridge);
}

static void bot_registered(void *arg, const struct tr_json *response, const struct tr_error *error)
{
	struct tr_bridge *bridge = arg;
	(void)response;
	if (error != NULL && (error->cls == TR_CLASS_RETRY || error->cls == TR_CLASS_RETRY_AFTER)) {
		tr_timer_start(bridge->bot_retry, tr_backoff_ms(bridge->bot_attempts++,
							  BOT_RETRY_FIRST_MS, BOT_RETRY_MAX_MS));
		return;
	}
	if (error != NULL) {
		tr_log_warn("bridge", "%s: the bot cannot be registered: %s", bridge->options.name,
			error->text);
	}
	const char *name = bridge->options.bot_display_name ? bridge->options.bot_display_name
							    : bridge->options.name;
	tr_matrix_set_displayname(bridge->client, bridge->bot_user_id, name, bot_named, bridge);
}

static void bot_register(void *arg)
{
	struct tr_bridge *bridge = arg;
	tr_matrix_register(bridge->client, bridge->options.bot_localpart, bot_registered, bridge);
}

static void homeserver_ready(void *arg, struct tr_homeserver *homeserver)
{
	(void)homeserver;
	bot_register(arg);
}

/* A step that has been begun ends here, and the next begins. */
static void step_ended(void *arg, const struct tr_error *error);

static void migrate_delivery(struct tr_bridge *bridge)
{
	tr_migrate(bridge->db, "delivery", tr_delivery_migrations, tr_delivery_migration_count,
		step_ended, bridge);
}

static void migrate_bridge(struct tr_bridge *bridge)
{
	tr_migrate(bridge->db, "bridge", tr_bridge_migrations, tr_bridge_migration_count,
		step_ended, bridge);
}

static void migrate_module(struct tr_bridge *bridge)
{
	const struct tr_protocol *protocol = bridge->options.protocol;
	if (protocol->migration_count == 0) {
		step_ended(bridge, NULL);
		return;
	}
	tr_migrate(bridge->db, protocol->id, protocol->migrations, protocol->migration_count,
		step_ended, bridge);
}

static void loaded(void *arg, const struct tr_db_result *result, const struct tr_error *error)
{
	struct tr_bridge *bridge = arg;
	if (error == NULL) {
		tr_ghosts_load(&bridge->ghosts, result, 0);
		tr_entries_load(bridge, result, 4);
		tr_portals_load(bridge, result, 1, 2, 7);
		tr_management_load(bridge, result, 3);
		tr_activity_load(bridge, result, 5);
		tr_room_intents_load(bridge, result, 6);
		tr_moves_load(bridge, result, 8);
		tr_mirrors_load(bridge, result, 9);
	}
	step_ended(bridge, error);
}

static void load(struct tr_bridge *bridge)
{
	struct tr_db_batch *batch = tr_db_batch_create(bridge->db);
	tr_db_batch_add(batch, &select_ghosts, NULL, 0);
	tr_db_batch_add(batch, &select_portals, NULL, 0);
	tr_db_batch_add(batch, &select_rooms, NULL, 0);
	tr_db_batch_add(batch, &select_management, NULL, 0);
	tr_db_batch_add(batch, &select_said, NULL, 0);
	tr_db_batch_add(batch, &select_active, NULL, 0);
	tr_db_batch_add(batch, &select_intents, NULL, 0);
	tr_db_batch_add(batch, &select_lanes, NULL, 0);
	tr_db_batch_add(batch, &select_leavers, NULL, 0);
	tr_db_batch_add(batch, &select_mirrors, NULL, 0);
	tr_db_submit_take(batch, loaded, bridge);
}

static void resume_from_matrix(struct tr_bridge *bridge)
{
	tr_from_matrix_resume(bridge->from_matrix, step_ended, bridge);
}

static void resume_to_matrix(struct tr_bridge *bridge)
{
	tr_to_matrix_resume(bridge->to_matrix, step_ended, bridge);
}

static void start_module(struct tr_bridge *bridge)
{
	bridge->module = bridge->options.protocol->create(bridge, bridge->options.protocol_config);
	bridge->options.protocol->start(bridge->module, step_ended, bridge);
}

static void run(struct tr_bridge *bridge)
{
	bridge->state = TR_BRIDGE_RUNNING;
	tr_from_matrix_pause(bridge->from_matrix, false);
	tr_appservice_set_ready(bridge->registration, true);
	const struct tr_homeserver_options options = {
		.bot_user_id = bridge->bot_user_id,
		.appservice_id = bridge->options.appservice_id,
	};
	bridge->homeserver = tr_homeserver_create(
		bridge->loop, bridge->client, &options, homeserver_ready, bridge);
	start_ended(bridge, NULL);
}

static void (*const steps[])(struct tr_bridge *bridge) = {
	migrate_delivery,
	migrate_bridge,
	migrate_module,
	load,
	resume_from_matrix,
	resume_to_matrix,
	start_module,
	run,
};

static void step_ended(void *arg, const struct tr_error *error)
{
	struct tr_bridge *bridge = arg;
	if (bridge->state != TR_BRIDGE_STARTING) {
		return; /* stopped meanwhile */
	}
	if (error != NULL) {
		start_ended(bridge, error);
		return;
	}
	steps[bridge->start_step++](bridge);
}

static void create_queues(struct tr_bridge *bridge)
{
	bridge->journal = tr_journal_create(bridge->loop, bridge->db);
	bridge->marks = tr_marks_create(bridge->loop, bridge->journal, 0);
	const struct tr_from_matrix_options from = {
		.loop = bridge->loop,
		.db = bridge->db,
		.journal = bridge->journal,
		.metrics = bridge->options.metrics,
		.max_age_ms = bridge->options.max_age_ms,
	};
	bridge->from_matrix = tr_from_matrix_create(&from, &tr_bridge_from_matrix, bridge);
	const struct tr_to_matrix_options to = {
		.loop = bridge->loop,
		.db = bridge->db,
		.journal = bridge->journal,
		.client = bridge->client,
		.metrics = bridge->options.metrics,
	};
	bridge->to_matrix = tr_to_matrix_create(&to, &tr_bridge_to_matrix, bridge);
}

void tr_bridge_start(struct tr_bridge *bridge, tr_bridge_callback *callback, void *arg)
{
	TR_ASSERT(bridge->state == TR_BRIDGE_NEW);
	bridge->state = TR_BRIDGE_STARTING;
	bridge->callback = callback;
	bridge->callback_arg = arg;
	struct tr_error error;
	const struct tr_db_options db = {
		.url = bridge->options.database, .metrics = bridge->options.metrics};
	bridge->db = tr_db_open(bridge->loop, &db, &error);
	if (bridge->db == NULL) {
		start_ended(bridge, &error);
		return;
	}
	const struct tr_matrix_client_options client = {
		.homeserver_url = bridge->options.homeserver_url,
		.as_token = bridge->options.as_token,
		.http = bridge->options.http,
		.metrics = bridge->options.metrics,
	};
	bridge->client = tr_matrix_client_create(bridge->loop, &client);
	create_queues(bridge);
	bridge->flush_ping = tr_timer_create(bridge->loop, tr_bridge_flush_ping, bridge);
	bridge->hold = tr_timer_create(bridge->loop, tr_bridge_held_too_long, bridge);
	bridge->bot_retry = tr_timer_create(bridge->loop, bot_register, bridge);
	bridge->membership =
		tr_membership_queue_create(bridge, bridge->options.membership_interval_ms);
	bridge->status = tr_status_create(bridge);
	bridge->undelivered = tr_undelivered_create(bridge);
	bridge->registration = tr_appservice_add(bridge->options.appservice,
		bridge->options.hs_token, &tr_bridge_appservice, bridge);
	step_ended(bridge, NULL);
}
