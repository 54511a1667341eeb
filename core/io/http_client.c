/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTP client: libcurl's multi interface on the loop, and the life of a call from its start
 * through redirects to its one callback. Handles are kept in a pool, for making one costs more than
 * a request. What a request is made of is in http_call.c, the sockets are in http_socket.c.
 */
#include "core/io/http_client_internal.h"

#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/log.h"

#include <string.h>

enum {
	PER_HOST_DEFAULT = 32,
	POOL_MAX = 32,
	SWEEP_MS = 1000,
};

static void on_curl_timer(void *arg)
{
	tr_http_client_act(arg, CURL_SOCKET_TIMEOUT, 0);
}

/* Zero must stay zero: a millisecond here would be one per request on a single connection. */
static int on_set_timer(CURLM *multi, long delay_ms, void *arg)
{
	struct tr_http_client *client = arg;

	(void)multi;
	if (delay_ms < 0) {
		tr_timer_stop(client->timer);
	} else {
		tr_timer_start(client->timer, (uint64_t)delay_ms);
	}
	return 0;
}

static CURL *handle_get(struct tr_http_client *client)
{
	CURL *easy;

	if (client->pool_count > 0) {
		return client->pool[--client->pool_count];
	}
	easy = curl_easy_init();
	TR_ASSERT(easy != NULL);
	tr_http_call_prepare_handle(client, easy);
	return easy;
}

/* Stops the call's transfer; the handle keeps what it received until it goes back to the pool. */
static void transfer_stop(struct tr_http_call *call)
{
	if (call->easy) {
		(void)curl_multi_remove_handle(call->client->multi, call->easy);
	}
}

static void handle_release(struct tr_http_call *call)
{
	struct tr_http_client *client = call->client;

	if (!call->easy) {
		return;
	}
	if (call->special_handle || client->pool_count == POOL_MAX) {
		call->special_handle = false;
		curl_easy_cleanup(call->easy);
	} else {
		/* The buffer goes with the call. */
		(void)curl_easy_setopt(call->easy, CURLOPT_ERRORBUFFER, NULL);
		client->pool[client->pool_count++] = call->easy;
	}
	call->easy = NULL;
}

/* Out of the list of running calls. */
static void call_unlink(struct tr_http_call *call)
{
	struct tr_http_client *client = call->client;

	transfer_stop(call);
	tr_list_remove(&call->node);
	client->running--;
	if (client->running == 0) {
		tr_timer_stop(client->sweep);
	}
}

/* Ends a call with its callback, in which anything may happen to the client and to other calls. */
static void call_back(struct tr_http_call *call, const struct tr_http_response *response,
	const struct tr_error *error)
{
	TR_ASSERT(call->client->dispatching);
	call_unlink(call);
	call->callback(call->arg, response, error);
	handle_release(call);
	tr_http_call_free(call);
}

/* Starts one hop. 0, or an error and the call has no transfer. */
static int call_launch(struct tr_http_call *call, struct tr_error *error)
{
	int result;

	call->easy = handle_get(call->client);
	result = tr_http_call_fill(call, error);
	if (result == 0 && curl_multi_add_handle(call->client->multi, call->easy) != CURLM_OK) {
		result = tr_error_set(error, TR_E_BUG, "cannot start an HTTP transfer");
	}
	if (result != 0) {
		handle_release(call);
	}
	return result;
}

/* A transfer is over: the next hop, or the end. */
static void on_transfer_done(struct tr_http_call *call, CURLcode result)
{
	struct tr_http_response response;
	struct tr_error error;

	if (result == CURLE_OK && tr_http_call_redirect(call)) {
		transfer_stop(call);
		handle_release(call);
		if (call_launch(call, &error) != 0) {
			call_back(call, NULL, &error);
		}
	} else if (tr_http_call_finish(call, result, &response, &error) == 0) {
		call_back(call, &response, NULL);
	} else {
		call_back(call, NULL, &error);
	}
}

static void client_free(struct tr_http_client *client)
{
	while (client->pool_count > 0) {
		curl_easy_cleanup(client->pool[--client->pool_count]);
	}
	curl_multi_cleanup(client->multi);
	tr_http_sockets_finish(client);
	tr_timer_destroy(client->timer);
	tr_timer_destroy(client->sweep);
	tr_free(client->pool);
	tr_free(client->ca_file);
	tr_free(client->user_agent);
	tr_free(client);
	curl_global_cleanup();
}

static void dispatch_begin(struct tr_http_client *client)
{
	TR_ASSERT(!client->dispatching);
	client->dispatching = true;
}

