/* SPDX-License-Identifier: Apache-2.0 */
/* How edits read on IRC. */
#include "bridges/irc/compose_edit.h"

#include "core/base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct vector {
	const char *before, *after, *said;
};

static const char whole[] = "(whole)";
static const char nothing[] = "(nothing)";

static void expect(const struct vector *vectors, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct tr_buf out = TR_BUF_INIT(4096);
		enum tr_irc_correction kind = tr_irc_compose_correction(
			tr_str_from(vectors[i].before), tr_str_from(vectors[i].after), &out);
		const char *said = kind == TR_IRC_CORRECTION_NONE    ? nothing
				   : kind == TR_IRC_CORRECTION_WHOLE ? whole
								     : tr_buf_c(&out);
		assert_string_equal(said, vectors[i].said);
		assert_int_equal(out.len > 0, kind == TR_IRC_CORRECTION_SHORT);
		tr_buf_finish(&out);
	}
}

#define EXPECT(vectors) expect(vectors, TR_ARRAY_LEN(vectors))

static void same_text_says_nothing(void **state)
{
	(void)state;
	static const struct vector vectors[] = {
		{"the same text as it was before", "the same text as it was before", nothing},
		{"a", "a", nothing},
		{" a\n", "a", nothing},
		{"", "", nothing},
	};
	EXPECT(vectors);
}

static void short_text_is_said_again(void **state)
{
	(void)state;
	static const struct vector vectors[] = {
		{"helo", "hello", whole},
		{"this one was a lot longer before it was edited", "short now", whole},
		{"grüße an alle hie", "grüße an alle hier", whole},
		{"", "a text that was not known before this edit", whole},
	};
	EXPECT(vectors);
}

static void substitution_is_written_as_one(void **state)
{
	(void)state;
	static const struct vector vectors[] = {
		{"I have teh best of all cats", "I have the best of all cats", "s/teh/the/"},
		{"I have teh best of al cats here", "I have the best of all cats here",
			"s/teh/the/, s/al/all/"},
		{"one two three four five six seven of them all",
			"1 two 3 four 5 six seven of them all", "s/one/1/, s/three/3/, s/five/5/"},
		{"one two three four five six seven of them all",
			"1 two 3 four 5 six 7 of them all", whole},
		{"look at the old house over there", "look at the new big house over there",
			"s/old/new big/"},
		{"the last word of this line is wong", "the last word of this line is wrong",
			"s/wong/wrong/"},
		{"teh first word of this line is wrong", "the first word of this line is wrong",
			"s/teh/the/"},
	};
	EXPECT(vectors);
}

static void substitution_names_one_place_only(void **state)
{
	(void)state;
	static const struct vector vectors[] = {
		{"the cat and the dog and teh bird and teh fish",
			"the cat and the dog and teh bird and the fish",
			"s/bird and teh/bird and the/"},
		{"go go go go go go go go go go go go", "go go go go go stop go go go go go go",
			whole},
		{"is it and/or maybe else in the end", "is it and or maybe else in the end",
			"s|and/or|and or|"},
		{"it is a/b|c#d in this long line here", "it is abcd in this long line here",
			whole},
	};
	EXPECT(vectors);
}

static void insertion_shows_what_is_around_it(void **state)
{
	(void)state;
	static const struct vector vectors[] = {
		{"you should ever do that with a fork", "you should never ever do that with a fork",
			"* you should never ever do"},
		{"I like cats a lot more than dogs", "Sometimes I like cats a lot more than dogs",
			"* Sometimes I like"},
		{"I like cats a lot more than dogs", "I like cats a lot more than dogs today",
			"* than dogs today"},
		{"I like cats a lot more than dogs", "I like big grey cats a lot more than dogs",
			"* I like big grey cats a"},
	};
	EXPECT(vectors);
}

static void removal_keeps_a_word_to_hold_on_to(void **state)
{
	(void)state;
	static const struct vector vectors[] = {
		{"this is is a removal in a line", "this is a removal in a line", "s/is is/is/"},
		{"this is not a removal in a line", "this is a removal in a line", "s/is not/is/"},
		{"please remove this first word here", "remove this first word here",
			"s/please remove/remove/"},
		{"remove this last word here please", "remove this last word here",
			"s/here please/here/"},
	};
	EXPECT(vectors);
}

static void several_lines_are_corrected_where_one_changed(void **state)
{
	(void)state;
	static const struct vector vectors[] = {
		{"first line\nthis line has teh mistake\nlast line",
			"first line\nthis line has the mistake\nlast line", "s/teh/the/"},
		{"first line\nteh mistake is here\nlast lin",
			"first line\nthe mistake is here\nlast line", whole},
		{"first line\nsecond line", "first line\nsecond line\nthird line", whole},
		{"first line\nsecond line\nthird line", "first line and the second", whole},
		{"one line\nthat goes away\nin the middle", "one line\n\nin the middle", whole},
	};
	EXPECT(vectors);
}

static void what_changed_too_much_is_said_again(void **state)
{
	(void)state;
	static const struct vector vectors[] = {
		{"all of this is about to change now", "nothing remains from what was said", whole},
		{"one two", "completely different and long enough text", whole},
		{"white  space is all that changed here", "white space is all that changed here",
			whole},
	};
	EXPECT(vectors);
	/* However long: bounded work, and no correction longer than a line. */
	struct tr_buf before = TR_BUF_INIT(1 << 20);
	struct tr_buf after = TR_BUF_INIT(1 << 20);
	for (int i = 0; i < 5000; i++) {
		tr_buf_addf(&before, "word%d ", i);
		tr_buf_addf(&after, "word%d ", i * 7 % 5000);
	}
	struct tr_buf out = TR_BUF_INIT(4096);
	assert_int_equal(tr_irc_compose_correction(tr_buf_str(&before), tr_buf_str(&after), &out),
		TR_IRC_CORRECTION_WHOLE);
	tr_buf_finish(&before);
	tr_buf_finish(&after);
	tr_buf_finish(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_text_says_nothing),
		cmocka_unit_test(short_text_is_said_again),
		cmocka_unit_test(substitution_is_written_as_one),
		cmocka_unit_test(substitution_names_one_place_only),
		cmocka_unit_test(insertion_shows_what_is_around_it),
		cmocka_unit_test(removal_keeps_a_word_to_hold_on_to),
		cmocka_unit_test(several_lines_are_corrected_where_one_changed),
		cmocka_unit_test(what_changed_too_much_is_said_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
