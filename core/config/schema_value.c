/* SPDX-License-Identifier: Apache-2.0 */
/* Turns single values of a configuration into C values, and says what is wrong with those that do
 * not fit. Sections, lists and maps are core/config/schema.c's. */
#include "core/base/alloc.h"
#include "core/config/schema_internal.h"

#include <arpa/inet.h>
#include <string.h>

enum { PATH_BYTES_MAX = 4096 };

static const char *const type_words[] = {
	[TR_SCHEMA_STRING] = "a text",
	[TR_SCHEMA_SECRET] = "a text",
	[TR_SCHEMA_BOOL] = "true or false",
	[TR_SCHEMA_INT] = "a whole number",
	[TR_SCHEMA_NUMBER] = "a number",
	[TR_SCHEMA_DURATION] = "a time such as 500ms, 10s, 5m, 2h or 7d",
	[TR_SCHEMA_SIZE] = "a size such as 500, 64K, 16M or 1G",
	[TR_SCHEMA_REGEX] = "a regular expression",
	[TR_SCHEMA_PATH] = "the path of a file",
	[TR_SCHEMA_URL] = "a URL such as \"http://127.0.0.1:8008\"",
	[TR_SCHEMA_LISTEN] = "an address and a port such as \"127.0.0.1:9999\" or \"[::1]:9999\"",
	[TR_SCHEMA_DATABASE] = "\"sqlite:PATH\" or \"postgres://user@host/name\"",
	[TR_SCHEMA_SECTION] = "a section (keys with values)",
	[TR_SCHEMA_LIST] = "a list (one \"- value\" a line)",
	[TR_SCHEMA_MAP] = "a section (names with values)",
	[TR_SCHEMA_ANY] = "anything",
};

void tr_schema_expectation(struct tr_buf *out, const struct tr_schema_key *row)
{
	if (row->type == TR_SCHEMA_CHOICE) {
		tr_buf_add_c(out, "one of ");
		for (size_t i = 0; row->choices[i].name; i++) {
			tr_buf_addf(out, "%s%s", i ? ", " : "", row->choices[i].name);
		}
		return;
	}
	tr_buf_add_c(out, type_words[row->type]);
	if (row->min == 0 && row->max == 0) {
		return;
	}
	if (row->max == INT64_MAX) {
		tr_buf_addf(out, ", at least %lld", (long long)row->min);
	} else {
		tr_buf_addf(out, " from %lld to %lld", (long long)row->min, (long long)row->max);
	}
}

static bool is_secret(const struct tr_schema_key *row)
{
	return row->type == TR_SCHEMA_SECRET || row->type == TR_SCHEMA_DATABASE;
}

void tr_schema_describe(
	struct tr_buf *out, const struct tr_schema_key *row, const struct tr_yaml_node *node)
{
	switch (node->kind) {
	case TR_YAML_LIST:
		tr_buf_add_c(out, "a list");
		return;
	case TR_YAML_MAP:
		tr_buf_add_c(out, "a section");
		return;
	case TR_YAML_NULL:
		tr_buf_add_c(out, "nothing");
		return;
	case TR_YAML_SCALAR:
		break;
	}
	if (row && is_secret(row)) {
		tr_buf_add_c(out, "a text that does not fit");
		return;
	}
	if (row && row->type == TR_SCHEMA_URL && tr_str_find_char(node->text, '@') >= 0) {
		tr_buf_add_c(out, "a URL with a user or password in it");
		return;
	}
	size_t fits = tr_utf8_fit(node->text, 60);
	tr_buf_addf(out, "%s\"%.*s%s\"", node->quoted ? "the text " : "", (int)fits, node->text.ptr,
		fits < node->text.len ? "..." : "");
}

