/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The request side of an HTTP call: its copy of the request, and the settings of a curl handle for
 * each hop. The answer is in http_reply.c; when calls start and end is left to http_client.c.
 */
#include "core/io/http_client_internal.h"

#include "core/base/alloc.h"
#include "core/base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	BODY_MAX_DEFAULT = 16 * 1024 * 1024,
	TIMEOUT_DEFAULT_MS = 60000,
	CONNECT_TIMEOUT_MS = 20000,
};

struct tr_http_call *tr_http_call_create(
	struct tr_http_client *client, const struct tr_http_request *request)
{
	struct tr_http_call *call = tr_alloc(sizeof(*call));
	uint64_t timeout = request->timeout_ms ? request->timeout_ms : TIMEOUT_DEFAULT_MS;

	call->client = client;
	call->method = tr_strdup(request->method);
	call->url = tr_strdup(request->url);
	call->bearer = tr_strdup(request->bearer);
	call->content_type = tr_strdup(request->content_type);
	call->body = tr_memdup(request->body.ptr, request->body.len);
	call->body_len = request->body.len;
	call->body_file = tr_strdup(request->body_file);
	call->save_file = tr_strdup(request->save_file);
	call->upload_fd = -1;
	call->save_fd = -1;
	call->body_max = request->body_max ? request->body_max : BODY_MAX_DEFAULT;
	call->started_us = tr_clock_mono_us();
	call->deadline_ms = tr_clock_mono_ms() + timeout;
	call->follow_redirects = request->follow_redirects;
	call->public_only = request->public_only;
	call->once = request->once;
	tr_buf_init(&call->response, call->body_max);
	return call;
}

/* The list holds a copy of the token. */
static void free_headers(struct tr_http_call *call)
{
	struct curl_slist *entry;

	for (entry = call->headers; entry; entry = entry->next) {
		tr_wipe(entry->data, strlen(entry->data));
	}
	curl_slist_free_all(call->headers);
	call->headers = NULL;
}

static void close_files(struct tr_http_call *call)
{
	if (call->upload_fd >= 0) {
		close(call->upload_fd);
		call->upload_fd = -1;
	}
	if (call->save_fd >= 0) {
		/* Still open: the call did not come to a good end. */
		close(call->save_fd);
		(void)unlink(call->save_file);
		call->save_fd = -1;
	}
}

void tr_http_call_free(struct tr_http_call *call)
{
	TR_ASSERT(!call->easy);
	close_files(call);
	free_headers(call);
	tr_free_secret(call->bearer);
	tr_free(call->method);
	tr_free(call->url);
	tr_free(call->content_type);
	tr_free(call->body);
	tr_free(call->body_file);
	tr_free(call->save_file);
	tr_buf_finish(&call->response);
	tr_free(call);
}

/* Files are read and written from the loop in pieces of some 16 KiB: they pass through the page
 * cache and are never synced here. */
static size_t on_upload(char *out, size_t size, size_t count, void *arg)
{
	struct tr_http_call *call = arg;
	ssize_t got;

	do {
		got = read(call->upload_fd, out, size * count);
	} while (got < 0 && errno == EINTR);
	return got < 0 ? CURL_READFUNC_ABORT : (size_t)got;
}

static int on_seek(void *arg, curl_off_t offset, int origin)
{
	struct tr_http_call *call = arg;

	return lseek(call->upload_fd, (off_t)offset, origin) < 0 ? CURL_SEEKFUNC_FAIL
								 : CURL_SEEKFUNC_OK;
}

void tr_http_call_prepare_handle(struct tr_http_client *client, CURL *easy)
{
	(void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	(void)curl_easy_setopt(easy, CURLOPT_USERAGENT, client->user_agent);
	(void)curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
	(void)curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	/* An id may be "..", and that is not the way up. */
	(void)curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
	/* The environment's proxy would see http:// tokens and get around public_only. */
	(void)curl_easy_setopt(easy, CURLOPT_PROXY, "");
	/* HTTP/2 by ALPN only: prior knowledge fails on reused connections in 7.88. */
	(void)curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	(void)curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
	(void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, tr_http_call_on_body);
	(void)curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_upload);
	(void)curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, on_seek);
	(void)curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, tr_http_socket_open);
	(void)curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, tr_http_socket_close);
	(void)curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, client);
	if (client->ca_file) {
		(void)curl_easy_setopt(easy, CURLOPT_CAINFO, client->ca_file);
	}
}

