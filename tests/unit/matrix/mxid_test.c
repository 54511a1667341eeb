/* SPDX-License-Identifier: Apache-2.0 */
/* Identifiers of others and escaping into ours. */
#include "core/base/alloc.h"
#include "core/base/error.h"
#include "core/matrix/mxid.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void user_ids_are_split_at_the_first_colon(void **state)
{
	struct tr_mxid id;

	(void)state;
	assert_true(tr_user_id_parse(TR_STR("@alice:example.com:8448"), &id));
	assert_true(tr_str_eq_c(id.localpart, "alice"));
	assert_true(tr_str_eq_c(id.server, "example.com:8448"));
	assert_true(tr_user_id_parse(TR_STR("@a:[2001:db8::1]:443"), &id));
	assert_true(tr_str_eq_c(id.server, "[2001:db8::1]:443"));
	assert_true(tr_user_id_parse(TR_STR("@a:h"), NULL));
}

static void historical_user_ids_are_taken(void **state)
{
	struct tr_mxid id;

	(void)state;
	assert_true(tr_user_id_parse(TR_STR("@:example.com"), &id));
	assert_true(tr_str_empty(id.localpart));
	assert_true(tr_user_id_parse(TR_STR("@Al ice[x]\xc3\xa9\n:hs"), &id));
	assert_true(tr_str_eq_c(id.localpart, "Al ice[x]\xc3\xa9\n"));
	assert_false(tr_localpart_is_strict(id.localpart));
	assert_true(tr_localpart_is_strict(TR_STR("a.b_c=d-e/f+0")));
	assert_false(tr_localpart_is_strict(TR_STR("")));
}

static void what_is_no_id_is_refused(void **state)
{
	static const char *bad[] = {"", "@", "alice:hs", "@alice", "@alice:", "@a:h s", "@a:hs:x",
		"@a:hs:", "@a:hs:123456", "@a:[::1", "@a:[x]", "@a:[::1]x", "#a:hs", "@a\xff:hs",
		"@a:h/", "@a:hs:80:80", "@a::80"};
	char too_long[300] = "@";

	(void)state;
	for (size_t i = 0; i < TR_ARRAY_LEN(bad); i++) {
		assert_false(tr_user_id_parse(tr_str_from(bad[i]), NULL));
	}
	assert_false(tr_user_id_parse(TR_STR("@a\0b:hs"), NULL));
	memset(too_long + 1, 'a', 251);
	memcpy(too_long + 252, ":hs", 3);
	assert_true(tr_user_id_parse(tr_str_of(too_long, 255), NULL));
	memset(too_long + 1, 'a', 252);
	memcpy(too_long + 253, ":hs", 3);
	assert_false(tr_user_id_parse(tr_str_of(too_long, 256), NULL));
}

static void room_ids_are_opaque(void **state)
{
	(void)state;
	assert_true(tr_room_id_valid(TR_STR("!24H0P7UWabcdefghijklmnopqrstuvwxyz0123456789_")));
	assert_true(tr_room_id_valid(TR_STR("!MLdeIFVsWCgrPkcYkL:example.com")));
	assert_false(tr_room_id_valid(TR_STR("!")));
	assert_false(tr_room_id_valid(TR_STR("#a:hs")));
	assert_true(tr_event_id_valid(TR_STR("$abc")));
	assert_false(tr_event_id_valid(TR_STR("")));
	assert_true(tr_alias_parse(TR_STR("#irc_#chan:hs"), NULL));
}

static void assert_escaped(struct tr_str text, enum tr_escaping escaping, const char *expected)
{
	struct tr_buf out = TR_BUF_INIT(200);
	struct tr_buf back = TR_BUF_INIT(200);

	assert_int_equal(tr_localpart_escape(&out, text, escaping), 0);
	assert_string_equal(tr_buf_c(&out), expected);
	assert_int_equal(tr_localpart_unescape(&back, tr_buf_str(&out), escaping), 0);
	if (escaping == TR_ESCAPE_FOLD) {
		assert_true(tr_str_eq_nocase(tr_buf_str(&back), text));
	} else {
		assert_true(tr_str_eq(tr_buf_str(&back), text));
	}
	tr_buf_finish(&out);
	tr_buf_finish(&back);
}

static void escaping_follows_the_specifications_recommendation(void **state)
{
	(void)state;
	assert_escaped(TR_STR("sip:user@dom"), TR_ESCAPE_FOLD, "sip=3auser=40dom");
	assert_escaped(TR_STR("Alice_X=1/2+3"), TR_ESCAPE_FOLD, "alice_x=3d1/2+3");
	assert_escaped(TR_STR("Alice_X=1"), TR_ESCAPE_CASE, "_alice___x=3d1");
	assert_escaped(TR_STR("\xc3\x84 \0"), TR_ESCAPE_CASE, "=c3=84=20=00");
	assert_escaped(TR_STR("\xff"), TR_ESCAPE_FOLD, "=ff");
}

static void the_incumbents_ids_keep_nicks_as_they_are(void **state)
{
	(void)state;
	assert_escaped(TR_STR("Alice"), TR_ESCAPE_NOTHING, "Alice");
	assert_escaped(TR_STR("[x]{^}\\`|_-"), TR_ESCAPE_NOTHING, "[x]{^}\\`|_-");
	assert_escaped(TR_STR("#foo=3"), TR_ESCAPE_NOTHING, "#foo=3");
	assert_escaped(TR_STR("a:b\0"), TR_ESCAPE_NOTHING, "a=3ab=00");
}

static void unescaping_refuses_what_escaping_never_writes(void **state)
{
	static const char *bad[] = {"=", "=3", "=3g", "a=", "A", "a b", "_", "_1", "x_"};
	struct tr_buf out = TR_BUF_INIT(100);

	(void)state;
	tr_buf_add_c(&out, "kept");
	for (size_t i = 0; i < TR_ARRAY_LEN(bad); i++) {
		assert_int_equal(tr_localpart_unescape(&out, tr_str_from(bad[i]), TR_ESCAPE_CASE),
			TR_E_INVALID);
	}
	assert_string_equal(tr_buf_c(&out), "kept");
	tr_buf_finish(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(user_ids_are_split_at_the_first_colon),
		cmocka_unit_test(historical_user_ids_are_taken),
		cmocka_unit_test(what_is_no_id_is_refused),
		cmocka_unit_test(room_ids_are_opaque),
		cmocka_unit_test(escaping_follows_the_specifications_recommendation),
		cmocka_unit_test(the_incumbents_ids_keep_nicks_as_they_are),
		cmocka_unit_test(unescaping_refuses_what_escaping_never_writes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
