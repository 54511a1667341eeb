/* SPDX-License-Identifier: Apache-2.0 */
/* Writes marks until they are durable; what a mark says is its owner's. */
#include "core/delivery/mark.h"

#include "core/base/list.h"
#include "core/base/log.h"

enum { RETRY_MS = 1000 };

struct tr_mark {
	struct tr_list node; /* in marks->all; */
	struct tr_marks *marks;
	tr_mark_write *write;
	tr_mark_settled *settled;
	void *data;
	bool unwritten; /* not yet, or the commit failed */
};

struct tr_marks {
	struct tr_loop *loop;
	struct tr_journal *journal;
	struct tr_list all;
	struct tr_timer *write; /* of those that are unwritten */
	uint64_t delay_ms;
	size_t pending;
};

static void mark_end(struct tr_mark *mark, bool durable)
{
	tr_list_remove(&mark->node);
	mark->marks->pending--;
	mark->settled(mark->data, durable);
	tr_free(mark);
}

static void committed(void *arg, const struct tr_db_result *result, const struct tr_error *error)
{
	struct tr_mark *mark = arg;
	(void)result;
	if (error == NULL) {
		mark_end(mark, true);
		return;
	}
	mark->unwritten = true;
	if (!tr_timer_active(mark->marks->write)) {
		tr_log_warn("delivery", "what was delivered cannot be stored now, trying again: %s",
			error->text);
		tr_timer_start(mark->marks->write, RETRY_MS);
	}
}

static void mark_write(struct tr_mark *mark)
{
	mark->unwritten = false;
	mark->write(mark->data, tr_journal_batch(mark->marks->journal));
	tr_journal_join(mark->marks->journal, committed, mark);
}

static void write_unwritten(void *arg)
{
	struct tr_marks *marks = arg;
	struct tr_list *node;
	struct tr_list *following;
	TR_LIST_EACH (&marks->all, node, following) {
		struct tr_mark *mark = TR_LIST_ENTRY(node, struct tr_mark, node);
		if (mark->unwritten) {
			mark_write(mark);
		}
	}
}

struct tr_marks *tr_marks_create(
	struct tr_loop *loop, struct tr_journal *journal, uint64_t delay_ms)
{
	struct tr_marks *marks = tr_alloc(sizeof(*marks));
	marks->loop = loop;
	marks->journal = journal;
	tr_list_init(&marks->all);
	marks->delay_ms = delay_ms;
	marks->write = tr_timer_create(loop, write_unwritten, marks);
	return marks;
}

void tr_marks_add(
	struct tr_marks *marks, tr_mark_write *write, tr_mark_settled *settled, void *data)
{
	struct tr_mark *mark = tr_alloc(sizeof(*mark));
	mark->marks = marks;
	mark->write = write;
	mark->settled = settled;
	mark->data = data;
	tr_list_append(&marks->all, &mark->node);
	marks->pending++;
	if (marks->delay_ms == 0) {
		mark_write(mark);
		return;
	}
	mark->unwritten = true;
	if (!tr_timer_active(marks->write)) {
		tr_timer_start(marks->write, marks->delay_ms);
	}
}

size_t tr_marks_pending(const struct tr_marks *marks)
{
	return marks->pending;
}

void tr_marks_destroy(struct tr_marks *marks)
{
	if (marks == NULL) {
		return;
	}
	tr_timer_destroy(marks->write);
	struct tr_list *node;
	struct tr_list *following;
	TR_LIST_EACH (&marks->all, node, following) {
		mark_end(TR_LIST_ENTRY(node, struct tr_mark, node), false);
	}
	tr_free(marks);
}
