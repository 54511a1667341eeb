/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tells people on the network that what they said did not get to Matrix. Several dead letters of
 * one person in one place are one sentence; a person hears of a place once a minute at most, and
 * all together a few a second. What was a notice itself, or the bot's, is never told: two machines
 * that do this would answer each other for ever. Memory only: the dead letters themselves are in
 * the store.
 */
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/bridge/bridge_internal.h"

#include <string.h>

enum {
	TICK_MS = 1000,   /* what comes within is one sentence */
	AGAIN_MS = 60000, /* between two to the same person about the same place */
	PER_TICK = 4,     /* sentences */
	PEOPLE_MAX = 1000,
};

/* Somebody who is told, or was lately, about one place. */
struct hearer {
	struct tr_portal *portal;
	const struct tr_ghost *ghost;
	size_t count; /* dead letters not told yet */
	int64_t since_ms;
	char *last_key; /* the copies of a message for several rooms have one key */
	char reason[sizeof(((struct tr_error *)0)->text)];
	uint64_t due_ms;
};

struct tr_undelivered {
	struct tr_bridge *bridge;
	struct tr_map hearers;
	struct tr_timer *tick;
};

static void hearer_free(struct hearer *hearer)
{
	tr_free(hearer->last_key);
	tr_free(hearer);
}

static void tell(struct tr_undelivered *undelivered, const struct hearer *hearer)
{
	struct tr_bridge *bridge = undelivered->bridge;
	struct tr_buf text = TR_BUF_INIT(4096);
	if (hearer->count == 1) {
		tr_buf_add_c(&text, "Your message of ");
	} else {
		tr_buf_addf(&text, "%zu of your messages since ", hearer->count);
	}
	tr_clock_format_minute(&text, hearer->since_ms);
	if (hearer->portal->kind == TR_PORTAL_CHANNEL) {
		tr_buf_addf(&text, " in %s", hearer->portal->name);
	}
	tr_buf_addf(&text, " could not be delivered to Matrix: %s", hearer->reason);
	bridge->options.protocol->undelivered(bridge->module, hearer->portal,
		tr_str_from(hearer->ghost->remote_id), tr_buf_str(&text));
	tr_buf_finish(&text);
}

static void tick(void *arg)
{
	struct tr_undelivered *undelivered = arg;
	uint64_t now = tr_clock_mono_ms();
	size_t left = PER_TICK;
	struct tr_map_entry *next;
	for (struct tr_map_entry *e = tr_map_first(&undelivered->hearers); e; e = next) {
		next = tr_map_next(e);
		struct hearer *hearer = tr_map_value(e);
		if (now < hearer->due_ms) {
			continue;
		}
		if (hearer->count == 0) {
			tr_map_remove(&undelivered->hearers, tr_map_key(e));
			hearer_free(hearer);
		} else if (left > 0) {
			left--;
			tell(undelivered, hearer);
			hearer->count = 0;
			hearer->due_ms = now + AGAIN_MS;
		}
	}
	if (tr_map_count(&undelivered->hearers) > 0) {
		tr_timer_start(undelivered->tick, TICK_MS);
	}
}

static struct hearer *hearer_of(
	struct tr_undelivered *undelivered, struct tr_portal *portal, const struct tr_ghost *ghost)
{
	struct tr_buf key = TR_BUF_INIT(3 * TR_BRIDGE_ID_MAX);
	tr_portal_key(tr_str_from(portal->remote_id), portal->receiver, &key);
	tr_buf_addf(&key, "\n%s", ghost->mxid);
	struct hearer *hearer = tr_map_get(&undelivered->hearers, tr_buf_str(&key));
	if (hearer == NULL && tr_map_count(&undelivered->hearers) < PEOPLE_MAX) {
		hearer = tr_alloc(sizeof(*hearer));
		hearer->portal = portal;
		hearer->ghost = ghost;
		hearer->due_ms = tr_clock_mono_ms() + TICK_MS;
		tr_map_set(&undelivered->hearers, tr_buf_str(&key), hearer);
	}
	tr_buf_finish(&key);
	return hearer;
}

/* A message that a person said: no notice, and not what a module makes of other things. */
static bool was_said(const struct tr_to_matrix_dead *message)
{
	struct tr_json *content = tr_json_parse(tr_str_from(message->content), NULL);
	struct tr_str msgtype = tr_json_get_str(content, "msgtype");
	bool said = tr_str_eq_c(tr_str_from(message->type), "m.room.message") &&
		    !tr_str_empty(msgtype) && !tr_str_eq_c(msgtype, "m.notice");
	tr_json_free(content);
	return said;
}

void tr_undelivered_add(struct tr_undelivered *undelivered, struct tr_portal *portal,
	const struct tr_to_matrix_dead *message, const struct tr_error *error)
{
	struct tr_bridge *bridge = undelivered->bridge;
	const struct tr_ghost *ghost =
		message->sender ? tr_ghost_of(bridge, tr_str_from(message->sender)) : NULL;
	if ((bridge->options.protocol->capabilities & TR_TELLS_UNDELIVERED) == 0 ||
		bridge->module == NULL || portal == NULL || ghost == NULL || !was_said(message)) {
		return;
	}
	struct hearer *hearer = hearer_of(undelivered, portal, ghost);
	if (hearer == NULL ||
		(hearer->last_key != NULL &&
			tr_str_eq_c(tr_str_from(message->remote_key), hearer->last_key))) {
		return;
	}
	tr_free(hearer->last_key);
	hearer->last_key = tr_strdup(message->remote_key);
	if (hearer->count++ == 0) {
		hearer->since_ms = message->origin_ts ? message->origin_ts : tr_clock_wall_ms();
	}
	memcpy(hearer->reason, error->text, sizeof(hearer->reason));
	if (!tr_timer_active(undelivered->tick)) {
		tr_timer_start(undelivered->tick, TICK_MS);
	}
}

struct tr_undelivered *tr_undelivered_create(struct tr_bridge *bridge)
{
	struct tr_undelivered *undelivered = tr_alloc(sizeof(*undelivered));
	undelivered->bridge = bridge;
	undelivered->tick = tr_timer_create(bridge->loop, tick, undelivered);
	return undelivered;
}

void tr_undelivered_destroy(struct tr_undelivered *undelivered)
{
	if (undelivered == NULL) {
		return;
	}
	for (struct tr_map_entry *e = tr_map_first(&undelivered->hearers); e; e = tr_map_next(e)) {
		hearer_free(tr_map_value(e));
	}
	tr_map_finish(&undelivered->hearers);
	tr_timer_destroy(undelivered->tick);
	tr_free(undelivered);
}
