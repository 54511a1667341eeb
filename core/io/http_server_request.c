/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a handler can ask of a request, and the parsing of its target. How a request comes in and is
 * answered is in http_server.c.
 */
#include "core/io/http_server_internal.h"

#include "core/base/alloc.h"
#include "core/base/encode.h"

#include <string.h>

/* A parameter that does not decode is left out, as if it had not been sent. */
static void add_param(struct tr_http_server_request *request, struct tr_str text)
{
	struct tr_http_server_param *param = &request->params[request->param_count];
	ptrdiff_t equals = tr_str_find_char(text, '=');
	struct tr_str name = equals < 0 ? text : tr_str_slice(text, 0, (size_t)equals);
	struct tr_str value = equals < 0 ? TR_STR("") : tr_str_from_index(text, (size_t)equals + 1);
	struct tr_buf decoded = TR_BUF_INIT(text.len + 1);

	if (tr_percent_decode(&decoded, name, true) == 0) {
		param->name = tr_arena_str(&request->arena, tr_buf_str(&decoded));
		tr_buf_clear(&decoded);
		if (tr_percent_decode(&decoded, value, true) == 0) {
			param->value = tr_arena_str(&request->arena, tr_buf_str(&decoded));
			request->param_count++;
		}
	}
	tr_buf_finish(&decoded);
}

static size_t count_params(struct tr_str query)
{
	size_t count = 1;
	size_t i;

	for (i = 0; i < query.len && count < TR_HTTP_SERVER_PARAMS_MAX; i++) {
		count += query.ptr[i] == '&';
	}
	return count;
}

void tr_http_server_request_set_uri(struct tr_http_server_request *request, struct tr_str uri)
{
	ptrdiff_t mark = tr_str_find_char(uri, '?');
	struct tr_str rest;
	struct tr_str field;
	size_t room;

	if (mark < 0) {
		request->path = tr_arena_str(&request->arena, uri);
		return;
	}
	request->path = tr_arena_str(&request->arena, tr_str_slice(uri, 0, (size_t)mark));
	rest = tr_str_from_index(uri, (size_t)mark + 1);
	room = count_params(rest);
	request->params = tr_arena_alloc(&request->arena, room * sizeof(*request->params));
	while (request->param_count < room && tr_str_split(&rest, '&', &field)) {
		if (field.len > 0) {
			add_param(request, field);
		}
	}
}

struct tr_str tr_http_server_method(const struct tr_http_server_request *request)
{
	return request->method;
}

struct tr_str tr_http_server_path(const struct tr_http_server_request *request)
{
	return request->path;
}

struct tr_str tr_http_server_header(const struct tr_http_server_request *request, const char *name)
{
	if (!request->connection) {
		return TR_STR("");
	}
	return tr_str_from(MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name));
}

bool tr_http_server_query_at(const struct tr_http_server_request *request, size_t index,
	struct tr_str *name, struct tr_str *value)
{
	if (index >= request->param_count) {
		return false;
	}
	*name = request->params[index].name;
	*value = request->params[index].value;
	return true;
}

bool tr_http_server_query(
	const struct tr_http_server_request *request, const char *name, struct tr_str *value)
{
	size_t i;

	for (i = 0; i < request->param_count; i++) {
		if (tr_str_eq_c(request->params[i].name, name)) {
			*value = request->params[i].value;
			return true;
		}
	}
	return false;
}

struct tr_str tr_http_server_body(const struct tr_http_server_request *request)
{
	return tr_buf_str(&request->body);
}

void tr_http_server_set_data(struct tr_http_server_request *request, void *data)
{
	request->data = data;
}

void *tr_http_server_data(const struct tr_http_server_request *request)
{
	return request->data;
}

void tr_http_server_own(
	struct tr_http_server_request *request, void *owned, tr_http_server_destroy_owned *destroy)
{
	TR_ASSERT(request->destroy_owned == NULL);
	request->owned = owned;
	request->destroy_owned = destroy;
}

void tr_http_server_add_header(
	struct tr_http_server_request *request, const char *name, const char *value)
{
	struct tr_http_server_header *header;

	request->headers = tr_realloc_array(
		request->headers, request->header_count + 1, sizeof(*request->headers));
	header = &request->headers[request->header_count++];
	header->name = tr_arena_str(&request->arena, tr_str_from(name)).ptr;
	header->value = tr_arena_str(&request->arena, tr_str_from(value)).ptr;
}
