/* SPDX-License-Identifier: Apache-2.0
 *
 * Client-server API: upload, download and limits of media. What goes beyond 64 MiB or 1,000 files
 * in all pushes the oldest out.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/support/homeserver/api.h"
#include "tests/support/homeserver/media.h"

enum { MAX_UPLOAD = 52428800, MAX_KEPT = 64 * 1024 * 1024, MAX_FILES = 1000, ID_LEN = 24 };

struct hs_media {
	UT_hash_handle hh;
	char id[ID_LEN + 1];
	bool complete; /* false: the id was made, the bytes have not come */
	char type[128];
	struct hs_text bytes;
};

static size_t kept_bytes; /* of the one server in this program */

static void forget(struct hs_server *server, struct hs_media *media)
{
	HASH_DEL(server->media, media);
	kept_bytes -= media->bytes.len;
	hs_text_free(&media->bytes);
	free(media);
}

void hs_media_clear(struct hs_server *server)
{
	while (server->media) {
		forget(server, server->media);
	}
}

static struct hs_media *new_media(struct hs_server *server)
{
	while (server->media && (HASH_COUNT(server->media) >= MAX_FILES || kept_bytes > MAX_KEPT)) {
		forget(server, server->media); /* the table keeps the order of insertion */
	}
	struct hs_media *media = hs_alloc(sizeof(*media));
	hs_random_letters(media->id, ID_LEN);
	HASH_ADD_STR(server->media, id, media);
	return media;
}

static void fill(struct hs_api *api, struct hs_media *media)
{
	const char *type = hs_request_header(api->request, "Content-Type");
	size_t len = type ? strlen(type) : 0;
	if (len == 0 || len >= sizeof(media->type)) {
		type = "application/octet-stream";
		len = strlen(type);
	}
	memcpy(media->type, type, len);
	media->bytes = api->request->body;
	api->request->body = (struct hs_text){0};
	media->complete = true;
	kept_bytes += media->bytes.len;
}

static void content_uri(struct hs_api *api, const struct hs_media *media, const char *more)
{
	hs_text_printf(hs_api_out(api), "{\"content_uri\":\"mxc://%s/%s\"%s}", api->server->domain,
		media->id, more);
	hs_api_reply(api);
}

static bool too_large(struct hs_api *api)
{
	if (api->request->body.len > MAX_UPLOAD) {
		hs_api_error(api, 413, "M_TOO_LARGE", "Upload request body is too large");
		return true;
	}
	return false;
}

static void upload(struct hs_api *api)
{
	if (!too_large(api)) {
		struct hs_media *media = new_media(api->server);
		fill(api, media);
		content_uri(api, media, "");
	}
}

static void create(struct hs_api *api)
{
	struct hs_text more = {0};
	hs_text_printf(
		&more, ",\"unused_expires_at\":%lld", (long long)(hs_wall_ms() + 24 * 3600 * 1000));
	content_uri(api, new_media(api->server), more.data);
	hs_text_free(&more);
}

static struct hs_media *find(struct hs_api *api)
{
	struct hs_media *media = NULL;
	if (strcmp(api->args[0], api->server->domain) == 0) {
		HASH_FIND_STR(api->server->media, api->args[1], media);
	}
	if (!media) {
		hs_api_error(api, 404, "M_NOT_FOUND", "Not found");
	}
	return media;
}

static void upload_to(struct hs_api *api)
{
	struct hs_media *media = find(api);
	if (!media || too_large(api)) {
		return;
	}
	if (media->complete) {
		hs_api_error(api, 409, "M_CANNOT_OVERWRITE_MEDIA", "Media ID already has content");
		return;
	}
	fill(api, media);
	hs_api_empty(api);
}

static void download(struct hs_api *api)
{
	static char type[sizeof(((struct hs_media *)0)->type)]; /* outlives this request's answer */
	const struct hs_media *media = find(api);
	if (!media) {
		return;
	}
	if (!media->complete) {
		hs_api_error(api, 504, "M_NOT_YET_UPLOADED", "Media has not been uploaded yet");
		return;
	}
	memcpy(type, media->type, sizeof(type));
	api->request->content_type = type;
	hs_text_reserve(hs_api_out(api), media->bytes.len);
	hs_text_add(hs_api_out(api), media->bytes.data ? media->bytes.data : "", media->bytes.len);
	hs_api_reply(api);
}

static void config(struct hs_api *api)
{
	hs_text_printf(hs_api_out(api), "{\"m.upload.size\":%d}", MAX_UPLOAD);
	hs_api_reply(api);
}

const struct hs_route hs_routes_media[] = {
	{"POST", "/_matrix/media/v3/upload", upload, 0},
	{"POST", "/_matrix/media/r0/upload", upload, 0},
	{"POST", "/_matrix/media/v1/create", create, 0},
	{"PUT", "/_matrix/media/v3/upload/*/*", upload_to, 0},
	{"GET", "media/download/*/*", download, 0},
	{"GET", "media/download/*/*/*", download, 0},
	{"GET", "media/thumbnail/*/*", download, 0},
	{"GET", "media/config", config, 0},
	{"GET", "/_matrix/media/v3/config", config, 0},
	{0},
};
