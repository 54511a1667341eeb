/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How any call of the client-server API is made: URL, token, masquerade, JSON of the answer,
 * errors, figures, cancellation. Which calls there are is in client_rooms.c, client_users.c and
 * client_media.c; nothing is retried here, except that a path which an older homeserver does not
 * know is tried under its old name.
 */
#include "core/matrix/client_internal.h"

#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/encode.h"
#include "core/base/list.h"
#include "core/io/http_client.h"
#include "core/io/metrics.h"
#include "core/matrix/matrix_error.h"

#include <stdarg.h>
#include <string.h>

enum { OPERATIONS_MAX = 64 };

struct operation_metric {
	const char *operation;
	struct tr_metric *metric;
};

struct tr_matrix_client {
	struct tr_loop *loop;
	struct tr_http_client *http;
	bool owns_http;
	char *base; /* without a last slash */
	char *token;
	uint64_t timeout_ms;
	struct tr_metrics *metrics;
	struct operation_metric operations[OPERATIONS_MAX];
	size_t operation_count;
	struct tr_list calls; /* oldest first */
	size_t running;
	uint64_t limited_until_ms;
};

struct tr_matrix_call {
	struct tr_list node;
	struct tr_matrix_client *client;
	struct tr_http_call *http; /* NULL while only an error is on its way */
	const char *operation;
	tr_matrix_callback *callback;
	tr_matrix_media_callback *media_callback; /* of downloads, instead */
	void *arg;
	const char *required;
	const char *success_errcode;
	char *fallback_url; /* NULL = none, or in use already */
	char *save_file;
	size_t max;
	uint64_t timeout_ms;
	uint64_t started_ms;
	struct tr_error start_error;
};

struct tr_matrix_client *tr_matrix_client_create(
	struct tr_loop *loop, const struct tr_matrix_client_options *options)
{
	struct tr_matrix_client *client = tr_alloc(sizeof(*client));
	struct tr_http_client_options http = {.ca_file = options->ca_file};
	struct tr_str url = tr_str_from(options->homeserver_url);

	while (tr_str_ends(url, TR_STR("/"))) {
		url.len--;
	}
	client->loop = loop;
	client->base = tr_str_dup(url);
	client->token = tr_strdup(options->as_token);
	client->timeout_ms = options->timeout_ms ? options->timeout_ms : 60000;
	client->metrics = options->metrics;
	client->http = options->http;
	if (!client->http) {
		client->http = tr_http_client_create(loop, &http);
		client->owns_http = true;
	}
	tr_list_init(&client->calls);
	return client;
}

void tr_matrix_client_destroy(struct tr_matrix_client *client)
{
	struct tr_list *node;

	if (!client) {
		return;
	}
	while ((node = tr_list_head(&client->calls)) != NULL) {
		tr_matrix_call_cancel(TR_LIST_ENTRY(node, struct tr_matrix_call, node));
	}
	if (client->owns_http) {
		tr_http_client_destroy(client->http);
	}
	tr_free(client->base);
	tr_free_secret(client->token);
	tr_free(client);
}

size_t tr_matrix_client_running(const struct tr_matrix_client *client)
{
	return client->running;
}

uint64_t tr_matrix_client_silent_ms(const struct tr_matrix_client *client)
{
	struct tr_list *oldest = tr_list_head(&client->calls);

	return oldest ? tr_clock_mono_ms() -
				TR_LIST_ENTRY(oldest, struct tr_matrix_call, node)->started_ms
		      : 0;
}

uint64_t tr_matrix_client_limited_ms(const struct tr_matrix_client *client)
{
	uint64_t now = tr_clock_mono_ms();

	return client->limited_until_ms > now ? client->limited_until_ms - now : 0;
}

/* Operations are static strings, so their address finds the series. */
static struct tr_metric *metric_of(struct tr_matrix_client *client, const char *operation)
{
	struct operation_metric *entry;
	struct tr_buf labels = TR_BUF_INIT(200);
	size_t i;

	for (i = 0; i < client->operation_count; i++) {
		if (client->operations[i].operation == operation) {
			return client->operations[i].metric;
		}
	}
	if (!client->metrics || client->operation_count == OPERATIONS_MAX) {
		return NULL;
	}
	tr_metrics_label(&labels, "operation", tr_str_from(operation));
	entry = &client->operations[client->operation_count++];
	entry->operation = operation;
	entry->metric =
		tr_metrics_get(client->metrics, TR_METRIC_HISTOGRAM, "trestle_homeserver_seconds",
			tr_buf_c(&labels), "Time the homeserver took to answer, by operation.");
	tr_buf_finish(&labels);
	return entry->metric;
}

static void call_unlink(struct tr_matrix_call *call)
{
	tr_list_remove(&call->node);
	call->client->running--;
}

static void call_free(struct tr_matrix_call *call)
{
	tr_free(call->fallback_url);
	tr_free(call->save_file);
	tr_free(call);
}

