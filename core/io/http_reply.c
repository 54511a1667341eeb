/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The answer side of an HTTP call: the body as it comes in, into memory or a file, redirects, and
 * what the end of a transfer means. Redirects are decided here and not by libcurl, so that the
 * token stays with the origin it was meant for.
 */
#include "core/io/http_client_internal.h"

#include "core/base/alloc.h"
#include "core/base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { RETRY_AFTER_MAX_S = 24 * 3600 };

/* Creates the file, or takes it over empty; never through a symbolic link. */
static bool save_open(struct tr_http_call *call)
{
	if (call->save_fd < 0) {
		call->save_fd = open(call->save_file,
			O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR);
		if (call->save_fd < 0 || fchmod(call->save_fd, S_IRUSR | S_IWUSR) != 0) {
			call->save_errno = errno;
			return false;
		}
	}
	return true;
}

static bool save_write(struct tr_http_call *call, const char *data, size_t len)
{
	if (!save_open(call)) {
		return false;
	}
	while (len > 0) {
		ssize_t put = write(call->save_fd, data, len);

		if (put < 0 && errno != EINTR) {
			call->save_errno = errno;
			return false;
		}
		if (put > 0) {
			data += put;
			len -= (size_t)put;
			call->saved += (uint64_t)put;
		}
	}
	return true;
}

static bool saves(const struct tr_http_call *call)
{
	long status = 0;

	(void)curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
	return call->save_file && status >= 200 && status <= 299;
}

size_t tr_http_call_on_body(char *data, size_t size, size_t count, void *arg)
{
	struct tr_http_call *call = arg;
	size_t len = size * count;

	if (!saves(call)) {
		call->too_big = tr_buf_add(&call->response, tr_str_of(data, len)) != 0;
		return call->too_big ? 0 : len;
	}
	if (len > call->body_max - call->saved) {
		call->too_big = true;
		return 0;
	}
	return save_write(call, data, len) ? len : 0;
}

/* "https", "example.com", "443" of a URL, each owned by curl; false when it is none. */
static bool same_part(CURLU *a, CURLU *b, CURLUPart part)
{
	char *left = NULL;
	char *right = NULL;
	bool same = curl_url_get(a, part, &left, CURLU_DEFAULT_PORT) == CURLUE_OK &&
		    curl_url_get(b, part, &right, CURLU_DEFAULT_PORT) == CURLUE_OK &&
		    tr_str_eq_nocase(tr_str_from(left), tr_str_from(right));

	curl_free(left);
	curl_free(right);
	return same;
}

static bool same_origin(const char *from, const char *to)
{
	CURLU *a = curl_url();
	CURLU *b = curl_url();
	bool same = a && b && curl_url_set(a, CURLUPART_URL, from, 0) == CURLUE_OK &&
		    curl_url_set(b, CURLUPART_URL, to, 0) == CURLUE_OK &&
		    same_part(a, b, CURLUPART_SCHEME) && same_part(a, b, CURLUPART_HOST) &&
		    same_part(a, b, CURLUPART_PORT);

	curl_url_cleanup(a);
	curl_url_cleanup(b);
	return same;
}

/* After these the next request is a GET without body (RFC 9110 15.4). */
static bool becomes_get(const struct tr_http_call *call, long status)
{
	return status == 303 ||
	       ((status == 301 || status == 302) && strcmp(call->method, "POST") == 0);
}

bool tr_http_call_redirect(struct tr_http_call *call)
{
	char *target = NULL;
	long status = 0;

	(void)curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
	if (!call->follow_redirects || call->redirects == TR_HTTP_REDIRECTS_MAX ||
		!(status == 301 || status == 302 || status == 303 || status == 307 ||
			status == 308)) {
		return false;
	}
	(void)curl_easy_getinfo(call->easy, CURLINFO_REDIRECT_URL, &target);
	if (!target) {
		return false;
	}
	call->redirects++;
	if (call->bearer && !same_origin(call->url, target)) {
		tr_free_secret(call->bearer);
		call->bearer = NULL;
	}
	if (becomes_get(call, status)) {
		tr_free(call->method);
		call->method = tr_strdup("GET");
		call->body_len = 0;
		tr_free(call->body_file);
		call->body_file = NULL;
	}
	tr_free(call->url);
	call->url = tr_strdup(target);
	tr_buf_clear(&call->response);
	return true;
}

static struct tr_str response_header(struct tr_http_call *call, const char *name)
{
	struct curl_header *header = NULL;

	if (curl_easy_header(call->easy, name, 0, CURLH_HEADER, -1, &header) != CURLHE_OK) {
		return TR_STR("");
	}
	return tr_str_from(header->value);
}

