/* SPDX-License-Identifier: Apache-2.0
 *
 * Implements ledger.h.
 */
#include "tests/support/homeserver/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/homeserver/loop.h"
#include "tests/support/homeserver/text.h"

static struct hs_text line; /* reused: one thread writes */

int hs_ledger_open(struct hs_ledger *ledger, const char *path)
{
	*ledger = (struct hs_ledger){.fd = -1};
	if (!path) {
		return 0;
	}
	ledger->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	return ledger->fd < 0 ? -1 : 0;
}

void hs_ledger_close(struct hs_ledger *ledger)
{
	if (ledger->fd >= 0) {
		close(ledger->fd);
	}
	hs_text_free(&line);
}

static bool begin(struct hs_ledger *ledger, const char *kind)
{
	if (ledger->fd < 0) {
		return false;
	}
	hs_text_clear(&line);
	hs_text_printf(&line, "{\"kind\":\"%s\",\"t\":%" PRId64, kind, hs_wall_ms());
	return true;
}

static void end(struct hs_ledger *ledger)
{
	hs_text_puts(&line, "}\n");
	const char *at = line.data;
	size_t left = line.len;
	while (left > 0) {
		ssize_t n = write(ledger->fd, at, left);
		if (n < 0 && errno != EINTR) {
			perror("stub-homeserver: ledger");
			abort(); /* a ledger with holes proves nothing */
		}
		if (n > 0) {
			at += n;
			left -= (size_t)n;
		}
	}
	ledger->lines++;
}

void hs_ledger_event(struct hs_ledger *ledger, const char *kind, const struct hs_event *event,
	const char *txn_id)
{
	if (!begin(ledger, kind)) {
		return;
	}
	hs_text_pair(&line, "room", event->room_id);
	hs_text_pair(&line, "sender", event->sender);
	hs_text_pair(&line, "txn", txn_id);
	hs_text_pair(&line, "event", event->id);
	hs_text_pair(&line, "type", event->type);
	hs_text_puts(&line, ",\"cached\":false,\"content\":");
	hs_text_add(&line, event->content, event->content_len);
	end(ledger);
}

void hs_ledger_cached(struct hs_ledger *ledger, const char *kind, const char *room_id,
	const char *sender, const char *txn_id, const char *event_id, const char *content,
	size_t len)
{
	if (!begin(ledger, kind)) {
		return;
	}
	hs_text_pair(&line, "room", room_id);
	hs_text_pair(&line, "sender", sender);
	hs_text_pair(&line, "txn", txn_id);
	hs_text_pair(&line, "event", event_id);
	hs_text_puts(&line, ",\"cached\":true,\"content\":");
	hs_text_add(&line, content, len);
	end(ledger);
}

void hs_ledger_pushed(struct hs_ledger *ledger, const char *txn_id, unsigned attempt, int status,
	bool ok, int64_t took_ms, struct hs_event *const *events, size_t count)
{
	if (!begin(ledger, "push")) {
		return;
	}
	hs_text_pair(&line, "txn", txn_id);
	hs_text_printf(&line,
		",\"attempt\":%u,\"status\":%d,\"ok\":%s,\"ms\":%" PRId64 ",\"events\":[", attempt,
		status, ok ? "true" : "false", took_ms);
	for (size_t i = 0; i < count; i++) {
		hs_text_puts(&line, i ? "," : "");
		hs_text_json(&line, events[i]->id);
	}
	hs_text_puts(&line, "]");
	end(ledger);
}

void hs_ledger_lost(struct hs_ledger *ledger, const struct hs_event *event)
{
	if (begin(ledger, "lost")) {
		hs_text_pair(&line, "event", event->id);
		end(ledger);
	}
}

void hs_ledger_mark(struct hs_ledger *ledger, const char *kind)
{
	if (begin(ledger, kind)) {
		end(ledger);
	}
}
