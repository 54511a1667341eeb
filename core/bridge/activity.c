/* SPDX-License-Identifier: Apache-2.0 */
/* The memory of who was active when. Who asks, and what follows from it, is elsewhere. */
#include "core/bridge/activity.h"

#include "core/base/clock.h"
#include "core/bridge/bridge_internal.h"

enum {
	USERS_MAX = 200000, /* strangers in public rooms are many; beyond it nobody new is noted */
	WRITE_MS = 60000,
};

static const struct tr_db_statement store_active = {
	"INSERT INTO user_activity(user_id, active_ms) VALUES ($1, $2)"
	" ON CONFLICT (user_id) DO UPDATE SET active_ms = excluded.active_ms"};

struct user {
	int64_t active_ms;
	bool written;
};

static struct user *user_open(struct tr_activity *activity, struct tr_str user_id)
{
	struct user *user = tr_map_get(&activity->users, user_id);
	if (user == NULL && tr_map_count(&activity->users) < USERS_MAX) {
		user = tr_alloc(sizeof(*user));
		user->written = true;
		tr_map_set(&activity->users, user_id, user);
	}
	return user;
}

void tr_activity_load(struct tr_bridge *bridge, const struct tr_db_result *result, size_t index)
{
	for (size_t row = 0; row < tr_db_rows(result, index); row++) {
		struct user *user = user_open(&bridge->activity, tr_db_text(result, index, row, 0));
		if (user != NULL) {
			user->active_ms = tr_db_int(result, index, row, 1);
		}
	}
}

void tr_activity_finish(struct tr_activity *activity)
{
	for (struct tr_map_entry *e = tr_map_first(&activity->users); e; e = tr_map_next(e)) {
		tr_free(tr_map_value(e));
	}
	tr_map_finish(&activity->users);
	tr_timer_destroy(activity->write);
	activity->write = NULL;
}

void tr_activity_flush(struct tr_bridge *bridge)
{
	struct tr_map *users = &bridge->activity.users;
	struct tr_db_batch *batch = NULL;
	for (struct tr_map_entry *e = tr_map_first(users); e; e = tr_map_next(e)) {
		struct user *user = tr_map_value(e);
		if (user->written) {
			continue;
		}
		user->written = true;
		batch = batch ? batch : tr_journal_batch(bridge->journal);
		TR_DB_ADD(batch, &store_active, TR_DB_T(tr_map_key(e)), TR_DB_N(user->active_ms));
	}
	if (batch != NULL) {
		tr_journal_join(bridge->journal, NULL, NULL);
	}
}

static void write_due(void *arg)
{
	tr_activity_flush(arg);
}

void tr_activity_note(struct tr_bridge *bridge, struct tr_str user_id, int64_t active_ms)
{
	struct tr_activity *activity = &bridge->activity;
	struct user *user = user_open(activity, user_id);
	if (user == NULL || active_ms <= user->active_ms) {
		return;
	}
	user->active_ms = active_ms;
	user->written = false;
	if (activity->write == NULL) {
		activity->write = tr_timer_create(bridge->loop, write_due, bridge);
	}
	if (!tr_timer_active(activity->write)) {
		tr_timer_start(activity->write, WRITE_MS);
	}
}

int64_t tr_bridge_last_active(struct tr_bridge *bridge, struct tr_str user_id)
{
	const struct user *user = tr_map_get(&bridge->activity.users, user_id);
	if (user == NULL) {
		tr_activity_note(bridge, user_id, tr_clock_wall_ms());
		return tr_clock_wall_ms();
	}
	return user->active_ms;
}
