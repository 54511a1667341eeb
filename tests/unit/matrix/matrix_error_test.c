/* SPDX-License-Identifier: Apache-2.0 */
/* What answers of a homeserver mean, and the ids of what we send it. */
#include "core/base/alloc.h"
#include "core/matrix/matrix_error.h"
#include "core/matrix/txn_id.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct tr_error error_of(int status, const char *body, uint64_t retry_after_ms)
{
	struct tr_error error = {0};
	struct tr_json *json = body ? tr_json_parse(tr_str_from(body), NULL) : NULL;
	int code = tr_matrix_error(&error, status, json, retry_after_ms);

	assert_int_equal(code, error.code);
	assert_int_equal(tr_matrix_error(NULL, status, json, retry_after_ms), code);
	assert_int_equal(error.status, status);
	assert_true(code < 0);
	tr_json_free(json);
	return error;
}

static void limits_wait_as_long_as_the_header_says(void **state)
{
	struct tr_error error =
		error_of(429, "{\"errcode\":\"M_LIMIT_EXCEEDED\",\"retry_after_ms\":4627}", 5000);

	(void)state;
	assert_int_equal(error.cls, TR_CLASS_RETRY_AFTER);
	assert_int_equal(error.retry_after_ms, 5000);
	error = error_of(429, "{\"errcode\":\"M_LIMIT_EXCEEDED\",\"retry_after_ms\":4627}", 0);
	assert_int_equal(error.cls, TR_CLASS_RETRY_AFTER);
	assert_int_equal(error.retry_after_ms, 4627);
	error = error_of(429, NULL, 0);
	assert_int_equal(error.cls, TR_CLASS_RETRY);
	assert_int_equal(error.retry_after_ms, 0);
	error = error_of(429, "{\"retry_after_ms\":-5}", 0);
	assert_int_equal(error.cls, TR_CLASS_RETRY);
	error = error_of(503, NULL, 2000);
	assert_int_equal(error.cls, TR_CLASS_RETRY_AFTER);
}

static void each_answer_has_its_class(void **state)
{
	static const struct {
		int status;
		const char *body;
		enum tr_error_code code;
		enum tr_error_class cls;
	} cases[] = {
		{500, "{\"errcode\":\"M_UNKNOWN\"}", TR_E_UNAVAILABLE, TR_CLASS_RETRY},
		{502, NULL, TR_E_UNAVAILABLE, TR_CLASS_RETRY},
		{504, "{\"errcode\":\"M_NOT_FOUND\"}", TR_E_UNAVAILABLE, TR_CLASS_RETRY},
		{408, NULL, TR_E_UNAVAILABLE, TR_CLASS_RETRY},
		{401, "{\"errcode\":\"M_UNKNOWN_TOKEN\"}", TR_E_AUTH, TR_CLASS_RETRY},
		{403, "{\"errcode\":\"M_FORBIDDEN\"}", TR_E_DENIED, TR_CLASS_DENIED},
		{403, "{\"errcode\":\"M_INVITE_BLOCKED\"}", TR_E_DENIED, TR_CLASS_PERMANENT},
		{400, "{\"errcode\":\"M_EXCLUSIVE\"}", TR_E_DENIED, TR_CLASS_PERMANENT},
		{404, "{\"errcode\":\"M_NOT_FOUND\"}", TR_E_NOT_FOUND, TR_CLASS_GONE},
		{404, "{\"errcode\":\"M_UNKNOWN\"}", TR_E_NOT_FOUND, TR_CLASS_GONE},
		{404, "{\"errcode\":\"M_UNRECOGNIZED\"}", TR_E_UNSUPPORTED, TR_CLASS_PERMANENT},
		{413, "{\"errcode\":\"M_TOO_LARGE\"}", TR_E_TOO_BIG, TR_CLASS_PERMANENT},
		{400, "{\"errcode\":\"M_TOO_LARGE\"}", TR_E_TOO_BIG, TR_CLASS_PERMANENT},
		{400, "{\"errcode\":\"M_USER_IN_USE\"}", TR_E_EXISTS, TR_CLASS_PERMANENT},
		{400, "{\"errcode\":\"M_BAD_JSON\"}", TR_E_INVALID, TR_CLASS_PERMANENT},
		/* Not from a homeserver. */
		{400, "[]", TR_E_PROTOCOL, TR_CLASS_RETRY},
		{302, NULL, TR_E_PROTOCOL, TR_CLASS_RETRY},
		{403, NULL, TR_E_PROTOCOL, TR_CLASS_RETRY},
		{404, NULL, TR_E_PROTOCOL, TR_CLASS_RETRY},
		{413, NULL, TR_E_TOO_BIG, TR_CLASS_PERMANENT},
	};

	(void)state;
	for (size_t i = 0; i < TR_ARRAY_LEN(cases); i++) {
		struct tr_error error = error_of(cases[i].status, cases[i].body, 0);

		assert_int_equal(error.code, cases[i].code);
		assert_int_equal(error.cls, cases[i].cls);
	}
}

static void the_sentence_names_status_and_reason(void **state)
{
	struct tr_error error =
		error_of(403, "{\"errcode\":\"M_FORBIDDEN\",\"error\":\"not in\\nroom\"}", 0);

	(void)state;
	assert_string_equal(error.text, "the homeserver answered 403 M_FORBIDDEN: not in room");
}

static void transaction_ids_depend_on_every_part_and_nothing_else(void **state)
{
	struct tr_str parts[] = {TR_STR("!room"), TR_STR("key"), TR_STR("0")};
	struct tr_str shifted[] = {TR_STR("!roomk"), TR_STR("ey"), TR_STR("0")};
	char *first = tr_txn_id(parts, 3);
	char *second = tr_txn_id(parts, 3);
	char *other = tr_txn_id(shifted, 3);

	(void)state;
	assert_string_equal(first, second);
	assert_string_not_equal(first, other);
	assert_int_equal(strlen(first), 27);
	assert_int_equal(first[0], 't');
	assert_int_equal(strspn(first + 1, "abcdefghijklmnopqrstuvwxyz234567"), 26);
	/* Stored rows keep their ids over versions of the program. */
	assert_string_equal(first, "toxpwteew72r65lc7uvdxzy6gtj");
	tr_free(first);
	tr_free(second);
	tr_free(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(limits_wait_as_long_as_the_header_says),
		cmocka_unit_test(each_answer_has_its_class),
		cmocka_unit_test(the_sentence_names_status_and_reason),
		cmocka_unit_test(transaction_ids_depend_on_every_part_and_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
