/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Styles and colours between IRC and Matrix: mIRC's codes (https://modern.ircdocs.horse/formatting)
 * on one side, the spans of core/matrix/html.h on the other. Pure functions of their arguments, so
 * that a message that is made twice becomes the same text.
 *
 * What comes out for Matrix has no control character, whatever came in; what comes out for IRC has
 * no other than the codes of styles and LF between lines, and every line stands for itself: what is
 * open at a line's end is opened anew in the next one.
 */
#ifndef TRESTLE_IRC_FORMAT_H
#define TRESTLE_IRC_FORMAT_H

#include "core/matrix/html.h"

/* Appends what the user of a pill is called on IRC and says true; false (and nothing appended) =
 * the text of the pill stands as it is. */
typedef bool tr_irc_format_nick(void *arg, struct tr_str user_id, struct tr_buf *out);

/* Appends formatted_body as text for IRC: lines separated by LF, without one at the end; blocks as
 * people write them there ("> ", "- ", "1. ", headings bold), addresses of links in brackets unless
 * they are the text, pills as nicks (`nick_of` may be NULL). TR_E_TOO_BIG when a cap is exceeded:
 * nothing is appended then and the caller uses the plain body. May append nothing. */
int tr_irc_format_from_html(
	struct tr_str html, tr_irc_format_nick *nick_of, void *arg, struct tr_buf *out);
/* The same of spans. */
int tr_irc_format_from_spans(
	const struct tr_spans *spans, tr_irc_format_nick *nick_of, void *arg, struct tr_buf *out);

/* A line of IRC (UTF-8; a CTCP ACTION without its marks) as spans, appended to an empty list. */
void tr_irc_format_read(struct tr_str text, struct tr_spans *spans);

#endif
