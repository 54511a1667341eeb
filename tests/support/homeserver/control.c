/* SPDX-License-Identifier: Apache-2.0
 *
 * Implements control.h: from the request to the call.
 */
#include "tests/support/homeserver/control.h"

#include <string.h>

static const struct {
	const char *path;
	void (*handle)(struct hs_control_call *call);
	bool raw;
} calls[] = {
	{"/stats", hs_control_stats, false},
	{"/settings", hs_control_settings, false},
	{"/fault", hs_control_fault, false},
	{"/restart", hs_control_restart, false},
	{"/resend", hs_control_resend, false},
	{"/transaction", hs_control_transaction, true},
	{"/user", hs_control_user, false},
	{"/room", hs_control_room, false},
	{"/inject", hs_control_inject, false},
};

void hs_control_ok(struct hs_control_call *call)
{
	if (call->request->answer.len == 0) {
		hs_text_puts(&call->request->answer, "{}");
	}
	hs_request_answer(call->request, 200);
}

void hs_control_error(struct hs_control_call *call, const char *message)
{
	struct hs_text *out = &call->request->answer;
	hs_text_clear(out);
	hs_text_puts(out, "{");
	hs_text_pair(out, "error", message);
	hs_text_puts(out, "}");
	hs_request_answer(call->request, 400);
}

static const cJSON *item_of(const struct hs_control_call *call, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(call->body, name);
}

const char *hs_control_string(const struct hs_control_call *call, const char *name)
{
	return cJSON_GetStringValue(item_of(call, name));
}

int64_t hs_control_number(const struct hs_control_call *call, const char *name, int64_t otherwise)
{
	const cJSON *item = item_of(call, name);
	return cJSON_IsNumber(item) ? (int64_t)item->valuedouble : otherwise;
}

bool hs_control_flag(const struct hs_control_call *call, const char *name, bool otherwise)
{
	const cJSON *item = item_of(call, name);
	return cJSON_IsBool(item) ? cJSON_IsTrue(item) : otherwise;
}

void hs_control_handle(struct hs_request *request, void *user)
{
	struct hs_control_call call = {.control = user, .request = request};
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		if (strcmp(calls[i].path, request->path) != 0) {
			continue;
		}
		if (calls[i].raw) {
			calls[i].handle(&call);
			return;
		}
		call.body = request->body.len > 0
				    ? cJSON_ParseWithLength(request->body.data, request->body.len)
				    : cJSON_CreateObject();
		if (cJSON_IsObject(call.body)) {
			calls[i].handle(&call);
		} else {
			hs_control_error(&call, "the body is not a JSON object");
		}
		cJSON_Delete(call.body);
		return;
	}
	hs_control_error(&call, "no such call");
}
