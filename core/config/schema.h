/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A configuration described by tables: one row a key, one table a section. The same rows parse the
 * file into a C struct, find every mistake, print the commented example and the reference, and tell
 * on reload what changed.
 *
 * How a value lies in the struct (at `offset`):
 *   STRING SECRET PATH URL LISTEN DATABASE   char *, owned; NULL when not set
 *   BOOL bool   INT DURATION SIZE int64_t   NUMBER double   CHOICE an enum (size of int)
 *   REGEX struct tr_schema_regex
 *   SECTION the section's struct itself   INCLUDED the same, its keys stand among ours in the file
 *   LIST an array T * and at `count_offset` a size_t; elements of `item_size` bytes, read by `item`
 *   MAP the same, but every element begins with `char *key`
 *
 * A SECTION at offset 0 may have keys that name fields of the struct around it.
 *
 * A key whose value is null or nothing counts as not given. A struct read from a file with mistakes
 * is filled as far as it goes and is safe to free.
 */
#ifndef TRESTLE_CONFIG_SCHEMA_H
#define TRESTLE_CONFIG_SCHEMA_H

#include "core/base/regex.h"
#include "core/config/yaml.h"

#include <stddef.h>

enum tr_schema_type {
	TR_SCHEMA_STRING,
	TR_SCHEMA_SECRET, /* wiped when freed, never printed */
	TR_SCHEMA_BOOL,
	TR_SCHEMA_INT,      /* min..max */
	TR_SCHEMA_NUMBER,   /* a decimal fraction, min..max */
	TR_SCHEMA_DURATION, /* "500ms", "10s", "5m", "2h", "7d"; in ms, min..max */
	TR_SCHEMA_SIZE,     /* "500", "64K", "16M", "1G" (powers of 1024), "MiB" too; in bytes */
	TR_SCHEMA_CHOICE,   /* one of `choices` */
	TR_SCHEMA_REGEX,
	TR_SCHEMA_PATH,     /* relative to the file that names it; absolute after reading */
	TR_SCHEMA_URL,      /* http or https with a host; without trailing slash after reading */
	TR_SCHEMA_LISTEN,   /* "address:port", "[v6]:port" */
	TR_SCHEMA_DATABASE, /* "sqlite:PATH" (relative like PATH) or "postgres://.."; a secret */
	TR_SCHEMA_SECTION,
	TR_SCHEMA_INCLUDED,
	TR_SCHEMA_LIST,
	TR_SCHEMA_MAP,
	TR_SCHEMA_ANY,   /* taken as it is and stored nowhere; not in the example */
	TR_SCHEMA_MOVED, /* refused; `help` says what to write instead. Not in the documents */
};

enum tr_schema_flags {
	TR_KEY_REQUIRED = 1 << 0,
	TR_KEY_NOT_YET = 1 << 1,    /* accepted, reported as not yet acted on when given */
	TR_KEY_RELOADABLE = 1 << 2, /* a change takes effect on SIGHUP */
	TR_KEY_DERIVED = 1 << 3,    /* `fallback` is documentation; the section's check sets it */
	TR_KEY_MULTILINE = 1 << 4,  /* a text with line breaks; no other may have controls */
	TR_KEY_DEPRECATED = 1 << 5, /* still taken, but not in the example */
	TR_KEY_NO_EFFECT = 1 << 6,  /* accepted and not needed: `help` says why */
};

struct tr_schema_choice {
	const char *name;
	int value;
};

struct tr_schema_regex {
	char *pattern;
	struct tr_regex *regex;
};

/* An element of a map of strings. */
struct tr_schema_pair {
	char *key;
	char *value;
};

struct tr_schema_reader;

/* Checks a text value or the key of a map. 0, or TR_E_CONFIG with *error saying what would be
 * right. */
typedef int tr_schema_text_check(const char *text, struct tr_error *error);
/* Runs after a section was read: checks what spans keys and sets what is derived. */
typedef void tr_schema_section_check(
	struct tr_schema_reader *reader, const struct tr_yaml_node *node, void *section);

struct tr_schema;

struct tr_schema_key {
	const char *name; /* NULL for items */
	enum tr_schema_type type;
	unsigned flags;
	size_t offset;
	size_t count_offset;
	size_t item_size;
	int64_t min, max;     /* both 0 = any */
	const char *fallback; /* the default as YAML text; NULL = empty, zero, not set */
	const char *alias;    /* another spelling that is taken too */
	const struct tr_schema_choice *choices; /* ends with a NULL name */
	const struct tr_schema *section;
	const struct tr_schema_key *item;
	tr_schema_text_check *check; /* of a text value, or of the keys of a MAP */
	const char *help;            /* sentences for documents */
	/* YAML text for the example file; "# text" is shown commented out, NULL is the fallback
	 * commented out. */
	const char *example;
};

struct tr_schema {
	const char *title;                /* for the reference */
	const struct tr_schema_key *keys; /* ends with a NULL name */
	const char *shorthand; /* a value that is no map is taken as {shorthand: value}; or NULL */
	const char *shorthand_warning; /* said when that happens; or NULL */
	tr_schema_section_check *check;
};

/* Reads the whole document into *target (zeroed by the caller), applies defaults and checks.
 * Everything wrong goes to the report; 0, or TR_E_CONFIG when this call added a mistake. */
int tr_schema_read(const struct tr_schema *schema, const struct tr_yaml_doc *doc, void *target,
	struct tr_report *report);
/* Frees what the target owns and zeroes it. */
void tr_schema_free(const struct tr_schema *schema, void *target, size_t size);

/* For section checks. Puts a record at the value that `keys` ("name", or "name.name" for one
 * further down; NULL = the node itself) leads to from `node`, as far as the file has it. Its path
 * is that of the section being checked plus `keys`. */
void tr_schema_report(struct tr_schema_reader *reader, enum tr_report_kind kind,
	const struct tr_yaml_node *node, const char *keys, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
/* For a check that looks into a map or the elements of a list: the path gets "name[index]" (-1 = no
 * index) until tr_schema_leave() is called with what tr_schema_enter() returned. */
size_t tr_schema_enter(struct tr_schema_reader *reader, const char *name, ptrdiff_t index);
void tr_schema_leave(struct tr_schema_reader *reader, size_t mark);
/* Whether the file gives the key here, with a value. */
bool tr_schema_given(const struct tr_yaml_node *node, const char *key);
/* Owned path of `path` relative to the file being read. */
char *tr_schema_resolve_path(struct tr_schema_reader *reader, const char *path);

/* Calls `changed` for every key that differs: its path, and whether a reload can take it. Secrets
 * are compared, never shown. */
typedef void tr_schema_changed(const char *path, bool reloadable, void *arg);
void tr_schema_diff(const struct tr_schema *schema, const void *before, const void *after,
	tr_schema_changed *changed, void *arg);

/* The commented example file, and the reference as Markdown tables. */
void tr_schema_print_example(const struct tr_schema *schema, struct tr_buf *out);
void tr_schema_print_reference(const struct tr_schema *schema, struct tr_buf *out);

/* The known name of the table nearest to `name`, or NULL when none is near. */
const char *tr_schema_nearest(const struct tr_schema *schema, struct tr_str name);

#endif
