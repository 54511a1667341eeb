/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event loop over libuv: deferred calls, timers, signals and the measure of how long a turn
 * keeps the loop busy. Sockets, files and threads are the business of the other files of this
 * folder.
 */
#include "core/io/loop.h"

#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/digest.h"
#include "core/base/list.h"
#include "core/base/log.h"
#include "core/io/loop_internal.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <uv.h>

/* How long tr_loop_destroy() waits for requests that cannot be canceled (a name look-up). */
enum { DESTROY_WAIT_MS = 2000 };

struct tr_loop {
	uv_loop_t uv;
	uv_async_t wake; /* keeps uv_run() from ending by itself and from sleeping after a stop */
	uv_idle_t idle;  /* active while calls are deferred, so that the poll does not sleep */
	uv_prepare_t prepare;
	struct tr_list deferred;
	struct tr_list running; /* the batch of deferred calls at hand */
	struct tr_list signals;
	bool stopped;
	uint64_t turn_start_ns;
	uint64_t idle_ns; /* time asleep in the poll, up to turn_start_ns */
	uint64_t lag_ns;
	char *scratch; /* the read and the plain buffer, once a stream needs them */
};

struct deferred_call {
	struct tr_list node;
	tr_loop_callback *callback;
	void *arg;
};

struct tr_timer {
	uv_timer_t uv;
	tr_loop_callback *callback;
	void *arg;
};

struct loop_signal {
	struct tr_list node;
	uv_signal_t uv;
	tr_loop_signal_callback *callback;
	void *arg;
};

enum { FILES_FEW = 1024 }; /* what every system gives unasked */

/* Thousands of sessions each need a descriptor; the soft limit is usually 1,024. */
static void raise_file_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
			tr_log_warn(
				"io", "cannot raise the limit of open files: %s", strerror(errno));
		}
	}
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < FILES_FEW) {
		tr_log_warn("io",
			"only %llu files and connections may be open at once: with more people, some"
			" cannot be connected; raise it (ulimit -n 65536, LimitNOFILE= of systemd)",
			(unsigned long long)limit.rlim_cur);
	}
}

/* A write to a socket whose peer is gone must be an error code, not the end of the process. */
static void ignore_sigpipe(void)
{
	struct sigaction action;

	memset(&action, 0, sizeof(action));
	action.sa_handler = SIG_IGN;
	sigemptyset(&action.sa_mask);
	(void)sigaction(SIGPIPE, &action, NULL);
}

static void on_wake(uv_async_t *handle)
{
	(void)handle;
}

/* Runs what was deferred before this turn; calls deferred meanwhile wait for the next one. */
static void on_idle(uv_idle_t *handle)
{
	struct tr_loop *loop = handle->data;
	struct tr_list *node;

	while ((node = tr_list_head(&loop->deferred)) != NULL) {
		tr_list_remove(node);
		tr_list_append(&loop->running, node);
	}
	while ((node = tr_list_head(&loop->running)) != NULL) {
		struct deferred_call *call = TR_LIST_ENTRY(node, struct deferred_call, node);
		tr_loop_callback *callback = call->callback;
		void *arg = call->arg;

		tr_list_remove(node);
		tr_free(call);
		callback(arg);
	}
	if (tr_list_empty(&loop->deferred)) {
		uv_idle_stop(&loop->idle);
	}
}

/* Just before the poll: what passed since the last time, less the sleep, is the turn's own work. */
static void on_prepare(uv_prepare_t *handle)
{
	struct tr_loop *loop = handle->data;
	uint64_t now = uv_hrtime();
	uint64_t idle = uv_metrics_idle_time(&loop->uv);

	if (loop->turn_start_ns != 0) {
		uint64_t passed = now - loop->turn_start_ns;
		uint64_t asleep = idle - loop->idle_ns;

		if (passed > asleep && passed - asleep > loop->lag_ns) {
			loop->lag_ns = passed - asleep;
		}
	}
	loop->turn_start_ns = now;
	loop->idle_ns = idle;
}

struct tr_loop *tr_loop_create(void)
{
	struct tr_loop *loop = tr_alloc(sizeof(*loop));