static bool refuse(struct tr_schema_reader *reader, const struct tr_schema_key *row,
	const struct tr_yaml_node *node)
{
	struct tr_buf found = TR_BUF_INIT(1024);
	struct tr_buf wanted = TR_BUF_INIT(4096);
	tr_schema_describe(&found, row, node);
	tr_schema_expectation(&wanted, row);
	tr_schema_say(reader, TR_REPORT_MISTAKE, node, "is %s: write %s", tr_buf_c(&found),
		tr_buf_c(&wanted));
	tr_buf_finish(&found);
	tr_buf_finish(&wanted);
	return false;
}

static bool read_bool(struct tr_schema_reader *reader, const struct tr_schema_key *row,
	const struct tr_yaml_node *node, bool *place)
{
	static const char *const words[] = {"false", "true", "False", "True", "FALSE", "TRUE"};
	for (size_t i = 0; !node->quoted && i < TR_ARRAY_LEN(words); i++) {
		if (tr_str_eq_c(node->text, words[i])) {
			*place = i & 1;
			return true;
		}
	}
	return refuse(reader, row, node);
}

static bool in_range(const struct tr_schema_key *row, int64_t value)
{
	return (row->min == 0 && row->max == 0) || (value >= row->min && value <= row->max);
}

/* A number in quotes is text: the usual slip of templates that quote everything. */
static bool quoted_number(struct tr_schema_reader *reader, const struct tr_schema_key *row,
	const struct tr_yaml_node *node)
{
	int64_t value;
	if (!node->quoted) {
		return false;
	}
	if (tr_str_to_i64(node->text, &value)) {
		tr_schema_say(reader, TR_REPORT_MISTAKE, node,
			"is a text because of its quotes: write %.*s without them",
			TR_STR_ARG(node->text));
	} else {
		refuse(reader, row, node);
	}
	return true;
}

static bool read_int(struct tr_schema_reader *reader, const struct tr_schema_key *row,
	const struct tr_yaml_node *node, int64_t *place)
{
	int64_t value;
	if (quoted_number(reader, row, node)) {
		return false;
	}
	if (!tr_str_to_i64(node->text, &value) || !in_range(row, value)) {
		return refuse(reader, row, node);
	}
	*place = value;
	return true;
}

/* Digits with at most six behind a point; enough for any setting and exact. */
static bool to_number(struct tr_str text, double *value)
{
	uint64_t whole, fraction = 0;
	double scale = 1;
	ptrdiff_t point = tr_str_find_char(text, '.');
	struct tr_str front = point < 0 ? text : tr_str_slice(text, 0, (size_t)point);
	if (front.len > 12 || !tr_str_to_u64(front, &whole)) {
		return false;
	}
	if (point >= 0) {
		struct tr_str rest = tr_str_from_index(text, (size_t)point + 1);
		if (rest.len > 6 || !tr_str_to_u64(rest, &fraction)) {
			return false;
		}
		for (size_t i = 0; i < rest.len; i++) {
			scale *= 10;
		}
	}
	*value = (double)whole + (double)fraction / scale;
	return true;
}

static bool read_number(struct tr_schema_reader *reader, const struct tr_schema_key *row,
	const struct tr_yaml_node *node, double *place)
{
	double value;
	if (quoted_number(reader, row, node)) {
		return false;
	}
	bool fits = to_number(node->text, &value);
	if (fits && (row->min || row->max)) {
		fits = value >= (double)row->min && value <= (double)row->max;
	}
	if (!fits) {
		return refuse(reader, row, node);
	}
	*place = value;
	return true;
}

struct unit {
	const char *name;
	int64_t factor;
};

/* Digits and a unit. */
static bool read_with_unit(struct tr_schema_reader *reader, const struct tr_schema_key *row,
	const struct tr_yaml_node *node, const struct unit *units, int64_t *place)
{
	struct tr_str text = node->text;
	size_t digits = 0;
	int64_t value;
	while (digits < text.len && text.ptr[digits] >= '0' && text.ptr[digits] <= '9') {
		digits++;
	}
	struct tr_str name = tr_str_trim(tr_str_from_index(text, digits));
	if (tr_str_to_i64(tr_str_slice(text, 0, digits), &value)) {
		for (const struct unit *unit = units; unit->name; unit++) {
			if (tr_str_eq_c(name, unit->name) && value <= INT64_MAX / unit->factor &&
				in_range(row, value * unit->factor)) {
				*place = value * unit->factor;
				return true;
			}
		}
	}
	return refuse(reader, row, node);
}

