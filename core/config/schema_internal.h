/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the schema share; nobody else includes this. */
#ifndef TRESTLE_CONFIG_SCHEMA_INTERNAL_H
#define TRESTLE_CONFIG_SCHEMA_INTERNAL_H

#include "core/config/schema.h"

struct tr_schema_reader {
	const char *file;
	struct tr_report *report;
	char *directory;                 /* absolute, of the file */
	struct tr_buf path;              /* of the key being read */
	const struct tr_yaml_node *here; /* the nearest node that is in the file */
};

/* A record about `node` under the current path. */
void tr_schema_say(struct tr_schema_reader *reader, enum tr_report_kind kind,
	const struct tr_yaml_node *node, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* Reads a value that is no section, list or map into `place`. False when it is wrong (reported);
 * nothing is stored then. */
bool tr_schema_read_value(struct tr_schema_reader *reader, const struct tr_schema_key *row,
	const struct tr_yaml_node *node, void *place);

/* "a whole number from 1 to 65535" */
void tr_schema_expectation(struct tr_buf *out, const struct tr_schema_key *row);
/* What stands there, short and without secrets: "a list", "the text \"x\"". */
void tr_schema_describe(
	struct tr_buf *out, const struct tr_schema_key *row, const struct tr_yaml_node *node);

/* The row of a key by name or alias, also in included tables; or NULL. */
const struct tr_schema_key *tr_schema_find(const struct tr_schema *schema, struct tr_str name);

/* Reports every key of `map` that the table does not have. */
void tr_schema_check_names(struct tr_schema_reader *reader, const struct tr_schema *schema,
	const struct tr_yaml_node *map);

/* Makes a path longer: "a" -> "a.name", "a[0]"; tr_buf_truncate() makes it shorter again. */
void tr_schema_path_push(struct tr_buf *path, const char *name);
void tr_schema_path_index(struct tr_buf *path, size_t index);

static inline void *tr_schema_at(void *base, size_t offset)
{
	return (char *)base + offset;
}

static inline const void *tr_schema_at_const(const void *base, size_t offset)
{
	return (const char *)base + offset;
}

/* The array of a LIST or MAP, whatever the type of its elements. */
void *tr_schema_array(const struct tr_schema_key *row, const void *base, size_t *count);

#endif
