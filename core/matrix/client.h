/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client-server API as an application service uses it: one function per call.
 *
 * Every call takes `as_user`, the full Matrix user id to act as (?user_id=), NULL for the bridge's
 * bot; and a callback that comes exactly once, in a later turn of the loop, unless the call is
 * canceled or the client destroyed first. Everything given is copied. Path parts are percent-
 * encoded here; content is given as JSON text, so that a stored message is sent without being
 * parsed. Calls run at the same time; whoever needs an order starts the next call after the
 * callback of the one before. Nothing is retried here: the error's class says what to do
 * (core/matrix/matrix_error.h). The token never reaches the log or another host.
 */
#ifndef TRESTLE_MATRIX_CLIENT_H
#define TRESTLE_MATRIX_CLIENT_H

#include "core/base/error.h"
#include "core/base/json.h"
#include "core/io/loop.h"

struct tr_http_client;
struct tr_matrix_call;
struct tr_matrix_client;
struct tr_metrics;

struct tr_matrix_client_options {
	const char *homeserver_url; /* "https://matrix.example.com", with or without a last slash */
	const char *as_token;
	struct tr_http_client *http; /* shared, outlives this client; NULL = one of its own */
	const char *ca_file;         /* for one of its own; NULL = the system's */
	uint64_t timeout_ms;         /* of a call; 0 = 60,000 */
	struct tr_metrics *metrics;  /* trestle_homeserver_seconds{operation=..}; NULL = none */
};

struct tr_matrix_client *tr_matrix_client_create(
	struct tr_loop *loop, const struct tr_matrix_client_options *options);
/* Cancels the calls still running. NULL is fine. */
void tr_matrix_client_destroy(struct tr_matrix_client *client);
/* Calls started and not called back. */
size_t tr_matrix_client_running(const struct tr_matrix_client *client);

/* For how long the homeserver has left the oldest of them without an answer; 0 = there is none. */
uint64_t tr_matrix_client_silent_ms(const struct tr_matrix_client *client);

/* For how long it still wants to be left alone, by its latest Retry-After; 0 = it does not. */
uint64_t tr_matrix_client_limited_ms(const struct tr_matrix_client *client);

/* NULL as a callback: nobody wants to know (typing, receipts).
 * `error` NULL = a 2xx answer; `response` is then its JSON object. With an error `response` is the
 * error body where there is one (tr_json_get_str(response, "errcode")), else NULL. Both borrowed.
 */
typedef void tr_matrix_callback(
	void *arg, const struct tr_json *response, const struct tr_error *error);

/* A call is valid until its callback. This ends it without one; whether the homeserver acts on it
 * is then unknown. */
void tr_matrix_call_cancel(struct tr_matrix_call *call);

/* Any request; the functions below are made of it. */
struct tr_matrix_request {
	const char *operation; /* static; label of the metric: "send", "join" */
	const char *method;
	const char *path;  /* from the root, parts already percent-encoded */
	const char *query; /* "a=b&c=d", encoded, or NULL */
	const char *as_user;
	struct tr_str body; /* JSON, or the bytes of content_type */
	const char *content_type;
	const char *body_file; /* the body is the content of this file instead */
	uint64_t timeout_ms;   /* 0 = the client's */
};
struct tr_matrix_call *tr_matrix_request(struct tr_matrix_client *client,
	const struct tr_matrix_request *request, tr_matrix_callback *callback, void *arg);

/* Sending. Content is the JSON text of an object. ts_ms 0 = now; else origin_server_ts. The answer
 * has event_id. The transaction id must be unique per room and type over all users of the
 * registration (Synapse's cache has no user in its key), and the same on every retry. */
struct tr_matrix_call *tr_matrix_send(struct tr_matrix_client *client, const char *as_user,
	const char *room_id, const char *event_type, const char *txn_id, int64_t ts_ms,
	struct tr_str content_json, tr_matrix_callback *callback, void *arg);
struct tr_matrix_call *tr_matrix_put_state(struct tr_matrix_client *client, const char *as_user,
	const char *room_id, const char *event_type, const char *state_key, int64_t ts_ms,
	struct tr_str content_json, tr_matrix_callback *callback, void *arg);
/* `reason` may be NULL. */
struct tr_matrix_call *tr_matrix_redact(struct tr_matrix_client *client, const char *as_user,
	const char *room_id, const char *event_id, const char *txn_id, const char *reason,
	tr_matrix_callback *callback, void *arg);