static const struct unit duration_units[] = {
	{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}, {NULL, 0}};
static const struct unit size_units[] = {{"", 1}, {"K", 1 << 10}, {"KiB", 1 << 10}, {"M", 1 << 20},
	{"MiB", 1 << 20}, {"G", 1 << 30}, {"GiB", 1 << 30}, {NULL, 0}};

static bool read_choice(struct tr_schema_reader *reader, const struct tr_schema_key *row,
	const struct tr_yaml_node *node, int *place)
{
	for (const struct tr_schema_choice *choice = row->choices; choice->name; choice++) {
		if (tr_str_eq_c(node->text, choice->name)) {
			*place = choice->value;
			return true;
		}
	}
	return refuse(reader, row, node);
}

static bool read_regex(struct tr_schema_reader *reader, const struct tr_yaml_node *node,
	struct tr_schema_regex *place)
{
	struct tr_error error = {0};
	struct tr_regex *regex = tr_regex_create(node->text, &error);
	if (!regex) {
		tr_schema_say(reader, TR_REPORT_MISTAKE, node, "is no regular expression: %s",
			error.text);
		return false;
	}
	place->regex = regex;
	place->pattern = tr_str_dup(node->text);
	return true;
}

/* "127.0.0.1:9999" or "[::1]:9999" */
static bool is_listen(struct tr_str text)
{
	char host[INET6_ADDRSTRLEN];
	struct in6_addr address; /* room for both kinds */
	uint64_t port;
	ptrdiff_t colon = tr_str_rfind_char(text, ':');
	if (colon <= 0 || !tr_str_to_u64(tr_str_from_index(text, (size_t)colon + 1), &port) ||
		port > 65535) {
		return false;
	}
	struct tr_str name = tr_str_slice(text, 0, (size_t)colon);
	int family = AF_INET;
	if (name.ptr[0] == '[' && name.ptr[name.len - 1] == ']') {
		name = tr_str_slice(name, 1, name.len - 2);
		family = AF_INET6;
	}
	if (name.len == 0 || name.len >= sizeof(host)) {
		return false;
	}
	memcpy(host, name.ptr, name.len);
	host[name.len] = '\0';
	return inet_pton(family, host, &address) == 1;
}

/* scheme://host[:port][/path], nothing else: no user, no query, no fragment. */
static bool is_url(struct tr_str text)
{
	struct tr_str rest;
	if (tr_str_starts(text, TR_STR("https://"))) {
		rest = tr_str_from_index(text, 8);
	} else if (tr_str_starts(text, TR_STR("http://"))) {
		rest = tr_str_from_index(text, 7);
	} else {
		return false;
	}
	for (size_t i = 0; i < rest.len; i++) {
		unsigned char byte = (unsigned char)rest.ptr[i];
		if (byte <= ' ' || byte >= 0x7f || strchr("@?#\"<>\\^`{|}", byte)) {
			return false;
		}
	}
	return rest.len > 0 && rest.ptr[0] != '/' && rest.ptr[0] != ':';
}

char *tr_schema_resolve_path(struct tr_schema_reader *reader, const char *path)
{
	if (path[0] == '/') {
		return tr_strdup(path);
	}
	while (path[0] == '.' && path[1] == '/') {
		path += 2;
	}
	return tr_asprintf("%s/%s", reader->directory, path);
}

