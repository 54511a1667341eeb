/* SPDX-License-Identifier: Apache-2.0 */
/* Statuses and error codes of the client-server API in terms of struct tr_error. Error codes come
 * before statuses: homeservers agree on the former more than on the latter. */
#include "core/matrix/matrix_error.h"

#include "core/base/alloc.h"

struct meaning {
	enum tr_error_code code;
	enum tr_error_class cls;
};

static const struct {
	const char *errcode;
	struct meaning meaning;
} by_errcode[] = {
	{"M_LIMIT_EXCEEDED", {TR_E_UNAVAILABLE, TR_CLASS_RETRY}},
	{"M_UNKNOWN_TOKEN", {TR_E_AUTH, TR_CLASS_RETRY}},
	{"M_MISSING_TOKEN", {TR_E_AUTH, TR_CLASS_RETRY}},
	{"M_TOO_LARGE", {TR_E_TOO_BIG, TR_CLASS_PERMANENT}},
	{"M_USER_IN_USE", {TR_E_EXISTS, TR_CLASS_PERMANENT}},
	{"M_ROOM_IN_USE", {TR_E_EXISTS, TR_CLASS_PERMANENT}},
	{"M_CANNOT_OVERWRITE_MEDIA", {TR_E_EXISTS, TR_CLASS_PERMANENT}},
	{"M_UNRECOGNIZED", {TR_E_UNSUPPORTED, TR_CLASS_PERMANENT}},
	{"M_UNSUPPORTED_ROOM_VERSION", {TR_E_UNSUPPORTED, TR_CLASS_PERMANENT}},
	{"M_INCOMPATIBLE_ROOM_VERSION", {TR_E_UNSUPPORTED, TR_CLASS_PERMANENT}},
	/* No repair of ours makes these go away. */
	{"M_EXCLUSIVE", {TR_E_DENIED, TR_CLASS_PERMANENT}},
	{"M_INVITE_BLOCKED", {TR_E_DENIED, TR_CLASS_PERMANENT}},
	{"M_USER_DEACTIVATED", {TR_E_DENIED, TR_CLASS_PERMANENT}},
	{"M_USER_LOCKED", {TR_E_DENIED, TR_CLASS_PERMANENT}},
	{"M_USER_LIMIT_EXCEEDED", {TR_E_DENIED, TR_CLASS_PERMANENT}},
	{"M_CANNOT_LEAVE_SERVER_NOTICE_ROOM", {TR_E_DENIED, TR_CLASS_PERMANENT}},
	/* The server's administrator has to act; until then nothing may be lost. */
	{"M_RESOURCE_LIMIT_EXCEEDED", {TR_E_UNAVAILABLE, TR_CLASS_RETRY}},
	{"M_NOT_YET_UPLOADED", {TR_E_UNAVAILABLE, TR_CLASS_RETRY}},
};

static struct meaning meaning_of_status(int status)
{
	if (status == 429 || status == 408 || status >= 500) {
		return (struct meaning){TR_E_UNAVAILABLE, TR_CLASS_RETRY};
	}
	switch (status) {
	case 401:
		return (struct meaning){TR_E_AUTH, TR_CLASS_RETRY};
	case 403:
		return (struct meaning){TR_E_DENIED, TR_CLASS_DENIED};
	case 404:
	case 410:
		return (struct meaning){TR_E_NOT_FOUND, TR_CLASS_GONE};
	case 405:
		return (struct meaning){TR_E_UNSUPPORTED, TR_CLASS_PERMANENT};
	case 409:
		return (struct meaning){TR_E_EXISTS, TR_CLASS_PERMANENT};
	case 413:
		return (struct meaning){TR_E_TOO_BIG, TR_CLASS_PERMANENT};
	default:
		return (struct meaning){TR_E_INVALID, TR_CLASS_PERMANENT};
	}
}

/* A refusal without an error code was not made by a homeserver but by what stands before it: a
 * proxy that is being set up, a page that says "back soon". Too much is too much for whomever it
 * is. */
static bool is_foreign(int status, struct tr_str errcode)
{
	return tr_str_empty(errcode) && status >= 300 && status < 500 && status != 401 &&
	       status != 405 && status != 408 && status != 413 && status != 429;
}

static struct meaning meaning_of(int status, struct tr_str errcode)
{
	if (is_foreign(status, errcode)) {
		return (struct meaning){TR_E_PROTOCOL, TR_CLASS_RETRY};
	}
	/* A server in trouble may say anything; it is the trouble that counts. */
	if (status < 500 || tr_str_eq_c(errcode, "M_LIMIT_EXCEEDED")) {
		for (size_t i = 0; i < TR_ARRAY_LEN(by_errcode); i++) {
			if (tr_str_eq_c(errcode, by_errcode[i].errcode)) {
				return by_errcode[i].meaning;
			}
		}
	}
	return meaning_of_status(status);
}

int tr_matrix_error(
	struct tr_error *error, int status, const struct tr_json *body, uint64_t retry_after_ms)
{
	struct tr_str errcode = tr_json_get_str(body, "errcode");
	struct tr_str sentence = tr_json_get_str(body, "error");
	struct meaning meaning = meaning_of(status, errcode);
	int64_t said;

	if (retry_after_ms == 0 && tr_json_get_int(body, "retry_after_ms", &said) && said > 0) {
		retry_after_ms = (uint64_t)said;
	}
	if (meaning.code == TR_E_UNAVAILABLE && retry_after_ms > 0) {
		meaning.cls = TR_CLASS_RETRY_AFTER;
	}
	if (tr_str_empty(errcode)) {
		tr_error_set_class(error, meaning.code, meaning.cls,
			"the homeserver answered with status %d", status);
	} else {
		tr_error_set_class(error, meaning.code, meaning.cls,
			"the homeserver answered %d %.*s: %.*s", status,
			TR_STR_ARG(tr_str_slice(errcode, 0, 80)),
			TR_STR_ARG(tr_str_slice(sentence, 0, tr_utf8_fit(sentence, 140))));
	}
	if (error) {
		error->status = status;
		error->retry_after_ms = meaning.cls == TR_CLASS_RETRY_AFTER ? retry_after_ms : 0;
	}
	return meaning.code;
}
