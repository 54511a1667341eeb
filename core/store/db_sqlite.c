/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQLite: a thread of its own writes. It takes everything that is queued into one transaction, so
 * that what gathers during one commit shares the next; when idle a batch is committed at once. How
 * a group runs is in db_sqlite_run.c, opening and checking of the file in db_sqlite_file.c.
 */
#include "core/store/db_internal.h"
#include "core/store/db_sqlite_run.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <uv.h>

struct store {
	struct tr_db *db;
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t wake_up;
	uv_async_t finished;
	bool healthy; /* loop thread */

	/* under the mutex */
	struct tr_list queue;
	struct tr_list done;
	bool sleeping;
	bool stop;

	/* writer thread */
	struct tr_sqlite_runner runner;
};

/* false when told to stop and nothing is left. */
static bool wait_for_work(struct store *store, struct tr_list *group)
{
	bool found;

	pthread_mutex_lock(&store->mutex);
	while (tr_list_empty(&store->queue) && !store->stop) {
		store->sleeping = true;
		pthread_cond_wait(&store->wake_up, &store->mutex);
	}
	store->sleeping = false;
	tr_db_group_take(group, &store->queue);
	found = !tr_list_empty(group);
	pthread_mutex_unlock(&store->mutex);
	return found;
}

static void hand_back(struct store *store, struct tr_list *group)
{
	bool first;

	pthread_mutex_lock(&store->mutex);
	first = tr_list_empty(&store->done);
	tr_db_list_move(&store->done, group);
	pthread_mutex_unlock(&store->mutex);
	if (first) {
		uv_async_send(&store->finished);
	}
}

static void *write_loop(void *arg)
{
	struct store *store = arg;
	struct tr_list group;

	tr_list_init(&group);
	while (wait_for_work(store, &group)) {
		tr_sqlite_run_group(&store->runner, &group);
		hand_back(store, &group);
	}
	tr_sqlite_runner_finish(&store->runner);
	return NULL;
}

static void complete_done(struct store *store)
{
	struct tr_list all;
	struct tr_list *node;

	tr_list_init(&all);
	pthread_mutex_lock(&store->mutex);
	tr_db_list_move(&all, &store->done);
	pthread_mutex_unlock(&store->mutex);
	while ((node = tr_list_head(&all)) != NULL) {
		struct tr_db_batch *batch = TR_LIST_ENTRY(node, struct tr_db_batch, node);

		tr_list_remove(node);
		if (batch->failed && batch->error.cls == TR_CLASS_RETRY) {
			store->healthy = false;
		} else if (!batch->failed && batch->writes) {
			store->healthy = true;
		}
		tr_db_complete(batch);
	}
}

static void on_finished(uv_async_t *handle)
{
	complete_done(handle->data);
}

/* The thread starts with all signals blocked: they belong to the loop. */
static int start_thread(struct store *store, struct tr_error *error)
{
	sigset_t all;
	sigset_t before;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&store->thread, NULL, write_loop, store);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc != 0) {
		return tr_error_set(
			error, TR_E_SYSTEM, "cannot start the writer thread: %s", strerror(rc));
	}
	return 0;
}

static void on_closed(uv_handle_t *handle)
{
	tr_free(handle->data);
}

static void finish_store(struct store *store)
{
	pthread_mutex_destroy(&store->mutex);
	pthread_cond_destroy(&store->wake_up);
	uv_close((uv_handle_t *)&store->finished, on_closed);
}

static int sqlite_open(
	struct tr_db *db, const struct tr_db_options *options, struct tr_error *error)
{
	struct store *store = tr_alloc(sizeof(*store));
	int rc;

	rc = tr_db_sqlite_file_open(&store->runner.file, options->url + strlen("sqlite:"), error);
	if (rc != 0) {
		tr_free(store);
		return rc;
	}
	store->db = db;
	store->healthy = true;
	tr_list_init(&store->queue);
	tr_list_init(&store->done);
	TR_ASSERT(pthread_mutex_init(&store->mutex, NULL) == 0);
	TR_ASSERT(pthread_cond_init(&store->wake_up, NULL) == 0);
	TR_ASSERT(uv_async_init(tr_loop_uv(db->loop), &store->finished, on_finished) == 0);
	store->finished.data = store;
	db->store = store;
	rc = start_thread(store, error);
	if (rc != 0) {
		tr_sqlite_runner_finish(&store->runner);
		finish_store(store);
	}
	return rc;
}

static void sqlite_submit(struct tr_db *db, struct tr_db_batch *batch)
{
	struct store *store = db->store;
	bool wake_up;

	pthread_mutex_lock(&store->mutex);
	tr_list_append(&store->queue, &batch->node);
	wake_up = store->sleeping;
	store->sleeping = false;
	pthread_mutex_unlock(&store->mutex);
	if (wake_up) {
		/* Not under the mutex: the thread would wake up only to wait for it. */
		pthread_cond_signal(&store->wake_up);
	}
}

static bool sqlite_healthy(const struct tr_db *db)
{
	const struct store *store = db->store;

	return store->healthy;
}

static void sqlite_close(struct tr_db *db)
{
	struct store *store = db->store;

	pthread_mutex_lock(&store->mutex);
	store->stop = true;
	pthread_cond_signal(&store->wake_up);
	pthread_mutex_unlock(&store->mutex);
	pthread_join(store->thread, NULL);
	complete_done(store);
	finish_store(store);
}

const struct tr_db_backend tr_db_sqlite = {
	.name = "sqlite",
	/* AUTOINCREMENT: a number is never given twice, as on PostgreSQL, even after its row is
	 * gone. */
	.dialect = {"TEXT", "INTEGER", "BLOB", "INTEGER PRIMARY KEY AUTOINCREMENT"},
	.open = sqlite_open,
	.submit = sqlite_submit,
	.healthy = sqlite_healthy,
	.close = sqlite_close,
};
