/* SPDX-License-Identifier: Apache-2.0 */
/* Documents of YAML: from a text or a file, and what is asked of them. core/config/yaml_compose.c
 * makes the tree. */
#include "core/base/alloc.h"
#include "core/config/yaml_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Bytes the library would only grumble about: too many, or not UTF-8. */
static bool bytes_are_fine(struct tr_str text, const char *file, struct tr_report *report)
{
	if (text.len > TR_YAML_MAX_BYTES) {
		tr_report_add(report, TR_REPORT_MISTAKE, file, 0, 0, NULL,
			"is larger than 1 MiB: no configuration is");
		return false;
	}
	for (size_t i = 0; i < text.len;) {
		size_t start = i;
		uint32_t code_point = tr_utf8_next(text, &i);
		/* A real U+FFFD is three bytes long, a bad byte moves by one. */
		if (code_point == 0xfffd && i - start == 1) {
			struct tr_yaml_place place = tr_yaml_place_of(text, start);
			tr_report_add(report, TR_REPORT_MISTAKE, file, (unsigned)place.line + 1,
				(unsigned)place.column + 1, NULL,
				"is not UTF-8: save the file in that encoding");
			return false;
		}
	}
	return true;
}

struct tr_yaml_doc *tr_yaml_parse(struct tr_str text, const char *file, struct tr_report *report)
{
	struct tr_yaml_doc *doc = tr_alloc(sizeof(*doc));
	doc->file = tr_strdup(file);
	if (tr_str_starts(text, TR_STR("\xef\xbb\xbf"))) {
		text = tr_str_from_index(text, 3);
	}
	if (bytes_are_fine(text, file, report)) {
		tr_yaml_compose(doc, text, report);
	}
	if (!doc->root) {
		tr_yaml_free(doc);
		return NULL;
	}
	return doc;
}

struct tr_yaml_doc *tr_yaml_load(const char *file, struct tr_report *report)
{
	struct tr_buf text = TR_BUF_INIT(TR_YAML_MAX_BYTES + 1);
	struct tr_yaml_doc *doc = NULL;
	char chunk[16384];
	errno = 0;
	FILE *stream = fopen(file, "rb");
	if (!stream) {
		goto unreadable;
	}
	while (!tr_buf_failed(&text)) {
		size_t got = fread(chunk, 1, sizeof(chunk), stream);
		if (got == 0) {
			break;
		}
		/* What no longer fits is known to be too much: one byte says so to the parser. */
		tr_buf_add(&text, tr_str_of(chunk, got));
	}
	if (ferror(stream)) {
		goto unreadable;
	}
	if (tr_buf_failed(&text)) {
		tr_report_add(report, TR_REPORT_MISTAKE, file, 0, 0, NULL,
			"is larger than 1 MiB: no configuration is");
	} else {
		doc = tr_yaml_parse(tr_buf_str(&text), file, report);
	}
	goto out;
unreadable:
	tr_report_add(report, TR_REPORT_MISTAKE, file, 0, 0, NULL,
		"cannot be read: %s. Name a file that the daemon's user may read", strerror(errno));
out:
	if (stream) {
		fclose(stream);
	}
	/* It had passwords in it. */
	if (text.data) {
		tr_wipe(text.data, text.len);
	}
	tr_buf_finish(&text);
	return doc;
}

void tr_yaml_free(struct tr_yaml_doc *doc)
{
	if (!doc) {
		return;
	}
	while (doc->nodes) {
		struct tr_yaml_owned *owned = doc->nodes;
		doc->nodes = owned->next;
		if (owned->node.text.ptr) {
			tr_wipe((char *)(uintptr_t)owned->node.text.ptr, owned->node.text.len);
			tr_free((char *)(uintptr_t)owned->node.text.ptr);
		}
		tr_free(owned->node.keys);
		tr_free(owned->node.values);
		tr_free(owned);
	}
	tr_free(doc->file);
	tr_free(doc);
}

const struct tr_yaml_node *tr_yaml_root(const struct tr_yaml_doc *doc)
{
	return doc->root;
}

const char *tr_yaml_file(const struct tr_yaml_doc *doc)
{
	return doc->file;
}

const struct tr_yaml_node *tr_yaml_get(const struct tr_yaml_node *map, const char *key)
{
	if (!map || map->kind != TR_YAML_MAP) {
		return NULL;
	}
	for (size_t i = 0; i < map->count; i++) {
		if (tr_str_eq_c(map->keys[i]->text, key)) {
			return map->values[i];
		}
	}
	return NULL;
}
