/* SPDX-License-Identifier: Apache-2.0 */
/*
 * YAML as a tree in which every node knows its line and column. core/config/yaml_compose.c is
 * the only file that knows the YAML library. Block style, flow style and JSON are all taken.
 *
 * Stricter than YAML itself: one document a file; keys are scalars and a key that comes twice is
 * refused with both places; aliases share the node of their anchor (so a tree is in truth an
 * acyclic graph) and the size it would have when written out is capped; so are bytes and depth.
 * "<<" merges mappings as everywhere: a key that is spelled out wins.
 *
 * Ownership: nodes live as long as their document. Threading: any one thread.
 */
#ifndef TRESTLE_CONFIG_YAML_H
#define TRESTLE_CONFIG_YAML_H

#include "core/base/error.h"
#include "core/base/str.h"
#include "core/config/report.h"

enum {
	TR_YAML_MAX_BYTES = 1024 * 1024,
	TR_YAML_MAX_DEPTH = 48,
	TR_YAML_MAX_NODES = 100000, /* after expansion of aliases */
};

enum tr_yaml_kind {
	TR_YAML_NULL, /* nothing, "~" or "null", unquoted */
	TR_YAML_SCALAR,
	TR_YAML_LIST,
	TR_YAML_MAP,
};

struct tr_yaml_node {
	enum tr_yaml_kind kind;
	bool quoted; /* a scalar that is text whatever it looks like: "5", '5', | and >, !!str */
	unsigned line, column;        /* from 1; columns count characters */
	struct tr_str text;           /* of a scalar; NUL-terminated; may contain NUL when quoted */
	size_t count;                 /* children */
	size_t weight;                /* nodes of this tree when aliases are written out */
	struct tr_yaml_node **keys;   /* of a map: `count` scalars */
	struct tr_yaml_node **values; /* of a map or list: `count` nodes */
};

struct tr_yaml_doc;

/* Parses `text`; `file` is the name for messages and the base of relative paths. Mistakes go to the
 * report; NULL when the text is not YAML at all. A document with duplicate keys is returned (the
 * first one counts), so that the rest can be checked in the same run: look at report->mistakes. */
struct tr_yaml_doc *tr_yaml_parse(struct tr_str text, const char *file, struct tr_report *report);
/* The same from a file; a file that cannot be read is a mistake. */
struct tr_yaml_doc *tr_yaml_load(const char *file, struct tr_report *report);
void tr_yaml_free(struct tr_yaml_doc *doc);

/* Never NULL; an empty document is a TR_YAML_NULL at 1:1. */
const struct tr_yaml_node *tr_yaml_root(const struct tr_yaml_doc *doc);
const char *tr_yaml_file(const struct tr_yaml_doc *doc);

/* The value of a key of a map, or NULL (also when `map` is NULL or no map). */
const struct tr_yaml_node *tr_yaml_get(const struct tr_yaml_node *map, const char *key);

#endif