/* Ends the call. The client may be destroyed in the callback. */
static void call_end(struct tr_matrix_call *call, const struct tr_json *response,
	const struct tr_matrix_media *media, const struct tr_error *error)
{
	call_unlink(call);
	if (call->media_callback) {
		call->media_callback(call->arg, error ? NULL : media, error);
	} else if (call->callback) {
		call->callback(call->arg, response, error);
	}
	call_free(call);
}

static void on_http_done(
	void *arg, const struct tr_http_response *response, const struct tr_error *error);

static void call_send(struct tr_matrix_call *call, struct tr_http_request *request)
{
	request->bearer = call->client->token;
	request->timeout_ms = call->timeout_ms;
	request->body_max = call->media_callback ? call->max : TR_JSON_MAX_BYTES;
	request->save_file = call->save_file;
	/* Media may lie elsewhere; the token does not go there (core/io/http_client.h). */
	request->follow_redirects = call->media_callback != NULL;
	call->http = tr_http_client_start(call->client->http, request, on_http_done, call);
}

/* Whether the old name of the path is to be tried, and then it is. Only reads have one. */
static bool call_fall_back(struct tr_matrix_call *call, const struct tr_error *error)
{
	struct tr_http_request request = {.method = "GET", .url = call->fallback_url};

	if (!call->fallback_url || error->code != TR_E_UNSUPPORTED) {
		return false;
	}
	call_send(call, &request);
	tr_free(call->fallback_url);
	call->fallback_url = NULL;
	return true;
}

static void on_good_answer(struct tr_matrix_call *call, const struct tr_http_response *response)
{
	struct tr_matrix_media media = {.bytes = response->body,
		.size = response->body_len,
		.content_type = response->content_type,
		.content_disposition = response->content_disposition};
	struct tr_json *json = NULL;
	struct tr_error error;
	struct tr_error *failed = NULL;

	if (!call->media_callback) {
		json = tr_json_parse(response->body, &error);
		if (!json ||
			(call->required && !tr_json_is_str(tr_json_get(json, call->required)))) {
			(void)tr_error_set(&error, TR_E_PROTOCOL,
				"%s: the homeserver's answer is not what it should be",
				call->operation);
			error.status = response->status;
			failed = &error;
		}
	}
	call_end(call, json, &media, failed);
	tr_json_free(json);
}

static void on_bad_answer(struct tr_matrix_call *call, const struct tr_http_response *response)
{
	struct tr_error error;
	struct tr_json *json = tr_json_parse(response->body, NULL);
	struct tr_json *empty;

	(void)tr_matrix_error(&error, response->status, json, response->retry_after_ms);
	(void)tr_error_prefix(&error, "%s", call->operation);
	if (error.cls == TR_CLASS_RETRY_AFTER) {
		call->client->limited_until_ms = tr_clock_mono_ms() + error.retry_after_ms;
	}
	if (call->success_errcode &&
		tr_str_eq_c(tr_json_get_str(json, "errcode"), call->success_errcode)) {
		empty = tr_json_new_object();
		call_end(call, empty, NULL, NULL);
		tr_json_free(empty);
	} else if (!call_fall_back(call, &error)) {
		call_end(call, json, NULL, &error);
	}
	tr_json_free(json);
}

static void on_http_done(
	void *arg, const struct tr_http_response *response, const struct tr_error *error)
{
	struct tr_matrix_call *call = arg;
	struct tr_metric *metric = metric_of(call->client, call->operation);
	struct tr_error own;

	call->http = NULL;
	if (error) {
		own = *error;
		(void)tr_error_prefix(&own, "%s", call->operation);
		call_end(call, NULL, NULL, &own);
		return;
	}
	if (metric) {
		tr_metric_observe(metric, (double)response->latency_us / 1e6);
	}
	if (response->status >= 200 && response->status <= 299) {
		on_good_answer(call, response);
	} else {
		on_bad_answer(call, response);
	}
}

static void on_start_failed(void *arg)
{
	struct tr_matrix_call *call = arg;

	call_end(call, NULL, NULL, &call->start_error);
}

void tr_matrix_call_cancel(struct tr_matrix_call *call)
{
	if (call->http) {
		tr_http_call_cancel(call->http);
	} else {
		tr_loop_defer_cancel(call->client->loop, on_start_failed, call);
	}
	call_unlink(call);
	call_free(call);
}

static struct tr_matrix_call *call_create(struct tr_matrix_client *client,
	const struct tr_matrix_spec *spec, tr_matrix_callback *callback, void *arg)
{
	struct tr_matrix_call *call = tr_alloc(sizeof(*call));

	call->client = client;
	call->started_ms = tr_clock_mono_ms();
	call->operation = spec->operation;
	call->callback = callback;
	call->media_callback = spec->media_callback;
	call->arg = arg;
	call->required = spec->required;
	call->success_errcode = spec->success_errcode;
	call->save_file = tr_strdup(spec->save_file);
	call->max = spec->max;
	call->timeout_ms = spec->timeout_ms ? spec->timeout_ms : client->timeout_ms;
	tr_list_append(&client->calls, &call->node);
	client->running++;
	return call;
}

static void fail_later(struct tr_matrix_call *call)
{
	(void)tr_error_prefix(&call->start_error, "%s", call->operation);
	tr_loop_defer(call->client->loop, on_start_failed, call);
}

