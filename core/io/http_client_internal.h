/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the HTTP client share. A call borrows a curl handle from the client's pool for
 * each hop: http_client.c owns calls and their ends, http_call.c fills a handle from a call,
 * http_reply.c takes the answer, http_socket.c watches curl's sockets. Nobody else includes this.
 */
#ifndef TRESTLE_IO_HTTP_CLIENT_INTERNAL_H
#define TRESTLE_IO_HTTP_CLIENT_INTERNAL_H

#include "core/base/buf.h"
#include "core/base/list.h"
#include "core/io/http_client.h"

#include <curl/curl.h>

enum { TR_HTTP_REDIRECTS_MAX = 5 };

struct tr_http_socket;

struct tr_http_client {
	struct tr_loop *loop;
	CURLM *multi;
	struct tr_timer *timer; /* curl's */
	struct tr_timer *sweep; /* finds calls past their time that curl has not started */
	char *ca_file;
	char *user_agent;
	CURL **pool; /* idle handles */
	size_t pool_count;
	struct tr_list calls; /* running */
	size_t running;
	struct tr_http_socket **sockets; /* by descriptor */
	size_t socket_slots;
	bool dispatching; /* inside the callbacks of finished calls */
	bool destroyed;   /* meanwhile */
};

struct tr_http_call {
	struct tr_list node; /* in client->calls */
	struct tr_http_client *client;
	CURL *easy;
	struct curl_slist *headers;
	tr_http_callback *callback;
	void *arg;
	char *method;
	char *url;
	char *bearer; /* wiped; gone after a redirect to another origin */
	char *content_type;
	char *body;
	size_t body_len;
	char *body_file;
	char *save_file;
	int upload_fd;
	int save_fd;
	struct tr_buf response;
	uint64_t saved; /* bytes in save_file */
	size_t body_max;
	uint64_t started_us;
	uint64_t deadline_ms;
	unsigned redirects;
	bool follow_redirects;
	bool public_only;
	bool once;
	bool special_handle; /* the handle has settings the next call must not inherit */
	bool too_big;
	bool refused_address;
	int save_errno;
	struct tr_error start_error;
	char curl_text[CURL_ERROR_SIZE];
};

/* http_call.c */
struct tr_http_call *tr_http_call_create(
	struct tr_http_client *client, const struct tr_http_request *request);
/* Frees the call; its handle must have been given back. */
void tr_http_call_free(struct tr_http_call *call);
/* Settings all calls share, for a new handle. */
void tr_http_call_prepare_handle(struct tr_http_client *client, CURL *easy);
/* Fills call->easy for the next hop. 0, or an error that ends the call. */
int tr_http_call_fill(struct tr_http_call *call, struct tr_error *error);

/* http_reply.c */
/* curl's write callback. */
size_t tr_http_call_on_body(char *data, size_t size, size_t count, void *call);
/* After a hop: true when the answer is a redirect to follow; the call then has its new target. */
bool tr_http_call_redirect(struct tr_http_call *call);
/* What a transfer came to: 0 with *response (borrowed from call and handle), or *error. */
int tr_http_call_finish(struct tr_http_call *call, CURLcode result,
	struct tr_http_response *response, struct tr_error *error);

/* http_socket.c: the callbacks curl is given, and the end. */
int tr_http_socket_watch(
	CURL *easy, curl_socket_t fd, int what, void *client, void *socket_pointer);
curl_socket_t tr_http_socket_open(void *call, curlsocktype purpose, struct curl_sockaddr *address);
int tr_http_socket_close(void *client, curl_socket_t fd);
void tr_http_sockets_finish(struct tr_http_client *client);
/* http_client.c: lets curl act and ends the calls that are done. */
void tr_http_client_act(struct tr_http_client *client, curl_socket_t fd, int events);

#endif
