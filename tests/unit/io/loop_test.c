/* SPDX-License-Identifier: Apache-2.0 */
/* The loop: order and cancelling of deferred calls, timers, signals, lag and backoff. */
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/io/loop.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include <cmocka.h>

struct fixture {
	struct tr_loop *loop;
	struct tr_timer *timer;
	char trace[64];
	int count;
};

static int setup(void **state)
{
	struct fixture *f = tr_alloc(sizeof(*f));

	f->loop = tr_loop_create();
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	tr_loop_destroy(f->loop);
	tr_free(f);
	return 0;
}

static void trace(struct fixture *f, char mark)
{
	size_t len = strlen(f->trace);

	assert_true(len + 1 < sizeof(f->trace));
	f->trace[len] = mark;
}

static void mark_a(void *arg)
{
	trace(arg, 'a');
}

static void mark_b(void *arg)
{
	trace(arg, 'b');
}

static void defer_again(void *arg)
{
	struct fixture *f = arg;

	trace(f, 'x');
	tr_loop_defer(f->loop, mark_a, f);
}

static void cancel_b(void *arg)
{
	struct fixture *f = arg;

	trace(f, 'c');
	tr_loop_defer_cancel(f->loop, mark_b, f);
}

static void deferred_calls_run_later_and_in_order(void **state)
{
	struct fixture *f = *state;

	tr_loop_defer(f->loop, mark_a, f);
	tr_loop_defer(f->loop, mark_b, f);
	tr_loop_defer(f->loop, mark_a, f);
	assert_string_equal(f->trace, "");
	tr_loop_turn(f->loop, true);
	assert_string_equal(f->trace, "aba");
}

static void a_call_deferred_by_a_deferred_call_waits_a_turn(void **state)
{
	struct fixture *f = *state;

	tr_loop_defer(f->loop, defer_again, f);
	tr_loop_turn(f->loop, false);
	assert_string_equal(f->trace, "x");
	tr_loop_turn(f->loop, true);
	assert_string_equal(f->trace, "xa");
}

static void canceled_calls_do_not_run(void **state)
{
	struct fixture *f = *state;

	tr_loop_defer(f->loop, mark_a, f);
	tr_loop_defer(f->loop, mark_b, f);
	tr_loop_defer_cancel(f->loop, mark_a, f);
	tr_loop_turn(f->loop, true);
	assert_string_equal(f->trace, "b");
}

static void a_call_of_the_same_turn_can_be_canceled(void **state)
{
	struct fixture *f = *state;

	tr_loop_defer(f->loop, cancel_b, f);
	tr_loop_defer(f->loop, mark_b, f);
	tr_loop_defer(f->loop, mark_a, f);
	tr_loop_turn(f->loop, true);
	tr_loop_turn(f->loop, false);
	assert_string_equal(f->trace, "ca");
}

static void calls_left_at_the_end_are_forgotten(void **state)
{
	struct fixture *f = *state;

	tr_loop_defer(f->loop, mark_a, f);
	tr_loop_destroy(f->loop);
	assert_string_equal(f->trace, "");
	f->loop = NULL;
}

static void stop_now(void *arg)
{
	struct fixture *f = arg;

	trace(f, 's');
	tr_loop_stop(f->loop);
}

static void run_ends_with_stop_and_can_run_again(void **state)
{
	struct fixture *f = *state;

	tr_loop_defer(f->loop, stop_now, f);
	tr_loop_run(f->loop);
	tr_loop_defer(f->loop, stop_now, f);
	tr_loop_run(f->loop);
	assert_string_equal(f->trace, "ss");
}

static void a_stop_before_run_is_not_lost(void **state)
{
	struct fixture *f = *state;

	tr_loop_stop(f->loop);
	tr_loop_run(f->loop);
}

static void a_timer_fires_once_after_its_delay(void **state)
{
	struct fixture *f = *state;
	struct tr_timer *timer = tr_timer_create(f->loop, stop_now, f);
	uint64_t start = tr_clock_mono_ms();

	assert_false(tr_timer_active(timer));
	tr_timer_start(timer, 30);
	assert_true(tr_timer_active(timer));
	tr_loop_run(f->loop);
	assert_true(tr_clock_mono_ms() - start >= 29);
	assert_false(tr_timer_active(timer));
	tr_loop_turn(f->loop, false);
	assert_string_equal(f->trace, "s");
	tr_timer_destroy(timer);
}

static void starting_again_moves_a_timer(void **state)
{
	struct fixture *f = *state;
	struct tr_timer *moved = tr_timer_create(f->loop, mark_a, f);
	struct tr_timer *end = tr_timer_create(f->loop, stop_now, f);

	tr_timer_start(moved, 1);
	tr_timer_start(moved, 60000);
	tr_timer_start(end, 10);
	tr_loop_run(f->loop);
	assert_string_equal(f->trace, "s");
	tr_timer_destroy(moved);
	tr_timer_destroy(end);
}

