/* SPDX-License-Identifier: Apache-2.0 */
/* Prints the tables for people: a commented example file and the reference as Markdown. Both come
 * from the rows that also read the file, so they cannot say anything else than the program does. */
#include "core/config/schema_internal.h"

#include <string.h>

enum { COMMENT_WIDTH = 96 };

static void spaces(struct tr_buf *out, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		tr_buf_add_char(out, ' ');
	}
}

/* Sentences as comment lines, wrapped at words. */
static void print_comment(struct tr_buf *out, unsigned indent, const char *text)
{
	struct tr_str rest = tr_str_from(text), word;
	size_t width = 0;
	while (tr_str_word(&rest, &word)) {
		if (width == 0 || width + 1 + word.len > COMMENT_WIDTH) {
			if (width) {
				tr_buf_add_char(out, '\n');
			}
			spaces(out, indent);
			tr_buf_add_c(out, "#");
			width = indent + 1;
		}
		tr_buf_addf(out, " %.*s", TR_STR_ARG(word));
		width += 1 + word.len;
	}
	if (width) {
		tr_buf_add_char(out, '\n');
	}
}

/* Whether the example file has this key in force, not commented out. */
static bool is_in_force(const struct tr_schema_key *row)
{
	return row->example && strncmp(row->example, "# ", 2) != 0;
}

/* Whether a section of the example has anything that is not commented out. */
static bool has_example(const struct tr_schema *schema)
{
	for (const struct tr_schema_key *row = schema->keys; row->name; row++) {
		bool inner = row->type == TR_SCHEMA_SECTION || row->type == TR_SCHEMA_INCLUDED;
		if (inner ? has_example(row->section) : is_in_force(row)) {
			return true;
		}
	}
	return false;
}

/* A list whose first element is written out key by key. */
static bool is_written_out(const struct tr_schema_key *row)
{
	return row->type == TR_SCHEMA_LIST && row->item->type == TR_SCHEMA_SECTION &&
	       (row->flags & TR_KEY_REQUIRED);
}

static const char *placeholder(const struct tr_schema_key *row)
{
	switch (row->type) {
	case TR_SCHEMA_LIST:
		return "[]";
	case TR_SCHEMA_MAP:
		return "{}";
	case TR_SCHEMA_INT:
	case TR_SCHEMA_NUMBER:
		return "0";
	case TR_SCHEMA_BOOL:
		return "false";
	default:
		return "\"\"";
	}
}

static void print_example(
	struct tr_buf *out, const struct tr_schema *schema, unsigned indent, bool first_of_list);

/* "name: value"; a value of several lines is indented below the name. */
static void print_pair(
	struct tr_buf *out, const struct tr_schema_key *row, unsigned indent, const char *lead)
{
	const char *value = is_in_force(row) ? row->example
			    : row->example   ? row->example + 2
			    : row->fallback  ? row->fallback
					     : placeholder(row);
	spaces(out, indent);
	tr_buf_addf(out, "%s%s%s:", is_in_force(row) ? "" : "#", lead, row->name);
	if (!strchr(value, '\n')) {
		tr_buf_addf(out, " %s\n", value);
		return;
	}
	struct tr_str rest = tr_str_from(value), line;
	tr_buf_add_char(out, '\n');
	while (tr_str_split(&rest, '\n', &line)) {
		spaces(out, indent + 2 + (unsigned)strlen(lead));
		tr_buf_addf(out, "%.*s\n", TR_STR_ARG(line));
	}
}

static void print_help(struct tr_buf *out, const struct tr_schema_key *row, unsigned indent)
{
	struct tr_buf help = TR_BUF_INIT(8192);
	tr_buf_add_c(&help, row->help ? row->help : "");
	if (row->flags & TR_KEY_REQUIRED) {
		tr_buf_add_c(&help, " (required)");
	}
	if (row->flags & TR_KEY_NOT_YET) {
		tr_buf_add_c(&help, " (accepted, not yet acted on)");
	}
	if (row->flags & TR_KEY_NO_EFFECT) {
		tr_buf_add_c(&help, " (accepted, without effect)");
	}
	print_comment(out, indent, tr_buf_c(&help));
	tr_buf_finish(&help);
}

static void print_row(
	struct tr_buf *out, const struct tr_schema_key *row, unsigned indent, bool first_of_list)
{
	/* "- " before the first key of an element; it must be one that is not commented out. */
	const char *lead = first_of_list ? "- " : "";
	print_help(out, row, indent);
	if (first_of_list) {
		indent -= 2;
	}
	if (row->type == TR_SCHEMA_SECTION) {
		spaces(out, indent);
		tr_buf_addf(
			out, "%s%s%s:\n", has_example(row->section) ? "" : "#", lead, row->name);
		print_example(out, row->section, indent + 2, false);
	} else if (is_written_out(row)) {
		spaces(out, indent);
		tr_buf_addf(out, "%s%s:\n", lead, row->name);
		print_example(out, row->item->section, indent + 4, true);
	} else {
		print_pair(out, row, indent, lead);
	}
}

static void print_example(
	struct tr_buf *out, const struct tr_schema *schema, unsigned indent, bool first_of_list)
{
	for (const struct tr_schema_key *row = schema->keys; row->name; row++) {
		if (row->type == TR_SCHEMA_INCLUDED) {
			print_example(out, row->section, indent, first_of_list);
		} else if (row->type != TR_SCHEMA_MOVED && row->type != TR_SCHEMA_ANY &&
			   !(row->flags & TR_KEY_DEPRECATED)) {
			if (indent == 0 && row != schema->keys) {
				tr_buf_add_char(out, '\n');
			}
			print_row(out, row, indent, first_of_list);
			first_of_list = false;
		}
	}
}