/* Rooms. */
/* `options_json` is the body of POST /createRoom; the answer has room_id. */
struct tr_matrix_call *tr_matrix_create_room(struct tr_matrix_client *client, const char *as_user,
	struct tr_str options_json, tr_matrix_callback *callback, void *arg);
/* `room` is an id or an alias; `via` is a list of servers ended by NULL, or NULL. The answer has
 * room_id. */
struct tr_matrix_call *tr_matrix_join(struct tr_matrix_client *client, const char *as_user,
	const char *room, const char *const *via, tr_matrix_callback *callback, void *arg);
/* `reason` may be NULL in all of these. */
struct tr_matrix_call *tr_matrix_invite(struct tr_matrix_client *client, const char *as_user,
	const char *room_id, const char *user_id, const char *reason, tr_matrix_callback *callback,
	void *arg);
struct tr_matrix_call *tr_matrix_leave(struct tr_matrix_client *client, const char *as_user,
	const char *room_id, const char *reason, tr_matrix_callback *callback, void *arg);
struct tr_matrix_call *tr_matrix_kick(struct tr_matrix_client *client, const char *as_user,
	const char *room_id, const char *user_id, const char *reason, tr_matrix_callback *callback,
	void *arg);
struct tr_matrix_call *tr_matrix_ban(struct tr_matrix_client *client, const char *as_user,
	const char *room_id, const char *user_id, const char *reason, tr_matrix_callback *callback,
	void *arg);
struct tr_matrix_call *tr_matrix_unban(struct tr_matrix_client *client, const char *as_user,
	const char *room_id, const char *user_id, const char *reason, tr_matrix_callback *callback,
	void *arg);
/* The content of one state event; the answer is that content. */
struct tr_matrix_call *tr_matrix_get_state(struct tr_matrix_client *client, const char *as_user,
	const char *room_id, const char *event_type, const char *state_key,
	tr_matrix_callback *callback, void *arg);
/* One whole state event, with its sender (client-server API, ?format=event). */
struct tr_matrix_call *tr_matrix_get_state_event(struct tr_matrix_client *client,
	const char *as_user, const char *room_id, const char *event_type, const char *state_key,
	tr_matrix_callback *callback, void *arg);
/* All state events: the answer is an array. */
struct tr_matrix_call *tr_matrix_get_all_state(struct tr_matrix_client *client, const char *as_user,
	const char *room_id, tr_matrix_callback *callback, void *arg);
/* One event by its id. */
struct tr_matrix_call *tr_matrix_get_event(struct tr_matrix_client *client, const char *as_user,
	const char *room_id, const char *event_id, tr_matrix_callback *callback, void *arg);
/* One event and, in `state`, who `user_id` was in the room when it was sent: event, state. */
struct tr_matrix_call *tr_matrix_context(struct tr_matrix_client *client, const char *as_user,
	const char *room_id, const char *event_id, const char *user_id,
	tr_matrix_callback *callback, void *arg);
/* joined: user id -> {display_name, avatar_url}. */
struct tr_matrix_call *tr_matrix_joined_members(struct tr_matrix_client *client,
	const char *as_user, const char *room_id, tr_matrix_callback *callback, void *arg);
/* chunk: member events; `membership_wanted` narrows ("join", "invite"), NULL = all. */
struct tr_matrix_call *tr_matrix_members(struct tr_matrix_client *client, const char *as_user,
	const char *room_id, const char *membership_wanted, tr_matrix_callback *callback,
	void *arg);
struct tr_matrix_messages_query {
	const char *from;        /* NULL = the end of the room ("b") or its start ("f") */
	const char *to;          /* or NULL */
	bool forward;            /* else backward */
	unsigned limit;          /* 0 = the homeserver's default */
	const char *filter_json; /* a RoomEventFilter, or NULL */
};
/* chunk, start, end. */
struct tr_matrix_call *tr_matrix_messages(struct tr_matrix_client *client, const char *as_user,
	const char *room_id, const struct tr_matrix_messages_query *query,
	tr_matrix_callback *callback, void *arg);
/* joined_rooms: array of room ids. */
struct tr_matrix_call *tr_matrix_joined_rooms(struct tr_matrix_client *client, const char *as_user,
	tr_matrix_callback *callback, void *arg);
struct tr_matrix_call *tr_matrix_alias_put(struct tr_matrix_client *client, const char *alias,
	const char *room_id, tr_matrix_callback *callback, void *arg);
/* room_id, servers. */
struct tr_matrix_call *tr_matrix_alias_get(struct tr_matrix_client *client, const char *alias,
	tr_matrix_callback *callback, void *arg);
