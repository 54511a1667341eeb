/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gathers the statements of one loop turn into one batch and tells each participant how it ended.
 * What the statements mean is the participants' business.
 */
#include "core/delivery/journal.h"

#include "core/base/alloc.h"
#include "core/base/list.h"

struct participant {
	size_t part;
	tr_db_callback *callback;
	void *arg;
};

/* One submitted or open batch with those who wait for it. */
struct entry {
	struct tr_list node;
	struct tr_journal *journal; /* NULL once the journal is gone */
	struct tr_db_batch *batch;
	struct participant *participants;
	size_t count;
	size_t room;
};

struct tr_journal {
	struct tr_loop *loop;
	struct tr_db *db;
	struct entry *open;
	struct tr_list submitted;
	size_t submitted_count;
};

struct tr_journal *tr_journal_create(struct tr_loop *loop, struct tr_db *db)
{
	struct tr_journal *journal = tr_alloc(sizeof(*journal));
	journal->loop = loop;
	journal->db = db;
	tr_list_init(&journal->submitted);
	return journal;
}

static void entry_free(struct entry *entry)
{
	tr_free(entry->participants);
	tr_free(entry);
}

static void entry_settled(
	void *arg, const struct tr_db_result *result, const struct tr_error *error)
{
	struct entry *entry = arg;
	if (entry->journal != NULL) {
		tr_list_remove(&entry->node);
		entry->journal->submitted_count--;
	}
	for (size_t i = 0; i < entry->count && entry->participants != NULL; i++) {
		const struct participant *participant = &entry->participants[i];
		const struct tr_error *own =
			error ? error : tr_db_part_error(result, participant->part);
		participant->callback(participant->arg, own ? NULL : result, own);
	}
	entry_free(entry);
}

void tr_journal_submit(struct tr_journal *journal)
{
	struct entry *entry = journal->open;
	if (entry == NULL) {
		return;
	}
	journal->open = NULL;
	tr_list_append(&journal->submitted, &entry->node);
	journal->submitted_count++;
	tr_db_submit_take(entry->batch, entry_settled, entry);
}

static void submit_open(void *arg)
{
	tr_journal_submit(arg);
}

struct tr_db_batch *tr_journal_batch(struct tr_journal *journal)
{
	if (journal->open == NULL) {
		struct entry *entry = tr_alloc(sizeof(*entry));
		entry->journal = journal;
		entry->batch = tr_db_batch_create(journal->db);
		journal->open = entry;
		tr_loop_defer(journal->loop, submit_open, journal);
	}
	return journal->open->batch;
}

void tr_journal_join(struct tr_journal *journal, tr_db_callback *callback, void *arg)
{
	struct entry *entry = journal->open;
	TR_ASSERT(entry != NULL);
	size_t part = tr_db_batch_end_part(entry->batch);
	if (callback == NULL) {
		return;
	}
	if (entry->count == entry->room) {
		entry->room = entry->room ? entry->room * 2 : 8;
		entry->participants = tr_realloc_array(
			entry->participants, entry->room, sizeof(*entry->participants));
	}
	entry->participants[entry->count++] = (struct participant){part, callback, arg};
}

size_t tr_journal_pending(const struct tr_journal *journal)
{
	return journal->submitted_count + (journal->open != NULL);
}

void tr_journal_destroy(struct tr_journal *journal)
{
	if (journal == NULL) {
		return;
	}
	tr_loop_defer_cancel(journal->loop, submit_open, journal);
	submit_open(journal);
	struct tr_list *node;
	struct tr_list *following;
	TR_LIST_EACH (&journal->submitted, node, following) {
		struct entry *entry = TR_LIST_ENTRY(node, struct entry, node);
		tr_list_remove(node);
		entry->journal = NULL;
		entry->count = 0;
	}
	tr_free(journal);
}
