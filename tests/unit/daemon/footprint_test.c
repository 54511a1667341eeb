/* SPDX-License-Identifier: Apache-2.0 */
/* Letting go of the pages of the libraries: less is resident, and all of them still work. */
#include "core/daemon/footprint.h"

#include "core/base/alloc.h"
#include "core/base/digest.h"
#include "core/base/json.h"
#include "core/base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static uint64_t resident_pages(void)
{
	FILE *file = fopen("/proc/self/statm", "r");
	char text[128] = "";
	struct tr_str rest;
	struct tr_str word;
	uint64_t pages = 0;

	assert_non_null(file);
	assert_non_null(fgets(text, sizeof(text), file));
	(void)fclose(file);
	rest = tr_str_from(text);
	(void)tr_str_word(&rest, &word);
	(void)tr_str_word(&rest, &word);
	assert_true(tr_str_to_u64(word, &pages));
	return pages;
}

/* Code, constants, relocated tables and variables of several libraries. */
static void use_libraries(void)
{
	unsigned char hash[TR_SHA256_LEN];
	struct tr_json *value = tr_json_parse(TR_STR("{\"a\":[1.5,true,\"b\"]}"), NULL);
	char *text = tr_json_text(value);

	assert_string_equal(text, "{\"a\":[1.5,true,\"b\"]}");
	tr_free(text);
	tr_json_free(value);
	tr_sha256(TR_STR("abc"), hash);
	assert_int_equal(hash[0], 0xba);
	assert_int_equal(hash[31], 0xad);
}

static void less_is_resident_and_everything_works(void **state)
{
	uint64_t before;
	uint64_t after;

	(void)state;
	use_libraries();
	before = resident_pages();
	assert_true(tr_footprint_forget_start() > 0);
	after = resident_pages();
	assert_true(after < before);
	use_libraries();
	/* Once more is no harm. */
	(void)tr_footprint_forget_start();
	use_libraries();
	print_message("%llu of %llu pages stay resident\n", (unsigned long long)after,
		(unsigned long long)before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(less_is_resident_and_everything_works),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
