/* SPDX-License-Identifier: Apache-2.0 */
/* Scenario 64: which words of a line may be nicks. */
#include "bridges/irc/mention_words.h"
#include "core/base/alloc.h"
#include "core/base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* The words, "!" before those that are spoken to. */
static void assert_words(const char *text, const char *expected)
{
	struct tr_irc_words words = {.text = tr_str_from(text)};
	struct tr_buf got = TR_BUF_INIT(4096);
	while (tr_irc_words_next(&words)) {
		tr_buf_addf(&got, "%s%s%.*s", got.len ? " " : "", words.addressed ? "!" : "",
			TR_STR_ARG(words.word));
	}
	assert_string_equal(tr_buf_c(&got), expected);
	tr_buf_finish(&got);
}

static void words_stand_alone_quoted_or_with_marks(void **state)
{
	(void)state;
	assert_words("alice", "alice");
	assert_words("hello alice, how  are you?", "hello alice how are you");
	assert_words("alice: hi", "!alice hi");
	assert_words("alice, hi", "!alice hi");
	assert_words("hi alice: you", "hi alice you");
	assert_words("ask @alice", "ask !alice");
	assert_words("alice's", "alice s");
	assert_words(
		"\"alice\" 'bob' (carol) <dave> *eve* **frank**", "alice bob carol dave eve frank");
	assert_words("alice.", "alice");
	assert_words("alice!", "alice");
	assert_words("alice... bob", "alice bob");
	assert_words("alice?!", "alice");
	assert_words("alice,bob;carol", "!alice bob carol");
	assert_words("a[x]_`^{|}-1 b", "a[x]_`^{|}-1 b");
	assert_words("a.*b $& $1 (a+)+ \\x", "a b \\x");
	assert_words("\xe2\x80\x9c"
		     "alice\xe2\x80\x9d \xc2\xab"
		     "bob\xc2\xbb",
		"alice bob");
	assert_words("ren\xc3\xa9"
		     "e: \xd0\xb6",
		"!ren\xc3\xa9"
		"e \xd0\xb6");
	assert_words("\xe3\x80\x8c"
		     "alice\xe3\x80\x8d",
		"alice");
	assert_words("", "");
	assert_words("   ", "");
	assert_words(" alice ", "alice");
}

static void nothing_in_addresses_is_a_nick(void **state)
{
	(void)state;
	assert_words("see https://alice.example.com/bob?x=carol now", "see now");
	assert_words("www.alice.org", "");
	assert_words("alice@example.com", "");
	assert_words("@alice:hs.test said", "said");
	assert_words("(@alice:hs.test)", "");
	assert_words("#alice and ##alice", "and");
	assert_words("/srv/alice/x", "");
	assert_words("alice/bob", "");
	assert_words("alice.example.com", "");
	assert_words("x=alice&y", "");
	assert_words("(https://e.x/alice)", "");
	assert_words("git+ssh://alice@e.x", "");
}

static void brackets_are_taken_off(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{"[alice]", "alice"},
		{"_alice_", "alice"},
		{"`alice`", "alice"},
		{"alice|", "alice"},
		{"-a-b-", "a-b"},
	};
	(void)state;
	for (size_t i = 0; i < TR_ARRAY_LEN(cases); i++) {
		struct tr_str word = tr_str_from(cases[i].in);
		assert_true(tr_irc_word_trim(&word));
		assert_true(tr_str_eq_c(word, cases[i].out));
		assert_false(tr_irc_word_trim(&word));
	}
	struct tr_str marks = TR_STR("[]_");
	assert_false(tr_irc_word_trim(&marks));
}

/* Whatever stands in a line, words come in order and are parts of it. */
static void any_text_ends(void **state)
{
	static const char *const pieces[] = {"a", "alice", " ", "  ", ":", "@", ".", "/", "://",
		"www.", "#", "'", "\xe2\x80\x9c", "\xc3\xa9", "[", "\xf0\x9f\x98\x80", ","};
	uint32_t seed = 5;
	(void)state;
	for (int round = 0; round < 20000; round++) {
		struct tr_buf text = TR_BUF_INIT(4096);
		for (int count = 0; count < 12; count++) {
			seed = seed * 1664525 + 1013904223;
			tr_buf_add_c(&text, pieces[(seed >> 8) % TR_ARRAY_LEN(pieces)]);
		}
		struct tr_irc_words words = {.text = tr_buf_str(&text)};
		const char *before = text.data;
		while (tr_irc_words_next(&words)) {
			assert_true(words.word.len > 0 && words.word.ptr >= before);
			before = words.word.ptr + words.word.len;
			assert_true(before <= text.data + text.len);
			assert_true(tr_utf8_valid(words.word));
		}
		tr_buf_finish(&text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_stand_alone_quoted_or_with_marks),
		cmocka_unit_test(nothing_in_addresses_is_a_nick),
		cmocka_unit_test(brackets_are_taken_off),
		cmocka_unit_test(any_text_ends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
