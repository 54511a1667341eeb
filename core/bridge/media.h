/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files up to and down from the homeserver, within limits. They are passed through as bytes:
 * nothing here looks into them, and a type that is not "type/subtype" becomes
 * application/octet-stream, as does one that a browser would run (text/html, SVG, scripts).
 *
 * Each ends with one callback in a later turn, unless the bridge is destroyed first.
 */
#ifndef TRESTLE_BRIDGE_MEDIA_H
#define TRESTLE_BRIDGE_MEDIA_H

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/str.h"

struct tr_bridge;

enum { TR_MEDIA_DEFAULT_MAX = 50 * 1024 * 1024 };

/* `mxc` NULL on error. TR_E_TOO_BIG: more than the homeserver takes. */
typedef void tr_media_uploaded(void *arg, const char *mxc, const struct tr_error *error);

/* As `as_user` (NULL = the bot). `path` NULL = `bytes`, which are copied; else the content of that
 * file, which has to stay until the callback. */
struct tr_media_upload {
	const char *as_user;
	const char *content_type; /* or NULL */
	const char *file_name;    /* or NULL */
	struct tr_str bytes;
	const char *path;
};
void tr_bridge_upload(struct tr_bridge *bridge, const struct tr_media_upload *upload,
	tr_media_uploaded *callback, void *arg);

/* Of the file at the path asked for; `content_type` as above, borrowed for the call. */
typedef void tr_media_downloaded(
	void *arg, const char *content_type, uint64_t size, const struct tr_error *error);
/* Into a new file (0600) at `path`, which does not exist after a failure. Over `max` bytes (0 =
 * TR_MEDIA_DEFAULT_MAX) is TR_E_TOO_BIG. */
void tr_bridge_download(struct tr_bridge *bridge, const char *mxc, const char *path, size_t max,
	tr_media_downloaded *callback, void *arg);

/* The address of an "mxc://server/id" for people outside of Matrix, in the arena; "" when it is not
 * one. With "<name>" behind it where a name is given: browsers save it under that. Homeservers with
 * authenticated media (Matrix 1.11) do not serve such an address to everybody for media that is
 * newer than their switch; media_url of the options may name a proxy that does. */
const char *tr_media_link(
	const struct tr_bridge *bridge, const char *mxc, const char *name, struct tr_arena *arena);

/* The type as it may be passed on, owned. */
char *tr_media_type(struct tr_str content_type);

#endif
