/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines as they may be logged: without passwords and keys. What is secret is everything behind
 * PASS, OPER, AUTHENTICATE and the services' own commands, what is said to services behind its
 * first word, what services say of passwords, words that log in wherever they are said (a password
 * often goes to the wrong window), and keys of channels. Too much is masked rather than too little.
 */
#ifndef TRESTLE_IRC_LINE_MASK_H
#define TRESTLE_IRC_LINE_MASK_H

#include "core/base/buf.h"

/* Appends the line (one, without CR LF), with "***" in the place of what is secret. */
void tr_irc_line_mask(struct tr_str line, struct tr_buf *out);

/* Logs it at level trace, masked; `way` is "->" or "<-". Costs nothing at other levels. */
void tr_irc_line_trace(const char *host, const char *nick, const char *way, struct tr_str line);

#endif
