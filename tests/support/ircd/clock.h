/* SPDX-License-Identifier: Apache-2.0 */
/* Wall clock time in ms, and as server-time and CHATHISTORY write it. */
#ifndef SCRIPTED_IRCD_CLOCK_H
#define SCRIPTED_IRCD_CLOCK_H

#include <stdint.h>

int64_t ircd_now_ms(void);
/* 2026-01-31T12:00:00.000Z, valid until the next call. */
const char *ircd_time_text(int64_t time_ms);
/* The time written so, in ms; -1 when it is none. */
int64_t ircd_time_parse(const char *text);

#endif
