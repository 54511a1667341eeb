/* SPDX-License-Identifier: Apache-2.0
 *
 * Implements inject.h. A job at a rate keeps to its schedule: what a late turn missed comes in the
 * next one.
 */
#include "tests/support/homeserver/inject.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/homeserver/text.h"

enum { TICK_MS = 2 };

struct hs_job {
	struct hs_job *next;
	struct hs_job_parts parts;
	int64_t started;
	uint64_t done;
};

const struct hs_event *hs_inject_one(struct hs_server *server, struct hs_room *room,
	const char *user, const char *type, const char *content)
{
	struct hs_event_parts parts = {
		.room_id = room->id,
		.sender = user,
		.type = type,
		.content = content,
		.content_len = strlen(content),
	};
	const struct hs_event *event = hs_server_happen(server, room, &parts, false);
	hs_ledger_event(&server->ledger, "inject", event, NULL);
	return event;
}

static void say(struct hs_injector *injector, struct hs_job *job)
{
	struct hs_job_parts *parts = &job->parts;
	struct hs_text body = {0};
	struct hs_text content = {0};
	hs_text_printf(&body, "%s%" PRIu64, parts->prefix, parts->first + job->done);
	hs_text_puts(&content, "{");
	hs_text_pair(&content, "msgtype", parts->msgtype);
	hs_text_pair(&content, "body", body.data);
	hs_text_puts(&content, "}");
	hs_inject_one(injector->server, parts->room, parts->users[job->done % parts->user_count],
		"m.room.message", content.data);
	hs_text_free(&body);
	hs_text_free(&content);
	job->done++;
	injector->left--;
}

static void free_job(struct hs_job *job)
{
	for (size_t i = 0; i < job->parts.user_count; i++) {
		free(job->parts.users[i]);
	}
	free(job->parts.users);
	free(job->parts.prefix);
	free(job->parts.msgtype);
	free(job);
}

static void work(struct hs_injector *injector, struct hs_job *job)
{
	double due = (double)job->parts.count;
	if (job->parts.rate > 0) {
		double elapsed = (double)(hs_monotonic_ms() - job->started) / 1000.0;
		double so_far = elapsed * job->parts.rate + 1;
		due = so_far < due ? so_far : due;
	}
	while ((double)job->done + 1 <= due) {
		say(injector, job);
	}
}

static void tick(struct hs_timer *timer)
{
	struct hs_injector *injector =
		(struct hs_injector *)((char *)timer - offsetof(struct hs_injector, timer));
	struct hs_job **at = &injector->jobs;
	while (*at) {
		struct hs_job *job = *at;
		work(injector, job);
		if (job->done == job->parts.count) {
			*at = job->next;
			free_job(job);
		} else {
			at = &job->next;
		}
	}
	if (injector->jobs) {
		hs_timer_start(injector->server->loop, &injector->timer, TICK_MS);
	}
}

void hs_injector_init(struct hs_injector *injector, struct hs_server *server)
{
	*injector = (struct hs_injector){.server = server, .timer.fire = tick};
}

void hs_injector_finish(struct hs_injector *injector)
{
	hs_timer_stop(&injector->timer);
	while (injector->jobs) {
		struct hs_job *job = injector->jobs;
		injector->jobs = job->next;
		free_job(job);
	}
}

void hs_inject(struct hs_injector *injector, const struct hs_job_parts *parts)
{
	struct hs_job *job = hs_alloc(sizeof(*job));
	job->parts = *parts;
	job->started = hs_monotonic_ms();
	job->next = injector->jobs;
	injector->jobs = job;
	injector->left += parts->count;
	hs_timer_stop(&injector->timer);
	tick(&injector->timer);
}
