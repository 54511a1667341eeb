/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Marks: "this is done" as statements that must become durable some time, whatever the store's
 * health. A mark is written with the journal of its turn; when the commit fails it is written again
 * until it succeeds. Marks are idempotent, and their order among each other does not matter.
 *
 * A mark that the store refuses for good holds up no other. Its owner may write something else or
 * do without; else it stays here, is tried again every ten minutes (an administrator may have
 * mended what it fails at) and is lost with the process.
 */
#ifndef TRESTLE_DELIVERY_MARK_H
#define TRESTLE_DELIVERY_MARK_H

#include "core/delivery/journal.h"

struct tr_marks;
struct tr_mark;

/* Adds the statements of the mark to `batch`; may be called again for the same mark. */
typedef void tr_mark_write(void *mark, struct tr_db_batch *batch);
/* The end of the mark, frees it: durable, or given up because the marks are destroyed. */
typedef void tr_mark_settled(void *mark, bool durable);
/* The store refuses what the mark has written, whenever it is tried; comes once. true: it will
 * write something else, and does at once. false: it is over, and settled (not durable). */
typedef bool tr_mark_refused(void *mark, const struct tr_error *error);

/* `delay_ms`: how long a mark may wait for others to share a commit with; 0 = it goes with its
 * turn. */
struct tr_marks *tr_marks_create(
	struct tr_loop *loop, struct tr_journal *journal, uint64_t delay_ms);
/* Marks that are not durable yet are given to `settled` all the same, so that they are freed. */
void tr_marks_destroy(struct tr_marks *marks);

void tr_marks_add(
	struct tr_marks *marks, tr_mark_write *write, tr_mark_settled *settled, void *mark);
/* With a word in what follows from a refusal. */
void tr_marks_add_refusable(struct tr_marks *marks, tr_mark_write *write, tr_mark_settled *settled,
	tr_mark_refused *refused, void *mark);
/* Those that are not durable. Those that the store has refused are none of them: nothing that waits
 * for the others waits for them. */
size_t tr_marks_pending(const struct tr_marks *marks);

#endif
