/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the client-server API share: one way to start a call. Nobody else includes
 * this. */
#ifndef TRESTLE_MATRIX_CLIENT_INTERNAL_H
#define TRESTLE_MATRIX_CLIENT_INTERNAL_H

#include "core/base/buf.h"
#include "core/matrix/client.h"

struct tr_matrix_spec {
	const char *operation; /* static */
	const char *method;
	const char *as_user;
	const char *query; /* encoded, or NULL */
	struct tr_str body;
	struct tr_json *json; /* the body instead; taken */
	const char *content_type;
	const char *body_file;
	const char *required;        /* a 2xx answer without this string is a protocol error */
	const char *success_errcode; /* this error is success with an empty answer */
	/* The same path where an older homeserver has it, tried on M_UNRECOGNIZED: "{}" as in the
	 * pattern. */
	const char *fallback;
	bool once;           /* see core/io/http_client.h */
	uint64_t timeout_ms; /* 0 = the client's */
	/* For downloads: media_callback instead of callback. */
	tr_matrix_media_callback *media_callback;
	const char *save_file;
	size_t max;
};

/* Starts the call. Each "{}" of the pattern is replaced by the next argument, percent-encoded; the
 * arguments are strings ended by NULL. */
struct tr_matrix_call *tr_matrix_start(struct tr_matrix_client *client,
	const struct tr_matrix_spec *spec, tr_matrix_callback *callback, void *arg,
	const char *pattern, ...) __attribute__((sentinel));
/* A call that has failed already; the callback comes as ever. */
struct tr_matrix_call *tr_matrix_start_failed(struct tr_matrix_client *client,
	const struct tr_matrix_spec *spec, tr_matrix_callback *callback, void *arg,
	const struct tr_error *error);

/* Appends "name=value", with a "&" before it unless it is the first; NULL values are left out. */
void tr_matrix_query_add(struct tr_buf *query, const char *name, const char *value);
/* Sets a member unless the text is NULL. */
void tr_matrix_set_optional(struct tr_json *object, const char *key, const char *text);

enum { TR_MATRIX_URL_MAX = 64 * 1024 };

#endif
