/* SPDX-License-Identifier: Apache-2.0 */
/* Building JSON trees. Text is made clean on its way in, so that every tree can be printed as valid
 * JSON without looking again. */
#include "core/base/alloc.h"
#include "core/base/json_node.h"

#include <stdlib.h>
#include <string.h>

/* Memory goes to the library's nodes, which free it with free(), as tr_free() does. */
static char *clean(struct tr_str text)
{
	struct tr_buf out;

	if (tr_utf8_valid(text) && tr_str_find_char(text, '\0') < 0) {
		return tr_str_dup(text);
	}
	tr_buf_init(&out, 3 * text.len);
	for (size_t i = 0; i < text.len;) {
		uint32_t c = tr_utf8_next(text, &i);

		tr_buf_add_code_point(&out, c == 0 ? 0xfffd : c);
	}
	return tr_buf_take(&out);
}

static cJSON *checked(cJSON *node)
{
	TR_ASSERT(node);
	return node;
}

struct tr_json *tr_json_new_object(void)
{
	return tr_json_from_node(checked(cJSON_CreateObject()));
}

struct tr_json *tr_json_new_array(void)
{
	return tr_json_from_node(checked(cJSON_CreateArray()));
}

struct tr_json *tr_json_new_str(struct tr_str text)
{
	cJSON *node = checked(cJSON_CreateNull());

	node->type = cJSON_String;
	node->valuestring = clean(text);
	return tr_json_from_node(node);
}

struct tr_json *tr_json_new_int(int64_t number)
{
	cJSON *node;

	if (number >= -(INT64_C(1) << 53) && number <= INT64_C(1) << 53) {
		return tr_json_from_node(checked(cJSON_CreateNumber((double)number)));
	}
	node = checked(cJSON_CreateNull());
	node->type = cJSON_Raw;
	node->valuestring = tr_asprintf("%lld", (long long)number);
	return tr_json_from_node(node);
}

struct tr_json *tr_json_new_bool(bool value)
{
	return tr_json_from_node(checked(cJSON_CreateBool(value)));
}

struct tr_json *tr_json_new_null(void)
{
	return tr_json_from_node(checked(cJSON_CreateNull()));
}

static void set_key(cJSON *node, char *key)
{
	free(node->string);
	node->string = key;
}

/* Takes a clean key. */
static void set_member(cJSON *object, char *key, cJSON *value)
{
	cJSON *replaced = tr_json_node(tr_json_get(tr_json_from_node(object), key));

	TR_ASSERT((object->type & cJSON_Object) && value && !value->next && !value->prev);
	if (!replaced) {
		/* An array's append does all but the key. */
		TR_ASSERT(cJSON_AddItemToArray(object, value));
		set_key(value, key);
		return;
	}
	TR_ASSERT(value != replaced);
	set_key(value, key);
	TR_ASSERT(cJSON_ReplaceItemViaPointer(object, replaced, value));
}

void tr_json_set_take(struct tr_json *object, const char *key, struct tr_json *value)
{
	set_member(tr_json_node(object), clean(tr_str_from(key)), tr_json_node(value));
}

void tr_json_set_str(struct tr_json *object, const char *key, struct tr_str text)
{
	tr_json_set_take(object, key, tr_json_new_str(text));
}

void tr_json_set_c(struct tr_json *object, const char *key, const char *text)
{
	tr_json_set_take(object, key, tr_json_new_str(tr_str_from(text)));
}

void tr_json_set_int(struct tr_json *object, const char *key, int64_t number)
{
	tr_json_set_take(object, key, tr_json_new_int(number));
}

void tr_json_set_bool(struct tr_json *object, const char *key, bool value)
{
	tr_json_set_take(object, key, tr_json_new_bool(value));
}

struct tr_json *tr_json_add_object(struct tr_json *object, const char *key)
{
	struct tr_json *added = tr_json_new_object();

	tr_json_set_take(object, key, added);
	return added;
}

struct tr_json *tr_json_add_array(struct tr_json *object, const char *key)
{
	struct tr_json *added = tr_json_new_array();

	tr_json_set_take(object, key, added);
	return added;
}

void tr_json_append_take(struct tr_json *array, struct tr_json *value)
{
	cJSON *node = tr_json_node(value);

	TR_ASSERT((tr_json_node(array)->type & cJSON_Array) && node && !node->next && !node->prev);
	/* A copy of an object's member still has its key. */
	set_key(node, NULL);
	TR_ASSERT(cJSON_AddItemToArray(tr_json_node(array), node));
}

void tr_json_append_str(struct tr_json *array, struct tr_str text)
{
	tr_json_append_take(array, tr_json_new_str(text));
}

void tr_json_remove(struct tr_json *object, const char *key)
{
	cJSON *member = tr_json_node(tr_json_get(object, key));

	if (member) {
		cJSON_Delete(cJSON_DetachItemViaPointer(tr_json_node(object), member));
	}
}
