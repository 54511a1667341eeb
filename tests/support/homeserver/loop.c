/* SPDX-License-Identifier: Apache-2.0
 *
 * Implements loop.h. Timers are a sorted ring searched from its end, because a new timer nearly
 * always is the latest one.
 */
#include "tests/support/homeserver/loop.h"

#include <errno.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

static int64_t clock_ms(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t hs_monotonic_ms(void)
{
	return clock_ms(CLOCK_MONOTONIC);
}

int64_t hs_wall_ms(void)
{
	return clock_ms(CLOCK_REALTIME);
}

int hs_loop_init(struct hs_loop *loop)
{
	*loop = (struct hs_loop){.epoll = epoll_create1(EPOLL_CLOEXEC)};
	loop->timers.prev = loop->timers.next = &loop->timers;
	return loop->epoll < 0 ? -1 : 0;
}

void hs_loop_finish(struct hs_loop *loop)
{
	close(loop->epoll);
}

void hs_loop_watch(struct hs_loop *loop, struct hs_watch *watch, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = watch};
	if (events == 0) {
		epoll_ctl(loop->epoll, EPOLL_CTL_DEL, watch->fd, &event);
	} else if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, watch->fd, &event) < 0 &&
		   errno == EEXIST) {
		epoll_ctl(loop->epoll, EPOLL_CTL_MOD, watch->fd, &event);
	}
}

void hs_loop_hook(struct hs_loop *loop, struct hs_hook *hook)
{
	hook->next = loop->hooks;
	loop->hooks = hook;
}

void hs_timer_stop(struct hs_timer *timer)
{
	if (timer->armed) {
		timer->prev->next = timer->next;
		timer->next->prev = timer->prev;
		timer->armed = false;
	}
}

void hs_timer_start(struct hs_loop *loop, struct hs_timer *timer, int64_t delay_ms)
{
	hs_timer_stop(timer);
	timer->due = hs_monotonic_ms() + delay_ms;
	struct hs_timer *before = loop->timers.prev;
	while (before != &loop->timers && before->due > timer->due) {
		before = before->prev;
	}
	timer->prev = before;
	timer->next = before->next;
	before->next->prev = timer;
	before->next = timer;
	timer->armed = true;
}

static void fire_timers(struct hs_loop *loop)
{
	if (loop->timers.next == &loop->timers) {
		return;
	}
	/* A timer that arms itself again for "now" waits for the next turn: due <= now would spin.
	 */
	int64_t now = hs_monotonic_ms();
	while (loop->timers.next != &loop->timers && loop->timers.next->due <= now) {
		struct hs_timer *timer = loop->timers.next;
		hs_timer_stop(timer);
		timer->fire(timer);
		if (timer == loop->timers.next) {
			break;
		}
	}
}

static int shortest_wait(struct hs_loop *loop)
{
	int64_t wait = 1000;
	if (loop->timers.next != &loop->timers) {
		int64_t left = loop->timers.next->due - hs_monotonic_ms();
		wait = left < 0 ? 0 : left < wait ? left : wait;
	}
	for (struct hs_hook *hook = loop->hooks; hook; hook = hook->next) {
		int64_t left = hook->wait_ms(hook);
		if (left >= 0 && left < wait) {
			wait = left;
		}
	}
	return (int)wait;
}

void hs_loop_run(struct hs_loop *loop)
{
	struct epoll_event event;
	while (!loop->stop) {
		/* One descriptor may go away in another's callback: take them one by one, and the
		 * rest again in the next turn (the epoll is level-triggered). */
		int count = epoll_wait(loop->epoll, &event, 1, shortest_wait(loop));
		if (count > 0) {
			struct hs_watch *watch = event.data.ptr;
			watch->ready(watch, event.events);
		}
		for (struct hs_hook *hook = loop->hooks; hook; hook = hook->next) {
			hook->run(hook);
		}
		fire_timers(loop);
	}
}
