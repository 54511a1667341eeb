/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rooms that withhold: what state each is in, what it is told, and its state event. Who is
 * missing and how they come in is the module's; the lanes are core/delivery's.
 */
#include "core/bridge/withhold.h"

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/bridge/bridge_internal.h"
#include "core/io/metrics.h"

enum {
	AFTER_MS = 60000,        /* without anybody more coming in */
	AT_MOST_MS = 15 * 60000, /* however they trickle in */
	TICK_MS = 250,           /* while a room is not open */
	BRING_MS = 60000,        /* between two tries to bring in who is missing, while closed */
	STATE_DENIED_MS = 3600 * 1000, /* the bot has not the power for it */
	STATE_AGAIN_MS = 30000,        /* after a failure to set the state event */
	NAMES_MAX = 4096,
};

enum state { OPEN, HOLDING, CLOSED };
enum shown { SHOWN_UNKNOWN, SHOWN_OPEN, SHOWN_BLOCKED };

struct withhold {
	struct tr_bridge *bridge;
	struct tr_portal *portal;
	char *room_id;
	enum state state;
	uint64_t since_ms;    /* of holding */
	uint64_t progress_ms; /* when somebody came in last */
	uint64_t brought_ms;  /* when those missing were last asked for */
	size_t fewest;        /* missing, since it holds */
	size_t withheld;      /* messages, since it closed */
	int64_t closed_wall_ms;
	enum shown shown; /* what the state event says */
	bool busy;        /* it is being read or written */
	uint64_t state_again_ms;
};

static bool guarded(const struct tr_bridge *bridge, struct tr_portal *portal)
{
	const struct tr_protocol *protocol = bridge->options.protocol;
	return portal != NULL && portal->kind == TR_PORTAL_CHANNEL &&
	       protocol->requires_members != NULL &&
	       protocol->requires_members(bridge->module, portal);
}

static void log_state(const struct withhold *withhold, const char *what)
{
	tr_log_info("bridge", "%s: %s of %s: %s", withhold->bridge->options.name, withhold->room_id,
		withhold->portal->name, what);
}

static uint64_t after_ms(const struct tr_bridge *bridge)
{
	return bridge->options.withhold_after_ms ? bridge->options.withhold_after_ms : AFTER_MS;
}

static uint64_t deadline(const struct withhold *withhold)
{
	uint64_t next = withhold->progress_ms + after_ms(withhold->bridge);
	uint64_t last = withhold->since_ms + AT_MOST_MS;
	return next < last ? next : last;
}

static char *state_type(const struct tr_bridge *bridge)
{
	return tr_asprintf("org.matrix.appservice-%s.connection", bridge->options.protocol->id);
}

static char *state_key(const struct withhold *withhold)
{
	const struct tr_bridge_options *options = &withhold->bridge->options;
	return tr_asprintf("%s %s", options->server ? options->server : options->name,
		withhold->portal->remote_id);
}

static void tick(void *arg);

static void start_ticking(struct tr_bridge *bridge)
{
	if (bridge->withhold_tick == NULL) {
		bridge->withhold_tick = tr_timer_create(bridge->loop, tick, bridge);
	}
	if (!tr_timer_active(bridge->withhold_tick)) {
		tr_timer_start(bridge->withhold_tick, TICK_MS);
	}
}

static void state_read(void *arg, const struct tr_json *response, const struct tr_error *error)
{
	struct withhold *withhold = arg;
	withhold->busy = false;
	if (error == NULL) {
		withhold->shown =
			tr_json_get_bool(response, "blocked", false) ? SHOWN_BLOCKED : SHOWN_OPEN;
	} else if (error->cls == TR_CLASS_RETRY || error->cls == TR_CLASS_RETRY_AFTER) {
		withhold->state_again_ms = tr_clock_mono_ms() + STATE_AGAIN_MS;
	} else {
		withhold->shown = SHOWN_OPEN; /* there is none */
	}
	start_ticking(withhold->bridge);
}

