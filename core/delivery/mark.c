/* SPDX-License-Identifier: Apache-2.0 */
/* Writes marks until they are durable; what a mark says is its owner's. */
#include "core/delivery/mark.h"

#include "core/base/list.h"
#include "core/base/log.h"

enum { RETRY_MS = 1000, REFUSED_RETRY_MS = 10 * 60 * 1000 };

struct tr_mark {
	struct tr_list node; /* in marks->all; */
	struct tr_marks *marks;
	tr_mark_write *write;
	tr_mark_settled *settled;
	tr_mark_refused *refused;
	void *data;
	bool unwritten; /* not yet, or the commit failed */
	bool writing;   /* on its way into the store */
	bool lesser;    /* it was refused and writes something else now */
	bool parked;    /* the store refuses it: it waits for its next try */
};

struct tr_marks {
	struct tr_loop *loop;
	struct tr_journal *journal;
	struct tr_list all;
	struct tr_timer *write;  /* of those that are unwritten */
	struct tr_timer *parked; /* of those that are refused */
	uint64_t delay_ms;
	size_t pending;
};

static void mark_end(struct tr_mark *mark, bool durable)
{
	tr_list_remove(&mark->node);
	mark->marks->pending -= !mark->parked;
	mark->settled(mark->data, durable);
	tr_free(mark);
}

static void write_later(struct tr_mark *mark, uint64_t delay_ms)
{
	mark->unwritten = true;
	if (!tr_timer_active(mark->marks->write)) {
		tr_timer_start(mark->marks->write, delay_ms);
	}
}

static void mark_park(struct tr_mark *mark)
{
	struct tr_marks *marks = mark->marks;
	if (!mark->parked) {
		mark->parked = true;
		marks->pending--;
	}
	if (!tr_timer_active(marks->parked)) {
		tr_timer_start(marks->parked, REFUSED_RETRY_MS);
	}
}

/* The store has said what (in the log); whose it is knows the owner. */
static void mark_refused(struct tr_mark *mark, const struct tr_error *error)
{
	if (mark->refused == NULL || mark->lesser) {
		mark_park(mark);
	} else if (mark->refused(mark->data, error)) {
		mark->lesser = true;
		write_later(mark, 0);
	} else {
		mark_end(mark, false);
	}
}

static void committed(void *arg, const struct tr_db_result *result, const struct tr_error *error)
{
	struct tr_mark *mark = arg;
	(void)result;
	mark->writing = false;
	if (error == NULL) {
		mark_end(mark, true);
		return;
	}
	if (error->cls != TR_CLASS_RETRY) {
		mark_refused(mark, error);
		return;
	}
	if (!tr_timer_active(mark->marks->write)) {
		tr_log_warn("delivery", "what was delivered cannot be stored now, trying again: %s",
			error->text);
	}
	write_later(mark, RETRY_MS);
}

static void mark_write(struct tr_mark *mark)
{
	mark->unwritten = false;
	mark->writing = true;
	mark->write(mark->data, tr_journal_batch(mark->marks->journal));
	tr_journal_join(mark->marks->journal, committed, mark);
}

static void write_all(struct tr_marks *marks, bool (*due)(const struct tr_mark *))
{
	struct tr_list *node;
	struct tr_list *following;
	TR_LIST_EACH (&marks->all, node, following) {
		struct tr_mark *mark = TR_LIST_ENTRY(node, struct tr_mark, node);
		if (due(mark)) {
			mark_write(mark);
		}
	}
}

static bool unwritten(const struct tr_mark *mark)
{
	return mark->unwritten;
}

static bool only_parked(const struct tr_mark *mark)
{
	return mark->parked && !mark->writing && !mark->unwritten;
}

static void write_unwritten(void *arg)
{
	write_all(arg, unwritten);
}

static void write_parked(void *arg)
{
	write_all(arg, only_parked);
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
	marks->parked = tr_timer_create(loop, write_parked, marks);
	return marks;
}

void tr_marks_add_refusable(struct tr_marks *marks, tr_mark_write *write, tr_mark_settled *settled,
	tr_mark_refused *refused, void *data)
{
	struct tr_mark *mark = tr_alloc(sizeof(*mark));
	mark->marks = marks;
	mark->write = write;
	mark->settled = settled;
	mark->refused = refused;
	mark->data = data;
	tr_list_append(&marks->all, &mark->node);
	marks->pending++;
	if (marks->delay_ms == 0) {
		mark_write(mark);
	} else {
		write_later(mark, marks->delay_ms);
	}
}

void tr_marks_add(
	struct tr_marks *marks, tr_mark_write *write, tr_mark_settled *settled, void *data)
{
	tr_marks_add_refusable(marks, write, settled, NULL, data);
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
	tr_timer_destroy(marks->parked);
	struct tr_list *node;
	struct tr_list *following;
	TR_LIST_EACH (&marks->all, node, following) {
		mark_end(TR_LIST_ENTRY(node, struct tr_mark, node), false);
	}
	tr_free(marks);
}
