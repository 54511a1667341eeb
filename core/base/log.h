/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log: one line a record on standard error, as text or JSON lines. Text of peers is escaped, so
 * a record is always one line. Secrets never come here: callers do not pass them. Threads: tr_log()
 * may be called from any thread; configuration only before threads start or on the loop.
 */
#ifndef TRESTLE_BASE_LOG_H
#define TRESTLE_BASE_LOG_H

#include <stdbool.h>

enum tr_log_level { TR_LOG_ERROR, TR_LOG_WARN, TR_LOG_INFO, TR_LOG_DEBUG, TR_LOG_TRACE };

enum tr_log_format { TR_LOG_TEXT, TR_LOG_JSON };

void tr_log_set_level(enum tr_log_level level);
enum tr_log_level tr_log_get_level(void);
void tr_log_set_format(enum tr_log_format format);
/* "error", "warn", "warning", "info", "debug", "trace" (the incumbents' "verbose" and "silly" too).
 */
bool tr_log_level_from_name(const char *name, enum tr_log_level *level);

/* A sink for tests; NULL restores standard error. `line` is without its newline. */
typedef void tr_log_sink(enum tr_log_level level, const char *line, void *arg);
void tr_log_set_sink(tr_log_sink *sink, void *arg);

bool tr_log_enabled(enum tr_log_level level);

/* `module` is the part of the program, such as "irc" or "store". A record is cut at 2,000 bytes. */
void tr_log(enum tr_log_level level, const char *module, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#define tr_log_error(...) tr_log(TR_LOG_ERROR, __VA_ARGS__)
#define tr_log_warn(...)  tr_log(TR_LOG_WARN, __VA_ARGS__)
#define tr_log_info(...)  tr_log(TR_LOG_INFO, __VA_ARGS__)
#define tr_log_debug(...) \
 (tr_log_enabled(TR_LOG_DEBUG) ? tr_log(TR_LOG_DEBUG, __VA_ARGS__) : (void)0)
#define tr_log_trace(...) \
 (tr_log_enabled(TR_LOG_TRACE) ? tr_log(TR_LOG_TRACE, __VA_ARGS__) : (void)0)

#endif