static void add_header(struct tr_http_call *call, const char *name, const char *value)
{
	char *line = tr_asprintf("%s%s", name, value);
	struct curl_slist *longer = curl_slist_append(call->headers, line);

	TR_ASSERT(longer != NULL);
	call->headers = longer;
	tr_free_secret(line);
}

static void fill_headers(struct tr_http_call *call)
{
	free_headers(call);
	add_header(call, "Expect:", ""); /* no waiting for 100 Continue */
	if (call->body_len > 0 || call->body_file) {
		add_header(call, "Content-Type: ",
			call->content_type ? call->content_type : "application/json");
	} else {
		add_header(call, "Content-Type:", ""); /* libcurl would name one of its own */
	}
	if (call->bearer) {
		add_header(call, "Authorization: Bearer ", call->bearer);
	}
	(void)curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, call->headers);
}

static int fill_upload(struct tr_http_call *call, struct tr_error *error)
{
	struct stat info;

	if (call->upload_fd < 0) {
		call->upload_fd = open(call->body_file, O_RDONLY | O_CLOEXEC);
	}
	if (call->upload_fd < 0 || fstat(call->upload_fd, &info) != 0 ||
		lseek(call->upload_fd, 0, SEEK_SET) < 0) {
		return tr_error_set(
			error, TR_E_SYSTEM, "cannot read %s: %s", call->body_file, strerror(errno));
	}
	call->special_handle = true;
	(void)curl_easy_setopt(call->easy, CURLOPT_UPLOAD, 1L);
	(void)curl_easy_setopt(call->easy, CURLOPT_READDATA, call);
	(void)curl_easy_setopt(call->easy, CURLOPT_SEEKDATA, call);
	(void)curl_easy_setopt(call->easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)info.st_size);
	(void)curl_easy_setopt(call->easy, CURLOPT_CUSTOMREQUEST, call->method);
	return 0;
}

static int fill_method(struct tr_http_call *call, struct tr_error *error)
{
	if (call->body_file) {
		return fill_upload(call, error);
	}
	if (strcmp(call->method, "HEAD") == 0) {
		call->special_handle = true;
		(void)curl_easy_setopt(call->easy, CURLOPT_NOBODY, 1L);
	} else if (strcmp(call->method, "GET") == 0 && call->body_len == 0) {
		(void)curl_easy_setopt(call->easy, CURLOPT_HTTPGET, 1L);
		(void)curl_easy_setopt(call->easy, CURLOPT_CUSTOMREQUEST, NULL);
	} else {
		/* As one piece with the headers, whatever the method. */
		(void)curl_easy_setopt(call->easy, CURLOPT_POSTFIELDS, call->body);
		(void)curl_easy_setopt(
			call->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body_len);
		(void)curl_easy_setopt(call->easy, CURLOPT_CUSTOMREQUEST, call->method);
	}
	return 0;
}

int tr_http_call_fill(struct tr_http_call *call, struct tr_error *error)
{
	uint64_t now = tr_clock_mono_ms();
	long left = call->deadline_ms > now ? (long)(call->deadline_ms - now) : 1;

	call->curl_text[0] = '\0';
	(void)curl_easy_setopt(call->easy, CURLOPT_PRIVATE, call);
	(void)curl_easy_setopt(call->easy, CURLOPT_URL, call->url);
	(void)curl_easy_setopt(call->easy, CURLOPT_WRITEDATA, call);
	(void)curl_easy_setopt(call->easy, CURLOPT_OPENSOCKETDATA, call);
	(void)curl_easy_setopt(call->easy, CURLOPT_ERRORBUFFER, call->curl_text);
	(void)curl_easy_setopt(call->easy, CURLOPT_TIMEOUT_MS, left);
	(void)curl_easy_setopt(call->easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)call->body_max);
	if (call->public_only) {
		/* A kept connection was opened under other rules. */
		call->special_handle = true;
		(void)curl_easy_setopt(call->easy, CURLOPT_FRESH_CONNECT, 1L);
		(void)curl_easy_setopt(call->easy, CURLOPT_FORBID_REUSE, 1L);
	}
	if (call->once) {
		/* libcurl sends again what got no answer on a connection it had kept. */
		call->special_handle = true;
		(void)curl_easy_setopt(call->easy, CURLOPT_FRESH_CONNECT, 1L);
	}
	fill_headers(call);
	return fill_method(call, error);
}
