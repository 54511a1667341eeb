/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Intrusive doubly linked lists: a struct tr_list inside each element, a struct tr_list as the
 * head. State is list membership: an element that is in no list has node.next == NULL.
 */
#ifndef TRESTLE_BASE_LIST_H
#define TRESTLE_BASE_LIST_H

#include "core/base/alloc.h"

#include <stdbool.h>

struct tr_list {
	struct tr_list *next;
	struct tr_list *prev;
};

static inline void tr_list_init(struct tr_list *head)
{
	head->next = head;
	head->prev = head;
}

static inline bool tr_list_empty(const struct tr_list *head)
{
	return head->next == head;
}

/* Whether the element is in some list. */
static inline bool tr_list_linked(const struct tr_list *node)
{
	return node->next != NULL;
}

/* Puts `node` before `place`; with the head as place, at the end. */
static inline void tr_list_insert(struct tr_list *place, struct tr_list *node)
{
	TR_ASSERT(!tr_list_linked(node));
	node->next = place;
	node->prev = place->prev;
	place->prev->next = node;
	place->prev = node;
}

static inline void tr_list_append(struct tr_list *head, struct tr_list *node)
{
	tr_list_insert(head, node);
}

static inline void tr_list_prepend(struct tr_list *head, struct tr_list *node)
{
	tr_list_insert(head->next, node);
}

/* Takes `node` out of its list; nothing happens when it is in none. */
static inline void tr_list_remove(struct tr_list *node)
{
	if (!tr_list_linked(node)) {
		return;
	}
	node->prev->next = node->next;
	node->next->prev = node->prev;
	node->next = NULL;
	node->prev = NULL;
}

/* The first element's node, or NULL. */
static inline struct tr_list *tr_list_head(const struct tr_list *head)
{
	return tr_list_empty(head) ? NULL : head->next;
}

#define TR_LIST_ENTRY(node, type, member) TR_CONTAINER_OF(node, type, member)
/* The element at hand may be removed inside the loop. */
#define TR_LIST_EACH(head, node, following)                        \
 for (node = (head)->next, following = node->next; node != (head); \
	 node = following, following = node->next)

#endif
