/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands in a management room, and those few that are for channels' rooms: finds the row, checks
 * the permission, then lets it run. The rows of the module come before those of core, so that it
 * can say the same better. What a command does is its row's.
 */
#include "core/base/log.h"
#include "core/bridge/bridge_internal.h"
#include "core/matrix/html.h"

#include <stdarg.h>

enum { REPLY_MAX = 16 * 1024, SENTENCES_MAX = 8 * 1024 };

struct tr_command {
	struct tr_list node;
	struct tr_bridge *bridge;
	struct tr_delivery *delivery;
	const struct tr_command_row *row;
	struct tr_str rest;
	unsigned replies;
};

static void run_help(void *self, struct tr_command *command);
static void run_status(void *self, struct tr_command *command);
static void run_version(void *self, struct tr_command *command);

static const struct tr_command_row core_rows[] = {
	{.name = "help", .help = "Shows this list.", .level = TR_PERMIT_USER, .run = run_help},
	{.name = "status",
		.help = "Says whether the bridge and its network are connected.",
		.level = TR_PERMIT_USER,
		.run = run_status},
	{.name = "bridgeversion",
		.help = "Says which version of the bridge runs.",
		.level = TR_PERMIT_USER,
		.run = run_version},
};
static const struct tr_command_table core_table = {core_rows, TR_ARRAY_LEN(core_rows)};

static const struct tr_command_row *find_in(
	const struct tr_command_table *table, struct tr_str name)
{
	for (size_t i = 0; table != NULL && i < table->count; i++) {
		if (tr_str_eq_nocase(name, tr_str_from(table->rows[i].name))) {
			return &table->rows[i];
		}
	}
	return NULL;
}

static const struct tr_command_row *find_row(const struct tr_bridge *bridge, struct tr_str name)
{
	const struct tr_command_row *row = find_in(bridge->options.protocol->commands, name);
	return row ? row : find_in(&core_table, name);
}

/* The rows of exactly this level. Returns how many there are. */
static size_t add_rows(const struct tr_bridge *bridge, const struct tr_command_table *table,
	enum tr_permission_level level, struct tr_buf *text, struct tr_buf *html)
{
	size_t count = 0;
	for (size_t i = 0; table != NULL && i < table->count; i++) {
		const struct tr_command_row *row = &table->rows[i];
		if (row->level != level || find_row(bridge, tr_str_from(row->name)) != row) {
			continue;
		}
		const char *arguments = row->arguments ? row->arguments : "";
		const char *space = arguments[0] != '\0' ? " " : "";
		tr_buf_addf(text, "\n!%s%s%s - %s", row->name, space, arguments, row->help);
		tr_buf_addf(html, "<li><strong>!%s</strong>%s", row->name, space);
		tr_html_escape(html, tr_str_from(arguments));
		tr_buf_add_c(html, " - ");
		tr_html_escape(html, tr_str_from(row->help));
		tr_buf_add_c(html, "</li>");
		count++;
	}
	return count;
}

static void add_section(const struct tr_bridge *bridge, enum tr_permission_level level,
	const char *title, struct tr_buf *text, struct tr_buf *html)
{
	size_t text_start = text->len;
	size_t html_start = html->len;
	tr_buf_addf(text, "%s%s", text->len > 0 ? "\n" : "", title);
	tr_buf_addf(html, "<p>%s</p><ul>", title);
	size_t count = add_rows(bridge, &core_table, level, text, html) +
		       add_rows(bridge, bridge->options.protocol->commands, level, text, html);
	tr_buf_add_c(html, "</ul>");
	if (count == 0) {
		tr_buf_truncate(text, text_start);
		tr_buf_truncate(html, html_start);
	}
}

static void run_help(void *self, struct tr_command *command)
{
	const struct tr_bridge *bridge = command->bridge;
	struct tr_buf text = TR_BUF_INIT(REPLY_MAX);
	struct tr_buf html = TR_BUF_INIT(REPLY_MAX);
	(void)self;
	add_section(bridge, TR_PERMIT_USER, "What you can write here:", &text, &html);
	if (tr_permission_of(bridge, tr_command_user(command)) >= TR_PERMIT_ADMIN) {
		add_section(bridge, TR_PERMIT_ADMIN, "Management:", &text, &html);
	}
	tr_command_reply_html(command, tr_buf_c(&text), tr_buf_c(&html));
	tr_buf_finish(&text);
	tr_buf_finish(&html);
	tr_command_end(command);
}

static void run_status(void *self, struct tr_command *command)
{
	struct tr_buf why = TR_BUF_INIT(SENTENCES_MAX);
	(void)self;
	bool ready = tr_bridge_ready(command->bridge, &why);
	tr_command_reply(command, "%s%s%s", ready ? "All is well." : "Not all is well.",
		why.len > 0 ? "\n" : "", tr_buf_c(&why));
	tr_buf_finish(&why);
	tr_command_end(command);
}

static void run_version(void *self, struct tr_command *command)
{
	(void)self;
	tr_command_reply(command, "BridgeVersion: %s", TRESTLE_VERSION);
	tr_command_end(command);
}

const char *tr_command_user(const struct tr_command *command)
{
	return command->delivery->op.sender;
}

const char *tr_command_room(const struct tr_command *command)
{
	return command->delivery->op.room_id;
}

struct tr_bridge *tr_command_bridge(const struct tr_command *command)
{
	return command->bridge;
}

