/* SPDX-License-Identifier: Apache-2.0 */
/* The worker: order of jobs and of their `done`, threads, and what destroying waits for. */
#include "core/base/alloc.h"
#include "core/io/worker.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

enum { JOBS = 1000 };

struct fixture {
	struct tr_loop *loop;
	struct tr_worker *worker;
	pthread_t loop_thread;
	int ran; /* the jobs' own until done */
	int done;
};

struct job {
	struct fixture *f;
	int number;
	int ran_as;
	bool on_loop_thread;
};

static int setup(void **state)
{
	struct fixture *f = tr_alloc(sizeof(*f));

	f->loop = tr_loop_create();
	f->worker = tr_worker_create(f->loop, "test");
	f->loop_thread = pthread_self();
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	tr_worker_destroy(f->worker);
	tr_loop_destroy(f->loop);
	tr_free(f);
	return 0;
}

static struct job *job_new(struct fixture *f, int number)
{
	struct job *job = tr_alloc(sizeof(*job));

	job->f = f;
	job->number = number;
	return job;
}

static void run_job(void *arg)
{
	struct job *job = arg;

	job->ran_as = job->f->ran++;
	job->on_loop_thread = pthread_equal(pthread_self(), job->f->loop_thread) != 0;
}

static void job_done(void *arg)
{
	struct job *job = arg;

	assert_true(pthread_equal(pthread_self(), job->f->loop_thread));
	assert_false(job->on_loop_thread);
	assert_int_equal(job->ran_as, job->number);
	assert_int_equal(job->f->done, job->number);
	job->f->done++;
	tr_free(job);
}

static void jobs_and_their_done_run_in_order_on_their_threads(void **state)
{
	struct fixture *f = *state;
	int i;

	for (i = 0; i < JOBS; i++) {
		tr_worker_submit(f->worker, run_job, job_done, job_new(f, i));
	}
	assert_int_equal(f->done, 0);
	assert_int_equal(tr_worker_pending(f->worker), JOBS);
	while (f->done < JOBS) {
		tr_loop_turn(f->loop, true);
	}
	assert_int_equal(tr_worker_pending(f->worker), 0);
}

static void slow_job(void *arg)
{
	struct timespec pause = {0, 2 * 1000000};

	nanosleep(&pause, NULL);
	run_job(arg);
}

static void destroy_waits_for_queued_jobs_and_runs_their_done(void **state)
{
	struct fixture *f = *state;
	int i;

	for (i = 0; i < 10; i++) {
		tr_worker_submit(f->worker, slow_job, job_done, job_new(f, i));
	}
	tr_worker_destroy(f->worker);
	f->worker = NULL;
	assert_int_equal(f->done, 10);
}

static void submit_next(void *arg)
{
	struct job *job = arg;
	struct fixture *f = job->f;

	job_done(job);
	if (f->done < 5) {
		tr_worker_submit(f->worker, run_job, submit_next, job_new(f, f->done));
	}
}

static void a_done_may_submit_again_also_while_destroying(void **state)
{
	struct fixture *f = *state;

	tr_worker_submit(f->worker, run_job, submit_next, job_new(f, 0));
	tr_worker_destroy(f->worker);
	f->worker = NULL;
	assert_int_equal(f->done, 5);
}

static void destroying_an_idle_worker_and_none_is_fine(void **state)
{
	struct fixture *f = *state;

	tr_worker_destroy(f->worker);
	tr_worker_destroy(NULL);
	f->worker = NULL;
}

static void count_run(void *arg)
{
	struct fixture *f = arg;

	f->ran++;
}

static void a_job_needs_no_done(void **state)
{
	struct fixture *f = *state;

	tr_worker_submit(f->worker, count_run, NULL, f);
	tr_worker_destroy(f->worker);
	f->worker = NULL;
	assert_int_equal(f->ran, 1);
}

int main(void)
{
#define WITH_WORKER(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		WITH_WORKER(jobs_and_their_done_run_in_order_on_their_threads),
		WITH_WORKER(destroy_waits_for_queued_jobs_and_runs_their_done),
		WITH_WORKER(a_done_may_submit_again_also_while_destroying),
		WITH_WORKER(destroying_an_idle_worker_and_none_is_fine),
		WITH_WORKER(a_job_needs_no_done),
	};

	return cmocka_run_group_tests_name("io/worker", tests, NULL, NULL);
}
