/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Transaction bodies: what is taken has an array of events, each of which prints as JSON that is
 * taken again.
 */
#include "core/base/alloc.h"
#include "core/base/log.h"
#include "core/matrix/transaction.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_array(const struct tr_json *array)
{
	const struct tr_json *event;

	TR_ASSERT(tr_json_type(array) == TR_JSON_ARRAY);
	for (event = tr_json_first(array); event; event = tr_json_next(event)) {
		char *text = tr_json_text(event);
		struct tr_json *again = tr_json_parse(tr_str_from(text), NULL);

		TR_ASSERT(again != NULL);
		TR_ASSERT(tr_str_eq(
			tr_json_get_str(again, "event_id"), tr_json_get_str(event, "event_id")));
		tr_json_free(again);
		tr_free(text);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tr_transaction transaction;
	struct tr_error error = {0};
	struct tr_json *body;

	tr_log_set_level(TR_LOG_ERROR);
	body = tr_transaction_parse(tr_str_of((const char *)data, size), &transaction, &error);
	if (!body) {
		TR_ASSERT(error.code == TR_E_INVALID || error.code == TR_E_PROTOCOL);
		TR_ASSERT(strlen(error.text) > 0);
		return 0;
	}
	TR_ASSERT(transaction.body == body && transaction.body_len == size);
	check_array(transaction.events);
	if (transaction.ephemeral) {
		check_array(transaction.ephemeral);
	}
	tr_json_free(body);
	return 0;
}
