/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds what changed between two texts, word by word (longest common subsequence, within limits),
 * and writes it as a correction where that is shorter and cannot be misread.
 */
#include "bridges/irc/compose_edit.h"

#include "core/base/alloc.h"

enum {
	SHORT_CHARS = 20, /* a text below this is said again */
	WORDS_MAX = 200,  /* changed ones, of either text */
	CHANGES_MAX = 3,
	CONTEXT_MAX = 3, /* words that are added to make a place clear */
	CORRECTION_MAX = 240,
};

struct words {
	struct tr_str *items;
	size_t count;
};

/* Words of `before` that became words of `after`; either count may be 0. */
struct change {
	size_t before, before_count, after, after_count;
};

static void words_split(struct tr_str text, struct words *words)
{
	struct tr_str word;
	size_t room = 0;
	*words = (struct words){NULL, 0};
	while (tr_str_word(&text, &word)) {
		if (words->count == room) {
			room = room ? room * 2 : 32;
			words->items = tr_realloc_array(words->items, room, sizeof(*words->items));
		}
		words->items[words->count++] = word;
	}
}

static bool same(const struct words *a, size_t i, const struct words *b, size_t j)
{
	return tr_str_eq(a->items[i], b->items[j]);
}

/* What is left when the words that both begin and end with are set aside. */
static struct change trim(const struct words *before, const struct words *after)
{
	size_t shorter = before->count < after->count ? before->count : after->count;
	size_t start = 0;
	size_t end = 0;
	while (start < shorter && same(before, start, after, start)) {
		start++;
	}
	while (end < shorter - start &&
		same(before, before->count - end - 1, after, after->count - end - 1)) {
		end++;
	}
	return (struct change){
		start, before->count - start - end, start, after->count - start - end};
}

/* lengths[i][j]: of the longest common subsequence of what follows word i and word j. */
static uint16_t *common_lengths(
	const struct words *before, const struct words *after, const struct change *part)
{
	size_t width = part->after_count + 1;
	uint16_t *lengths = tr_alloc_array((part->before_count + 1) * width, sizeof(*lengths));
	for (size_t i = part->before_count; i-- > 0;) {
		for (size_t j = part->after_count; j-- > 0;) {
			uint16_t down = lengths[(i + 1) * width + j];
			uint16_t right = lengths[i * width + j + 1];
			uint16_t longer = down > right ? down : right;
			lengths[i * width + j] =
				same(before, part->before + i, after, part->after + j)
					? (uint16_t)(lengths[(i + 1) * width + j + 1] + 1)
					: longer;
		}
	}
	return lengths;
}

/* How many changes; more than CHANGES_MAX = too many to list. */
static size_t find_changes(const struct words *before, const struct words *after,
	const struct change *part, struct change *changes)
{
	uint16_t *lengths = common_lengths(before, after, part);
	size_t width = part->after_count + 1;
	size_t count = 0;
	size_t i = 0;
	size_t j = 0;
	bool open = false;
	while (i < part->before_count || j < part->after_count) {
		bool both = i < part->before_count && j < part->after_count;
		if (both && same(before, part->before + i, after, part->after + j)) {
			open = false;
			i++;
			j++;
			continue;
		}
		if (!open && count == CHANGES_MAX) {
			count++;
			break;
		}
		if (!open) {
			open = true;
			changes[count++] = (struct change){part->before + i, 0, part->after + j, 0};
		}
		bool remove = j == part->after_count ||
			      (both && lengths[(i + 1) * width + j] >= lengths[i * width + j + 1]);
		changes[count - 1].before_count += remove;
		changes[count - 1].after_count += !remove;
		i += remove;
		j += !remove;
	}
	tr_free(lengths);
	return count;
}

static void add_words(struct tr_buf *out, const struct words *words, size_t from, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		tr_buf_add_c(out, i ? " " : "");
		tr_buf_add(out, words->items[from + i]);
	}
}

/* Whether the words stand in the text once only, so that nobody corrects another place. */
static bool is_unique(const struct words *words, size_t from, size_t count)
{
	size_t found = 0;
	for (size_t i = 0; i + count <= words->count; i++) {
		size_t n = 0;
		while (n < count && same(words, i + n, words, from + n)) {
			n++;
		}
		found += n == count;
	}
	return found == 1;
}

/* Takes neighbours into the change until its place is clear; `floor`: words before it belong to
 * another change. false = it cannot be made clear. */
static bool make_clear(
	const struct words *before, struct change *change, size_t floor, size_t ceiling)
{
	for (size_t added = 0; added <= CONTEXT_MAX; added++) {
		bool written = change->before_count > 0 && change->after_count > 0;
		if (written && is_unique(before, change->before, change->before_count)) {
			return true;
		}
		if (change->before > floor && change->after > 0) {
			change->before--;
			change->after--;
		} else if (change->before + change->before_count >= ceiling) {
			return false;
		}
		change->before_count++;
		change->after_count++;
	}
	return false;
}

