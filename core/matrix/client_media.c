/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Media up and down. Downloads use the authenticated endpoint (Matrix 1.11) and the old one where a
 * homeserver does not know that. What is in a file is nobody's business here.
 */
#include "core/matrix/client_internal.h"

#include "core/base/alloc.h"

enum { MEDIA_TIMEOUT_MS = 10 * 60 * 1000 };

static struct tr_matrix_call *upload(struct tr_matrix_client *client, struct tr_matrix_spec *spec,
	const char *file_name, tr_matrix_callback *callback, void *arg)
{
	struct tr_buf query = TR_BUF_INIT(TR_MATRIX_URL_MAX);
	struct tr_matrix_call *call;

	tr_matrix_query_add(&query, "filename", file_name);
	spec->operation = "media_upload";
	spec->method = "POST";
	spec->query = tr_buf_c(&query);
	spec->required = "content_uri";
	spec->timeout_ms = MEDIA_TIMEOUT_MS;
	if (!spec->content_type) {
		spec->content_type = "application/octet-stream";
	}
	call = tr_matrix_start(client, spec, callback, arg, "/_matrix/media/v3/upload", NULL);
	tr_buf_finish(&query);
	return call;
}

struct tr_matrix_call *tr_matrix_media_upload(struct tr_matrix_client *client, const char *as_user,
	const char *content_type, const char *file_name, struct tr_str bytes,
	tr_matrix_callback *callback, void *arg)
{
	struct tr_matrix_spec spec = {
		.as_user = as_user, .content_type = content_type, .body = bytes};

	return upload(client, &spec, file_name, callback, arg);
}

struct tr_matrix_call *tr_matrix_media_upload_file(struct tr_matrix_client *client,
	const char *as_user, const char *content_type, const char *file_name, const char *path,
	tr_matrix_callback *callback, void *arg)
{
	struct tr_matrix_spec spec = {
		.as_user = as_user, .content_type = content_type, .body_file = path};

	return upload(client, &spec, file_name, callback, arg);
}

struct tr_matrix_call *tr_matrix_media_config(
	struct tr_matrix_client *client, tr_matrix_callback *callback, void *arg)
{
	struct tr_matrix_spec spec = {.operation = "media_config",
		.method = "GET",
		.fallback = "/_matrix/media/v3/config"};

	return tr_matrix_start(
		client, &spec, callback, arg, "/_matrix/client/v1/media/config", NULL);
}

/* "mxc://server/id" taken apart; false when it is not one. */
static bool split_mxc(struct tr_str mxc, struct tr_str *server, struct tr_str *id)
{
	ptrdiff_t slash;

	if (!tr_str_starts(mxc, TR_STR("mxc://"))) {
		return false;
	}
	mxc = tr_str_from_index(mxc, sizeof("mxc://") - 1);
	slash = tr_str_find_char(mxc, '/');
	if (slash <= 0) {
		return false;
	}
	*server = tr_str_slice(mxc, 0, (size_t)slash);
	*id = tr_str_from_index(mxc, (size_t)slash + 1);
	return id->len > 0 && tr_str_find_char(*id, '/') < 0;
}

struct tr_matrix_call *tr_matrix_media_download(struct tr_matrix_client *client,
	const char *as_user, const char *mxc, const char *path, size_t max,
	tr_matrix_media_callback *callback, void *arg)
{
	struct tr_matrix_spec spec = {.operation = "media_download",
		.method = "GET",
		.as_user = as_user,
		.fallback = "/_matrix/media/v3/download/{}/{}",
		.timeout_ms = MEDIA_TIMEOUT_MS,
		.media_callback = callback,
		.save_file = path,
		.max = max};
	struct tr_matrix_call *call;
	struct tr_str server;
	struct tr_str id;
	struct tr_error error;
	char *server_c;
	char *id_c;

	if (!split_mxc(tr_str_from(mxc), &server, &id)) {
		(void)tr_error_set(&error, TR_E_INVALID, "that is not an mxc:// address");
		return tr_matrix_start_failed(client, &spec, NULL, arg, &error);
	}
	server_c = tr_str_dup(server);
	id_c = tr_str_dup(id);
	call = tr_matrix_start(client, &spec, NULL, arg, "/_matrix/client/v1/media/download/{}/{}",
		server_c, id_c, NULL);
	tr_free(server_c);
	tr_free(id_c);
	return call;
}
