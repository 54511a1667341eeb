/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands people give to the bot in their management room: "!word arguments". Only the first line
 * counts; a control character anywhere refuses the whole. Permission is checked before arguments
 * are looked at. The table is the help.
 *
 * In a channel's room the few rows that are marked so can be given behind the protocol's name:
 * "!irc nick Name".
 */
#ifndef TRESTLE_BRIDGE_COMMAND_H
#define TRESTLE_BRIDGE_COMMAND_H

#include "core/base/str.h"

struct tr_bridge;
struct tr_command;

enum tr_permission_level { TR_PERMIT_NOBODY, TR_PERMIT_USER, TR_PERMIT_ADMIN };

struct tr_command_row {
	const char *name;      /* without "!" */
	const char *arguments; /* "#channel [key]" */
	const char *help;      /* one sentence */
	enum tr_permission_level level;
	/* Answers any number of times with tr_command_reply(), now or later; ends with
	 * tr_command_end(). */
	void (*run)(void *self, struct tr_command *command);
	bool in_room; /* may be given in a channel's room too */
};

struct tr_command_table {
	const struct tr_command_row *rows;
	size_t count;
};

/* Of the command being run. */
const char *tr_command_user(const struct tr_command *command);
const char *tr_command_room(const struct tr_command *command);
struct tr_bridge *tr_command_bridge(const struct tr_command *command);
/* Takes the next argument; false when none is left. */
bool tr_command_argument(struct tr_command *command, struct tr_str *argument);
/* What has not been taken yet, trimmed. */
struct tr_str tr_command_rest(const struct tr_command *command);

/* A notice in the room, as a reply to the command. */
void tr_command_reply(struct tr_command *command, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* The same with what clients show in its place; both borrowed. */
void tr_command_reply_html(struct tr_command *command, const char *text, const char *html);
/* Has the bot take the command out of the room, where it may: there was a secret in it. */
void tr_command_redact(struct tr_command *command);
/* Says how the command is written, and ends it. */
void tr_command_usage(struct tr_command *command);
void tr_command_end(struct tr_command *command);

#endif
