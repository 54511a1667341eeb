/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Expanding templates, making and matching the ids they stand for, and writing them as regular
 * expressions. All of them walk the template as a sequence of pieces: literal text or a variable.
 */
#include "core/matrix/template.h"

#include "core/base/alloc.h"
#include "core/base/digest.h"
#include "core/base/encode.h"
#include "core/base/error.h"

enum {
	/* '=' and base32 of SHA-256 */
	HASH_LEN = 53,
	/* Matching tries every split of the text among the open variables; more than these would
	 * take long on purpose-made text. */
	OPEN_MAX = 3,
	EXPANDED_MAX = 1024 * 1024,
};

/* The next piece of *rest: *value is the index of its variable, or -1 and *literal is text. */
static bool next_piece(struct tr_str *rest, const struct tr_template_value *values, size_t count,
	struct tr_str *literal, ptrdiff_t *value)
{
	size_t len = 0;
	size_t best = 0;

	*value = -1;
	if (rest->len == 0) {
		return false;
	}
	if (rest->ptr[0] == '$') {
		struct tr_str after = tr_str_from_index(*rest, 1);

		for (size_t i = 0; i < count; i++) {
			struct tr_str name = tr_str_from(values[i].name);

			if (name.len > best && tr_str_starts(after, name)) {
				best = name.len;
				*value = (ptrdiff_t)i;
			}
		}
		len = 1 + best;
	} else {
		ptrdiff_t dollar = tr_str_find_char(*rest, '$');

		len = dollar < 0 ? rest->len : (size_t)dollar;
	}
	*literal = tr_str_slice(*rest, 0, len);
	*rest = tr_str_from_index(*rest, len);
	return true;
}

bool tr_template_has(struct tr_str tmpl, const char *name)
{
	struct tr_template_value value = {name, tr_str_of(NULL, 0)};
	struct tr_str literal;
	ptrdiff_t index;

	while (next_piece(&tmpl, &value, 1, &literal, &index)) {
		if (index >= 0) {
			return true;
		}
	}
	return false;
}

int tr_template_expand(struct tr_buf *out, struct tr_str tmpl,
	const struct tr_template_value *values, size_t count)
{
	struct tr_str literal;
	ptrdiff_t index;

	while (next_piece(&tmpl, values, count, &literal, &index)) {
		tr_buf_add(out, index >= 0 ? values[index].text : literal);
	}
	return tr_buf_failed(out) ? TR_E_TOO_BIG : 0;
}

/* Cut to `max` bytes, at a code point and not inside an escape. */
static size_t cut_escaped(struct tr_str text, size_t max)
{
	size_t len = tr_utf8_fit(text, max);

	for (size_t back = 1; back <= 2 && back <= len; back++) {
		if (text.ptr[len - back] == '=') {
			return len - back;
		}
	}
	return len > 0 && text.ptr[len - 1] == '_' ? len - 1 : len;
}

/* Takes `excess` bytes and those of the hash away from the longest value, and appends the hash. */
static bool shorten(struct tr_buf *values, size_t count, struct tr_str whole, size_t excess)
{
	unsigned char digest[TR_SHA256_LEN];
	struct tr_buf *longest = NULL;

	for (size_t i = 0; i < count; i++) {
		if (!longest || values[i].len > longest->len) {
			longest = &values[i];
		}
	}
	if (!longest || longest->len < excess + HASH_LEN) {
		return false;
	}
	tr_sha256(whole, digest);
	tr_buf_truncate(
		longest, cut_escaped(tr_buf_str(longest), longest->len - excess - HASH_LEN));
	tr_buf_add_char(longest, '=');
	tr_base32_encode(longest, digest, sizeof(digest));
	return true;
}

static bool expand_escaped(struct tr_buf *out, struct tr_str tmpl, struct tr_str server,
	struct tr_template_value *values, const struct tr_buf *escaped, size_t count)
{
	tr_buf_clear(out);
	for (size_t i = 0; i < count; i++) {
		values[i].text = tr_buf_str(&escaped[i]);
	}
	tr_template_expand(out, tmpl, values, count);
	tr_buf_add_char(out, ':');
	tr_buf_add(out, server);
	return !tr_buf_failed(out);
}

