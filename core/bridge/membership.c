/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ghosts' comings and goings, paced: one at each tick, a few under way. What cancels out before its
 * turn (a netsplit and its end) costs nothing; a leave may be held back for that. A ghost does not
 * leave a room while a message of its own is on its way there. What fails for a while is tried
 * again with backoff; what is refused is logged and forgotten: a ghost that speaks is brought in
 * anyway (intent.c). A homeserver that limits comings and goings is obeyed for as long as it takes:
 * what it put off counts as no attempt, and the room it was about rests.
 */
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/bridge/bridge_internal.h"
#include "core/bridge/rest.h"

enum {
	INTERVAL_MS = 20,
	RUNNING_MAX = 4,
	QUEUE_MAX = 20000,
	LEAVE_WAIT_MS = 250,
	RETRY_FIRST_MS = 1000,
	RETRY_MAX_MS = 300000,
	ATTEMPTS_MAX = 8,
	LOOK_MAX = 64,      /* entries looked at in one tick */
	HELD_LOOK_MS = 500, /* between two looks at leaves that are held back */
};

enum change { CHANGE_JOIN, CHANGE_LEAVE, CHANGE_KICK };

struct entry {
	struct tr_list node; /* in queue->waiting or queue->held, unless it is running */
	struct tr_membership_queue *queue;
	char *key;
	enum change change;
	struct tr_ghost *ghost; /* NULL for a kick */
	char *user_id;          /* for a kick */
	char *room_id;
	char *reason;
	bool running;
	bool superseded; /* while it ran the opposite was asked for: `next` */
	enum change next;
	char *next_reason;
	unsigned attempts;
	uint64_t not_before_ms;
};

struct tr_membership_queue {
	struct tr_bridge *bridge;
	uint64_t interval_ms;
	struct tr_timer *timer;
	struct tr_map entries; /* user and room -> entry */
	struct tr_map rests;   /* rooms that the homeserver limits (rest.h) */
	struct tr_list waiting;
	struct tr_list held; /* leaves that are held back until not_before_ms */
	struct tr_timer *held_timer;
	uint64_t held_due_ms; /* when it fires */
	size_t running;
	bool paused;
	bool complained;
};

static char *entry_key(const char *room_id, const char *user_id)
{
	return tr_asprintf("%s %s", room_id, user_id);
}

static void entry_free(struct entry *entry)
{
	tr_map_remove(&entry->queue->entries, tr_str_from(entry->key));
	tr_list_remove(&entry->node);
	tr_free(entry->key);
	tr_free(entry->user_id);
	tr_free(entry->room_id);
	tr_free(entry->reason);
	tr_free(entry->next_reason);
	tr_free(entry);
}

static void start_timer(struct tr_membership_queue *queue)
{
	if (!queue->paused && !tr_list_empty(&queue->waiting) && !tr_timer_active(queue->timer)) {
		tr_timer_start(queue->timer, queue->interval_ms);
	}
}

static const char *who(const struct entry *entry)
{
	return entry->ghost ? entry->ghost->mxid : entry->user_id;
}

/* What was asked for meanwhile takes its turn. */
static void entry_follow(struct entry *entry)
{
	entry->superseded = false;
	entry->change = entry->next;
	tr_free(entry->reason);
	entry->reason = entry->next_reason;
	entry->next_reason = NULL;
	entry->attempts = 0;
	entry->not_before_ms = 0;
	tr_list_append(&entry->queue->waiting, &entry->node);
}

/* A ghost that is not let in may be later, when the room has other rules: as often as is wanted.
 * Whoever speaks is brought in anyway. */
static bool tries_again(const struct entry *entry, const struct tr_error *error)
{
	int64_t retries = entry->queue->bridge->options.join_retries;
	bool transient = error->cls == TR_CLASS_RETRY;
	bool refused = error->cls == TR_CLASS_DENIED || error->cls == TR_CLASS_PERMANENT;
	if (entry->change == CHANGE_JOIN && (transient || refused) &&
		(retries < 0 || entry->attempts < retries)) {
		return true;
	}
	return transient && entry->attempts < ATTEMPTS_MAX;
}

static void line_up(struct entry *entry, uint64_t delay_ms);

static void entry_limited(struct entry *entry, const struct tr_error *error)
{
	uint64_t delay = error->retry_after_ms > 0 ? error->retry_after_ms : 1;
	tr_rest_begin(&entry->queue->rests, entry->room_id, delay);
	line_up(entry, delay);
}

static void entry_ended(struct entry *entry, const struct tr_error *error)
{
	struct tr_membership_queue *queue = entry->queue;
	entry->running = false;
	queue->running--;
	if (entry->superseded) {
		entry_follow(entry);
	} else if (error != NULL && error->cls == TR_CLASS_RETRY_AFTER) {
		entry_limited(entry, error);
	} else if (error != NULL && tries_again(entry, error)) {
		uint64_t delay = tr_backoff_ms(entry->attempts, RETRY_FIRST_MS, RETRY_MAX_MS);
		if (entry->attempts == 0) {
			tr_log_info("bridge", "%s in room %s, to be tried again: %s", who(entry),
				entry->room_id, error->text);
		}
		entry->attempts++;
		line_up(entry, delay);
	} else {
		if (error != NULL) {
			tr_log_info("bridge", "%s in room %s: %s", who(entry), entry->room_id,
				error->text);
		}
		entry_free(entry);
	}
	start_timer(queue);
}

