/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The world of a bridge under test, all on one loop: a small homeserver that keeps rooms, members
 * and what was sent, a protocol module that writes down what it is given, and the bridge between
 * them with a store on disk.
 */
#ifndef TRESTLE_TESTS_BRIDGE_WORLD_HELPER_H
#define TRESTLE_TESTS_BRIDGE_WORLD_HELPER_H

#include "core/bridge/bridge.h"
#include "core/bridge/command.h"
#include "core/bridge/portal.h"
#include "core/io/http_client.h"
#include "core/io/http_server.h"
#include "core/io/metrics.h"
#include "core/matrix/appservice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/http_fixture.h"

enum { OPS_MAX = 64 };

enum fate { FATE_DONE, FATE_REFUSE, FATE_RETRY, FATE_HOLD };

/* When every event that is pushed was said. */
#define WORLD_SAID_MS 1763735700000

struct world {
	char dir[64];
	char database[128];
	struct tr_loop *loop;
	struct tr_metrics *metrics;
	struct tr_appservice *appservice;
	struct tr_http_client *http;

	/* the homeserver */
	struct tr_http_server *homeserver;
	char *homeserver_url;
	struct tr_buf log;       /* "join @a:hs !r:hs\n".. of what changed something */
	struct tr_buf sent;      /* "!r:hs @a:hs m.text hello\n".. */
	struct tr_json *events;  /* object: txn -> {room, sender, content, event_id} */
	struct tr_json *states;  /* object: "room type key" -> content */
	struct tr_json *members; /* object: "room user" -> membership */
	struct tr_json *closed;  /* object: rooms that need an invitation */
	struct tr_json *known;   /* object: event id -> event, for GET event and context */
	struct tr_json *history; /* array: what GET messages answers before that; or NULL */
	struct tr_buf file;      /* uploaded last */
	char *file_type;
	unsigned rooms_made;
	char *last_create;       /* body of the last createRoom */
	const char *fail;        /* requests whose path has this are answered with.. */
	const char *fail_method; /* .. and have this one; NULL = any */
	int fail_status;
	unsigned rooms_untold; /* so many rooms are made and answered with 502 all the same */
	unsigned fail_count;
	const char *fail_errcode;

	/* the module */
	enum fate fate;
	unsigned capabilities;
	struct tr_buf ops;   /* "message @u:hs #chan hello\n".. */
	struct tr_buf about; /* of each op that refers to an event: what is known of that */
	struct tr_op *held[OPS_MAX];
	size_t held_count;
	bool requires_members;
	size_t missing;           /* members of the room */
	unsigned brought;         /* how often they were asked in */
	struct tr_portal *portal; /* of the mapped room, "#chan" */
	bool settled;
	tr_loop_callback *stopped;
	void *stopped_arg;

	struct tr_bridge *bridge;
	bool called_back;
	struct tr_error callback_error;
	unsigned txn;
	bool orphan_flush;                             /* of the bridge that is begun next */
	uint64_t hold_ms;                              /* too */
	uint64_t withhold_after_ms, departed_after_ms; /* too */
	int64_t join_retries;                          /* too */
	unsigned pings;                                /* asked for */
	int status;                                    /* of the last transaction or query */
	struct tr_buf answer;
	bool answered;
};

int world_setup(void **state);
int world_teardown(void **state);

/* Starts a bridge on the store of the world; `world->capabilities` and the like are set before. */
void world_start(struct world *world);
/* The same without waiting for it. */
void world_begin(struct world *world, tr_bridge_callback *callback, void *arg);
/* Stops it in order and destroys it. */
void world_stop(struct world *world);
/* Destroys it without a stop. */
void world_drop(struct world *world);

/* Pushes one event as the homeserver does, and waits for the answer; `id` names the event. */
void world_push(struct world *world, const char *id, const char *type, const char *room,
	const char *sender, const char *state_key, const char *content);
/* The same of something that is no event of a room. */
void world_push_ephemeral(
	struct world *world, const char *type, const char *sender, const char *content);
void world_say(struct world *world, const char *id, const char *room, const char *sender,
	const char *text);
/* The same as an answer to `about`, and instead of what `about` said. */
void world_answer(struct world *world, const char *id, const char *room, const char *sender,
	const char *about, const char *text);
void world_edit(struct world *world, const char *id, const char *room, const char *sender,
	const char *about, const char *text);
/* An event that only the homeserver knows: text of a message in !mapped:hs, and who else (may be
 * NULL) was in the room then. */
void world_knows(struct world *world, const char *id, const char *sender, const char *text,
	const char *witness);
/* Asks the bridge a question; status and answer are in the world. */
void world_get(struct world *world, const char *path);
/* Makes a user a member at the homeserver. */
void world_member(struct world *world, const char *room, const char *user, const char *membership);
const char *world_membership(const struct world *world, const char *room, const char *user);

/* Turns the loop until the text is in the buffer. */
void world_expect(struct world *world, const struct tr_buf *buf, const char *text);
size_t world_count(const struct tr_buf *buf, const char *text);
/* A message of the fake network. */
void world_remote(struct world *world, struct tr_portal *portal, const char *sender,
	const char *key, const char *text);

#endif