static void read_state(struct withhold *withhold)
{
	char *type = state_type(withhold->bridge);
	char *key = state_key(withhold);
	withhold->busy = true;
	tr_matrix_get_state(
		withhold->bridge->client, NULL, withhold->room_id, type, key, state_read, withhold);
	tr_free(key);
	tr_free(type);
}

static void state_put(void *arg, const struct tr_json *response, const struct tr_error *error)
{
	struct withhold *withhold = arg;
	(void)response;
	withhold->busy = false;
	if (error != NULL) {
		bool denied = error->cls == TR_CLASS_DENIED;
		withhold->shown = SHOWN_UNKNOWN;
		withhold->state_again_ms =
			tr_clock_mono_ms() + (denied ? STATE_DENIED_MS : STATE_AGAIN_MS);
		log_state(withhold, error->text);
	}
	start_ticking(withhold->bridge);
}

static void put_state(struct withhold *withhold, bool blocked, struct tr_str missing)
{
	struct tr_json *content = tr_json_new_object();
	tr_json_set_bool(content, "blocked", blocked);
	if (blocked) {
		tr_json_set_str(content, "missing", missing);
	}
	char *text = tr_json_text(content);
	char *type = state_type(withhold->bridge);
	char *key = state_key(withhold);
	withhold->busy = true;
	withhold->shown = blocked ? SHOWN_BLOCKED : SHOWN_OPEN;
	tr_matrix_put_state(withhold->bridge->client, NULL, withhold->room_id, type, key, 0,
		tr_str_from(text), state_put, withhold);
	tr_free(key);
	tr_free(type);
	tr_free(text);
	tr_json_free(content);
}

/* Whether the state event says what is; if not, that is seen to. */
static bool state_agrees(struct withhold *withhold, struct tr_str missing)
{
	enum shown wanted = withhold->state == CLOSED ? SHOWN_BLOCKED : SHOWN_OPEN;
	if (withhold->shown == wanted && !withhold->busy) {
		return true;
	}
	if (withhold->busy || tr_clock_mono_ms() < withhold->state_again_ms) {
		return false;
	}
	if (withhold->shown == SHOWN_UNKNOWN && withhold->state_again_ms == 0) {
		read_state(withhold);
	} else if (withhold->state != HOLDING) { /* then nothing has been decided */
		put_state(withhold, wanted == SHOWN_BLOCKED, missing);
	}
	return false;
}

/* How many are missing, and who (appended). Until the list of members is known nobody can say. */
static size_t count_missing(struct withhold *withhold, struct tr_buf *names)
{
	struct tr_bridge *bridge = withhold->bridge;
	if (!tr_members_complete(&bridge->members, tr_str_from(withhold->room_id))) {
		tr_buf_add_c(names, "(who is in this room is not known yet)");
		return SIZE_MAX;
	}
	uint64_t now = tr_clock_mono_ms();
	bool bring = withhold->brought_ms == 0 || now - withhold->brought_ms >= BRING_MS;
	size_t count = bridge->options.protocol->missing_members(
		bridge->module, withhold->portal, withhold->room_id, bring, names);
	withhold->brought_ms = bring && count > 0 ? now : withhold->brought_ms;
	return count;
}

static void tell_closed(const struct withhold *withhold, struct tr_str names)
{
	struct tr_buf text = TR_BUF_INIT(NAMES_MAX * 2);
	tr_buf_addf(&text,
		"What is said in %s is not shown here now: it is shown only while everybody in this"
		" room is there too, and these are not: %.*s. Whoever cannot come in can leave this"
		" room.",
		withhold->portal->name, TR_STR_ARG(names));
	tr_bridge_tell_room(withhold->bridge, withhold->room_id, tr_buf_c(&text));
	tr_log_warn("bridge", "%s: room %s: %s", withhold->bridge->options.name, withhold->room_id,
		tr_buf_c(&text));
	tr_buf_finish(&text);
}

