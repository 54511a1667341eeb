/* SPDX-License-Identifier: Apache-2.0 */
/* Whose turn it is to read, change and write the levels of a room, see power.h. */
#include "core/bridge/bridge_internal.h"

struct waiter {
	struct tr_list node;
	tr_loop_callback *callback;
	void *arg;
};

struct lock {
	struct tr_list waiters;
};

bool tr_power_lock(
	struct tr_bridge *bridge, const char *room_id, tr_loop_callback *callback, void *arg)
{
	struct lock *lock = tr_map_get(&bridge->power_locks, tr_str_from(room_id));
	if (lock == NULL) {
		lock = tr_alloc(sizeof(*lock));
		tr_list_init(&lock->waiters);
		tr_map_set(&bridge->power_locks, tr_str_from(room_id), lock);
		return true;
	}
	struct waiter *waiter = tr_alloc(sizeof(*waiter));
	waiter->callback = callback;
	waiter->arg = arg;
	tr_list_append(&lock->waiters, &waiter->node);
	return false;
}

void tr_power_unlock(struct tr_bridge *bridge, const char *room_id)
{
	struct lock *lock = tr_map_get(&bridge->power_locks, tr_str_from(room_id));
	TR_ASSERT(lock != NULL);
	struct tr_list *node = tr_list_head(&lock->waiters);
	if (node == NULL) {
		tr_map_remove(&bridge->power_locks, tr_str_from(room_id));
		tr_free(lock);
		return;
	}
	struct waiter next = *TR_LIST_ENTRY(node, struct waiter, node);
	tr_list_remove(node);
	tr_free(TR_LIST_ENTRY(node, struct waiter, node));
	next.callback(next.arg);
}

void tr_power_locks_finish(struct tr_bridge *bridge)
{
	for (struct tr_map_entry *e = tr_map_first(&bridge->power_locks); e; e = tr_map_next(e)) {
		struct lock *lock = tr_map_value(e);
		struct tr_list *node;
		while ((node = tr_list_head(&lock->waiters)) != NULL) {
			tr_list_remove(node);
			tr_free(TR_LIST_ENTRY(node, struct waiter, node));
		}
		tr_free(lock);
	}
	tr_map_finish(&bridge->power_locks);
}