struct tr_matrix_call *tr_matrix_start_failed(struct tr_matrix_client *client,
	const struct tr_matrix_spec *spec, tr_matrix_callback *callback, void *arg,
	const struct tr_error *error)
{
	struct tr_matrix_call *call = call_create(client, spec, callback, arg);

	tr_json_free(spec->json);
	call->start_error = *error;
	fail_later(call);
	return call;
}

void tr_matrix_query_add(struct tr_buf *query, const char *name, const char *value)
{
	if (value) {
		if (query->len > 0) {
			(void)tr_buf_add_char(query, '&');
		}
		(void)tr_buf_add_c(query, name);
		(void)tr_buf_add_char(query, '=');
		(void)tr_percent_encode(query, tr_str_from(value));
	}
}

void tr_matrix_set_optional(struct tr_json *object, const char *key, const char *text)
{
	if (text) {
		tr_json_set_c(object, key, text);
	}
}

static void add_path(struct tr_buf *url, const char *pattern, va_list parts)
{
	struct tr_str rest = tr_str_from(pattern);
	ptrdiff_t hole;

	while ((hole = tr_str_find(rest, TR_STR("{}"))) >= 0) {
		const char *part = va_arg(parts, const char *);

		TR_ASSERT(part != NULL);
		(void)tr_buf_add(url, tr_str_slice(rest, 0, (size_t)hole));
		(void)tr_percent_encode(url, tr_str_from(part));
		rest = tr_str_from_index(rest, (size_t)hole + 2);
	}
	(void)tr_buf_add(url, rest);
}

/* "?user_id=..&query". */
static void add_query(struct tr_buf *url, const struct tr_matrix_spec *spec)
{
	char mark = '?';

	if (spec->as_user) {
		(void)tr_buf_add_c(url, "?user_id=");
		(void)tr_percent_encode(url, tr_str_from(spec->as_user));
		mark = '&';
	}
	if (spec->query && spec->query[0]) {
		(void)tr_buf_add_char(url, mark);
		(void)tr_buf_add_c(url, spec->query);
	}
}

/* Starts the call with its URLs made; `url` fails when it is too long. */
static struct tr_matrix_call *launch(struct tr_matrix_client *client,
	const struct tr_matrix_spec *spec, tr_matrix_callback *callback, void *arg,
	struct tr_buf *url)
{
	struct tr_matrix_call *call = call_create(client, spec, callback, arg);
	struct tr_http_request request = {.method = spec->method,
		.body = spec->body,
		.content_type = spec->content_type,
		.body_file = spec->body_file,
		.once = spec->once};
	struct tr_buf printed = TR_BUF_INIT(TR_JSON_MAX_BYTES);

	if (tr_buf_failed(url)) {
		(void)tr_error_set(&call->start_error, TR_E_TOO_BIG, "the URL is too long");
		fail_later(call);
		return call;
	}
	if (spec->json) {
		(void)tr_json_print(spec->json, &printed);
		request.body = tr_buf_str(&printed);
	}
	request.url = tr_buf_c(url);
	call_send(call, &request);
	tr_buf_finish(&printed);
	return call;
}

struct tr_matrix_call *tr_matrix_start(struct tr_matrix_client *client,
	const struct tr_matrix_spec *spec, tr_matrix_callback *callback, void *arg,
	const char *pattern, ...)
{
	struct tr_buf url = TR_BUF_INIT(TR_MATRIX_URL_MAX);
	struct tr_buf fallback = TR_BUF_INIT(TR_MATRIX_URL_MAX);
	struct tr_matrix_call *call;
	va_list parts;

	(void)tr_buf_add_c(&url, client->base);
	va_start(parts, pattern);
	add_path(&url, pattern, parts);
	va_end(parts);
	add_query(&url, spec);
	call = launch(client, spec, callback, arg, &url);
	if (spec->fallback) {
		(void)tr_buf_add_c(&fallback, client->base);
		va_start(parts, pattern);
		add_path(&fallback, spec->fallback, parts);
		va_end(parts);
		add_query(&fallback, spec);
		call->fallback_url = tr_buf_take(&fallback);
	}
	tr_json_free(spec->json);
	tr_buf_finish(&url);
	return call;
}

struct tr_matrix_call *tr_matrix_request(struct tr_matrix_client *client,
	const struct tr_matrix_request *request, tr_matrix_callback *callback, void *arg)
{
	struct tr_matrix_spec spec = {.operation = request->operation,
		.method = request->method,
		.as_user = request->as_user,
		.query = request->query,
		.body = request->body,
		.content_type = request->content_type,
		.body_file = request->body_file,
		.timeout_ms = request->timeout_ms};
	struct tr_buf url = TR_BUF_INIT(TR_MATRIX_URL_MAX);
	struct tr_matrix_call *call;

	(void)tr_buf_add_c(&url, client->base);
	(void)tr_buf_add_c(&url, request->path);
	add_query(&url, &spec);
	call = launch(client, &spec, callback, arg, &url);
	tr_buf_finish(&url);
	return call;
}
