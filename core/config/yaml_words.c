/* SPDX-License-Identifier: Apache-2.0 */
/* Words for what is wrong with YAML text, and where. The library's own sentences name its inner
 * states; an administrator wants to know what to type. */
#include "core/config/yaml_internal.h"

#include <string.h>

struct tr_yaml_place tr_yaml_place_of(struct tr_str text, size_t offset)
{
	struct tr_yaml_place place = {0, 0};
	for (size_t i = 0; i < offset && i < text.len;) {
		if (text.ptr[i] == '\n') {
			place.line++;
			place.column = 0;
			i++;
		} else {
			tr_utf8_next(text, &i);
			place.column++;
		}
	}
	return place;
}

char tr_yaml_byte_at(struct tr_str text, struct tr_yaml_place place)
{
	size_t i = 0;
	for (size_t line = 0; line < place.line && i < text.len; i++) {
		line += text.ptr[i] == '\n';
	}
	for (size_t column = 0; column < place.column && i < text.len; column++) {
		tr_utf8_next(text, &i);
	}
	return i < text.len ? text.ptr[i] : 0;
}

void tr_yaml_word_problem(struct tr_buf *out, const char *problem, const char *context, char byte,
	struct tr_yaml_place opened)
{
	if (strstr(problem, "cannot start any token") || strstr(problem, "tab character")) {
		if (byte == '\t') {
			tr_buf_add_c(out, "a tab cannot indent in YAML: use spaces");
		} else {
			tr_buf_addf(out, "a value cannot begin with '%c': put it in quotes", byte);
		}
	} else if (strstr(problem, "mapping values are not allowed")) {
		tr_buf_add_c(out, "a colon cannot stand here: indent as the lines above, or put "
				  "text with a colon in quotes");
	} else if (strstr(context, "quoted scalar")) {
		tr_buf_addf(out,
			"the quote opened at line %zu, column %zu is never closed, or has something "
			"in it that it cannot have",
			opened.line + 1, opened.column + 1);
	} else if (strstr(problem, "could not find expected ':'")) {
		tr_buf_add_c(out, "there is no colon after the key: write \"key: value\"");
	} else if (strstr(context, "a tag")) {
		tr_buf_add_c(out, "begins with '!', which is a tag in YAML: put it in quotes");
	} else if (strstr(context, "flow mapping") || strstr(context, "flow sequence")) {
		tr_buf_addf(out,
			"the bracket opened at line %zu, column %zu is never closed, or a comma is "
			"missing",
			opened.line + 1, opened.column + 1);
	} else if (strstr(context, "block mapping") || strstr(context, "block collection")) {
		tr_buf_addf(out,
			"this does not fit what began at line %zu, column %zu: indent the "
			"keys of one section alike",
			opened.line + 1, opened.column + 1);
	} else {
		tr_buf_addf(out, "is not YAML: %s%s%s", context, *context ? ", " : "", problem);
	}
}