static void ensured(void *arg, const struct tr_error *error)
{
	entry_ended(arg, error);
}

static void is_out(struct entry *entry)
{
	tr_members_set(&entry->queue->bridge->members, tr_str_from(entry->room_id),
		tr_str_from(who(entry)), TR_MEMBERSHIP_LEFT);
}

static void answered(void *arg, const struct tr_json *response, const struct tr_error *error)
{
	struct entry *entry = arg;
	(void)response;
	/* Who may not leave is not in the room. Who may not be kicked is. */
	if (error == NULL || (error->cls == TR_CLASS_DENIED && entry->change == CHANGE_LEAVE)) {
		is_out(entry);
	}
	entry_ended(entry, error);
}

static void entry_run(struct entry *entry)
{
	struct tr_membership_queue *queue = entry->queue;
	struct tr_matrix_client *client = queue->bridge->client;
	const char *reason =
		entry->reason != NULL && entry->reason[0] != '\0' ? entry->reason : NULL;
	tr_list_remove(&entry->node);
	entry->running = true;
	queue->running++;
	switch (entry->change) {
	case CHANGE_JOIN:
		tr_intent_ensure(queue->bridge, entry->ghost, entry->room_id, ensured, entry);
		break;
	case CHANGE_LEAVE:
		tr_matrix_leave(
			client, entry->ghost->mxid, entry->room_id, reason, answered, entry);
		break;
	case CHANGE_KICK:
		tr_matrix_kick(
			client, NULL, entry->room_id, entry->user_id, reason, answered, entry);
		break;
	}
}

/* Whether there is nothing to do any more. */
static bool is_moot(const struct entry *entry)
{
	const struct tr_bridge *bridge = entry->queue->bridge;
	switch (entry->change) {
	case CHANGE_JOIN:
		return tr_intent_ready(bridge, entry->ghost, entry->room_id);
	case CHANGE_LEAVE:
		return !entry->ghost->exists ||
		       tr_members_get(&bridge->members, tr_str_from(entry->room_id),
			       tr_str_from(entry->ghost->mxid)) == TR_MEMBERSHIP_LEFT;
	case CHANGE_KICK:
		break;
	}
	return false;
}

/* Whether its time has come; if not, it stands aside. */
static bool is_due(struct entry *entry, uint64_t now)
{
	if (entry->not_before_ms > now) {
		return false;
	}
	if (entry->change == CHANGE_LEAVE &&
		tr_to_matrix_has_pending(
			entry->queue->bridge->to_matrix, entry->ghost->mxid, entry->room_id)) {
		entry->not_before_ms = now + LEAVE_WAIT_MS;
		return false;
	}
	return true;
}

static void tick(void *arg)
{
	struct tr_membership_queue *queue = arg;
	uint64_t now = tr_clock_mono_ms();
	if (queue->paused) {
		return;
	}
	for (unsigned i = 0; i < LOOK_MAX && queue->running < RUNNING_MAX; i++) {
		struct tr_list *node = tr_list_head(&queue->waiting);
		if (node == NULL) {
			break;
		}
		struct entry *entry = TR_LIST_ENTRY(node, struct entry, node);
		uint64_t rest = tr_rest_left(&queue->rests, entry->room_id, now);
		if (!is_due(entry, now)) {
			tr_list_remove(node);
			tr_list_append(&queue->waiting, node);
		} else if (rest > 0) {
			line_up(entry, rest);
		} else if (is_moot(entry)) {
			entry_free(entry);
		} else {
			entry_run(entry);
			break;
		}
	}
	start_timer(queue);
}

/* The time of some of those held back has come. Whoever comes back meanwhile, the others go. */
static void look_at_held(void *arg)
{
	struct tr_membership_queue *queue = arg;
	uint64_t now = tr_clock_mono_ms();
	uint64_t next = UINT64_MAX;
	struct tr_list *node;
	struct tr_list *following;
	TR_LIST_EACH (&queue->held, node, following) {
		struct entry *entry = TR_LIST_ENTRY(node, struct entry, node);
		if (entry->not_before_ms <= now) {
			tr_list_remove(node);
			tr_list_append(&queue->waiting, node);
		} else if (entry->not_before_ms < next) {
			next = entry->not_before_ms;
		}
	}
	if (next != UINT64_MAX) {
		uint64_t look = next - now > HELD_LOOK_MS ? next - now : HELD_LOOK_MS;
		queue->held_due_ms = now + look;
		tr_timer_start(queue->held_timer, look);
	}
	start_timer(queue);
}

