/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thread with a mailbox: jobs run there one after the other in order; each job's `done` runs on
 * the loop afterwards. The job owns what it was given until done; nothing else is shared.
 */
#ifndef TRESTLE_IO_WORKER_H
#define TRESTLE_IO_WORKER_H

#include "core/io/loop.h"

#include <stddef.h>

struct tr_worker;
typedef void tr_worker_job(void *arg);

struct tr_worker *tr_worker_create(struct tr_loop *loop, const char *name);
/* Waits for the jobs that are queued, runs their `done`, ends the thread. */
void tr_worker_destroy(struct tr_worker *worker);
void tr_worker_submit(struct tr_worker *worker, tr_worker_job *job, tr_worker_job *done, void *arg);
size_t tr_worker_pending(const struct tr_worker *worker);

#endif