static void a_stopped_or_destroyed_timer_does_not_fire(void **state)
{
	struct fixture *f = *state;
	struct tr_timer *stopped = tr_timer_create(f->loop, mark_a, f);
	struct tr_timer *destroyed = tr_timer_create(f->loop, mark_b, f);
	struct tr_timer *end = tr_timer_create(f->loop, stop_now, f);

	tr_timer_start(stopped, 0);
	tr_timer_start(destroyed, 0);
	tr_timer_stop(stopped);
	tr_timer_destroy(destroyed);
	tr_timer_start(end, 5);
	tr_loop_run(f->loop);
	assert_string_equal(f->trace, "s");
	tr_timer_destroy(stopped);
	tr_timer_destroy(end);
	tr_timer_destroy(NULL);
}

static void count_and_destroy_at_three(void *arg)
{
	struct fixture *f = arg;

	if (++f->count == 3) {
		tr_timer_destroy(f->timer);
		tr_loop_stop(f->loop);
	}
}

static void a_repeating_timer_may_destroy_itself(void **state)
{
	struct fixture *f = *state;

	f->timer = tr_timer_create(f->loop, count_and_destroy_at_three, f);
	tr_timer_repeat(f->timer, 2);
	tr_loop_run(f->loop);
	assert_int_equal(f->count, 3);
}

static void on_signal(int number, void *arg)
{
	struct fixture *f = arg;

	assert_int_equal(number, SIGUSR1);
	trace(f, 'u');
	tr_loop_stop(f->loop);
}

static void a_signal_arrives_on_the_loop(void **state)
{
	struct fixture *f = *state;

	tr_loop_on_signal(f->loop, SIGUSR1, on_signal, f);
	(void)raise(SIGUSR1);
	assert_string_equal(f->trace, "");
	tr_loop_run(f->loop);
	assert_string_equal(f->trace, "u");
}

static void writing_to_a_closed_pipe_is_an_error_and_not_the_end(void **state)
{
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	close(fds[0]);
	assert_int_equal(write(fds[1], "x", 1), -1);
	close(fds[1]);
}

static void the_soft_limit_of_files_is_the_hard_one(void **state)
{
	struct rlimit limit;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_true(limit.rlim_cur == limit.rlim_max);
}

static void block_a_while(void *arg)
{
	struct timespec pause = {0, 60 * 1000000};

	(void)arg;
	nanosleep(&pause, NULL);
}

static void lag_is_the_longest_turn_and_not_the_sleep(void **state)
{
	struct fixture *f = *state;
	struct tr_timer *timer = tr_timer_create(f->loop, stop_now, f);
	uint64_t lag;

	tr_loop_turn(f->loop, false);
	(void)tr_loop_take_lag_ms(f->loop);
	tr_timer_start(timer, 200);
	tr_loop_run(f->loop);
	tr_loop_turn(f->loop, false);
	lag = tr_loop_take_lag_ms(f->loop);
	assert_true(lag < 150);

	tr_loop_defer(f->loop, block_a_while, NULL);
	tr_loop_turn(f->loop, false);
	tr_loop_turn(f->loop, false);
	lag = tr_loop_take_lag_ms(f->loop);
	assert_true(lag >= 59);
	assert_true(tr_loop_take_lag_ms(f->loop) < 59);
	tr_timer_destroy(timer);
}

static void backoff_doubles_up_to_its_maximum_with_jitter(void **state)
{
	unsigned attempt;

	(void)state;
	for (attempt = 0; attempt < 100; attempt++) {
		uint64_t full = attempt < 6 ? 1000u << attempt : 60000;
		uint64_t delay = tr_backoff_ms(attempt, 1000, 60000);

		full = full < 60000 ? full : 60000;
		assert_true(delay >= full / 2 && delay <= full);
	}
	assert_int_equal(tr_backoff_ms(3, 0, 1000), 0);
	assert_true(tr_backoff_ms(0, 5000, 1000) <= 1000);
	assert_true(tr_backoff_ms(4000000000u, 1, UINT64_MAX) > UINT64_MAX / 3);
}

int main(void)
{
#define WITH_LOOP(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		WITH_LOOP(deferred_calls_run_later_and_in_order),
		WITH_LOOP(a_call_deferred_by_a_deferred_call_waits_a_turn),
		WITH_LOOP(canceled_calls_do_not_run),
		WITH_LOOP(a_call_of_the_same_turn_can_be_canceled),
		WITH_LOOP(calls_left_at_the_end_are_forgotten),
		WITH_LOOP(run_ends_with_stop_and_can_run_again),
		WITH_LOOP(a_stop_before_run_is_not_lost),
		WITH_LOOP(a_timer_fires_once_after_its_delay),
		WITH_LOOP(starting_again_moves_a_timer),
		WITH_LOOP(a_stopped_or_destroyed_timer_does_not_fire),
		WITH_LOOP(a_repeating_timer_may_destroy_itself),
		WITH_LOOP(a_signal_arrives_on_the_loop),
		WITH_LOOP(writing_to_a_closed_pipe_is_an_error_and_not_the_end),
		WITH_LOOP(the_soft_limit_of_files_is_the_hard_one),
		WITH_LOOP(lag_is_the_longest_turn_and_not_the_sleep),
		cmocka_unit_test(backoff_doubles_up_to_its_maximum_with_jitter),
	};

	return cmocka_run_group_tests_name("io/loop", tests, NULL, NULL);
}
