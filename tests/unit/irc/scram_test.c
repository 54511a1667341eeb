/* SPDX-License-Identifier: Apache-2.0 */
/* SCRAM-SHA-256 against the exchange of RFC 7677, and against servers that cheat. */
#include "bridges/irc/scram.h"

#include "core/base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define NONCE       "rOprNGfwEbeRWgbNEkqO"
#define WHOLE_NONCE NONCE "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
#define SALT        "W22ZaJ0SNY7soEsUEjb6gQ=="

static int take_first(struct tr_scram *scram, const char *text)
{
	struct tr_error error = {0};
	int failed = tr_scram_take_first(scram, tr_str_from(text), &error);
	assert_int_equal(failed, error.code);
	if (failed) {
		assert_int_equal(error.cls, TR_CLASS_DENIED);
		assert_null(strstr(error.text, "pencil"));
	}
	return failed;
}

static void assert_message(
	struct tr_scram *scram, void (*write)(struct tr_scram *, struct tr_buf *), const char *text)
{
	struct tr_buf out = TR_BUF_INIT(TR_SCRAM_MESSAGE_MAX);
	write(scram, &out);
	assert_string_equal(tr_buf_c(&out), text);
	tr_buf_finish(&out);
}

static struct tr_scram *up_to_the_proof(void)
{
	struct tr_scram *scram = tr_scram_create("user", "pencil", NONCE);
	assert_message(scram, tr_scram_first, "n,,n=user,r=" NONCE);
	assert_int_equal(take_first(scram, "r=" WHOLE_NONCE ",s=" SALT ",i=4096"), 0);
	tr_scram_work(scram);
	assert_message(scram, tr_scram_final,
		"c=biws,r=" WHOLE_NONCE ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
	return scram;
}

/* RFC 7677 section 3. */
static void the_exchange_of_the_rfc_is_reproduced(void **state)
{
	(void)state;
	struct tr_scram *scram = up_to_the_proof();
	assert_int_equal(tr_scram_take_final(scram,
				 TR_STR("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="), NULL),
		0);
	tr_scram_destroy(scram);
	tr_scram_destroy(NULL);
}

/* No SASLprep: two spellings of one letter are two passwords. */
static void a_password_outside_of_ascii_goes_as_it_was_typed(void **state)
{
	static const char *const cases[][2] = {
		{"K\xc3\xa4se", "a4TcuYT1PnPvwBbOwCXpBz3OVwxO4IxpZTSybh4mWK8="},
		{"Ka\xcc\x88se", "JoPR5JIN9HTQyNL5I+1lfpQDoA3pc289DiyfcIWwpxY="},
	};
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct tr_scram *scram = tr_scram_create("user", cases[i][0], NONCE);
		assert_message(scram, tr_scram_first, "n,,n=user,r=" NONCE);
		assert_int_equal(take_first(scram, "r=" WHOLE_NONCE ",s=" SALT ",i=4096"), 0);
		tr_scram_work(scram);
		struct tr_buf expected = TR_BUF_INIT(TR_SCRAM_MESSAGE_MAX);
		tr_buf_add_c(&expected, "c=biws,r=" WHOLE_NONCE ",p=");
		tr_buf_add_c(&expected, cases[i][1]);
		assert_message(scram, tr_scram_final, tr_buf_c(&expected));
		tr_buf_finish(&expected);
		tr_scram_destroy(scram);
	}
}

static void a_server_that_does_not_know_the_password_is_found_out(void **state)
{
	static const char *const lies[] = {
		"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95H4=",
		"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=AAAA",
		"v=",
		"v=!",
		"",
		"x",
		"p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
	};
	struct tr_error error;
	(void)state;
	struct tr_scram *scram = up_to_the_proof();
	for (size_t i = 0; i < TR_ARRAY_LEN(lies); i++) {
		assert_int_equal(
			tr_scram_take_final(scram, tr_str_from(lies[i]), &error), TR_E_PROTOCOL);
		assert_int_equal(error.cls, TR_CLASS_DENIED);
	}
	assert_int_equal(tr_scram_take_final(scram, TR_STR("e=invalid-proof"), &error), TR_E_AUTH);
	assert_string_equal(error.text, "invalid-proof");
	assert_int_equal(tr_scram_take_final(scram, TR_STR("e=\xff"), &error), TR_E_AUTH);
	tr_scram_destroy(scram);
}

