/* SPDX-License-Identifier: Apache-2.0 */
/* The map from byte strings to pointers. */
#include "core/base/map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void entries_are_found_replaced_and_removed(void **state)
{
	struct tr_map map = {0};
	int a;
	int b;

	(void)state;
	assert_null(tr_map_get(&map, TR_STR("x")));
	assert_null(tr_map_remove(&map, TR_STR("x")));
	assert_null(tr_map_set(&map, TR_STR("x"), &a));
	assert_ptr_equal(tr_map_set(&map, TR_STR("x"), &b), &a);
	assert_ptr_equal(tr_map_get(&map, TR_STR("x")), &b);
	assert_int_equal(tr_map_count(&map), 1);
	assert_ptr_equal(tr_map_remove(&map, TR_STR("x")), &b);
	assert_int_equal(tr_map_count(&map), 0);
	tr_map_finish(&map);
}

static void keys_are_bytes_and_copied(void **state)
{
	struct tr_map map = {0};
	char key[] = "a\0b";
	int values[3];

	(void)state;
	tr_map_set(&map, tr_str_of(key, 3), &values[0]);
	tr_map_set(&map, tr_str_of(key, 1), &values[1]);
	tr_map_set(&map, tr_str_of(NULL, 0), &values[2]);
	memset(key, 'z', sizeof(key));
	assert_ptr_equal(tr_map_get(&map, TR_STR("a\0b")), &values[0]);
	assert_ptr_equal(tr_map_get(&map, TR_STR("a")), &values[1]);
	assert_ptr_equal(tr_map_get(&map, TR_STR("")), &values[2]);
	tr_map_finish(&map);
	assert_int_equal(tr_map_count(&map), 0);
}

static void iteration_keeps_insertion_order_while_entries_go(void **state)
{
	struct tr_map map = {0};
	int values[1000];
	struct tr_map_entry *entry;
	int i = 0;

	(void)state;
	for (i = 0; i < 1000; i++) {
		char key[16];
		int len = snprintf(key, sizeof(key), "key%d", i);

		tr_map_set(&map, tr_str_of(key, (size_t)len), &values[i]);
	}
	i = 0;
	entry = tr_map_first(&map);
	while (entry) {
		struct tr_map_entry *next = tr_map_next(entry);

		assert_ptr_equal(tr_map_value(entry), &values[i]);
		if (i % 2 == 0) {
			assert_ptr_equal(tr_map_remove(&map, tr_map_key(entry)), &values[i]);
		}
		entry = next;
		i++;
	}
	assert_int_equal(i, 1000);
	assert_int_equal(tr_map_count(&map), 500);
	tr_map_finish(&map);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_are_found_replaced_and_removed),
		cmocka_unit_test(keys_are_bytes_and_copied),
		cmocka_unit_test(iteration_keeps_insertion_order_while_entries_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
