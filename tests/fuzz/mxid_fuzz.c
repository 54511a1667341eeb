/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Identifiers and templates. The input is "template\nvalue\n...": escaping can be undone, every id
 * that is made fits, is of its template and parses, and the regular expression of the template
 * agrees.
 */
#include "core/base/alloc.h"
#include "core/base/regex.h"
#include "core/matrix/template.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_parts(struct tr_str id)
{
	struct tr_mxid parts;

	if (tr_user_id_parse(id, &parts) || tr_alias_parse(id, &parts)) {
		TR_ASSERT(parts.localpart.len + parts.server.len + 2 == id.len);
		TR_ASSERT(tr_str_find_char(parts.localpart, ':') < 0);
		TR_ASSERT(tr_server_name_valid(parts.server));
	}
	(void)tr_room_id_valid(id);
	(void)tr_localpart_is_strict(id);
}

static void check_escaping(struct tr_str text, enum tr_escaping escaping)
{
	struct tr_buf out = TR_BUF_INIT(4 * text.len + 1);
	struct tr_buf back = TR_BUF_INIT(4 * text.len + 1);

	TR_ASSERT(tr_localpart_escape(&out, text, escaping) == 0);
	if (escaping != TR_ESCAPE_NOTHING) {
		TR_ASSERT(out.len == 0 || tr_localpart_is_strict(tr_buf_str(&out)));
		TR_ASSERT(tr_localpart_unescape(&back, tr_buf_str(&out), escaping) == 0);
		TR_ASSERT(escaping == TR_ESCAPE_CASE ? tr_str_eq(tr_buf_str(&back), text)
						     : tr_str_eq_nocase(tr_buf_str(&back), text));
	}
	tr_buf_clear(&back);
	(void)tr_localpart_unescape(&back, text, escaping);
	tr_buf_finish(&out);
	tr_buf_finish(&back);
}

static void check_template(struct tr_str tmpl, struct tr_str value, enum tr_escaping escaping)
{
	struct tr_template_value values[] = {
		{"NICK", value}, {"SERVER", TR_STR("a.b")}, {"CHANNEL", value}};
	struct tr_str server = TR_STR("example.com");
	char *id = tr_template_id(tmpl, server, escaping, values, 3, NULL);
	struct tr_regex *regex;
	char *pattern;

	values[0].text = tr_str_of(NULL, 0);
	values[2].text = tr_str_of(NULL, 0);
	pattern = tr_template_regex(tmpl, server, escaping, values, 3);
	regex = tr_utf8_valid(tr_str_from(pattern)) ? tr_regex_create(tr_str_from(pattern), NULL)
						    : NULL;
	if (id) {
		struct tr_str view = tr_str_from(id);

		TR_ASSERT(view.len <= TR_MXID_MAX);
		check_parts(view);
		/* With a colon in the template itself it is no template of an id. */
		if (regex && tr_str_find_char(tmpl, ':') < 0 && tr_str_find_char(tmpl, '\n') < 0 &&
			tr_str_find_char(value, '\n') < 0 && tr_utf8_valid(view)) {
			TR_ASSERT(tr_regex_matches(regex, view));
		}
		(void)tr_template_match_id(tmpl, server, view, values, 3);
	}
	tr_regex_destroy(regex);
	tr_free(pattern);
	tr_free(id);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tr_str rest = tr_str_of((const char *)data, size);
	struct tr_str tmpl = {NULL, 0};
	struct tr_str value;

	/* More than three variables are more than one regular expression may try. */
	if (size > 600 || !tr_str_split(&rest, '\n', &tmpl) || tmpl.len > 100 ||
		tr_str_find_char(tmpl, '\0') >= 0) {
		return 0;
	}
	for (size_t i = 0, dollars = 0; i < tmpl.len; i++) {
		dollars += tmpl.ptr[i] == '$' ? 1 : 0;
		if (dollars > 3) {
			return 0;
		}
	}
	check_parts(tmpl);
	while (tr_str_split(&rest, '\n', &value)) {
		check_parts(value);
		for (int escaping = TR_ESCAPE_NOTHING; escaping <= TR_ESCAPE_CASE; escaping++) {
			check_escaping(value, (enum tr_escaping)escaping);
			check_template(tmpl, value, (enum tr_escaping)escaping);
		}
	}
	return 0;
}
