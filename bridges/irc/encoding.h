/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines that are not UTF-8. IRC names no encoding: a line is UTF-8 if it can be, else what the
 * administrator says (globals.encodingFallback, a name of iconv), else Windows-1252, which is what
 * Latin-1 has meant for long.
 */
#ifndef TRESTLE_IRC_ENCODING_H
#define TRESTLE_IRC_ENCODING_H

#include "core/base/buf.h"
#include "core/base/error.h"

struct tr_irc_encoding;

/* Bytes that a line of `len` may become. */
#define TR_IRC_DECODED_MAX(len) (4 * (len) + 16)

/* NULL with *error when iconv does not know the name, or ASCII is not ASCII in it. */
struct tr_irc_encoding *tr_irc_encoding_open(const char *name, struct tr_error *error);
void tr_irc_encoding_close(struct tr_irc_encoding *encoding);
/* Appends the line as UTF-8, codes of formatting and all; `encoding` NULL = Windows-1252. What was
 * cut inside a character by a server is UTF-8 without that character. Bytes that mean nothing
 * become U+FFFD. */
void tr_irc_decode(struct tr_irc_encoding *encoding, struct tr_str line, struct tr_buf *out);

#endif
