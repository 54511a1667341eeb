/* SPDX-License-Identifier: Apache-2.0
 *
 * The event loop of the stub homeserver: descriptors on one epoll, timers in milliseconds, and
 * hooks for libraries that bring their own epoll and must be asked how long they can wait.
 *
 * Everything runs on one thread. The memory of timers, watches and hooks belongs to the caller.
 */
#ifndef HS_LOOP_H
#define HS_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct hs_timer {
	int64_t due;
	struct hs_timer *prev;
	struct hs_timer *next;
	bool armed;
	void (*fire)(struct hs_timer *timer);
};

struct hs_watch {
	int fd;
	void (*ready)(struct hs_watch *watch, uint32_t events);
};

struct hs_hook {
	int64_t (*wait_ms)(struct hs_hook *hook); /* -1: for ever */
	void (*run)(struct hs_hook *hook);        /* called once an iteration */
	struct hs_hook *next;
};

struct hs_loop {
	int epoll;
	bool stop;
	struct hs_timer timers; /* head of a ring, earliest first */
	struct hs_hook *hooks;
};

/* 0, or -1 with errno set. */
int hs_loop_init(struct hs_loop *loop);
void hs_loop_finish(struct hs_loop *loop);
/* Runs until loop->stop is set, also by a signal handler. */
void hs_loop_run(struct hs_loop *loop);

/* events: EPOLLIN, EPOLLOUT; 0 removes. Watching a watched descriptor changes it. */
void hs_loop_watch(struct hs_loop *loop, struct hs_watch *watch, uint32_t events);
void hs_loop_hook(struct hs_loop *loop, struct hs_hook *hook);
/* Arms, or moves an armed timer. Constant when delays are alike, which they are here. */
void hs_timer_start(struct hs_loop *loop, struct hs_timer *timer, int64_t delay_ms);
void hs_timer_stop(struct hs_timer *timer);

int64_t hs_monotonic_ms(void);
int64_t hs_wall_ms(void);

#endif
