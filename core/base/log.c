/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Formatting and writing log records. A record is formatted on the caller's stack and written with
 * one write(), so that threads and crashes do not mix or lose records. Rotation is left to whoever
 * reads standard error.
 */
#include "core/base/log.h"

#include "core/base/alloc.h"
#include "core/base/clock.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { RECORD_MAX = 2000 };

static _Atomic int current_level = TR_LOG_INFO;
static _Atomic int current_format = TR_LOG_TEXT;
static pthread_mutex_t output_lock = PTHREAD_MUTEX_INITIALIZER;
static tr_log_sink *output_sink;
static void *output_arg;

static const char *const level_names[] = {
	[TR_LOG_ERROR] = "error",
	[TR_LOG_WARN] = "warn",
	[TR_LOG_INFO] = "info",
	[TR_LOG_DEBUG] = "debug",
	[TR_LOG_TRACE] = "trace",
};

void tr_log_set_level(enum tr_log_level level)
{
	atomic_store(&current_level, (int)level);
}

enum tr_log_level tr_log_get_level(void)
{
	return (enum tr_log_level)atomic_load(&current_level);
}

void tr_log_set_format(enum tr_log_format format)
{
	atomic_store(&current_format, (int)format);
}

bool tr_log_level_from_name(const char *name, enum tr_log_level *level)
{
	static const struct {
		const char *name;
		enum tr_log_level level;
	} names[] = {
		{"error", TR_LOG_ERROR},
		{"warn", TR_LOG_WARN},
		{"warning", TR_LOG_WARN},
		{"info", TR_LOG_INFO},
		{"debug", TR_LOG_DEBUG},
		{"verbose", TR_LOG_DEBUG},
		{"trace", TR_LOG_TRACE},
		{"silly", TR_LOG_TRACE},
	};

	for (size_t i = 0; i < TR_ARRAY_LEN(names); i++) {
		if (tr_str_eq_nocase(tr_str_from(name), tr_str_from(names[i].name))) {
			*level = names[i].level;
			return true;
		}
	}
	return false;
}

void tr_log_set_sink(tr_log_sink *sink, void *arg)
{
	pthread_mutex_lock(&output_lock);
	output_sink = sink;
	output_arg = arg;
	pthread_mutex_unlock(&output_lock);
}

bool tr_log_enabled(enum tr_log_level level)
{
	return (int)level <= atomic_load_explicit(&current_level, memory_order_relaxed);
}

/* Characters that end a line or drive a terminal: C0, DEL, C1, and the Unicode line ends and
 * direction overrides, with which a peer could make a record read like another one. */
static bool unprintable(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029 ||
	       (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

/* Appends `text` so that it stays on its line; stops before the buffer is full. */
static void add_escaped(struct tr_buf *out, struct tr_str text, bool json)
{
	size_t i = 0;

	while (i < text.len && !tr_buf_failed(out)) {
		size_t len = tr_utf8_length(text, i);
		size_t start = i;
		uint32_t c = tr_utf8_next(text, &i);

		if (len == 0) {
			tr_buf_addf(out, json ? "\\\\x%02x" : "\\x%02x",
				(unsigned)(unsigned char)text.ptr[start]);
		} else if (c == '\n') {
			tr_buf_add_c(out, "\\n");
		} else if (unprintable(c)) {
			tr_buf_addf(out, "\\u%04x", (unsigned)c);
		} else if (json && (c == '"' || c == '\\')) {
			tr_buf_addf(out, "\\%c", (char)c);
		} else {
			tr_buf_add(out, tr_str_slice(text, start, len));
		}
	}
}

static void format_record(
	struct tr_buf *out, enum tr_log_level level, const char *module, struct tr_str text)
{
	bool json = atomic_load(&current_format) == TR_LOG_JSON;
	struct tr_str closing = json ? TR_STR("\"}") : TR_STR("");

	if (json) {
		tr_buf_add_c(out, "{\"time\":\"");
		tr_clock_format(out, tr_clock_wall_ms());
		tr_buf_addf(out, "\",\"level\":\"%s\",\"module\":\"%.40s\",\"text\":\"",
			level_names[level], module);
	} else {
		tr_clock_format(out, tr_clock_wall_ms());
		tr_buf_addf(out, " %-5s %.40s: ", level_names[level], module);
	}
	out->max = RECORD_MAX - closing.len;
	add_escaped(out, text, json);
	out->failed = false;
	out->max = RECORD_MAX + 1;
	tr_buf_add(out, closing);
}

static void write_all(const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t written = write(STDERR_FILENO, bytes, len);

		if (written < 0 && errno == EINTR) {
			continue;
		}
		if (written <= 0) {
			return; /* nobody listens any more; there is nowhere to say so */
		}
		bytes += written;
		len -= (size_t)written;
	}
}

void tr_log(enum tr_log_level level, const char *module, const char *format, ...)
{
	char text[RECORD_MAX + 1];
	struct tr_buf line = TR_BUF_INIT(RECORD_MAX);
	int saved_errno = errno;
	struct tr_str view;
	va_list args;

	if (!tr_log_enabled(level)) {
		return;
	}
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	view = tr_str_from(text);
	if (view.len == RECORD_MAX) {
		view.len = tr_utf8_fit(view, RECORD_MAX - 4);
	}
	format_record(&line, level, module, view);
	pthread_mutex_lock(&output_lock);
	if (output_sink) {
		output_sink(level, tr_buf_c(&line), output_arg);
	} else {
		tr_buf_add_char(&line, '\n');
		write_all(line.data, line.len);
	}
	pthread_mutex_unlock(&output_lock);
	tr_buf_finish(&line);
	errno = saved_errno;
}
