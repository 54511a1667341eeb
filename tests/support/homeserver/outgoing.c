/* SPDX-License-Identifier: Apache-2.0
 *
 * Implements outgoing.h with curl_multi_socket_action.
 */
#include "tests/support/homeserver/outgoing.h"

#include <stdlib.h>
#include <sys/epoll.h>

struct socket_watch {
	struct hs_watch watch;
	struct hs_outgoing *outgoing;
};

static void end_call(struct hs_call *call)
{
	curl_multi_remove_handle(call->outgoing->multi, call->easy);
	curl_easy_cleanup(call->easy);
	curl_slist_free_all(call->headers);
	call->easy = NULL;
	call->headers = NULL;
}

static void finish_calls(struct hs_outgoing *outgoing)
{
	CURLMsg *message;
	int left;
	while ((message = curl_multi_info_read(outgoing->multi, &left))) {
		if (message->msg != CURLMSG_DONE) {
			continue;
		}
		struct hs_call *call;
		CURLcode code = message->data.result;
		long status = 0;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&call);
		curl_easy_getinfo(message->easy_handle, CURLINFO_RESPONSE_CODE, &status);
		call->status = code == CURLE_OK                   ? (int)status
			       : code == CURLE_OPERATION_TIMEDOUT ? HS_CALL_TIMEOUT
								  : HS_CALL_REFUSED;
		call->took_ms = hs_monotonic_ms() - call->started_ms;
		end_call(call);
		call->done(call);
	}
}

static void on_socket_ready(struct hs_watch *watch, uint32_t events)
{
	struct hs_outgoing *outgoing = ((struct socket_watch *)watch)->outgoing;
	int running;
	int what = (events & EPOLLIN ? CURL_CSELECT_IN : 0) |
		   (events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
		   (events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
	curl_multi_socket_action(outgoing->multi, watch->fd, what, &running);
	finish_calls(outgoing);
}

static void on_timer(struct hs_timer *timer)
{
	struct hs_outgoing *outgoing =
		(struct hs_outgoing *)((char *)timer - offsetof(struct hs_outgoing, timer));
	int running;
	curl_multi_socket_action(outgoing->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	finish_calls(outgoing);
}

static int set_timer(CURLM *multi, long timeout_ms, void *user)
{
	(void)multi;
	struct hs_outgoing *outgoing = user;
	if (timeout_ms < 0) {
		hs_timer_stop(&outgoing->timer);
	} else {
		hs_timer_start(outgoing->loop, &outgoing->timer, timeout_ms);
	}
	return 0;
}

static int set_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *socket)
{
	(void)easy;
	struct hs_outgoing *outgoing = user;
	struct socket_watch *watch = socket;
	if (what == CURL_POLL_REMOVE) {
		if (watch) {
			hs_loop_watch(outgoing->loop, &watch->watch, 0);
			free(watch);
			curl_multi_assign(outgoing->multi, fd, NULL);
		}
		return 0;
	}
	if (!watch) {
		watch = hs_alloc(sizeof(*watch));
		watch->watch.fd = fd;
		watch->watch.ready = on_socket_ready;
		watch->outgoing = outgoing;
		curl_multi_assign(outgoing->multi, fd, watch);
	}
	hs_loop_watch(outgoing->loop, &watch->watch,
		(what & CURL_POLL_IN ? (uint32_t)EPOLLIN : 0) |
			(what & CURL_POLL_OUT ? (uint32_t)EPOLLOUT : 0));
	return 0;
}

int hs_outgoing_init(struct hs_outgoing *outgoing, struct hs_loop *loop)
{
	*outgoing = (struct hs_outgoing){.loop = loop, .multi = curl_multi_init()};
	if (!outgoing->multi) {
		return -1;
	}
	outgoing->timer.fire = on_timer;
	curl_multi_setopt(outgoing->multi, CURLMOPT_SOCKETFUNCTION, set_socket);
	curl_multi_setopt(outgoing->multi, CURLMOPT_SOCKETDATA, outgoing);
	curl_multi_setopt(outgoing->multi, CURLMOPT_TIMERFUNCTION, set_timer);
	curl_multi_setopt(outgoing->multi, CURLMOPT_TIMERDATA, outgoing);
	return 0;
}

void hs_outgoing_finish(struct hs_outgoing *outgoing)
{
	curl_multi_cleanup(outgoing->multi);
	hs_timer_stop(&outgoing->timer);
}

static size_t on_answer(char *data, size_t size, size_t count, void *user)
{
	struct hs_call *call = user;
	if (call->answer.len + size * count > 1024 * 1024) {
		return 0;
	}
	hs_text_add(&call->answer, data, size * count);
	return size * count;
}

void hs_call_start(struct hs_outgoing *outgoing, struct hs_call *call, const char *method,
	const char *url, const char *token, const char *body, size_t len, int64_t timeout_ms)
{
	struct hs_text header = {0};
	hs_text_printf(&header, "Authorization: Bearer %s", token);
	call->headers = curl_slist_append(NULL, header.data);
	call->headers = curl_slist_append(call->headers, "Content-Type: application/json");
	call->headers = curl_slist_append(call->headers, "Expect:");
	hs_text_free(&header);
	hs_text_clear(&call->answer);
	call->outgoing = outgoing;
	call->started_ms = hs_monotonic_ms();
	call->easy = curl_easy_init();
	curl_easy_setopt(call->easy, CURLOPT_PRIVATE, (char *)call);
	curl_easy_setopt(call->easy, CURLOPT_URL, url);
	curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, call->headers);
	curl_easy_setopt(call->easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(call->easy, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(call->easy, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
	curl_easy_setopt(call->easy, CURLOPT_WRITEFUNCTION, on_answer);
	curl_easy_setopt(call->easy, CURLOPT_WRITEDATA, call);
	if (body) {
		curl_easy_setopt(call->easy, CURLOPT_POSTFIELDS, body);
		curl_easy_setopt(call->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)len);
	}
	curl_easy_setopt(call->easy, CURLOPT_CUSTOMREQUEST, method);
	curl_multi_add_handle(outgoing->multi, call->easy);
}

void hs_call_cancel(struct hs_call *call)
{
	if (call->easy) {
		end_call(call);
	}
}