static bool has_char(const struct words *words, size_t from, size_t count, char c)
{
	bool found = false;
	for (size_t i = 0; i < count; i++) {
		found = found || tr_str_find_char(words->items[from + i], c) >= 0;
	}
	return found;
}

/* What parts the two halves; NUL = each mark is in one of them. */
static char separator(
	const struct words *before, const struct words *after, const struct change *change)
{
	static const char marks[] = "/|#";
	for (size_t i = 0; marks[i] != '\0'; i++) {
		if (!has_char(before, change->before, change->before_count, marks[i]) &&
			!has_char(after, change->after, change->after_count, marks[i])) {
			return marks[i];
		}
	}
	return '\0';
}

static bool add_substitution(struct tr_buf *out, const struct words *before,
	const struct words *after, const struct change *change)
{
	char mark = separator(before, after, change);
	if (mark == '\0') {
		return false;
	}
	tr_buf_add_char(out, 's');
	tr_buf_add_char(out, mark);
	add_words(out, before, change->before, change->before_count);
	tr_buf_add_char(out, mark);
	add_words(out, after, change->after, change->after_count);
	tr_buf_add_char(out, mark);
	return true;
}

static void add_insertion(
	struct tr_buf *out, const struct words *after, const struct change *change)
{
	size_t from = change->after < 2 ? 0 : change->after - 2;
	size_t end = change->after + change->after_count + 2;
	tr_buf_add_c(out, "* ");
	add_words(out, after, from, (end < after->count ? end : after->count) - from);
}

static bool add_changes(struct tr_buf *out, const struct words *before, const struct words *after,
	struct change *changes, size_t count)
{
	if (count == 1 && changes[0].before_count == 0) {
		add_insertion(out, after, &changes[0]);
		return true;
	}
	size_t floor = 0;
	for (size_t i = 0; i < count; i++) {
		size_t ceiling = i + 1 < count ? changes[i + 1].before : before->count;
		if (!make_clear(before, &changes[i], floor, ceiling)) {
			return false;
		}
		tr_buf_add_c(out, i ? ", " : "");
		if (!add_substitution(out, before, after, &changes[i])) {
			return false;
		}
		floor = changes[i].before + changes[i].before_count;
	}
	return true;
}

/* One line that became another. */
static bool correct_line(struct tr_str before, struct tr_str after, struct tr_buf *out)
{
	struct words old_words;
	struct words new_words;
	struct change changes[CHANGES_MAX + 1];
	words_split(before, &old_words);
	words_split(after, &new_words);
	struct change part = trim(&old_words, &new_words);
	struct tr_buf text = TR_BUF_INIT(CORRECTION_MAX);
	size_t count = CHANGES_MAX + 1;
	if (part.before_count <= WORDS_MAX && part.after_count <= WORDS_MAX) {
		count = find_changes(&old_words, &new_words, &part, changes);
	}
	bool clear = count > 0 && count <= CHANGES_MAX &&
		     add_changes(&text, &old_words, &new_words, changes, count) &&
		     !tr_buf_failed(&text) && text.len < after.len + 2;
	if (clear) {
		tr_buf_add(out, tr_buf_str(&text));
	}
	tr_buf_finish(&text);
	tr_free(old_words.items);
	tr_free(new_words.items);
	return clear;
}

static size_t count_chars(struct tr_str text)
{
	size_t count = 0;
	for (size_t i = 0; i < text.len; count++) {
		(void)tr_utf8_next(text, &i);
	}
	return count;
}

/* The one line in which two texts of as many lines differ; false = there are more. */
static bool changed_line(struct tr_str *before, struct tr_str *after)
{
	struct tr_str old_rest = *before;
	struct tr_str new_rest = *after;
	struct tr_str old_line;
	struct tr_str new_line;
	size_t changed = 0;
	bool more_old = tr_str_split(&old_rest, '\n', &old_line);
	bool more_new = tr_str_split(&new_rest, '\n', &new_line);
	while (more_old && more_new) {
		if (!tr_str_eq(old_line, new_line)) {
			*before = old_line;
			*after = new_line;
			changed++;
		}
		more_old = tr_str_split(&old_rest, '\n', &old_line);
		more_new = tr_str_split(&new_rest, '\n', &new_line);
	}
	return changed == 1 && !more_old && !more_new;
}

enum tr_irc_correction tr_irc_compose_correction(
	struct tr_str before, struct tr_str after, struct tr_buf *out)
{
	before = tr_str_trim(before);
	after = tr_str_trim(after);
	if (tr_str_eq(before, after)) {
		return TR_IRC_CORRECTION_NONE;
	}
	bool one_line = tr_str_find_char(after, '\n') < 0;
	if (tr_str_empty(before) || (one_line && count_chars(after) < SHORT_CHARS)) {
		return TR_IRC_CORRECTION_WHOLE;
	}
	if (changed_line(&before, &after) && !tr_str_empty(tr_str_trim(after)) &&
		correct_line(before, after, out)) {
		return TR_IRC_CORRECTION_SHORT;
	}
	return TR_IRC_CORRECTION_WHOLE;
}