bool tr_command_argument(struct tr_command *command, struct tr_str *argument)
{
	return tr_str_word(&command->rest, argument);
}

struct tr_str tr_command_rest(const struct tr_command *command)
{
	return tr_str_trim(command->rest);
}

void tr_command_reply_html(struct tr_command *command, const char *text, const char *html)
{
	/* The same when the command runs again after a crash, so that it is not said twice while
	 * the first is still on its way. */
	char *key =
		tr_asprintf("command:%s:%u", command->delivery->op.event_id, command->replies++);
	const struct tr_notice notice = {
		.text = text,
		.html = html,
		.reply_to = command->delivery->op.event_id,
	};
	tr_bridge_notice_rich(command->bridge, tr_command_room(command), tr_str_from(key), &notice);
	tr_free(key);
}

void tr_command_reply(struct tr_command *command, const char *format, ...)
{
	struct tr_buf text = TR_BUF_INIT(REPLY_MAX);
	va_list args;
	va_start(args, format);
	tr_buf_addfv(&text, format, args);
	va_end(args);
	tr_command_reply_html(command,
		tr_buf_failed(&text) ? "The answer is too long to be shown." : tr_buf_c(&text),
		NULL);
	tr_buf_finish(&text);
}

void tr_command_redact(struct tr_command *command)
{
	const struct tr_op *op = &command->delivery->op;
	char *txn_id = tr_asprintf("redact-%s", op->event_id);
	tr_matrix_redact(command->bridge->client, NULL, op->room_id, op->event_id, txn_id,
		"There was a secret in it", NULL, NULL);
	tr_free(txn_id);
}

void tr_command_usage(struct tr_command *command)
{
	const char *arguments = command->row->arguments ? command->row->arguments : "";
	const char *protocol = command->bridge->options.protocol->id;
	bool in_room = command->delivery->op.portal != NULL;
	tr_command_reply(command, "It is written: !%s%s%s%s%s", in_room ? protocol : "",
		in_room ? " " : "", command->row->name, arguments[0] != '\0' ? " " : "", arguments);
	tr_command_end(command);
}

static void command_free(struct tr_command *command)
{
	tr_list_remove(&command->node);
	tr_free(command);
}

void tr_command_end(struct tr_command *command)
{
	struct tr_delivery *delivery = command->delivery;
	command_free(command);
	tr_delivery_done(delivery);
}

/* Only the first line counts, but a control character anywhere refuses the whole: no row ever sees
 * one (CVE-2023-38690). */
static bool has_control(struct tr_str text)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char byte = (unsigned char)text.ptr[i];
		if ((byte < 0x20 && byte != '\n') || byte == 0x7f) {
			return true;
		}
	}
	return false;
}

static void refuse(struct tr_command *command, const char *text)
{
	tr_command_reply(command, "%s", text);
	tr_command_end(command);
}

bool tr_command_is_for_room(const struct tr_bridge *bridge, struct tr_str text)
{
	struct tr_str first;
	return tr_str_starts(text, TR_STR("!")) && tr_str_word(&text, &first) &&
	       tr_str_eq_nocase(
		       tr_str_from_index(first, 1), tr_str_from(bridge->options.protocol->id));
}

/* The row that the first words ask for; NULL when there is none. */
static const struct tr_command_row *take_row(struct tr_command *command)
{
	struct tr_str name = {NULL, 0};
	bool in_room = command->delivery->op.portal != NULL;
	if (!tr_str_word(&command->rest, &name) || !tr_str_starts(name, TR_STR("!")) ||
		(in_room && !tr_str_word(&command->rest, &name))) {
		return NULL;
	}
	const struct tr_command_row *row =
		find_row(command->bridge, in_room ? name : tr_str_from_index(name, 1));
	return row != NULL && in_room && !row->in_room ? NULL : row;
}

void tr_command_run(struct tr_delivery *delivery)
{
	struct tr_bridge *bridge = delivery->bridge;
	struct tr_command *command = tr_alloc(sizeof(*command));
	command->bridge = bridge;
	command->delivery = delivery;
	tr_list_append(&bridge->commands, &command->node);
	struct tr_str text = tr_str_from(delivery->op.text);
	(void)tr_str_split(&text, '\n', &command->rest);
	if (delivery->op.message == TR_MESSAGE_NOTICE) {
		/* Notices are programs talking, and are not answered. */
		tr_command_end(command);
		return;
	}
	if (tr_permission_of(bridge, tr_command_user(command)) == TR_PERMIT_NOBODY) {
		refuse(command, "You do not have permission to use this bridge.");
		return;
	}
	if (has_control(tr_str_from(delivery->op.text))) {
		refuse(command, "The command has a control character in it and is not run.");
		return;
	}
	command->row = take_row(command);
	if (command->row == NULL) {
		refuse(command,
			delivery->op.portal != NULL
				? "Command not known"
				: "The command was not recognised. Write !help for what you can do.");
	} else if (command->row->level > tr_permission_of(bridge, tr_command_user(command))) {
		refuse(command, "You do not have permission to do that.");
	} else {
		command->row->run(bridge->module, command);
	}
}

void tr_commands_finish(struct tr_bridge *bridge)
{
	struct tr_list *node;
	while ((node = tr_list_head(&bridge->commands)) != NULL) {
		command_free(TR_LIST_ENTRY(node, struct tr_command, node));
	}
}
