/* SPDX-License-Identifier: Apache-2.0 */
/* Walks a document along the tables: finds each key's row, fills in defaults, goes into sections,
 * lists and maps, and reports everything that does not fit. Single values are
 * core/config/schema_value.c's, look-ups and suggestions core/config/schema_names.c's. */
#include "core/base/alloc.h"
#include "core/config/schema_internal.h"

#include <string.h>
#include <unistd.h>

static void read_section(struct tr_schema_reader *reader, const struct tr_schema *schema,
	const struct tr_yaml_node *node, void *base);
static bool read_key(struct tr_schema_reader *reader, const struct tr_schema_key *row,
	const struct tr_yaml_node *node, void *base);

__attribute__((format(printf, 4, 0))) static void say_at(struct tr_schema_reader *reader,
	enum tr_report_kind kind, const struct tr_yaml_node *node, const char *format, va_list args)
{
	struct tr_buf text = TR_BUF_INIT(16384);
	tr_buf_addfv(&text, format, args);
	tr_report_add(reader->report, kind, reader->file, node->line, node->column,
		tr_buf_c(&reader->path), "%s", tr_buf_c(&text));
	tr_buf_finish(&text);
}

void tr_schema_say(struct tr_schema_reader *reader, enum tr_report_kind kind,
	const struct tr_yaml_node *node, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	say_at(reader, kind, node, format, args);
	va_end(args);
}

bool tr_schema_given(const struct tr_yaml_node *node, const char *key)
{
	const struct tr_yaml_node *value = tr_yaml_get(node, key);
	return value && value->kind != TR_YAML_NULL;
}

/* Follows "name.name" down from *place as far as the file goes, and makes the path longer. */
static void follow(
	struct tr_schema_reader *reader, const struct tr_yaml_node **place, const char *keys)
{
	struct tr_str rest = tr_str_from(keys), name;
	const struct tr_yaml_node *node = *place;
	while (tr_str_split(&rest, '.', &name)) {
		char *text = tr_str_dup(name);
		tr_schema_path_push(&reader->path, text);
		node = tr_yaml_get(node, text);
		*place = node ? node : *place;
		tr_free(text);
	}
}

void tr_schema_report(struct tr_schema_reader *reader, enum tr_report_kind kind,
	const struct tr_yaml_node *node, const char *keys, const char *format, ...)
{
	va_list args;
	size_t length = reader->path.len;
	const struct tr_yaml_node *place = node ? node : reader->here;
	follow(reader, &place, keys);
	va_start(args, format);
	say_at(reader, kind, place, format, args);
	va_end(args);
	tr_buf_truncate(&reader->path, length);
}

size_t tr_schema_enter(struct tr_schema_reader *reader, const char *name, ptrdiff_t index)
{
	size_t mark = reader->path.len;
	tr_schema_path_push(&reader->path, name);
	if (index >= 0) {
		tr_schema_path_index(&reader->path, (size_t)index);
	}
	return mark;
}

void tr_schema_leave(struct tr_schema_reader *reader, size_t mark)
{
	tr_buf_truncate(&reader->path, mark);
}

/* The default of a row, read from its text like a value of the file. */
static void apply_fallback(
	struct tr_schema_reader *reader, const struct tr_schema_key *row, void *base)
{
	if (row->type == TR_SCHEMA_SECTION) {
		read_section(reader, row->section, NULL, tr_schema_at(base, row->offset));
		return;
	}
	if (!row->fallback || (row->flags & TR_KEY_DERIVED)) {
		return;
	}
	struct tr_yaml_doc *doc =
		tr_yaml_parse(tr_str_from(row->fallback), "default", reader->report);
	TR_ASSERT(doc);
	bool good = read_key(reader, row, tr_yaml_root(doc), base);
	TR_ASSERT(good);
	tr_yaml_free(doc);
}

/* Elements of a list or map, one read after the other into a growing array. */
static bool read_elements(struct tr_schema_reader *reader, const struct tr_schema_key *row,
	const struct tr_yaml_node *node, void *base)
{
	bool good = true;
	size_t length = reader->path.len;
	char *items = node->count ? tr_alloc_array(node->count, row->item_size) : NULL;
	for (size_t i = 0; i < node->count; i++) {
		void *item = items + i * row->item_size;
		if (row->type == TR_SCHEMA_MAP) {
			struct tr_error error = {0};
			char *key = tr_str_dup(node->keys[i]->text);
			memcpy(item, &key, sizeof(key));
			tr_schema_path_push(&reader->path, key);
			if (row->check && row->check(key, &error) != 0) {
				tr_schema_say(
					reader, TR_REPORT_MISTAKE, node->keys[i], "%s", error.text);
				good = false;
			}
		} else {
			tr_schema_path_index(&reader->path, i);
		}
		good = read_key(reader, row->item, node->values[i], item) && good;
		tr_buf_truncate(&reader->path, length);
	}
	size_t count = node->count;
	memcpy(tr_schema_at(base, row->offset), &items, sizeof(items));
	memcpy(tr_schema_at(base, row->count_offset), &count, sizeof(count));
	return good;
}

