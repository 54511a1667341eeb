/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The listener for figures and health: /metrics (Prometheus text), /live (the loop turns), /ready
 * (200 when every bridge can carry messages, else 503 with a sentence for each that cannot). It
 * shows no secret and takes no input.
 */
#ifndef TRESTLE_DAEMON_STATUS_SERVER_H
#define TRESTLE_DAEMON_STATUS_SERVER_H

#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/io/loop.h"

struct tr_metrics;
struct tr_status_server;

/* Whether all is ready; appends the sentences. */
typedef bool tr_status_ready(void *arg, struct tr_buf *sentences);

struct tr_status_server *tr_status_server_create(struct tr_loop *loop, const char *listen,
	struct tr_metrics *metrics, tr_status_ready *ready, void *arg, struct tr_error *error);
void tr_status_server_destroy(struct tr_status_server *server);

#endif
