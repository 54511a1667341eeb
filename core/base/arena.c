/* SPDX-License-Identifier: Apache-2.0 */
/* Arenas: blocks of 4 KiB filled from the front; what would not fit well into one gets its own. */
#include "core/base/arena.h"

#include "core/base/alloc.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { BLOCK_SIZE = 4096, OWN_BLOCK_FROM = 1024 };

struct tr_arena_block {
	struct tr_arena_block *next;
	size_t used;
	size_t size;
	alignas(max_align_t) char bytes[];
};

void tr_arena_finish(struct tr_arena *arena)
{
	struct tr_arena_block *block = arena->blocks;

	while (block) {
		struct tr_arena_block *next = block->next;

		tr_free(block);
		block = next;
	}
	arena->blocks = NULL;
}

static struct tr_arena_block *add_block(struct tr_arena *arena, size_t size)
{
	struct tr_arena_block *block;

	TR_ASSERT(size < SIZE_MAX - sizeof(*block));
	block = tr_alloc(sizeof(*block) + size);
	block->size = size;
	block->next = arena->blocks;
	arena->blocks = block;
	return block;
}

/* A block for one large request goes behind the one being filled. */
static void *alloc_own(struct tr_arena *arena, size_t size)
{
	struct tr_arena_block *filling = arena->blocks;
	struct tr_arena_block *block = add_block(arena, size);

	block->used = size;
	if (filling) {
		arena->blocks = filling;
		block->next = filling->next;
		filling->next = block;
	}
	return block->bytes;
}

void *tr_arena_alloc(struct tr_arena *arena, size_t size)
{
	struct tr_arena_block *block = arena->blocks;
	size_t rounded;
	void *ptr;

	if (size >= OWN_BLOCK_FROM) {
		return alloc_own(arena, size);
	}
	rounded = (size + alignof(max_align_t) - 1) / alignof(max_align_t) * alignof(max_align_t);
	if (!block || block->size - block->used < rounded) {
		block = add_block(arena, BLOCK_SIZE);
	}
	ptr = block->bytes + block->used;
	block->used += rounded;
	return ptr;
}

struct tr_str tr_arena_str(struct tr_arena *arena, struct tr_str text)
{
	char *copy = tr_arena_alloc(arena, text.len + 1);

	if (text.len > 0) {
		memcpy(copy, text.ptr, text.len);
	}
	return tr_str_of(copy, text.len);
}

char *tr_arena_printf(struct tr_arena *arena, const char *format, ...)
{
	va_list args;
	char *text;
	int len;

	va_start(args, format);
	len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	TR_ASSERT(len >= 0);
	text = tr_arena_alloc(arena, (size_t)len + 1);
	va_start(args, format);
	vsnprintf(text, (size_t)len + 1, format, args);
	va_end(args);
	return text;
}