/* Date (RFC 9110 6.6.1) in milliseconds; 0 when it is missing or none. */
static int64_t date_of(struct tr_http_call *call)
{
	struct tr_str text = response_header(call, "Date");
	time_t seconds = tr_str_empty(text) ? -1 : curl_getdate(text.ptr, NULL);

	return seconds > 0 ? (int64_t)seconds * 1000 : 0;
}

static enum tr_error_code code_of(const struct tr_http_call *call, CURLcode result)
{
	if (call->refused_address) {
		return TR_E_DENIED;
	}
	if (call->too_big) {
		return TR_E_TOO_BIG;
	}
	switch (result) {
	case CURLE_OPERATION_TIMEDOUT:
		return TR_E_TIMEOUT;
	case CURLE_FILESIZE_EXCEEDED:
		return TR_E_TOO_BIG;
	case CURLE_URL_MALFORMAT:
	case CURLE_UNSUPPORTED_PROTOCOL:
		return TR_E_INVALID;
	case CURLE_WRITE_ERROR:
	case CURLE_READ_ERROR:
		return TR_E_SYSTEM;
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_ISSUER_ERROR:
		return TR_E_TLS;
	default:
		return TR_E_NETWORK;
	}
}

/* The host and nothing else of the URL: paths and queries may hold what the log must not. */
static struct tr_str host_of(const struct tr_http_call *call)
{
	struct tr_str url = tr_str_from(call->url);
	ptrdiff_t start = tr_str_find(url, TR_STR("://"));
	size_t len;
	ptrdiff_t at;

	if (start < 0) {
		return TR_STR("?");
	}
	url = tr_str_from_index(url, (size_t)start + 3);
	for (len = 0; len < url.len && !strchr("/?#", url.ptr[len]); len++) {
	}
	url = tr_str_slice(url, 0, len);
	at = tr_str_rfind_char(url, '@');
	return at < 0 ? url : tr_str_from_index(url, (size_t)at + 1);
}

static int fill_error(struct tr_http_call *call, CURLcode result, struct tr_error *error)
{
	enum tr_error_code code = code_of(call, result);
	const char *text = call->curl_text[0] ? call->curl_text : curl_easy_strerror(result);
	long os_errno = 0;

	if (call->refused_address) {
		text = "the address is not a public one";
	} else if (code == TR_E_TOO_BIG) {
		text = "the answer is larger than allowed";
	} else if (code == TR_E_TIMEOUT) {
		text = "no answer in time";
	} else if (call->save_errno != 0) {
		text = strerror(call->save_errno);
	} else if (result == CURLE_COULDNT_CONNECT) {
		/* libcurl's words hold the milliseconds it took; the same failure must read the
		 * same, or each try would be news in the log. */
		(void)curl_easy_getinfo(call->easy, CURLINFO_OS_ERRNO, &os_errno);
		text = os_errno ? strerror((int)os_errno) : curl_easy_strerror(result);
	}
	return tr_error_set(error, code, "%.*s: %s", TR_STR_ARG(host_of(call)), text);
}

int tr_http_call_finish(struct tr_http_call *call, CURLcode result,
	struct tr_http_response *response, struct tr_error *error)
{
	char *content_type = NULL;
	curl_off_t retry_after = 0;
	long status = 0;

	if (result == CURLE_OK && saves(call) && !save_open(call)) {
		result = CURLE_WRITE_ERROR;
	}
	if (result != CURLE_OK) {
		return fill_error(call, result, error);
	}
	if (call->save_fd >= 0) {
		/* Errors of delayed writing show here at the latest. */
		if (close(call->save_fd) != 0) {
			call->save_errno = errno;
			call->save_fd = -1;
			(void)unlink(call->save_file);
			return fill_error(call, CURLE_WRITE_ERROR, error);
		}
		call->save_fd = -1;
	}
	(void)curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
	(void)curl_easy_getinfo(call->easy, CURLINFO_CONTENT_TYPE, &content_type);
	(void)curl_easy_getinfo(call->easy, CURLINFO_RETRY_AFTER, &retry_after);
	if (retry_after > RETRY_AFTER_MAX_S) {
		retry_after = RETRY_AFTER_MAX_S;
	}
	memset(response, 0, sizeof(*response));
	response->status = (int)status;
	response->body = tr_buf_str(&call->response);
	response->content_type = tr_str_from(content_type);
	response->content_disposition = response_header(call, "Content-Disposition");
	response->retry_after_ms = retry_after > 0 ? (uint64_t)retry_after * 1000 : 0;
	response->date_ms = date_of(call);
	response->body_len = call->saved ? call->saved : response->body.len;
	response->latency_us = tr_clock_mono_us() - call->started_us;
	return 0;
}
