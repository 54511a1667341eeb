/* SPDX-License-Identifier: Apache-2.0 */
/* Time: a clock that only goes forward for waiting, and the wall clock for what people and peers
 * see. */
#ifndef TRESTLE_BASE_CLOCK_H
#define TRESTLE_BASE_CLOCK_H

#include "core/base/buf.h"

/* Milliseconds / microseconds of CLOCK_MONOTONIC. */
uint64_t tr_clock_mono_ms(void);
uint64_t tr_clock_mono_us(void);
/* Milliseconds since 1970-01-01 UTC. */
int64_t tr_clock_wall_ms(void);

/* For tests: from now on both clocks stand at `wall_ms` (and mono 1,000 ms) and move by
 * tr_clock_advance(). */
void tr_clock_fake(int64_t wall_ms);
void tr_clock_advance(uint64_t ms);
void tr_clock_real(void);

/* 2026-11-21T13:45:00.123Z appended to `out`. */
void tr_clock_format(struct tr_buf *out, int64_t wall_ms);
/* "13:45 UTC" appended to `out`, for people. */
void tr_clock_format_minute(struct tr_buf *out, int64_t wall_ms);
/* The same form (fraction optional) back to milliseconds; false when it is not one. RFC 3339, UTC
 * only. */
bool tr_clock_parse(struct tr_str text, int64_t *wall_ms);

#endif
