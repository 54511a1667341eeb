/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds words in a line. What stands between spaces is looked at as a whole first: an address, an
 * e-mail or a Matrix id has nothing in it that is meant as a nick.
 */
#include "bridges/irc/mention_words.h"

#include <string.h>

static bool is_letter_or_digit(uint32_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* Punctuation and spaces beyond ASCII: Latin-1's, general, CJK's, the wide forms. */
static bool is_foreign_mark(uint32_t c)
{
	return (c >= 0x80 && c < 0xc0) || (c >= 0x2000 && c < 0x2070) ||
	       (c >= 0x3000 && c < 0x3020) || (c >= 0xff00 && c < 0xff10) ||
	       (c >= 0xff1a && c < 0xff21) || c == 0xfeff;
}

/* What a nick may have (RFC 2812 2.3.1), and letters of all scripts, which some networks take. */
static bool is_word(uint32_t c)
{
	if (c < 0x80) {
		return c != 0 && (is_letter_or_digit(c) || strchr("-[]\\`_^{|}", (int)c) != NULL);
	}
	return !is_foreign_mark(c);
}

static uint32_t code_at(struct tr_str text, size_t at)
{
	return at < text.len ? tr_utf8_next(text, &at) : ' ';
}

static bool ends_before(uint32_t before)
{
	return before >= 0x80 || strchr(" \"'([{<*,:;!?@>~", (int)before) != NULL;
}

/* A stop ends a sentence, but not inside a name of a host. */
static bool ends_after(struct tr_str text, size_t after)
{
	uint32_t c = code_at(text, after);
	if (c == '.') {
		return !is_word(code_at(text, after + 1));
	}
	return c >= 0x80 || strchr(" \"')]}<>*,:;!?~", (int)c) != NULL;
}

/* Addresses, e-mails and Matrix ids. */
static bool is_address(struct tr_str token)
{
	if (tr_str_find(token, TR_STR("://")) >= 0 ||
		tr_str_eq_nocase(tr_str_slice(token, 0, 4), TR_STR("www."))) {
		return true;
	}
	ptrdiff_t at = tr_str_find_char(token, '@');
	if (at > 0 && is_letter_or_digit((unsigned char)token.ptr[at - 1])) {
		return true;
	}
	ptrdiff_t colon = at < 0 ? -1 : tr_str_rfind_char(token, ':');
	return colon > at && is_word(code_at(token, (size_t)colon + 1));
}

/* Into the next token that may have a nick in it. */
static bool next_token(struct tr_irc_words *words)
{
	struct tr_str text = words->text;
	while (words->at < text.len) {
		size_t start = words->token_end;
		while (start < text.len && text.ptr[start] == ' ') {
			start++;
		}
		size_t end = start;
		while (end < text.len && text.ptr[end] != ' ') {
			end++;
		}
		words->at = start;
		words->token_end = end;
		if (start < end && !is_address(tr_str_slice(text, start, end - start))) {
			return true;
		}
		words->at = end;
	}
	return false;
}

static bool take_word(struct tr_irc_words *words)
{
	struct tr_str text = words->text;
	uint32_t before = ' ';
	size_t start = words->at;
	if (start > 0) {
		size_t back = start - 1;
		while (back > 0 && ((unsigned char)text.ptr[back] & 0xc0) == 0x80) {
			back--;
		}
		before = code_at(text, back);
	}
	while (start < words->token_end && !is_word(code_at(text, start))) {
		before = tr_utf8_next(text, &start);
	}
	size_t end = start;
	while (end < words->token_end && is_word(code_at(text, end))) {
		tr_utf8_next(text, &end);
	}
	words->at = end > words->at ? end : words->token_end;
	words->word = tr_str_slice(text, start, end - start);
	uint32_t after = code_at(text, end);
	words->addressed =
		before == '@' || (start == 0 && (after == ':' || after == ',') && end > 0);
	return end > start && ends_before(before) && ends_after(text, end);
}

bool tr_irc_words_next(struct tr_irc_words *words)
{
	for (;;) {
		if (words->at >= words->token_end && !next_token(words)) {
			return false;
		}
		if (take_word(words)) {
			return true;
		}
	}
}

bool tr_irc_word_trim(struct tr_str *word)
{
	static const char marks[] = "-[]\\`_^{|}";
	size_t start = 0;
	size_t end = word->len;
	while (start < end && strchr(marks, word->ptr[start]) != NULL) {
		start++;
	}
	while (end > start && strchr(marks, word->ptr[end - 1]) != NULL) {
		end--;
	}
	bool trimmed = end - start < word->len && end > start;
	if (trimmed) {
		*word = tr_str_slice(*word, start, end - start);
	}
	return trimmed;
}