struct tr_matrix_call *tr_matrix_alias_delete(struct tr_matrix_client *client, const char *alias,
	tr_matrix_callback *callback, void *arg);
/* Lists the room in the directory of a network of ours (or takes it out). */
struct tr_matrix_call *tr_matrix_directory_visibility(struct tr_matrix_client *client,
	const char *network_id, const char *room_id, bool visible, tr_matrix_callback *callback,
	void *arg);

/* Users. */
/* Registers a ghost without a login. An account that exists already counts as success (then the
 * answer is an empty object). */
struct tr_matrix_call *tr_matrix_register(struct tr_matrix_client *client, const char *localpart,
	tr_matrix_callback *callback, void *arg);
/* `user_id` is both the one acting and the one changed; NULL is not allowed here. An empty avatar
 * takes it away. */
struct tr_matrix_call *tr_matrix_set_displayname(struct tr_matrix_client *client,
	const char *user_id, const char *name, tr_matrix_callback *callback, void *arg);
struct tr_matrix_call *tr_matrix_set_avatar_url(struct tr_matrix_client *client,
	const char *user_id, const char *mxc, tr_matrix_callback *callback, void *arg);
/* displayname, avatar_url. */
struct tr_matrix_call *tr_matrix_get_profile(struct tr_matrix_client *client, const char *as_user,
	const char *user_id, tr_matrix_callback *callback, void *arg);
/* Of `user_id` itself; timeout_ms matters with `typing` only. */
struct tr_matrix_call *tr_matrix_typing(struct tr_matrix_client *client, const char *user_id,
	const char *room_id, bool typing, uint64_t timeout_ms, tr_matrix_callback *callback,
	void *arg);
/* "online", "unavailable" or "offline"; `status` may be NULL. */
struct tr_matrix_call *tr_matrix_presence(struct tr_matrix_client *client, const char *user_id,
	const char *presence, const char *status, tr_matrix_callback *callback, void *arg);
/* `type` is "m.read" or "m.read.private". */
struct tr_matrix_call *tr_matrix_receipt(struct tr_matrix_client *client, const char *as_user,
	const char *room_id, const char *type, const char *event_id, tr_matrix_callback *callback,
	void *arg);
/* user_id, device_id. */
struct tr_matrix_call *tr_matrix_whoami(struct tr_matrix_client *client, const char *as_user,
	tr_matrix_callback *callback, void *arg);

/* The homeserver. */
struct tr_matrix_call *tr_matrix_versions(
	struct tr_matrix_client *client, tr_matrix_callback *callback, void *arg);
struct tr_matrix_call *tr_matrix_capabilities(struct tr_matrix_client *client, const char *as_user,
	tr_matrix_callback *callback, void *arg);
/* Makes the homeserver call our ping route; the answer has duration_ms. */
struct tr_matrix_call *tr_matrix_appservice_ping(struct tr_matrix_client *client,
	const char *appservice_id, const char *txn_id, tr_matrix_callback *callback, void *arg);

/* Media. */
/* The answer has content_uri. `file_name` may be NULL. */
struct tr_matrix_call *tr_matrix_media_upload(struct tr_matrix_client *client, const char *as_user,
	const char *content_type, const char *file_name, struct tr_str bytes,
	tr_matrix_callback *callback, void *arg);
struct tr_matrix_call *tr_matrix_media_upload_file(struct tr_matrix_client *client,
	const char *as_user, const char *content_type, const char *file_name, const char *path,
	tr_matrix_callback *callback, void *arg);
/* "m.upload.size". */
struct tr_matrix_call *tr_matrix_media_config(
	struct tr_matrix_client *client, tr_matrix_callback *callback, void *arg);

struct tr_matrix_media {
	struct tr_str bytes; /* empty when written to a file */
	uint64_t size;
	struct tr_str content_type;
	struct tr_str content_disposition;
};
/* `error` NULL = the media is here; else `media` is NULL. Both borrowed. */
typedef void tr_matrix_media_callback(
	void *arg, const struct tr_matrix_media *media, const struct tr_error *error);
/* Of "mxc://server/id", over the authenticated endpoint, over the old one when the homeserver does
 * not know that. `path` NULL = into memory; else a file created there (0600), which does not exist
 * after a failure. More than `max` bytes is TR_E_TOO_BIG. */
struct tr_matrix_call *tr_matrix_media_download(struct tr_matrix_client *client,
	const char *as_user, const char *mxc, const char *path, size_t max,
	tr_matrix_media_callback *callback, void *arg);

#endif
