/* SPDX-License-Identifier: Apache-2.0 */
/* Text forms of bytes, hashes and randomness, against the vectors of their RFCs. */
#include "core/base/alloc.h"
#include "core/base/digest.h"
#include "core/base/encode.h"
#include "core/base/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void assert_content(struct tr_buf *out, const char *expected)
{
	assert_string_equal(tr_buf_c(out), expected);
	tr_buf_clear(out);
}

static void encodings_give_the_vectors_of_rfc_4648(void **state)
{
	static const char *vectors[][4] = {
		{"", "", "", ""},
		{"f", "Zg==", "my", "66"},
		{"fo", "Zm8=", "mzxq", "666f"},
		{"foo", "Zm9v", "mzxw6", "666f6f"},
		{"foob", "Zm9vYg==", "mzxw6yq", "666f6f62"},
		{"fooba", "Zm9vYmE=", "mzxw6ytb", "666f6f6261"},
		{"foobar", "Zm9vYmFy", "mzxw6ytboi", "666f6f626172"},
	};
	struct tr_buf out = TR_BUF_INIT(100);

	(void)state;
	for (size_t i = 0; i < TR_ARRAY_LEN(vectors); i++) {
		const char *plain = vectors[i][0];

		assert_int_equal(tr_base64_encode(&out, plain, strlen(plain)), 0);
		assert_content(&out, vectors[i][1]);
		assert_int_equal(tr_base32_encode(&out, plain, strlen(plain)), 0);
		assert_content(&out, vectors[i][2]);
		assert_int_equal(tr_hex_encode(&out, plain, strlen(plain)), 0);
		assert_content(&out, vectors[i][3]);
		assert_int_equal(tr_base64_decode(&out, tr_str_from(vectors[i][1])), 0);
		assert_content(&out, plain);
		assert_int_equal(tr_hex_decode(&out, tr_str_from(vectors[i][3])), 0);
		assert_content(&out, plain);
	}
	assert_int_equal(tr_base64url_encode(&out, "\xfb\xff", 2), 0);
	assert_content(&out, "-_8");
	assert_int_equal(tr_base64_decode(&out, TR_STR("-_8")), 0);
	assert_content(&out, "\xfb\xff");
	tr_buf_finish(&out);
}

static void decoders_refuse_what_is_not_theirs_and_leave_the_buffer(void **state)
{
	static const char *bad64[] = {"A", "Zg=", "Zg===", "Z g=", "Zm9v=", "Zm9\n", "=", "Zm=v"};
	struct tr_buf out = TR_BUF_INIT(100);

	(void)state;
	tr_buf_add_c(&out, "x");
	for (size_t i = 0; i < TR_ARRAY_LEN(bad64); i++) {
		assert_int_equal(tr_base64_decode(&out, tr_str_from(bad64[i])), TR_E_INVALID);
	}
	assert_int_equal(tr_hex_decode(&out, TR_STR("abc")), TR_E_INVALID);
	assert_int_equal(tr_hex_decode(&out, TR_STR("abcg")), TR_E_INVALID);
	assert_int_equal(tr_percent_decode(&out, TR_STR("ab%2"), false), TR_E_INVALID);
	assert_int_equal(tr_percent_decode(&out, TR_STR("ab%zz"), false), TR_E_INVALID);
	assert_content(&out, "x");
	tr_buf_finish(&out);
}

static void encoders_write_all_or_nothing(void **state)
{
	struct tr_buf out = TR_BUF_INIT(4);

	(void)state;
	assert_int_equal(tr_base64_encode(&out, "foo", 3), 0);
	assert_content(&out, "Zm9v");
	assert_int_equal(tr_base64_encode(&out, "foob", 4), TR_E_TOO_BIG);
	assert_content(&out, "");
	assert_int_equal(tr_percent_encode(&out, TR_STR("a/b")), TR_E_TOO_BIG);
	assert_content(&out, "");
	tr_buf_finish(&out);
}

