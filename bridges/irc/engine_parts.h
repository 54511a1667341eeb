/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the protocol table share: engine.c (operations and questions), engine_start.c
 * and engine_stop.c. Nobody else includes it.
 */
#ifndef TRESTLE_IRC_ENGINE_PARTS_H
#define TRESTLE_IRC_ENGINE_PARTS_H

#include "bridges/irc/network.h"
#include "core/bridge/protocol.h"

struct tr_metrics;

/* Members of struct tr_protocol, see core/bridge/protocol.h. */
void *tr_irc_engine_create(struct tr_bridge *bridge, const void *config);
void tr_irc_engine_start(
	void *self, void (*started)(void *arg, const struct tr_error *error), void *arg);
void tr_irc_engine_stop(void *self, uint64_t timeout_ms, void (*stopped)(void *arg), void *arg);
void tr_irc_engine_destroy(void *self);

/* The channel of a portal, which becomes the channel's unless it has one. */
struct tr_irc_channel *tr_irc_engine_channel(
	struct tr_irc_network *network, struct tr_portal *portal);

/* Brings the bot into a portal's channel; for tr_portal_each(): `arg` is the network, always true.
 */
bool tr_irc_engine_open_portal(void *arg, struct tr_portal *portal);

typedef void tr_irc_session_visitor(struct tr_irc_session *session);

/* Every puppet's session, then the bot's. `visit` must not create or destroy sessions of others. */
void tr_irc_engine_each_session(struct tr_irc_network *network, tr_irc_session_visitor *visit);

/* Sets the figures of the network, a struct tr_irc_network; a collector of tr_metrics. */
void tr_irc_engine_collect(struct tr_metrics *metrics, void *arg);

#endif