static void tell_open(const struct withhold *withhold)
{
	struct tr_buf text = TR_BUF_INIT(NAMES_MAX);
	tr_buf_addf(&text, "What is said in %s is shown here again.", withhold->portal->name);
	if (withhold->withheld > 0) {
		tr_buf_addf(&text, " Since ");
		tr_clock_format_minute(&text, withhold->closed_wall_ms);
		tr_buf_addf(&text, " %zu message%s not shown.", withhold->withheld,
			withhold->withheld == 1 ? " was" : "s were");
	}
	tr_bridge_tell_room(withhold->bridge, withhold->room_id, tr_buf_c(&text));
	log_state(withhold, tr_buf_c(&text));
	tr_buf_finish(&text);
}

static void enter(struct withhold *withhold, enum state state)
{
	withhold->state = state;
	start_ticking(withhold->bridge);
}

static void open_room(struct withhold *withhold)
{
	bool was_closed = withhold->state == CLOSED;
	enter(withhold, OPEN);
	if (was_closed || withhold->shown == SHOWN_BLOCKED) {
		tell_open(withhold);
	}
	withhold->withheld = 0;
	withhold->brought_ms = 0;
	tr_to_matrix_wake_room(withhold->bridge->to_matrix, withhold->room_id);
}

static void close_room(struct withhold *withhold, struct tr_str names)
{
	withhold->closed_wall_ms = tr_clock_wall_ms();
	withhold->withheld = 0;
	enter(withhold, CLOSED);
	if (withhold->shown != SHOWN_BLOCKED) {
		tell_closed(withhold, names);
	}
	tr_to_matrix_wake_room(withhold->bridge->to_matrix, withhold->room_id);
}

static void hold_room(struct withhold *withhold, size_t missing)
{
	withhold->since_ms = withhold->progress_ms = tr_clock_mono_ms();
	withhold->fewest = missing;
	enter(withhold, HOLDING);
}

/* Finds out what state the room is in now. A room that nobody says anything in does not begin to
 * hold. */
static void look(struct withhold *withhold, bool something_said)
{
	struct tr_bridge *bridge = withhold->bridge;
	if (tr_portal_of_room(bridge, tr_str_from(withhold->room_id)) != withhold->portal ||
		!guarded(bridge, withhold->portal)) {
		withhold->state = OPEN; /* it is not bridged (so) any more */
		return;
	}
	struct tr_buf names = TR_BUF_INIT(NAMES_MAX);
	size_t missing =
		withhold->state == OPEN && !something_said ? 0 : count_missing(withhold, &names);
	if (missing == 0 && withhold->state != OPEN) {
		open_room(withhold);
	} else if (missing > 0 && withhold->state == OPEN) {
		hold_room(withhold, missing);
	} else if (missing > 0 && withhold->state == HOLDING) {
		if (missing < withhold->fewest) {
			withhold->fewest = missing;
			withhold->progress_ms = tr_clock_mono_ms();
		}
		if (tr_clock_mono_ms() >= deadline(withhold)) {
			close_room(withhold, tr_buf_str(&names));
		}
	}
	if (!state_agrees(withhold, tr_buf_str(&names)) || withhold->state != OPEN) {
		start_ticking(withhold->bridge);
	}
	tr_buf_finish(&names);
}

static void tick(void *arg)
{
	struct tr_bridge *bridge = arg;
	if (bridge->state != TR_BRIDGE_RUNNING) {
		return;
	}
	for (struct tr_map_entry *e = tr_map_first(&bridge->withholds); e; e = tr_map_next(e)) {
		look(tr_map_value(e), false);
	}
}

