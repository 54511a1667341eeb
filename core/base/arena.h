/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that is freed all at once: one arena per event handled. Small requests only, no single
 * frees. */
#ifndef TRESTLE_BASE_ARENA_H
#define TRESTLE_BASE_ARENA_H

#include "core/base/str.h"

struct tr_arena_block;
struct tr_arena {
	struct tr_arena_block *blocks;
};

/* A zeroed struct is an empty arena. */
void tr_arena_finish(struct tr_arena *arena);
/* Zeroed and aligned for any type; valid until tr_arena_finish(). */
void *tr_arena_alloc(struct tr_arena *arena, size_t size);
/* NUL-terminated copies. */
struct tr_str tr_arena_str(struct tr_arena *arena, struct tr_str text);
char *tr_arena_printf(struct tr_arena *arena, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
