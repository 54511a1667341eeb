/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Matrix identifiers: checking and taking apart those that come from outside, and escaping text
 * into the localpart of ours. Ghost ids and aliases are made from templates by
 * core/matrix/template.h.
 *
 * Whom a ghost's id stands for is looked up in the store. Unescaping is only for ids that nobody
 * has stored yet, as when a homeserver asks whether a user exists.
 */
#ifndef TRESTLE_MATRIX_MXID_H
#define TRESTLE_MATRIX_MXID_H

#include "core/base/buf.h"

/* Bytes of any identifier, its sigil included. */
enum { TR_MXID_MAX = 255 };

/* Views into the id that was parsed. */
struct tr_mxid {
	struct tr_str localpart;
	struct tr_str server; /* with its port, if any */
};

/* "@localpart:server". Historical ids are taken: the localpart may have any code point but ':' and
 * NUL, and may be empty. `parts` may be NULL; it is filled on success only. */
bool tr_user_id_parse(struct tr_str id, struct tr_mxid *parts);
/* "#localpart:server". */
bool tr_alias_parse(struct tr_str alias, struct tr_mxid *parts);
/* Room ids are opaque: those of room version 12 name no server, so none is ever taken out of
 * one. */
bool tr_room_id_valid(struct tr_str id);
bool tr_event_id_valid(struct tr_str id);
/* Host name, IPv4 or [IPv6], with an optional port. */
bool tr_server_name_valid(struct tr_str name);
/* Whether a localpart is made of what new ids may have: a-z 0-9 . _ = - / + */
bool tr_localpart_is_strict(struct tr_str localpart);

enum tr_escaping {
	/* As the incumbent IRC bridge does: text as it is, case and all; escaped is only what no
	 * id can have (':', NUL, bytes that are not UTF-8). The ids are historical ones. */
	TR_ESCAPE_NOTHING,
	/* Strict ids; ASCII letters become lower case, so that Alice and alice are one. */
	TR_ESCAPE_FOLD,
	/* Strict ids; A becomes _a and _ becomes __, so that case is kept. */
	TR_ESCAPE_CASE,
};

/* Appends `text` as part of a localpart: what may not stay becomes =xx of its UTF-8 bytes. 0 or
 * TR_E_TOO_BIG. */
int tr_localpart_escape(struct tr_buf *out, struct tr_str text, enum tr_escaping escaping);
/* The text again (folded case is gone). TR_E_INVALID when it is not what the above writes. */
int tr_localpart_unescape(struct tr_buf *out, struct tr_str localpart, enum tr_escaping escaping);

#endif