	/* libuv reads it once, when the pool first starts; libuv's own default of 4 would let two
	 * slow name look-ups hold up all others. */
	(void)setenv("UV_THREADPOOL_SIZE", "8", 0);
	ignore_sigpipe();
	raise_file_limit();

	TR_ASSERT(uv_loop_init(&loop->uv) == 0);
	TR_ASSERT(uv_loop_configure(&loop->uv, UV_METRICS_IDLE_TIME) == 0);
	TR_ASSERT(uv_async_init(&loop->uv, &loop->wake, on_wake) == 0);
	uv_idle_init(&loop->uv, &loop->idle);
	uv_prepare_init(&loop->uv, &loop->prepare);
	loop->uv.data = loop;
	loop->idle.data = loop;
	loop->prepare.data = loop;
	tr_list_init(&loop->deferred);
	tr_list_init(&loop->running);
	tr_list_init(&loop->signals);
	uv_prepare_start(&loop->prepare, on_prepare);
	uv_unref((uv_handle_t *)&loop->prepare);
	return loop;
}

static void on_signal_closed(uv_handle_t *handle)
{
	tr_free(handle->data);
}

static void free_deferred(struct tr_list *calls)
{
	struct tr_list *node;

	while ((node = tr_list_head(calls)) != NULL) {
		tr_list_remove(node);
		tr_free(TR_LIST_ENTRY(node, struct deferred_call, node));
	}
}

/* Only wakes the poll. */
static void on_limit(uv_timer_t *timer)
{
	(void)timer;
}

/* Lets closing handles and canceled requests end. false when some request would not. */
static bool run_pending_closes(struct tr_loop *loop)
{
	uv_timer_t limit;

	if (uv_run(&loop->uv, UV_RUN_NOWAIT) != 0) {
		uint64_t end = uv_hrtime() / 1000000 + DESTROY_WAIT_MS;

		uv_timer_init(&loop->uv, &limit);
		uv_timer_start(&limit, on_limit, 10, 10);
		uv_unref((uv_handle_t *)&limit);
		while (uv_loop_alive(&loop->uv) && uv_hrtime() / 1000000 < end) {
			uv_run(&loop->uv, UV_RUN_ONCE);
		}
		uv_close((uv_handle_t *)&limit, NULL);
		uv_run(&loop->uv, UV_RUN_NOWAIT);
	}
	return uv_loop_close(&loop->uv) == 0;
}

void tr_loop_destroy(struct tr_loop *loop)
{
	struct tr_list *node;
	struct tr_list *following;

	if (!loop) {
		return;
	}
	TR_LIST_EACH (&loop->signals, node, following) {
		struct loop_signal *entry = TR_LIST_ENTRY(node, struct loop_signal, node);

		uv_close((uv_handle_t *)&entry->uv, on_signal_closed);
	}
	uv_close((uv_handle_t *)&loop->wake, NULL);
	uv_close((uv_handle_t *)&loop->idle, NULL);
	uv_close((uv_handle_t *)&loop->prepare, NULL);
	if (!run_pending_closes(loop)) {
		/* A thread of the pool may still write to it: the memory stays. */
		tr_log_warn("io", "the loop ends with requests or handles still open");
		return;
	}
	free_deferred(&loop->deferred);
	tr_free(loop->scratch);
	tr_free(loop);
}

void tr_loop_run(struct tr_loop *loop)
{
	while (!loop->stopped) {
		uv_run(&loop->uv, UV_RUN_ONCE);
	}
	loop->stopped = false;
}

void tr_loop_turn(struct tr_loop *loop, bool wait)
{
	uv_run(&loop->uv, wait ? UV_RUN_ONCE : UV_RUN_NOWAIT);
}

void tr_loop_stop(struct tr_loop *loop)
{
	loop->stopped = true;
	uv_async_send(&loop->wake);
}

struct uv_loop_s *tr_loop_uv(struct tr_loop *loop)
{
	return &loop->uv;
}

char *tr_loop_read_buffer(struct tr_loop *loop)
{
	if (!loop->scratch) {
		loop->scratch = tr_alloc(TR_LOOP_READ_LEN + TR_LOOP_PLAIN_LEN);
	}
	return loop->scratch;
}