static void a_first_message_out_of_bounds_is_refused(void **state)
{
	static const char *const wrong[] = {
		"",
		"r=",
		"r=" WHOLE_NONCE,
		"r=" WHOLE_NONCE ",s=" SALT,
		"r=" WHOLE_NONCE ",s=" SALT ",i=",
		"r=" NONCE ",s=" SALT ",i=4096", /* nothing of its own */
		"r=other" WHOLE_NONCE ",s=" SALT ",i=4096",
		"r=" NONCE " x,s=" SALT ",i=4096",
		"r=" NONCE "\x7f,s=" SALT ",i=4096",
		"r=" WHOLE_NONCE ",s=,i=4096",
		"r=" WHOLE_NONCE ",s=***,i=4096",
		"r=" WHOLE_NONCE ",s=" SALT ",i=4095",
		"r=" WHOLE_NONCE ",s=" SALT ",i=1000001",
		"r=" WHOLE_NONCE ",s=" SALT ",i=99999999999999999999",
		"r=" WHOLE_NONCE ",s=" SALT ",i=-4096",
		"r=" WHOLE_NONCE ",s=" SALT ",i=4096x",
		"m=ext,r=" WHOLE_NONCE ",s=" SALT ",i=4096", /* mandatory extension */
		"s=" SALT ",r=" WHOLE_NONCE ",i=4096",
	};
	(void)state;
	for (size_t i = 0; i < TR_ARRAY_LEN(wrong); i++) {
		struct tr_scram *scram = tr_scram_create("user", "pencil", NONCE);
		assert_int_equal(take_first(scram, wrong[i]), TR_E_PROTOCOL);
		tr_scram_destroy(scram);
	}
	char *longest = tr_alloc(TR_SCRAM_MESSAGE_MAX + 100);
	memset(longest, 'x', TR_SCRAM_MESSAGE_MAX + 50);
	memcpy(longest, "r=" NONCE, strlen("r=" NONCE));
	struct tr_scram *scram = tr_scram_create("user", "pencil", NONCE);
	assert_int_equal(take_first(scram, longest), TR_E_PROTOCOL);
	tr_scram_destroy(scram);
	tr_free(longest);
}

static void extensions_after_the_count_are_fine(void **state)
{
	(void)state;
	struct tr_scram *scram = tr_scram_create("user", "pencil", NONCE);
	assert_int_equal(take_first(scram, "r=" WHOLE_NONCE ",s=" SALT ",i=1000000,x=y"), 0);
	tr_scram_destroy(scram);
}

static void signs_in_a_name_are_escaped_and_nonces_differ(void **state)
{
	struct tr_buf first = TR_BUF_INIT(TR_SCRAM_MESSAGE_MAX);
	struct tr_buf second = TR_BUF_INIT(TR_SCRAM_MESSAGE_MAX);
	(void)state;
	struct tr_scram *a = tr_scram_create("a=b,c", "x", NULL);
	struct tr_scram *b = tr_scram_create("a=b,c", "x", NULL);
	tr_scram_first(a, &first);
	tr_scram_first(b, &second);
	assert_true(tr_str_starts(tr_buf_str(&first), TR_STR("n,,n=a=3Db=2Cc,r=")));
	assert_string_not_equal(tr_buf_c(&first), tr_buf_c(&second));
	tr_scram_destroy(a);
	tr_scram_destroy(b);
	tr_buf_finish(&first);
	tr_buf_finish(&second);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_exchange_of_the_rfc_is_reproduced),
		cmocka_unit_test(a_password_outside_of_ascii_goes_as_it_was_typed),
		cmocka_unit_test(a_server_that_does_not_know_the_password_is_found_out),
		cmocka_unit_test(a_first_message_out_of_bounds_is_refused),
		cmocka_unit_test(extensions_after_the_count_are_fine),
		cmocka_unit_test(signs_in_a_name_are_escaped_and_nonces_differ),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