/* Where an entry that is not running waits. */
static void line_up(struct entry *entry, uint64_t delay_ms)
{
	struct tr_membership_queue *queue = entry->queue;
	tr_list_remove(&entry->node);
	if (delay_ms == 0) {
		tr_list_append(&queue->waiting, &entry->node);
		start_timer(queue);
		return;
	}
	entry->not_before_ms = tr_clock_mono_ms() + delay_ms;
	tr_list_append(&queue->held, &entry->node);
	uint64_t look = delay_ms > HELD_LOOK_MS ? delay_ms : HELD_LOOK_MS;
	uint64_t due = tr_clock_mono_ms() + look;
	if (!tr_timer_active(queue->held_timer) || due < queue->held_due_ms) {
		queue->held_due_ms = due;
		tr_timer_start(queue->held_timer, look);
	}
}

/* A change that meets an older one of the same user and room replaces it. */
static void meet(struct entry *entry, enum change change, struct tr_str reason, uint64_t delay_ms)
{
	if (entry->running) {
		entry->superseded = entry->change != change;
		entry->next = change;
		tr_free(entry->next_reason);
		entry->next_reason = tr_str_dup(reason);
		return;
	}
	entry->change = change;
	tr_free(entry->reason);
	entry->reason = tr_str_dup(reason);
	if (is_moot(entry)) {
		entry_free(entry);
	} else {
		entry->not_before_ms = 0;
		line_up(entry, delay_ms);
	}
}

static void ask(struct tr_membership_queue *queue, enum change change, struct tr_ghost *ghost,
	const char *user_id, const char *room_id, struct tr_str reason, uint64_t delay_ms)
{
	struct tr_str cut = tr_str_slice(reason, 0, tr_utf8_fit(reason, 500));
	char *key = entry_key(room_id, ghost ? ghost->mxid : user_id);
	struct entry *entry = tr_map_get(&queue->entries, tr_str_from(key));
	if (entry != NULL) {
		tr_free(key);
		meet(entry, change, cut, delay_ms);
		return;
	}
	if (tr_map_count(&queue->entries) >= QUEUE_MAX) {
		if (!queue->complained) {
			queue->complained = true;
			tr_log_warn("bridge",
				"%s: too many people come and go at once; some are shown only when they speak",
				queue->bridge->options.name);
		}
		tr_free(key);
		return;
	}
	entry = tr_alloc(sizeof(*entry));
	entry->queue = queue;
	entry->key = key;
	entry->change = change;
	entry->ghost = ghost;
	entry->user_id = tr_strdup(user_id);
	entry->room_id = tr_strdup(room_id);
	entry->reason = tr_str_dup(cut);
	tr_map_set(&queue->entries, tr_str_from(key), entry);
	line_up(entry, delay_ms);
}

void tr_membership_join(
	struct tr_membership_queue *queue, struct tr_ghost *ghost, const char *room_id)
{
	ask(queue, CHANGE_JOIN, ghost, NULL, room_id, TR_STR(""), 0);
}

void tr_membership_leave(struct tr_membership_queue *queue, struct tr_ghost *ghost,
	const char *room_id, struct tr_str reason, uint64_t delay_ms)
{
	ask(queue, CHANGE_LEAVE, ghost, NULL, room_id, reason, delay_ms);
}

void tr_membership_kick(struct tr_membership_queue *queue, const char *user_id, const char *room_id,
	struct tr_str reason)
{
	ask(queue, CHANGE_KICK, NULL, user_id, room_id, reason, 0);
}

bool tr_membership_leaves(
	const struct tr_membership_queue *queue, const struct tr_ghost *ghost, const char *room_id)
{
	char *key = entry_key(room_id, ghost->mxid);
	const struct entry *entry = tr_map_get(&queue->entries, tr_str_from(key));
	tr_free(key);
	return entry != NULL && entry->change == CHANGE_LEAVE;
}

void tr_membership_pause(struct tr_membership_queue *queue, bool paused)
{
	queue->paused = paused;
	start_timer(queue);
}

size_t tr_membership_depth(const struct tr_membership_queue *queue)
{
	return tr_map_count(&queue->entries);
}

struct tr_membership_queue *tr_membership_queue_create(
	struct tr_bridge *bridge, uint64_t interval_ms)
{
	struct tr_membership_queue *queue = tr_alloc(sizeof(*queue));
	queue->bridge = bridge;
	queue->interval_ms = interval_ms ? interval_ms : INTERVAL_MS;
	queue->timer = tr_timer_create(bridge->loop, tick, queue);
	queue->paused = true;
	tr_list_init(&queue->waiting);
	tr_list_init(&queue->held);
	queue->held_timer = tr_timer_create(bridge->loop, look_at_held, queue);
	return queue;
}

void tr_membership_queue_destroy(struct tr_membership_queue *queue)
{
	if (queue == NULL) {
		return;
	}
	struct tr_map_entry *next;
	for (struct tr_map_entry *e = tr_map_first(&queue->entries); e; e = next) {
		next = tr_map_next(e);
		entry_free(tr_map_value(e));
	}
	tr_map_finish(&queue->entries);
	tr_rests_finish(&queue->rests);
	tr_timer_destroy(queue->timer);
	tr_timer_destroy(queue->held_timer);
	tr_free(queue);
}
