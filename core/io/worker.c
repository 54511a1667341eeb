/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One thread and two lists under one mutex: jobs on their way there, finished jobs on their way
 * back; a uv_async wakes the loop. What a job may touch is the business of whoever submits it.
 */
#include "core/io/worker.h"

#include "core/base/alloc.h"
#include "core/base/list.h"

#include <signal.h>
#include <uv.h>
#ifdef __linux__
# include <sys/prctl.h>
#endif

struct worker_item {
	struct tr_list node;
	tr_worker_job *job;
	tr_worker_job *done;
	void *arg;
};

struct tr_worker {
	char *name;
	uv_async_t async;
	uv_thread_t thread;
	size_t pending; /* submitted and `done` not yet called; the loop's own */
	bool in_done;

	uv_mutex_t mutex;
	uv_cond_t submitted;
	uv_cond_t finished;
	/* Under the mutex: */
	struct tr_list jobs;
	struct tr_list results;
	bool stopping;
};

/* Signals belong to the loop's thread: they must not interrupt a system call of a job. */
static void prepare_thread(const char *name)
{
	sigset_t all;

	sigfillset(&all);
	(void)pthread_sigmask(SIG_BLOCK, &all, NULL);
#ifdef __linux__
	(void)prctl(PR_SET_NAME, name, 0, 0, 0);
#else
	(void)name;
#endif
}

static void thread_main(void *arg)
{
	struct tr_worker *worker = arg;

	prepare_thread(worker->name);
	uv_mutex_lock(&worker->mutex);
	for (;;) {
		struct tr_list *node = tr_list_head(&worker->jobs);
		struct worker_item *item;

		if (!node) {
			if (worker->stopping) {
				break;
			}
			uv_cond_wait(&worker->submitted, &worker->mutex);
			continue;
		}
		item = TR_LIST_ENTRY(node, struct worker_item, node);
		tr_list_remove(node);
		uv_mutex_unlock(&worker->mutex);
		item->job(item->arg);
		uv_mutex_lock(&worker->mutex);
		tr_list_append(&worker->results, &item->node);
		uv_cond_signal(&worker->finished);
		uv_async_send(&worker->async);
	}
	uv_mutex_unlock(&worker->mutex);
}

/* The oldest finished job, or NULL; with `wait` it waits for one. */
static struct worker_item *take_result(struct tr_worker *worker, bool wait)
{
	struct tr_list *node;

	uv_mutex_lock(&worker->mutex);
	while ((node = tr_list_head(&worker->results)) == NULL && wait) {
		uv_cond_wait(&worker->finished, &worker->mutex);
	}
	if (node) {
		tr_list_remove(node);
	}
	uv_mutex_unlock(&worker->mutex);
	return node ? TR_LIST_ENTRY(node, struct worker_item, node) : NULL;
}

static void run_done(struct tr_worker *worker, struct worker_item *item)
{
	worker->pending--;
	worker->in_done = true;
	if (item->done) {
		item->done(item->arg);
	}
	worker->in_done = false;
	tr_free(item);
}

static void on_async(uv_async_t *handle)
{
	struct tr_worker *worker = handle->data;
	struct worker_item *item;

	while ((item = take_result(worker, false)) != NULL) {
		run_done(worker, item);
	}
}

struct tr_worker *tr_worker_create(struct tr_loop *loop, const char *name)
{
	struct tr_worker *worker = tr_alloc(sizeof(*worker));

	worker->name = tr_strdup(name);
	tr_list_init(&worker->jobs);
	tr_list_init(&worker->results);
	TR_ASSERT(uv_async_init(tr_loop_uv(loop), &worker->async, on_async) == 0);
	worker->async.data = worker;
	TR_ASSERT(uv_mutex_init(&worker->mutex) == 0);
	TR_ASSERT(uv_cond_init(&worker->submitted) == 0);
	TR_ASSERT(uv_cond_init(&worker->finished) == 0);
	TR_ASSERT(uv_thread_create(&worker->thread, thread_main, worker) == 0);
	return worker;
}

static void on_async_closed(uv_handle_t *handle)
{
	tr_free(handle->data);
}

void tr_worker_destroy(struct tr_worker *worker)
{
	if (!worker) {
		return;
	}
	TR_ASSERT(!worker->in_done);
	/* A `done` may submit again, so the thread runs on until nothing is left. */
	while (worker->pending > 0) {
		run_done(worker, take_result(worker, true));
	}
	uv_mutex_lock(&worker->mutex);
	worker->stopping = true;
	uv_cond_signal(&worker->submitted);
	uv_mutex_unlock(&worker->mutex);
	uv_thread_join(&worker->thread);
	uv_mutex_destroy(&worker->mutex);
	uv_cond_destroy(&worker->submitted);
	uv_cond_destroy(&worker->finished);
	tr_free(worker->name);
	uv_close((uv_handle_t *)&worker->async, on_async_closed);
}

void tr_worker_submit(struct tr_worker *worker, tr_worker_job *job, tr_worker_job *done, void *arg)
{
	struct worker_item *item = tr_alloc(sizeof(*item));

	item->job = job;
	item->done = done;
	item->arg = arg;
	worker->pending++;
	uv_mutex_lock(&worker->mutex);
	tr_list_append(&worker->jobs, &item->node);
	uv_cond_signal(&worker->submitted);
	uv_mutex_unlock(&worker->mutex);
}

size_t tr_worker_pending(const struct tr_worker *worker)
{
	return worker->pending;
}
