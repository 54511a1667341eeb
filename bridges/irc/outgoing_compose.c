/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text of a message on its way to IRC: composed when it is its turn, and made shorter where it
 * has more lines than `lineLimit`, with the whole of it uploaded. What it becomes is compose.h's
 * and compose_long.h's; that it stays the same on every attempt is outgoing_store.c's.
 */
#include "bridges/irc/compose_long.h"
#include "bridges/irc/mention.h"
#include "bridges/irc/outgoing_internal.h"
#include "core/base/log.h"
#include "core/bridge/media.h"

#include <string.h>

enum { FILE_MAX = 512 * 1024, NAME_MAX_BYTES = 256, PATIENCE_MS = 10000 };

/* The file of a message on its way to the homeserver. */
struct upload {
	struct tr_list node; /* in network->uploads */
	struct tr_irc_task_name task;
	char *file_name;
	struct tr_timer *patience; /* others wait for this message */
};

bool tr_irc_task_compose(struct tr_irc_task *task)
{
	struct tr_irc_network *network = task->session->network;
	struct tr_irc_place place = {.network = network, .channel = task->channel};
	const struct tr_irc_composer composer = {
		.config = &network->entry->globals.matrixHandler,
		.nick_of = tr_irc_mention_nick,
		.nick_arg = &place,
	};
	task->composed = true;
	if (!tr_irc_compose(&composer, task->op, &task->said)) {
		tr_irc_task_done(task);
		return false;
	}
	if (task->said.depends && !task->cut_stored) {
		task->claims = false; /* it is stored before it is written: it was not */
	}
	return true;
}

static void upload_free(struct upload *upload)
{
	tr_list_remove(&upload->node);
	tr_irc_task_name_finish(&upload->task);
	tr_timer_destroy(upload->patience);
	tr_free(upload->file_name);
	tr_free(upload);
}

/* The message that waits for this upload; one that has begun anew meanwhile does not. */
static struct tr_irc_task *waiting_for(const struct upload *upload)
{
	struct tr_irc_task *task = tr_irc_task_named(&upload->task);
	return task != NULL && task->upload == upload ? task : NULL;
}

static void shorten(struct tr_irc_task *task, const char *url)
{
	const struct tr_irc_network *network = task->session->network;
	if (url != NULL) {
		tr_irc_long_with_file(&network->entry->globals.matrixHandler, task->op, &task->said,
			url, task->width);
	} else {
		tr_irc_long_without_file(
			&task->said, (size_t)network->config->ircClients.lineLimit, task->width);
	}
	task->final = true;
	task->upload = NULL;
	task->state = TR_IRC_TASK_READY;
	tr_irc_outgoing_pump(task->session);
}

static void uploaded(void *arg, const char *mxc, const struct tr_error *error)
{
	struct upload *upload = arg;
	struct tr_irc_task *task = waiting_for(upload);
	struct tr_arena arena = {NULL};
	const char *url = NULL;
	if (error != NULL) {
		tr_log_warn("irc", "a long message cannot be uploaded: %s", error->text);
	} else {
		url = tr_media_link(upload->task.network->bridge, mxc, upload->file_name, &arena);
	}
	upload_free(upload);
	if (task != NULL) {
		shorten(task, url != NULL && url[0] != '\0' ? url : NULL);
	}
	tr_arena_finish(&arena);
}

/* The answer may come yet; nobody waits for it any more. */
static void out_of_patience(void *arg)
{
	struct upload *upload = arg;
	struct tr_irc_task *task = waiting_for(upload);
	tr_log_warn("irc", "the homeserver is slow to take a long message: it goes without a file");
	if (task != NULL) {
		shorten(task, NULL);
	}
}

void tr_irc_task_shorten(struct tr_irc_task *task)
{
	struct tr_irc_network *network = task->session->network;
	struct upload *upload = tr_alloc(sizeof(*upload));
	struct tr_buf name = TR_BUF_INIT(NAME_MAX_BYTES);
	struct tr_buf text = TR_BUF_INIT(FILE_MAX);
	const char *nick = tr_irc_connection_nick(task->session->connection);
	tr_irc_task_name_of(task, &upload->task);
	task->upload = upload;
	tr_irc_long_file_name(nick, task->op, &name);
	tr_irc_long_file_text(task->op, &text);
	upload->file_name = tr_buf_take(&name);
	upload->patience = tr_timer_create(network->loop, out_of_patience, upload);
	tr_timer_start(upload->patience, PATIENCE_MS);
	tr_list_append(&network->uploads, &upload->node);
	const struct tr_media_upload file = {
		.content_type = "text/plain",
		.file_name = upload->file_name,
		.bytes = tr_buf_str(&text),
	};
	tr_bridge_upload(network->bridge, &file, uploaded, upload);
	tr_buf_finish(&text);
}

void tr_irc_uploads_finish(struct tr_irc_network *network)
{
	struct tr_list *node;
	while ((node = tr_list_head(&network->uploads)) != NULL) {
		upload_free(TR_LIST_ENTRY(node, struct upload, node));
	}
}