static void percent_encoding_is_safe_as_a_path_segment(void **state)
{
	struct tr_buf out = TR_BUF_INIT(100);

	(void)state;
	assert_int_equal(tr_percent_encode(&out, TR_STR("#a/b?\xc3\xa9~.-_ ")), 0);
	assert_content(&out, "%23a%2Fb%3F%C3%A9~.-_%20");
	assert_int_equal(tr_percent_decode(&out, TR_STR("%23a%2fb+c"), false), 0);
	assert_content(&out, "#a/b+c");
	assert_int_equal(tr_percent_decode(&out, TR_STR("a+b%2B"), true), 0);
	assert_content(&out, "a b+");
	tr_buf_finish(&out);
}

static void assert_digest(const unsigned char *digest, const char *expected)
{
	struct tr_buf hex = TR_BUF_INIT(64);

	tr_hex_encode(&hex, digest, TR_SHA256_LEN);
	assert_string_equal(tr_buf_c(&hex), expected);
	tr_buf_finish(&hex);
}

static void hashes_give_the_known_vectors(void **state)
{
	unsigned char digest[TR_SHA256_LEN];

	(void)state;
	tr_sha256(TR_STR("abc"), digest);
	assert_digest(digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	tr_sha256(tr_str_of(NULL, 0), digest);
	assert_digest(digest, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	/* RFC 4231 test case 2 */
	tr_hmac_sha256(TR_STR("Jefe"), TR_STR("what do ya want for nothing?"), digest);
	assert_digest(digest, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

static void hashed_parts_cannot_run_into_each_other(void **state)
{
	struct tr_str one[] = {TR_STR("ab"), TR_STR("c")};
	struct tr_str other[] = {TR_STR("a"), TR_STR("bc")};
	unsigned char first[TR_SHA256_LEN];
	unsigned char second[TR_SHA256_LEN];

	(void)state;
	tr_sha256_parts(one, 2, first);
	tr_sha256_parts(other, 2, second);
	assert_memory_not_equal(first, second, sizeof(first));
	tr_sha256_parts(one, 2, second);
	assert_memory_equal(first, second, sizeof(first));
}

static void secrets_are_equal_only_when_all_bytes_are(void **state)
{
	(void)state;
	assert_true(tr_secret_equal(TR_STR("token"), TR_STR("token")));
	assert_false(tr_secret_equal(TR_STR("token"), TR_STR("tokem")));
	assert_false(tr_secret_equal(TR_STR("token"), TR_STR("toke")));
	assert_true(tr_secret_equal(tr_str_of(NULL, 0), TR_STR("")));
}

static void randomness_differs_and_stays_below_its_bound(void **state)
{
	char *a = tr_random_token(32);
	char *b = tr_random_token(32);
	bool seen[3] = {false, false, false};

	(void)state;
	assert_int_equal(strlen(a), 64);
	assert_string_not_equal(a, b);
	tr_free(a);
	tr_free(b);
	for (int i = 0; i < 300; i++) {
		uint32_t n = tr_random_below(3);

		assert_in_range(n, 0, 2);
		seen[n] = true;
	}
	assert_true(seen[0] && seen[1] && seen[2]);
	assert_int_equal(tr_random_below(0), 0);
	assert_int_equal(tr_random_below(1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(encodings_give_the_vectors_of_rfc_4648),
		cmocka_unit_test(decoders_refuse_what_is_not_theirs_and_leave_the_buffer),
		cmocka_unit_test(encoders_write_all_or_nothing),
		cmocka_unit_test(percent_encoding_is_safe_as_a_path_segment),
		cmocka_unit_test(hashes_give_the_known_vectors),
		cmocka_unit_test(hashed_parts_cannot_run_into_each_other),
		cmocka_unit_test(secrets_are_equal_only_when_all_bytes_are),
		cmocka_unit_test(randomness_differs_and_stays_below_its_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
