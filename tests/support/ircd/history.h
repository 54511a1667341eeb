/* SPDX-License-Identifier: Apache-2.0 */
/* What was said in one channel, or between two users: the last so many lines, kept in memory and
 * beyond the channel's own life. Entries are in the order they were said; message ids grow. */
#ifndef SCRIPTED_IRCD_HISTORY_H
#define SCRIPTED_IRCD_HISTORY_H

#include "send.h"

struct ircd_history;

struct ircd_history *ircd_history_find(struct ircd_server *server, const char *key);
/* The key of a conversation of two users, by folded nicks; owned by the caller. */
char *ircd_history_pair(const struct ircd_user *a, const struct ircd_user *b);
void ircd_history_add(struct ircd_server *server, const char *key, const struct ircd_msg *msg);
void ircd_history_destroy(struct ircd_history *history);

size_t ircd_history_count(const struct ircd_history *history);
struct ircd_msg ircd_history_get(const struct ircd_history *history, size_t index);
/* The entry with this message id. */
bool ircd_history_find_msgid(const struct ircd_history *history, const char *msgid, size_t *index);
/* The first entry at or after this time, or after it; count when there is none. */
size_t ircd_history_find_time(const struct ircd_history *history, int64_t time_ms, bool after);

#endif
