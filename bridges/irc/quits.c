/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The incumbent's quit debouncer, without its fault: it held leaves back until somebody came back
 * to that channel, so that they were never shown when nobody did. Here each has its own time. What
 * is recognised as a netsplit is held for a minute even where quitDebounce is off.
 */
#include "bridges/irc/quits.h"

#include "bridges/irc/irc_config.h"
#include "core/base/digest.h"

enum { WINDOW_MS = 1000, SPLIT_MS = 60000 };

/* A server's name: labels of letters, digits and "-" with a dot in between; networks hide theirs as
 * "*.net". */
static bool is_server(struct tr_str name)
{
	ptrdiff_t dot = tr_str_find_char(name, '.');
	if (dot < 1 || name.ptr[name.len - 1] == '.') {
		return false;
	}
	for (size_t i = 0; i < name.len; i++) {
		unsigned char c = (unsigned char)name.ptr[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		bool other = (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_' || c == '*';
		if (!letter && !other) {
			return false;
		}
	}
	return true;
}

bool tr_irc_is_netsplit(struct tr_str reason)
{
	ptrdiff_t space = tr_str_find_char(reason, ' ');
	if (space < 1) {
		return false;
	}
	struct tr_str near = tr_str_slice(reason, 0, (size_t)space);
	struct tr_str far = tr_str_from_index(reason, (size_t)space + 1);
	return is_server(near) && is_server(far) && !tr_str_eq_nocase(near, far);
}

uint64_t tr_irc_quits_delay(struct tr_irc_quits *quits, const struct tr_irc_quit_debounce *config,
	struct tr_str reason, bool batched, uint64_t now_ms)
{
	if (quits->since_ms == 0 || now_ms - quits->since_ms >= WINDOW_MS) {
		quits->since_ms = now_ms;
		quits->count = 0;
	}
	quits->count++;
	bool split = batched || tr_irc_is_netsplit(reason);
	if (config->enabled && (split || quits->count > config->quitsPerSecond)) {
		int64_t spread = config->delayMaxMs - config->delayMinMs;
		uint32_t more =
			spread > 0
				? tr_random_below(
					  (uint32_t)(spread < UINT32_MAX ? spread : UINT32_MAX - 1))
				: 0;
		return (uint64_t)config->delayMinMs + more;
	}
	return split ? SPLIT_MS : 0;
}