/* The value of a DATABASE key with its path made absolute, or NULL. */
static char *database_url(struct tr_schema_reader *reader, struct tr_str text)
{
	if (tr_str_starts(text, TR_STR("postgres://")) ||
		tr_str_starts(text, TR_STR("postgresql://"))) {
		return tr_str_dup(text);
	}
	if (!tr_str_starts(text, TR_STR("sqlite:")) || text.len == 7) {
		return NULL;
	}
	if (tr_str_eq_c(text, "sqlite::memory:")) {
		return tr_str_dup(text);
	}
	struct tr_str path = tr_str_from_index(text, 7);
	if (tr_str_starts(path, TR_STR("//"))) { /* sqlite:///absolute and sqlite://relative */
		path = tr_str_from_index(path, 2);
	}
	char *resolved = tr_schema_resolve_path(reader, path.ptr);
	char *url = tr_asprintf("sqlite:%s", resolved);
	tr_free(resolved);
	return url;
}

/* The owned text for a row of a text type, or NULL when it does not fit the type. */
static char *text_value(
	struct tr_schema_reader *reader, const struct tr_schema_key *row, struct tr_str text)
{
	switch (row->type) {
	case TR_SCHEMA_PATH:
		return text.len && text.len < PATH_BYTES_MAX
			       ? tr_schema_resolve_path(reader, text.ptr)
			       : NULL;
	case TR_SCHEMA_URL:
		while (text.len && text.ptr[text.len - 1] == '/') {
			text.len--;
		}
		return is_url(text) ? tr_str_dup(text) : NULL;
	case TR_SCHEMA_LISTEN:
		return is_listen(text) ? tr_str_dup(text) : NULL;
	case TR_SCHEMA_DATABASE:
		return database_url(reader, text);
	default:
		return tr_str_dup(text);
	}
}

/* Control characters have no business in a setting: NUL would cut it, CR and LF are how one line
 * of a protocol becomes two. */
static bool has_control(const struct tr_schema_key *row, struct tr_str text)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char byte = (unsigned char)text.ptr[i];
		bool allowed = (row->flags & TR_KEY_MULTILINE) &&
			       (byte == '\n' || byte == '\r' || byte == '\t');
		if ((byte < 0x20 || byte == 0x7f) && !allowed) {
			return true;
		}
	}
	return false;
}

static bool read_text(struct tr_schema_reader *reader, const struct tr_schema_key *row,
	const struct tr_yaml_node *node, char **place)
{
	struct tr_error error = {0};
	if (node->text.len == 0 && (row->flags & TR_KEY_REQUIRED)) {
		tr_schema_say(reader, TR_REPORT_MISTAKE, node, "is empty: write %s",
			type_words[row->type]);
		return false;
	}
	if (has_control(row, node->text)) {
		tr_schema_say(reader, TR_REPORT_MISTAKE, node,
			"has a line break or another control character in it: write one line "
			"of plain text");
		return false;
	}
	char *text = text_value(reader, row, node->text);
	if (!text) {
		return refuse(reader, row, node);
	}
	if (row->check && row->check(text, &error) != 0) {
		tr_schema_say(reader, TR_REPORT_MISTAKE, node, "%s", error.text);
		tr_free_secret(text);
		return false;
	}
	*place = text;
	return true;
}

bool tr_schema_read_value(struct tr_schema_reader *reader, const struct tr_schema_key *row,
	const struct tr_yaml_node *node, void *place)
{
	if (node->kind != TR_YAML_SCALAR) {
		return refuse(reader, row, node);
	}
	switch (row->type) {
	case TR_SCHEMA_BOOL:
		return read_bool(reader, row, node, place);
	case TR_SCHEMA_INT:
		return read_int(reader, row, node, place);
	case TR_SCHEMA_NUMBER:
		return read_number(reader, row, node, place);
	case TR_SCHEMA_DURATION:
		return read_with_unit(reader, row, node, duration_units, place);
	case TR_SCHEMA_SIZE:
		return read_with_unit(reader, row, node, size_units, place);
	case TR_SCHEMA_CHOICE:
		return read_choice(reader, row, node, place);
	case TR_SCHEMA_REGEX:
		return read_regex(reader, node, place);
	default:
		return read_text(reader, row, node, place);
	}
}