static bool read_container(struct tr_schema_reader *reader, const struct tr_schema_key *row,
	const struct tr_yaml_node *node, void *base)
{
	enum tr_yaml_kind wanted = row->type == TR_SCHEMA_MAP ? TR_YAML_MAP : TR_YAML_LIST;
	if (node->kind != wanted) {
		bool short_example = row->example && !strchr(row->example, '\n');
		struct tr_buf found = TR_BUF_INIT(1024);
		struct tr_buf right = TR_BUF_INIT(1024);
		tr_schema_describe(&found, row->item, node);
		tr_schema_expectation(&right, row);
		tr_schema_say(reader, TR_REPORT_MISTAKE, node, "is %s: write %s%s%s",
			tr_buf_c(&found), tr_buf_c(&right), short_example ? ", such as " : "",
			short_example ? row->example : "");
		tr_buf_finish(&found);
		tr_buf_finish(&right);
		return false;
	}
	return read_elements(reader, row, node, base);
}

/* A value that is there, into its place. */
static bool read_key(struct tr_schema_reader *reader, const struct tr_schema_key *row,
	const struct tr_yaml_node *node, void *base)
{
	size_t mistakes = reader->report->mistakes;
	switch (row->type) {
	case TR_SCHEMA_SECTION:
		read_section(reader, row->section, node, tr_schema_at(base, row->offset));
		return reader->report->mistakes == mistakes;
	case TR_SCHEMA_LIST:
	case TR_SCHEMA_MAP:
		return read_container(reader, row, node, base);
	case TR_SCHEMA_ANY:
		return true;
	case TR_SCHEMA_MOVED:
		tr_schema_say(reader, TR_REPORT_MISTAKE, node, "is not a key here: %s", row->help);
		return false;
	default:
		return tr_schema_read_value(reader, row, node, tr_schema_at(base, row->offset));
	}
}

static void say_missing(struct tr_schema_reader *reader, const struct tr_schema_key *row,
	const struct tr_yaml_node *place)
{
	if (row->example && !strchr(row->example, '\n')) {
		tr_schema_say(reader, TR_REPORT_MISTAKE, place,
			"is required and missing: write for example %s: %s", row->name,
			row->example);
	} else {
		struct tr_buf wanted = TR_BUF_INIT(4096);
		tr_schema_expectation(&wanted, row);
		tr_schema_say(reader, TR_REPORT_MISTAKE, place, "is required and missing: write %s",
			tr_buf_c(&wanted));
		tr_buf_finish(&wanted);
	}
}

/* The value of a row under its name or its other spelling. */
static const struct tr_yaml_node *value_of(struct tr_schema_reader *reader,
	const struct tr_schema_key *row, const struct tr_yaml_node *node)
{
	const struct tr_yaml_node *value = tr_yaml_get(node, row->name);
	const struct tr_yaml_node *other = row->alias ? tr_yaml_get(node, row->alias) : NULL;
	if (value && other) {
		tr_schema_say(reader, TR_REPORT_MISTAKE, other,
			"is given as %s and as %s: keep one of the two", row->name, row->alias);
	}
	return value ? value : other;
}

static bool is_single(const struct tr_schema_key *row)
{
	return row->type != TR_SCHEMA_SECTION && row->type != TR_SCHEMA_LIST &&
	       row->type != TR_SCHEMA_MAP;
}

static void read_row(struct tr_schema_reader *reader, const struct tr_schema_key *row,
	const struct tr_yaml_node *node, void *base)
{
	size_t length = reader->path.len;
	tr_schema_path_push(&reader->path, row->name);
	const struct tr_yaml_node *value = value_of(reader, row, node);
	if (value && value->kind != TR_YAML_NULL) {
		if (row->flags & TR_KEY_NOT_YET) {
			tr_schema_say(reader, TR_REPORT_NOT_YET, value,
				"is accepted, but not yet acted on");
		}
		if (!read_key(reader, row, value, base) && is_single(row)) {
			apply_fallback(reader, row, base); /* no further mistakes follow from it */
		}
	} else {
		if (row->flags & TR_KEY_REQUIRED) {
			say_missing(reader, row, value ? value : node ? node : reader->here);
		}
		/* What a missing section lacks is said once, by the section itself. */
		if (row->type != TR_SCHEMA_SECTION || !(row->flags & TR_KEY_REQUIRED)) {
			apply_fallback(reader, row, base);
		}
	}
	tr_buf_truncate(&reader->path, length);
}

