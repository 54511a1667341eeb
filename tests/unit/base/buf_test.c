/* SPDX-License-Identifier: Apache-2.0 */
/* The bounded buffer, and memory that cannot fail. */
#include "core/base/alloc.h"
#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void content_is_always_closed_by_nul(void **state)
{
	struct tr_buf buf = TR_BUF_INIT(1000);

	(void)state;
	assert_string_equal(tr_buf_c(&buf), "");
	for (int i = 0; i < 100; i++) {
		assert_int_equal(tr_buf_addf(&buf, "%02d", i), 0);
		assert_int_equal(strlen(tr_buf_c(&buf)), buf.len);
	}
	assert_int_equal(buf.len, 200);
	tr_buf_consume(&buf, 196);
	assert_string_equal(tr_buf_c(&buf), "9899");
	tr_buf_truncate(&buf, 2);
	assert_string_equal(tr_buf_c(&buf), "98");
	tr_buf_consume(&buf, 50);
	assert_int_equal(buf.len, 0);
	tr_buf_finish(&buf);
}

static void numbers_are_written_in_full(void **state)
{
	struct tr_buf buf = TR_BUF_INIT(100);

	(void)state;
	tr_buf_add_u64(&buf, 0, 0);
	tr_buf_add_char(&buf, ' ');
	tr_buf_add_u64(&buf, 7, 3);
	tr_buf_add_char(&buf, ' ');
	tr_buf_add_u64(&buf, 1234, 3);
	tr_buf_add_char(&buf, ' ');
	tr_buf_add_u64(&buf, UINT64_MAX, 20);
	assert_string_equal(tr_buf_c(&buf), "0 007 1234 18446744073709551615");
	tr_buf_finish(&buf);
}

static void append_beyond_the_maximum_writes_nothing_and_fails_for_good(void **state)
{
	struct tr_buf buf = TR_BUF_INIT(8);

	(void)state;
	assert_int_equal(tr_buf_add_c(&buf, "12345678"), 0);
	assert_false(tr_buf_failed(&buf));
	assert_int_equal(tr_buf_add_char(&buf, '9'), TR_E_TOO_BIG);
	assert_string_equal(tr_buf_c(&buf), "12345678");
	tr_buf_consume(&buf, 8);
	assert_int_equal(tr_buf_add_c(&buf, "x"), TR_E_TOO_BIG);
	assert_true(tr_buf_failed(&buf));
	tr_buf_clear(&buf);
	assert_int_equal(tr_buf_addf(&buf, "%s", "123456789"), TR_E_TOO_BIG);
	assert_string_equal(tr_buf_c(&buf), "");
	tr_buf_clear(&buf);
	assert_int_equal(tr_buf_addf(&buf, "%s-%d", "123", 456), 0);
	assert_int_equal(tr_buf_addf(&buf, "%s", "78"), TR_E_TOO_BIG);
	assert_string_equal(tr_buf_c(&buf), "123-456");
	tr_buf_clear(&buf);
	assert_int_equal(tr_buf_add_code_point(&buf, 0x20ac), 0);
	assert_string_equal(tr_buf_c(&buf), "\xe2\x82\xac");
	tr_buf_finish(&buf);
}

static void taking_leaves_an_empty_buffer(void **state)
{
	struct tr_buf buf = TR_BUF_INIT(100);
	char *text = tr_buf_take(&buf);

	(void)state;
	assert_string_equal(text, "");
	tr_free(text);
	tr_buf_add(&buf, TR_STR("a\0b"));
	text = tr_buf_take(&buf);
	assert_memory_equal(text, "a\0b", 4);
	tr_free(text);
	assert_int_equal(buf.len, 0);
	assert_int_equal(buf.max, 100);
}

static void reserve_gives_room_and_the_closing_nul(void **state)
{
	struct tr_buf buf = TR_BUF_INIT(4096);

	(void)state;
	assert_int_equal(tr_buf_reserve(&buf, 4096), 0);
	memset(buf.data, 'x', 4096);
	buf.len = 4096;
	assert_int_equal(tr_buf_add(&buf, TR_STR("")), 0);
	assert_int_equal(strlen(tr_buf_c(&buf)), 4096);
	assert_int_equal(tr_buf_reserve(&buf, 1), TR_E_TOO_BIG);
	tr_buf_finish(&buf);
}

static void copies_are_owned_and_bounded(void **state)
{
	char *text = tr_strndup("hello", 3);

	(void)state;
	assert_null(tr_strdup(NULL));
	assert_string_equal(text, "hel");
	tr_free_secret(text);
	text = tr_asprintf("%d-%s", 7, "x");
	assert_string_equal(text, "7-x");
	tr_free(text);
	text = tr_asprintf("%0300d", 7);
	assert_int_equal(strlen(text), 300);
	tr_free(text);
	text = tr_str_dup(TR_STR("view"));
	assert_string_equal(text, "view");
	tr_free(text);
	tr_free(tr_alloc(0));
	tr_free(tr_realloc_array(NULL, 0, 8));
}

static void arena_memory_is_zeroed_aligned_and_freed_together(void **state)
{
	struct tr_arena arena = {0};
	struct tr_str kept = tr_arena_str(&arena, TR_STR("kept"));

	(void)state;
	for (size_t size = 0; size < 3000; size += 7) {
		char *ptr = tr_arena_alloc(&arena, size);

		assert_int_equal((uintptr_t)ptr % 16, 0);
		for (size_t i = 0; i < size; i++) {
			assert_int_equal(ptr[i], 0);
		}
		memset(ptr, 0xff, size);
	}
	assert_string_equal(kept.ptr, "kept");
	assert_string_equal(tr_arena_printf(&arena, "%s %d", "n", 5), "n 5");
	tr_arena_finish(&arena);
	tr_arena_finish(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(content_is_always_closed_by_nul),
		cmocka_unit_test(numbers_are_written_in_full),
		cmocka_unit_test(append_beyond_the_maximum_writes_nothing_and_fails_for_good),
		cmocka_unit_test(taking_leaves_an_empty_buffer),
		cmocka_unit_test(reserve_gives_room_and_the_closing_nul),
		cmocka_unit_test(copies_are_owned_and_bounded),
		cmocka_unit_test(arena_memory_is_zeroed_aligned_and_freed_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