void tr_schema_print_example(const struct tr_schema *schema, struct tr_buf *out)
{
	print_example(out, schema, 0, false);
}

/* Text for a cell of a Markdown table. */
static void print_cell(struct tr_buf *out, const char *text)
{
	for (const char *p = text; *p; p++) {
		if (*p == '|') {
			tr_buf_add_char(out, '\\');
		}
		tr_buf_add_char(out, *p == '\n' ? ' ' : *p);
	}
}

static const char *type_name(const struct tr_schema_key *row)
{
	static const char *const names[] = {
		[TR_SCHEMA_STRING] = "text",
		[TR_SCHEMA_SECRET] = "secret",
		[TR_SCHEMA_BOOL] = "true or false",
		[TR_SCHEMA_NUMBER] = "number",
		[TR_SCHEMA_DURATION] = "time",
		[TR_SCHEMA_SIZE] = "size",
		[TR_SCHEMA_REGEX] = "regular expression",
		[TR_SCHEMA_PATH] = "path",
		[TR_SCHEMA_URL] = "URL",
		[TR_SCHEMA_LISTEN] = "address:port",
		[TR_SCHEMA_DATABASE] = "database",
		[TR_SCHEMA_SECTION] = "section",
		[TR_SCHEMA_LIST] = "list",
		[TR_SCHEMA_MAP] = "map",
		[TR_SCHEMA_ANY] = "anything",
	};
	return names[row->type];
}

static void print_type(struct tr_buf *out, const struct tr_schema_key *row)
{
	if (row->type == TR_SCHEMA_CHOICE || row->type == TR_SCHEMA_INT) {
		struct tr_buf words = TR_BUF_INIT(4096);
		tr_schema_expectation(&words, row);
		print_cell(out, tr_buf_c(&words));
		tr_buf_finish(&words);
	} else if (row->type == TR_SCHEMA_LIST && row->item->type != TR_SCHEMA_SECTION) {
		tr_buf_addf(out, "list of %s", type_name(row->item));
	} else {
		tr_buf_add_c(out, type_name(row));
	}
}

static void print_cells(struct tr_buf *out, const struct tr_schema_key *row)
{
	tr_buf_addf(out, "| `%s`", row->name);
	if (row->alias) {
		tr_buf_addf(out, " (also `%s`)", row->alias);
	}
	tr_buf_add_c(out, " | ");
	print_type(out, row);
	tr_buf_add_c(out, " | ");
	if (row->flags & TR_KEY_REQUIRED) {
		tr_buf_add_c(out, "required");
	} else if (row->fallback) {
		tr_buf_add_c(out, "`");
		print_cell(out, row->fallback);
		tr_buf_add_c(out, "`");
	}
	tr_buf_add_c(out, " | ");
	if (row->flags & TR_KEY_NOT_YET) {
		tr_buf_add_c(out, "*Not yet acted on.* ");
	}
	if (row->flags & TR_KEY_NO_EFFECT) {
		tr_buf_add_c(out, "*Accepted, without effect.* ");
	}
	print_cell(out, row->help ? row->help : "");
	if (row->flags & TR_KEY_RELOADABLE) {
		tr_buf_add_c(out, " *Reloadable.*");
	}
	tr_buf_add_c(out, " |\n");
}

static void print_table(struct tr_buf *out, const struct tr_schema *schema)
{
	for (const struct tr_schema_key *row = schema->keys; row->name; row++) {
		if (row->type == TR_SCHEMA_INCLUDED) {
			print_table(out, row->section);
		} else if (row->type != TR_SCHEMA_MOVED) {
			print_cells(out, row);
		}
	}
}

static void print_sections(struct tr_buf *out, const struct tr_schema *schema, struct tr_buf *path);

/* The table of a section under its heading, then those of the sections in it. */
static void print_section(struct tr_buf *out, const struct tr_schema *schema, struct tr_buf *path)
{
	tr_buf_addf(out, "\n## `%s`\n\n", tr_buf_c(path));
	if (schema->title) {
		tr_buf_addf(out, "%s.\n\n", schema->title);
	}
	tr_buf_add_c(out, "| key | value | default | what it does |\n|---|---|---|---|\n");
	print_table(out, schema);
	print_sections(out, schema, path);
}

static void print_sections(struct tr_buf *out, const struct tr_schema *schema, struct tr_buf *path)
{
	for (const struct tr_schema_key *row = schema->keys; row->name; row++) {
		size_t length = path->len;
		const struct tr_schema_key *inner = row->item;
		if (row->type == TR_SCHEMA_INCLUDED) {
			print_sections(out, row->section, path);
		} else if (row->type == TR_SCHEMA_SECTION) {
			tr_schema_path_push(path, row->name);
			print_section(out, row->section, path);
		} else if (inner && inner->type == TR_SCHEMA_SECTION) {
			tr_schema_path_push(path, row->name);
			tr_buf_add_c(path, row->type == TR_SCHEMA_LIST ? "[]" : ".*");
			print_section(out, inner->section, path);
		}
		tr_buf_truncate(path, length);
	}
}

void tr_schema_print_reference(const struct tr_schema *schema, struct tr_buf *out)
{
	struct tr_buf path = TR_BUF_INIT(4096);
	tr_buf_add_c(out, "## The top of the file\n\n"
			  "| key | value | default | what it does |\n|---|---|---|---|\n");
	print_table(out, schema);
	print_sections(out, schema, &path);
	tr_buf_finish(&path);
}