char *tr_template_id(struct tr_str tmpl, struct tr_str server, enum tr_escaping escaping,
	const struct tr_template_value *values, size_t count, bool *shortened)
{
	struct tr_buf *escaped = tr_alloc_array(count, sizeof(*escaped));
	struct tr_template_value *own = tr_memdup(values, count * sizeof(*own));
	struct tr_buf out = TR_BUF_INIT(EXPANDED_MAX);
	bool fits = true;
	bool was_shortened = false;

	for (size_t i = 0; i < count; i++) {
		tr_buf_init(&escaped[i], EXPANDED_MAX);
		tr_localpart_escape(&escaped[i], values[i].text, escaping);
		fits = fits && !tr_buf_failed(&escaped[i]);
	}
	fits = fits && expand_escaped(&out, tmpl, server, own, escaped, count);
	if (fits && out.len > TR_MXID_MAX) {
		was_shortened = true;
		fits = shorten(escaped, count, tr_buf_str(&out), out.len - TR_MXID_MAX) &&
		       expand_escaped(&out, tmpl, server, own, escaped, count) &&
		       out.len <= TR_MXID_MAX;
	}
	for (size_t i = 0; i < count; i++) {
		tr_buf_finish(&escaped[i]);
	}
	tr_free(escaped);
	tr_free(own);
	if (!fits) {
		tr_buf_finish(&out);
		return NULL;
	}
	if (shortened) {
		*shortened = was_shortened;
	}
	return tr_buf_take(&out);
}

/* Gives the first open variable every length it can have and matches the rest behind it. */
static bool match(struct tr_str tmpl, struct tr_str text, struct tr_template_value *values,
	size_t count, unsigned open)
{
	struct tr_str literal;
	ptrdiff_t index;

	while (next_piece(&tmpl, values, count, &literal, &index)) {
		struct tr_template_value *value = index >= 0 ? &values[index] : NULL;

		if (!value || value->text.ptr) {
			struct tr_str expected = value ? value->text : literal;

			if (!tr_str_starts(text, expected)) {
				return false;
			}
			text = tr_str_from_index(text, expected.len);
			continue;
		}
		if (open == 0) {
			return false;
		}
		for (size_t len = 1; len <= text.len; len++) {
			value->text = tr_str_slice(text, 0, len);
			if (match(tmpl, tr_str_from_index(text, len), values, count, open - 1)) {
				return true;
			}
		}
		value->text = tr_str_of(NULL, 0);
		return false;
	}
	return text.len == 0;
}

bool tr_template_match(
	struct tr_str tmpl, struct tr_str text, struct tr_template_value *values, size_t count)
{
	return match(tmpl, text, values, count, OPEN_MAX);
}

bool tr_template_match_id(struct tr_str tmpl, struct tr_str server, struct tr_str id,
	struct tr_template_value *values, size_t count)
{
	ptrdiff_t colon = tr_str_find_char(id, ':');

	return id.len <= TR_MXID_MAX && colon > 0 &&
	       tr_str_eq(tr_str_from_index(id, (size_t)colon + 1), server) &&
	       tr_template_match(tmpl, tr_str_slice(id, 0, (size_t)colon), values, count);
}

static void add_quoted(struct tr_buf *out, struct tr_str text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (tr_str_find_char(TR_STR("\\.^$*+?()[]{}|"), text.ptr[i]) >= 0) {
			tr_buf_add_char(out, '\\');
		}
		tr_buf_add_char(out, text.ptr[i]);
	}
}

char *tr_template_regex(struct tr_str tmpl, struct tr_str server, enum tr_escaping escaping,
	const struct tr_template_value *values, size_t count)
{
	struct tr_buf out = TR_BUF_INIT(EXPANDED_MAX);
	struct tr_buf escaped = TR_BUF_INIT(EXPANDED_MAX);
	struct tr_str literal;
	ptrdiff_t index;

	while (next_piece(&tmpl, values, count, &literal, &index)) {
		if (index < 0) {
			add_quoted(&out, literal);
		} else if (!values[index].text.ptr) {
			tr_buf_add(&out, TR_STR(".*"));
		} else {
			tr_buf_clear(&escaped);
			tr_localpart_escape(&escaped, values[index].text, escaping);
			add_quoted(&out, tr_buf_str(&escaped));
		}
	}
	tr_buf_add_char(&out, ':');
	add_quoted(&out, server);
	tr_buf_add_char(&out, '$');
	tr_buf_finish(&escaped);
	return tr_buf_take(&out);
}

char *tr_regex_quote(struct tr_str text)
{
	struct tr_buf out = TR_BUF_INIT(EXPANDED_MAX);

	add_quoted(&out, text);
	tr_buf_add_char(&out, '$');
	return tr_buf_take(&out);
}
