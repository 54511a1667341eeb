/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal gathers what one turn of the loop wants to store into one database batch: events
 * accepted, messages done, id mappings. So a burst costs one commit, and things that belong
 * together become durable together. A batch is submitted at the end of the turn in which its first
 * statement was added.
 *
 * Each participant adds its statements and joins; it is called back once, after the commit is
 * durable or has failed. A batch that fails with class retry had no effect at all, so every
 * participant does its own part again. What the store refuses for good (any other class) fails only
 * the participant that it is of: the others are durable.
 */
#ifndef TRESTLE_DELIVERY_JOURNAL_H
#define TRESTLE_DELIVERY_JOURNAL_H

#include "core/store/db.h"

struct tr_journal;

struct tr_journal *tr_journal_create(struct tr_loop *loop, struct tr_db *db);
/* Submits what is open and forgets the participants: their callbacks do not come any more. */
void tr_journal_destroy(struct tr_journal *journal);

/* The open batch, to add statements to in this call; never kept. */
struct tr_db_batch *tr_journal_batch(struct tr_journal *journal);

/* Ends the statements of this participant and asks to be told about the batch that
 * tr_journal_batch() gave last in this turn. `result` is NULL on error. `callback` NULL: nobody
 * waits for them; without a join they would be part of what the next one adds. */
void tr_journal_join(struct tr_journal *journal, tr_db_callback *callback, void *arg);

/* Submits what is open without waiting for the end of the turn, so that a statement submitted after
 * this sees it. Not between tr_journal_batch() and tr_journal_join(). */
void tr_journal_submit(struct tr_journal *journal);

/* Batches that are open or not yet durable. */
size_t tr_journal_pending(const struct tr_journal *journal);

#endif
