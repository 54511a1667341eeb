/* SPDX-License-Identifier: Apache-2.0 */
/* Transfers of files, with the homeserver's limit asked for once. The requests are core/matrix's.
 */
#include "core/bridge/media.h"

#include "core/base/encode.h"
#include "core/bridge/bridge_internal.h"
#include "core/matrix/mxid.h"

#include <string.h>
#include <sys/stat.h>

enum { URL_MAX = 2048 };

struct transfer {
	struct tr_list node;
	struct tr_bridge *bridge;
	char *as_user;
	char *content_type;
	char *file_name;
	char *bytes;
	size_t len;
	char *path;
	tr_media_uploaded *uploaded;
	tr_media_downloaded *downloaded;
	void *arg;
};

static struct transfer *transfer_create(struct tr_bridge *bridge, void *arg)
{
	struct transfer *transfer = tr_alloc(sizeof(*transfer));
	transfer->bridge = bridge;
	transfer->arg = arg;
	tr_list_append(&bridge->transfers, &transfer->node);
	return transfer;
}

static void transfer_free(struct transfer *transfer)
{
	tr_list_remove(&transfer->node);
	tr_free(transfer->as_user);
	tr_free(transfer->content_type);
	tr_free(transfer->file_name);
	tr_free(transfer->bytes);
	tr_free(transfer->path);
	tr_free(transfer);
}

/* RFC 9110, 5.6.2: token */
static bool is_token_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool is_type(struct tr_str type)
{
	size_t slashes = 0;
	for (size_t i = 0; i < type.len; i++) {
		bool slash = type.ptr[i] == '/';
		slashes += slash;
		if ((!slash && !is_token_char(type.ptr[i])) ||
			(slash && (i == 0 || i + 1 == type.len))) {
			return false;
		}
	}
	return slashes == 1 && type.len <= 127;
}

static bool would_run(struct tr_str type)
{
	static const char *const types[] = {"text/html", "application/xhtml+xml", "image/svg+xml",
		"text/javascript", "application/javascript", "text/xml", "application/xml"};
	for (size_t i = 0; i < TR_ARRAY_LEN(types); i++) {
		if (tr_str_eq_nocase(type, tr_str_from(types[i]))) {
			return true;
		}
	}
	return false;
}

char *tr_media_type(struct tr_str content_type)
{
	ptrdiff_t parameters = tr_str_find_char(content_type, ';');
	struct tr_str type = tr_str_trim(
		parameters < 0 ? content_type : tr_str_slice(content_type, 0, (size_t)parameters));
	return is_type(type) && !would_run(type) ? tr_str_dup(type)
						 : tr_strdup("application/octet-stream");
}

/* As in core/matrix/mxid.h: a server name is checked; an id is A-Z a-z 0-9 _ - and whatever else a
 * homeserver makes, encoded. */
const char *tr_media_link(
	const struct tr_bridge *bridge, const char *mxc, const char *name, struct tr_arena *arena)
{
	static const char prefix[] = "mxc://";
	struct tr_str address = tr_str_from(mxc);
	struct tr_str rest = tr_str_from_index(address, sizeof(prefix) - 1);
	ptrdiff_t slash = tr_str_find_char(rest, '/');
	if (!tr_str_starts(address, tr_str_from(prefix)) || slash <= 0 ||
		!tr_server_name_valid(tr_str_slice(rest, 0, (size_t)slash))) {
		return "";
	}
	const char *base = bridge->options.media_url ? bridge->options.media_url
						     : bridge->options.homeserver_url;
	struct tr_str root = tr_str_from(base);
	while (tr_str_ends(root, TR_STR("/"))) {
		root.len--;
	}
	struct tr_buf url = TR_BUF_INIT(URL_MAX);
	tr_buf_add(&url, root);
	tr_buf_add_c(&url, "/_matrix/media/v3/download/");
	tr_buf_add(&url, tr_str_slice(rest, 0, (size_t)slash + 1));
	tr_percent_encode(&url, tr_str_from_index(rest, (size_t)slash + 1));
	if (name != NULL && name[0] != '\0') {
		tr_buf_add_char(&url, '/');
		tr_percent_encode(&url, tr_str_from(name));
	}
	const char *link = tr_buf_failed(&url) ? "" : tr_arena_str(arena, tr_buf_str(&url)).ptr;
	tr_buf_finish(&url);
	return link;
}

