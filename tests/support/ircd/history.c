/* SPDX-License-Identifier: Apache-2.0 */
/* Rings of said lines. CHATHISTORY itself is cmd_history.c. */
#include "history.h"

#include <stdlib.h>
#include <string.h>

struct entry {
	char *body, *msgid, *account, *client_tags;
	size_t len;
	int64_t time_ms;
};

struct ircd_history {
	char *key;
	struct entry *ring;
	size_t room, first, count;
};

struct ircd_history *ircd_history_find(struct ircd_server *server, const char *key)
{
	return ircd_map_get(&server->histories, key);
}

char *ircd_history_pair(const struct ircd_user *a, const struct ircd_user *b)
{
	bool order = strcmp(a->fold, b->fold) < 0;
	return ircd_printf("%s %s", order ? a->fold : b->fold, order ? b->fold : a->fold);
}

static struct entry *at(const struct ircd_history *history, size_t index)
{
	return &history->ring[(history->first + index) % history->room];
}

static void clear(struct entry *entry)
{
	free(entry->body);
	free(entry->msgid);
	free(entry->account);
	free(entry->client_tags);
	*entry = (struct entry){0};
}

void ircd_history_add(struct ircd_server *server, const char *key, const struct ircd_msg *msg)
{
	struct ircd_history *history = ircd_history_find(server, key);
	size_t depth = (size_t)server->options.history_depth;
	if (!depth) {
		return;
	}
	if (!history) {
		history = ircd_alloc(sizeof(*history));
		history->key = ircd_dup(key);
		ircd_map_put(&server->histories, history->key, history);
	}
	if (history->count == history->room && history->room < depth) {
		/* still growing, so the ring has not turned: first is 0 */
		size_t room = history->room ? history->room * 2 : 64;
		history->room = room < depth ? room : depth;
		history->ring = ircd_resize(history->ring, history->room * sizeof(*history->ring));
	}
	if (history->count == history->room) {
		clear(at(history, 0));
		history->first = (history->first + 1) % history->room;
		history->count--;
	}
	*at(history, history->count) = (struct entry){
		.body = ircd_dup(msg->body),
		.msgid = ircd_dup(msg->msgid),
		.account = ircd_dup(msg->account),
		.client_tags = ircd_dup(msg->client_tags),
		.len = msg->len,
		.time_ms = msg->time_ms,
	};
	history->count++;
}

void ircd_history_destroy(struct ircd_history *history)
{
	for (size_t i = 0; i < history->count; i++) {
		clear(at(history, i));
	}
	free(history->ring);
	free(history->key);
	free(history);
}

size_t ircd_history_count(const struct ircd_history *history)
{
	return history ? history->count : 0;
}

struct ircd_msg ircd_history_get(const struct ircd_history *history, size_t index)
{
	const struct entry *entry = at(history, index);
	return (struct ircd_msg){
		.body = entry->body,
		.len = entry->len,
		.time_ms = entry->time_ms,
		.msgid = entry->msgid,
		.account = entry->account,
		.client_tags = entry->client_tags,
	};
}

/* boot-NUMBER: the number, 0 for an id of another run. */
static unsigned long long number_of(const char *msgid, const char *sample)
{
	const char *dash = strrchr(msgid, '-');
	size_t len = dash ? (size_t)(dash - msgid) : 0;
	return dash && strncmp(msgid, sample, len + 1) == 0 ? strtoull(dash + 1, NULL, 10) : 0;
}

bool ircd_history_find_msgid(const struct ircd_history *history, const char *msgid, size_t *index)
{
	size_t low = 0;
	size_t high = ircd_history_count(history);
	if (!high || !at(history, 0)->msgid) {
		return false;
	}
	unsigned long long wanted = number_of(msgid, at(history, 0)->msgid);
	while (low < high) {
		size_t middle = (low + high) / 2;
		const char *id = at(history, middle)->msgid;
		if (number_of(id, id) < wanted) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	if (low == history->count || strcmp(at(history, low)->msgid, msgid) != 0) {
		return false;
	}
	*index = low;
	return true;
}

size_t ircd_history_find_time(const struct ircd_history *history, int64_t time_ms, bool after)
{
	size_t i = 0;
	while (i < ircd_history_count(history) &&
		(at(history, i)->time_ms < time_ms ||
			(after && at(history, i)->time_ms == time_ms))) {
		i++;
	}
	return i;
}