static void read_rows(struct tr_schema_reader *reader, const struct tr_schema *schema,
	const struct tr_yaml_node *node, void *base)
{
	for (const struct tr_schema_key *row = schema->keys; row->name; row++) {
		if (row->type == TR_SCHEMA_INCLUDED) {
			read_rows(reader, row->section, node, tr_schema_at(base, row->offset));
		} else {
			read_row(reader, row, node, base);
		}
	}
	if (schema->check) {
		schema->check(reader, node, base);
	}
}

/* `key: value` for a value that stands for the whole section. */
static void read_shorthand(struct tr_schema_reader *reader, const struct tr_schema *schema,
	const struct tr_yaml_node *node, void *base)
{
	struct tr_yaml_node key = {.kind = TR_YAML_SCALAR,
		.text = tr_str_from(schema->shorthand),
		.line = node->line,
		.column = node->column};
	struct tr_yaml_node value = *node;
	struct tr_yaml_node *keys[] = {&key};
	struct tr_yaml_node *values[] = {&value};
	struct tr_yaml_node map = {.kind = TR_YAML_MAP,
		.line = node->line,
		.column = node->column,
		.count = 1,
		.keys = keys,
		.values = values};
	if (schema->shorthand_warning) {
		tr_schema_say(reader, TR_REPORT_WARNING, node, "%s", schema->shorthand_warning);
	}
	reader->here = &map;
	read_rows(reader, schema, &map, base);
}

static const char *first_name(const struct tr_schema *schema)
{
	const struct tr_schema_key *first = &schema->keys[0];
	return first->type == TR_SCHEMA_INCLUDED ? first_name(first->section) : first->name;
}

/* Reads a section; `node` NULL or null stands for one that is not given: defaults only. */
static void read_section(struct tr_schema_reader *reader, const struct tr_schema *schema,
	const struct tr_yaml_node *node, void *base)
{
	const struct tr_yaml_node *outer = reader->here;
	if (!node || node->kind == TR_YAML_NULL) {
		reader->here = node ? node : outer;
		read_rows(reader, schema, NULL, base);
	} else if (node->kind == TR_YAML_MAP) {
		reader->here = node;
		tr_schema_check_names(reader, schema, node);
		read_rows(reader, schema, node, base);
	} else if (schema->shorthand) {
		read_shorthand(reader, schema, node, base);
	} else {
		struct tr_buf found = TR_BUF_INIT(1024);
		tr_schema_describe(&found, NULL, node);
		tr_schema_say(reader, TR_REPORT_MISTAKE, node,
			"is %s: write a section, that is lines of the form \"%s: value\"",
			tr_buf_c(&found), first_name(schema));
		tr_buf_finish(&found);
	}
	reader->here = outer;
}

/* The directory of a file, absolute, without a slash at its end. */
static char *directory_of(const char *file)
{
	struct tr_str name = tr_str_from(file);
	ptrdiff_t slash = tr_str_rfind_char(name, '/');
	struct tr_str directory = tr_str_slice(name, 0, slash < 0 ? 0 : (size_t)slash);
	if (file[0] == '/') {
		return tr_str_dup(directory);
	}
	char cwd[4096];
	if (!getcwd(cwd, sizeof(cwd))) {
		cwd[0] = '\0';
	}
	if (directory.len == 0 || tr_str_eq_c(directory, ".")) {
		return tr_strdup(cwd);
	}
	return tr_asprintf("%s/%.*s", cwd, TR_STR_ARG(directory));
}

int tr_schema_read(const struct tr_schema *schema, const struct tr_yaml_doc *doc, void *target,
	struct tr_report *report)
{
	size_t mistakes = report->mistakes;
	struct tr_schema_reader reader = {
		.file = tr_yaml_file(doc),
		.report = report,
		.directory = directory_of(tr_yaml_file(doc)),
		.path = TR_BUF_INIT(64 * 1024),
		.here = tr_yaml_root(doc),
	};
	read_section(&reader, schema, tr_yaml_root(doc), target);
	tr_free(reader.directory);
	tr_buf_finish(&reader.path);
	return report->mistakes == mistakes ? 0 : TR_E_CONFIG;
}
