/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was said lately in the rooms of a bridge, and since when its speakers are known to be there:
 * so that most replies, edits and reactions are understood without asking the homeserver. Memory
 * only, bounded; keyed by room and event, so that no event is ever shown in another room. Time is
 * the order in which we heard, never what a remote clock says.
 */
#ifndef TRESTLE_BRIDGE_RECALL_H
#define TRESTLE_BRIDGE_RECALL_H

#include "core/base/str.h"

struct tr_recall;

/* Valid until the next change. Texts are NUL-terminated. */
struct tr_recalled {
	const char *sender;
	const char *text;
	int64_t origin_ts;
	bool is_reaction;
};

/* What may be remembered: a number of events, and some 512 KiB of text whatever that is. */
struct tr_recall *tr_recall_create(size_t events_max);
void tr_recall_destroy(struct tr_recall *recall);

/* Somebody said this now (once: an event that comes again changes nothing). Empty text = nothing
 * that could be quoted. */
void tr_recall_add(struct tr_recall *recall, struct tr_str room_id, struct tr_str event_id,
	const struct tr_recalled *said);
/* It was edited by this event: it reads so now, and only who saw the edit has seen that. It was
 * redacted: its text is gone. */
void tr_recall_edit(struct tr_recall *recall, struct tr_str room_id, struct tr_str event_id,
	struct tr_str edit_id);
void tr_recall_redact(struct tr_recall *recall, struct tr_str room_id, struct tr_str event_id);
const struct tr_recalled *tr_recall_find(
	struct tr_recall *recall, struct tr_str room_id, struct tr_str event_id);

/* The user joined, or is seen in the room, now: he could see what comes after. Seen again changes
 * nothing. */
void tr_recall_present(struct tr_recall *recall, struct tr_str room_id, struct tr_str user_id);
void tr_recall_absent(struct tr_recall *recall, struct tr_str room_id, struct tr_str user_id);
/* We may have missed who came and went. */
void tr_recall_absent_all(struct tr_recall *recall);
/* Whether the user is known to have been in the room, without leaving, since before the event was
 * said. false also means "not known". */
bool tr_recall_saw(struct tr_recall *recall, struct tr_str room_id, struct tr_str user_id,
	struct tr_str event_id);

#endif