char *tr_loop_plain_buffer(struct tr_loop *loop)
{
	return tr_loop_read_buffer(loop) + TR_LOOP_READ_LEN;
}

void tr_loop_defer(struct tr_loop *loop, tr_loop_callback *callback, void *arg)
{
	struct deferred_call *call = tr_alloc(sizeof(*call));

	call->callback = callback;
	call->arg = arg;
	tr_list_append(&loop->deferred, &call->node);
	uv_idle_start(&loop->idle, on_idle);
}

static void cancel_in(struct tr_list *calls, tr_loop_callback *callback, void *arg)
{
	struct tr_list *node;
	struct tr_list *following;

	TR_LIST_EACH (calls, node, following) {
		struct deferred_call *call = TR_LIST_ENTRY(node, struct deferred_call, node);

		if (call->callback == callback && call->arg == arg) {
			tr_list_remove(node);
			tr_free(call);
		}
	}
}

void tr_loop_defer_cancel(struct tr_loop *loop, tr_loop_callback *callback, void *arg)
{
	cancel_in(&loop->deferred, callback, arg);
	cancel_in(&loop->running, callback, arg);
}

static void on_timer(uv_timer_t *handle)
{
	struct tr_timer *timer = handle->data;

	timer->callback(timer->arg);
}

struct tr_timer *tr_timer_create(struct tr_loop *loop, tr_loop_callback *callback, void *arg)
{
	struct tr_timer *timer = tr_alloc(sizeof(*timer));

	timer->callback = callback;
	timer->arg = arg;
	uv_timer_init(&loop->uv, &timer->uv);
	timer->uv.data = timer;
	return timer;
}

void tr_timer_start(struct tr_timer *timer, uint64_t delay_ms)
{
	/* The loop's cached time is that of the turn's start; a long turn must not eat the delay.
	 */
	uv_update_time(timer->uv.loop);
	uv_timer_start(&timer->uv, on_timer, delay_ms, 0);
}

void tr_timer_repeat(struct tr_timer *timer, uint64_t interval_ms)
{
	TR_ASSERT(interval_ms > 0);
	uv_update_time(timer->uv.loop);
	uv_timer_start(&timer->uv, on_timer, interval_ms, interval_ms);
}

void tr_timer_stop(struct tr_timer *timer)
{
	uv_timer_stop(&timer->uv);
}

bool tr_timer_active(const struct tr_timer *timer)
{
	return uv_is_active((const uv_handle_t *)&timer->uv) != 0;
}

static void on_timer_closed(uv_handle_t *handle)
{
	tr_free(handle->data);
}

void tr_timer_destroy(struct tr_timer *timer)
{
	if (timer) {
		uv_close((uv_handle_t *)&timer->uv, on_timer_closed);
	}
}

static void on_signal(uv_signal_t *handle, int number)
{
	struct loop_signal *entry = handle->data;

	entry->callback(number, entry->arg);
}

void tr_loop_on_signal(
	struct tr_loop *loop, int signal, tr_loop_signal_callback *callback, void *arg)
{
	struct loop_signal *entry = tr_alloc(sizeof(*entry));

	entry->callback = callback;
	entry->arg = arg;
	uv_signal_init(&loop->uv, &entry->uv);
	entry->uv.data = entry;
	TR_ASSERT(uv_signal_start(&entry->uv, on_signal, signal) == 0);
	uv_unref((uv_handle_t *)&entry->uv);
	tr_list_append(&loop->signals, &entry->node);
}

uint64_t tr_loop_take_lag_ms(struct tr_loop *loop)
{
	uint64_t lag = loop->lag_ns / 1000000;

	loop->lag_ns = 0;
	return lag;
}

uint64_t tr_backoff_ms(unsigned attempt, uint64_t first_ms, uint64_t max_ms)
{
	uint64_t delay = first_ms < max_ms ? first_ms : max_ms;
	uint64_t half;

	while (attempt-- > 0 && delay < max_ms) {
		delay = delay > max_ms / 2 ? max_ms : delay * 2;
		if (delay == 0) {
			break;
		}
	}
	half = delay / 2;
	if (half >= UINT32_MAX) {
		half = UINT32_MAX - 1;
	}
	return delay - half + (half == 0 ? 0 : tr_random_below((uint32_t)half + 1));
}