/* A client destroyed in a callback lives until here. */
static void dispatch_end(struct tr_http_client *client)
{
	client->dispatching = false;
	if (client->destroyed) {
		client_free(client);
	}
}

void tr_http_client_act(struct tr_http_client *client, curl_socket_t fd, int events)
{
	struct tr_http_call *call;
	CURLMsg *message;
	CURLcode result;
	int count = 0;

	(void)curl_multi_socket_action(client->multi, fd, events, &count);
	dispatch_begin(client);
	while (!client->destroyed &&
		(message = curl_multi_info_read(client->multi, &count)) != NULL) {
		if (message->msg == CURLMSG_DONE) {
			result = message->data.result;
			call = NULL;
			(void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &call);
			on_transfer_done(call, result);
		}
	}
	dispatch_end(client);
}

/* libcurl does not time calls that wait for a free connection. */
static struct tr_http_call *find_overdue(const struct tr_http_client *client)
{
	uint64_t now = tr_clock_mono_ms();
	struct tr_list *node;
	struct tr_list *following;

	TR_LIST_EACH (&client->calls, node, following) {
		struct tr_http_call *call = TR_LIST_ENTRY(node, struct tr_http_call, node);

		if (now > call->deadline_ms + SWEEP_MS) {
			return call;
		}
	}
	return NULL;
}

static void on_sweep(void *arg)
{
	struct tr_http_client *client = arg;
	struct tr_http_call *call;
	struct tr_error error;

	dispatch_begin(client);
	while (!client->destroyed && (call = find_overdue(client)) != NULL) {
		(void)tr_http_call_finish(call, CURLE_OPERATION_TIMEDOUT, NULL, &error);
		call_back(call, NULL, &error);
	}
	dispatch_end(client);
}

static void on_start_failed(void *arg)
{
	struct tr_http_call *call = arg;
	struct tr_http_client *client = call->client;

	dispatch_begin(client);
	call_back(call, NULL, &call->start_error);
	dispatch_end(client);
}

struct tr_http_client *tr_http_client_create(
	struct tr_loop *loop, const struct tr_http_client_options *options)
{
	struct tr_http_client *client = tr_alloc(sizeof(*client));
	long per_host = options->per_host_max ? (long)options->per_host_max : PER_HOST_DEFAULT;

	TR_ASSERT(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
	client->loop = loop;
	client->ca_file = tr_strdup(options->ca_file);
	client->user_agent =
		tr_strdup(options->user_agent ? options->user_agent : "trestle/" TRESTLE_VERSION);
	client->pool = tr_alloc_array(POOL_MAX, sizeof(CURL *));
	tr_list_init(&client->calls);
	client->timer = tr_timer_create(loop, on_curl_timer, client);
	client->sweep = tr_timer_create(loop, on_sweep, client);
	client->multi = curl_multi_init();
	TR_ASSERT(client->multi != NULL);
	(void)curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, tr_http_socket_watch);
	(void)curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client);
	(void)curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, on_set_timer);
	(void)curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client);
	(void)curl_multi_setopt(client->multi, CURLMOPT_MAX_HOST_CONNECTIONS, per_host);
	(void)curl_multi_setopt(client->multi, CURLMOPT_MAXCONNECTS, 2 * per_host);
	return client;
}

void tr_http_client_destroy(struct tr_http_client *client)
{
	struct tr_list *node;

	if (!client) {
		return;
	}
	while ((node = tr_list_head(&client->calls)) != NULL) {
		tr_http_call_cancel(TR_LIST_ENTRY(node, struct tr_http_call, node));
	}
	if (client->dispatching) {
		client->destroyed = true;
	} else {
		client_free(client);
	}
}

struct tr_http_call *tr_http_client_start(struct tr_http_client *client,
	const struct tr_http_request *request, tr_http_callback *callback, void *arg)
{
	struct tr_http_call *call = tr_http_call_create(client, request);

	TR_ASSERT(!client->destroyed);
	call->callback = callback;
	call->arg = arg;
	tr_list_append(&client->calls, &call->node);
	if (client->running++ == 0) {
		tr_timer_repeat(client->sweep, SWEEP_MS);
	}
	if (call_launch(call, &call->start_error) != 0) {
		tr_loop_defer(client->loop, on_start_failed, call);
	}
	return call;
}

void tr_http_call_cancel(struct tr_http_call *call)
{
	TR_ASSERT(tr_list_linked(&call->node));
	tr_loop_defer_cancel(call->client->loop, on_start_failed, call);
	call_unlink(call);
	handle_release(call);
	tr_http_call_free(call);
}

size_t tr_http_client_running(const struct tr_http_client *client)
{
	return client->running;
}
