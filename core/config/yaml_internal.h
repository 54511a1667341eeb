/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the YAML tree share; nobody else includes this. */
#ifndef TRESTLE_CONFIG_YAML_INTERNAL_H
#define TRESTLE_CONFIG_YAML_INTERNAL_H

#include "core/config/yaml.h"

struct tr_yaml_owned {
	struct tr_yaml_node node; /* first: a node pointer is a pointer to this */
	struct tr_yaml_owned *next;
};

struct tr_yaml_doc {
	char *file;
	struct tr_yaml_owned *nodes; /* all of them, for freeing */
	struct tr_yaml_node *root;
};

struct tr_yaml_place {
	size_t line, column; /* from 0, as the library counts */
};

/* Sets doc->root unless the text, which is valid UTF-8, is no YAML (reported). */
void tr_yaml_compose(struct tr_yaml_doc *doc, struct tr_str text, struct tr_report *report);

/* Between byte offsets and places. */
struct tr_yaml_place tr_yaml_place_of(struct tr_str text, size_t offset);
/* The byte at a place, 0 behind the end. */
char tr_yaml_byte_at(struct tr_str text, struct tr_yaml_place place);

/* What the library says, in the words of somebody who edits a file. `context` says what it was
 * reading and `opened` where that began; `byte` is where it gave up. */
void tr_yaml_word_problem(struct tr_buf *out, const char *problem, const char *context, char byte,
	struct tr_yaml_place opened);

#endif
