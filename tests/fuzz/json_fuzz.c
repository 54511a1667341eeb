/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON: whatever is taken prints as JSON that is taken again and prints the same; the tree holds no
 * duplicate keys and only UTF-8; a copy prints like its original.
 */
#include "core/base/alloc.h"
#include "core/base/json.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_tree(const struct tr_json *value)
{
	for (const struct tr_json *c = tr_json_first(value); c; c = tr_json_next(c)) {
		TR_ASSERT(tr_utf8_valid(tr_json_key(c)));
		TR_ASSERT(tr_utf8_valid(tr_json_str(c)));
		if (tr_json_type(value) == TR_JSON_OBJECT) {
			TR_ASSERT(tr_json_get(value, tr_json_key(c).ptr) == c);
		}
		check_tree(c);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tr_error error = {0};
	struct tr_json *first = tr_json_parse(tr_str_of((const char *)data, size), &error);
	struct tr_json *second;
	char *printed;
	char *again;

	if (!first) {
		TR_ASSERT(error.code != 0 && error.code != TR_E_BUG);
		TR_ASSERT(strlen(error.text) > 0);
		return 0;
	}
	check_tree(first);
	printed = tr_json_text(first);
	second = tr_json_parse(tr_str_from(printed), &error);
	TR_ASSERT(second);
	again = tr_json_text(second);
	TR_ASSERT(strcmp(printed, again) == 0);
	tr_free(again);
	tr_json_free(second);
	second = tr_json_dup(first);
	again = tr_json_text(second);
	TR_ASSERT(strcmp(printed, again) == 0);
	tr_free(again);
	tr_free(printed);
	tr_json_free(second);
	tr_json_free(first);
	return 0;
}
