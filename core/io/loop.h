/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event loop of the process (libuv): one thread owns all state, nothing on it blocks.
 * Callbacks never fire before the call that started them has returned.
 */
#ifndef TRESTLE_IO_LOOP_H
#define TRESTLE_IO_LOOP_H

#include "core/base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct uv_loop_s;
struct tr_loop;
struct tr_timer;

/* Ignores SIGPIPE, raises the soft limit of open files to the hard one, sizes the worker pool. */
struct tr_loop *tr_loop_create(void);
/* Every timer, stream, server and client of the loop must be closed before. Runs what closes still
 * pend. */
void tr_loop_destroy(struct tr_loop *loop);
/* Runs until tr_loop_stop(). */
void tr_loop_run(struct tr_loop *loop);
/* One round; with `wait` it sleeps until something happens. For tests and drains. */
void tr_loop_turn(struct tr_loop *loop, bool wait);
void tr_loop_stop(struct tr_loop *loop);
/* For the other files of core/io and for libraries that speak libuv. */
struct uv_loop_s *tr_loop_uv(struct tr_loop *loop);

typedef void tr_loop_callback(void *arg);
/* Calls `callback` once, in a later turn of the loop, in order of the calls. */
void tr_loop_defer(struct tr_loop *loop, tr_loop_callback *callback, void *arg);
/* Forgets deferred calls with this callback and arg. */
void tr_loop_defer_cancel(struct tr_loop *loop, tr_loop_callback *callback, void *arg);

/* One timer. Starting again moves it. A stopped or destroyed timer does not fire. */
struct tr_timer *tr_timer_create(struct tr_loop *loop, tr_loop_callback *callback, void *arg);
void tr_timer_start(struct tr_timer *timer, uint64_t delay_ms);
void tr_timer_repeat(struct tr_timer *timer, uint64_t interval_ms);
void tr_timer_stop(struct tr_timer *timer);
bool tr_timer_active(const struct tr_timer *timer);
/* Legal inside its own callback; NULL is fine. */
void tr_timer_destroy(struct tr_timer *timer);

/* Calls back on the loop when the signal arrives, until the loop is destroyed. */
typedef void tr_loop_signal_callback(int signal, void *arg);
void tr_loop_on_signal(
	struct tr_loop *loop, int signal, tr_loop_signal_callback *callback, void *arg);

/* The longest time one turn has kept the loop busy since the last call, in milliseconds; for
 * metrics. */
uint64_t tr_loop_take_lag_ms(struct tr_loop *loop);

/* Exponential backoff with jitter: 0.5 to 1.0 times min(first * 2^attempt, max). attempt counts
 * from 0. */
uint64_t tr_backoff_ms(unsigned attempt, uint64_t first_ms, uint64_t max_ms);

#endif