static void upload_end(struct transfer *transfer, struct tr_str mxc, const struct tr_error *error)
{
	char *address = error ? NULL : tr_str_dup(mxc);
	tr_media_uploaded *callback = transfer->uploaded;
	void *arg = transfer->arg;
	transfer_free(transfer);
	callback(arg, address, error);
	tr_free(address);
}

static void uploaded(void *arg, const struct tr_json *response, const struct tr_error *error)
{
	upload_end(arg, tr_json_get_str(response, "content_uri"), error);
}

static uint64_t size_of(const struct transfer *transfer)
{
	struct stat info;
	if (transfer->path == NULL) {
		return transfer->len;
	}
	return stat(transfer->path, &info) == 0 ? (uint64_t)info.st_size : 0;
}

static void upload_now(struct transfer *transfer)
{
	struct tr_bridge *bridge = transfer->bridge;
	uint64_t size = size_of(transfer);
	if (bridge->upload_max != 0 && size > bridge->upload_max) {
		struct tr_error error;
		tr_error_set(&error, TR_E_TOO_BIG,
			"the file has %llu bytes, the homeserver takes %llu",
			(unsigned long long)size, (unsigned long long)bridge->upload_max);
		upload_end(transfer, tr_str_of(NULL, 0), &error);
	} else if (transfer->path != NULL) {
		tr_matrix_media_upload_file(bridge->client, transfer->as_user,
			transfer->content_type, transfer->file_name, transfer->path, uploaded,
			transfer);
	} else {
		tr_matrix_media_upload(bridge->client, transfer->as_user, transfer->content_type,
			transfer->file_name, tr_str_of(transfer->bytes, transfer->len), uploaded,
			transfer);
	}
}

/* A homeserver that does not say its limit is tried. */
static void limit_known(void *arg, const struct tr_json *response, const struct tr_error *error)
{
	struct transfer *transfer = arg;
	int64_t max;
	if (error == NULL && tr_json_get_int(response, "m.upload.size", &max) && max > 0) {
		transfer->bridge->upload_max = (uint64_t)max;
	}
	upload_now(transfer);
}

static void limit_known_already(void *arg)
{
	upload_now(arg);
}

void tr_bridge_upload(struct tr_bridge *bridge, const struct tr_media_upload *upload,
	tr_media_uploaded *callback, void *arg)
{
	struct transfer *transfer = transfer_create(bridge, arg);
	transfer->uploaded = callback;
	transfer->as_user = tr_strdup(upload->as_user);
	transfer->content_type = tr_media_type(tr_str_from(upload->content_type));
	transfer->file_name = tr_strdup(upload->file_name);
	transfer->path = tr_strdup(upload->path);
	if (upload->path == NULL) {
		transfer->bytes = tr_memdup(upload->bytes.ptr, upload->bytes.len);
		transfer->len = upload->bytes.len;
	}
	if (bridge->upload_max == 0) {
		tr_matrix_media_config(bridge->client, limit_known, transfer);
	} else {
		tr_loop_defer(bridge->loop, limit_known_already, transfer);
	}
}

static void downloaded(void *arg, const struct tr_matrix_media *media, const struct tr_error *error)
{
	struct transfer *transfer = arg;
	tr_media_downloaded *callback = transfer->downloaded;
	void *callback_arg = transfer->arg;
	char *type = error ? NULL : tr_media_type(media->content_type);
	transfer_free(transfer);
	callback(callback_arg, type, error ? 0 : media->size, error);
	tr_free(type);
}

void tr_bridge_download(struct tr_bridge *bridge, const char *mxc, const char *path, size_t max,
	tr_media_downloaded *callback, void *arg)
{
	struct transfer *transfer = transfer_create(bridge, arg);
	transfer->downloaded = callback;
	tr_matrix_media_download(bridge->client, NULL, mxc, path,
		max ? max : (size_t)TR_MEDIA_DEFAULT_MAX, downloaded, transfer);
}

void tr_transfers_finish(struct tr_bridge *bridge)
{
	struct tr_list *node;
	while ((node = tr_list_head(&bridge->transfers)) != NULL) {
		struct transfer *transfer = TR_LIST_ENTRY(node, struct transfer, node);
		tr_loop_defer_cancel(bridge->loop, limit_known_already, transfer);
		transfer_free(transfer);
	}
}
