/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a message event says, taken apart: the text people read, the HTML, the file, whom it
 * mentions, what it answers or replaces. Events of m.room.message, m.sticker and polls; nothing is
 * looked up.
 */
#ifndef TRESTLE_BRIDGE_CONTENT_H
#define TRESTLE_BRIDGE_CONTENT_H

#include "core/base/buf.h"
#include "core/bridge/protocol.h"

enum { TR_CONTENT_TEXT_MAX = 256 * 1024 };

/* All but `text` and `mentions` is borrowed from the event. The fields mean what those of struct
 * tr_op mean; media.url is not made here. */
struct tr_content {
	enum tr_message_kind kind;
	struct tr_buf text;
	const char *html;
	enum tr_relation relation;
	const char *about; /* event id that the relation is to, or NULL */
	const char *thread_root;
	struct tr_op_media media;
	struct tr_str *mentions;
	size_t mention_count;
	bool mentions_room, has_mentions;
};

/* Whether events of this type say something. */
bool tr_content_is_message(struct tr_str type);
/* false: there is nothing to bridge (another kind of event, or it is empty). To be finished
 * whatever came out. */
bool tr_content_read(const struct tr_json *event, struct tr_content *content);
void tr_content_finish(struct tr_content *content);

/* What stands for the message where another one refers to it: its text, else its file's name. */
struct tr_str tr_content_summary(const struct tr_content *content);

#endif