static struct withhold *withhold_of(
	struct tr_bridge *bridge, struct tr_portal *portal, const char *room_id)
{
	struct withhold *withhold = tr_map_get(&bridge->withholds, tr_str_from(room_id));
	if (withhold == NULL) {
		withhold = tr_alloc(sizeof(*withhold));
		withhold->bridge = bridge;
		withhold->portal = portal;
		withhold->room_id = tr_strdup(room_id);
		tr_map_set(&bridge->withholds, tr_str_from(room_id), withhold);
	}
	return withhold;
}

void tr_withhold_members_known(
	struct tr_bridge *bridge, struct tr_portal *portal, const char *room_id)
{
	if (guarded(bridge, portal)) {
		withhold_of(bridge, portal, room_id);
		start_ticking(bridge);
	}
}

/* A message whose preparation fails in a turn of its own. */
struct withheld {
	struct tr_list node;
	struct tr_outbound *outbound;
	struct tr_error error;
};

static void withheld_end(void *arg)
{
	struct withheld *withheld = arg;
	tr_list_remove(&withheld->node);
	tr_outbound_prepared(withheld->outbound, &withheld->error);
	tr_free(withheld);
}

bool tr_withhold_message(
	struct tr_bridge *bridge, struct tr_outbound *outbound, const char *room_id)
{
	struct tr_portal *portal = tr_portal_of_room(bridge, tr_str_from(room_id));
	if (!guarded(bridge, portal)) {
		return false;
	}
	struct withhold *withhold = withhold_of(bridge, portal, room_id);
	look(withhold, true);
	if (withhold->state == OPEN) {
		return false;
	}
	struct withheld *withheld = tr_alloc(sizeof(*withheld));
	withheld->outbound = outbound;
	if (withhold->state == CLOSED) {
		tr_error_set(&withheld->error, TR_E_WITHHELD,
			"withheld: not all members of the room are in %.100s", portal->name);
	} else {
		uint64_t now = tr_clock_mono_ms();
		tr_error_set_class(&withheld->error, TR_E_UNAVAILABLE, TR_CLASS_RETRY_AFTER,
			"members of the room are still missing in %.100s", portal->name);
		withheld->error.retry_after_ms =
			deadline(withhold) > now ? deadline(withhold) - now : 1;
	}
	tr_list_append(&bridge->withheld, &withheld->node);
	tr_loop_defer(bridge->loop, withheld_end, withheld);
	return true;
}

bool tr_withhold_closed(const struct tr_bridge *bridge, const char *room_id)
{
	const struct withhold *withhold = tr_map_get(&bridge->withholds, tr_str_from(room_id));
	return withhold != NULL && withhold->state == CLOSED;
}

void tr_withhold_count(struct tr_bridge *bridge, const char *room_id)
{
	struct withhold *withhold = tr_map_get(&bridge->withholds, tr_str_from(room_id));
	if (withhold != NULL) {
		withhold->withheld++;
	}
	struct tr_buf labels = TR_BUF_INIT(1024);
	tr_metrics_label(&labels, "bridge", tr_str_from(bridge->options.name));
	tr_metric_add(tr_metrics_get(bridge->options.metrics, TR_METRIC_COUNTER,
			      "trestle_messages_withheld_total", tr_buf_c(&labels),
			      "Messages not shown because not all members of the room were there"),
		1);
	tr_buf_finish(&labels);
}

void tr_withholds_finish(struct tr_bridge *bridge)
{
	for (struct tr_map_entry *e = tr_map_first(&bridge->withholds); e; e = tr_map_next(e)) {
		struct withhold *withhold = tr_map_value(e);
		tr_free(withhold->room_id);
		tr_free(withhold);
	}
	tr_map_finish(&bridge->withholds);
	struct tr_list *node;
	while ((node = tr_list_head(&bridge->withheld)) != NULL) {
		struct withheld *withheld = TR_LIST_ENTRY(node, struct withheld, node);
		tr_list_remove(node);
		tr_loop_defer_cancel(bridge->loop, withheld_end, withheld);
		tr_free(withheld);
	}
	tr_timer_destroy(bridge->withhold_tick);
}
