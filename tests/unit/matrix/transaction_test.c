/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies of transactions, ordinary and hostile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/base/alloc.h"
#include "core/matrix/transaction.h"

#include <string.h>

static struct tr_json *parse(const char *text, struct tr_transaction *transaction)
{
	struct tr_error error;
	struct tr_json *body = tr_transaction_parse(tr_str_from(text), transaction, &error);

	if (!body) {
		fail_msg("%s: %s", text, error.text);
	}
	return body;
}

static void events_and_ephemeral_are_found(void **state)
{
	struct tr_transaction txn;
	struct tr_json *body = parse("{\"events\":[{\"event_id\":\"$1\"},{\"event_id\":\"$2\"}],"
				     "\"ephemeral\":[{\"type\":\"m.typing\"}],\"other\":1}",
		&txn);

	(void)state;
	assert_int_equal(tr_json_count(txn.events), 2);
	assert_int_equal(tr_json_count(txn.ephemeral), 1);
	assert_ptr_equal(txn.body, body);
	tr_json_free(body);
}

static void ephemeral_is_taken_under_its_unstable_name(void **state)
{
	struct tr_transaction txn;
	struct tr_json *body;

	(void)state;
	body = parse("{\"events\":[],\"de.sorunome.msc2409.ephemeral\":[{\"a\":1},{}]}", &txn);
	assert_int_equal(tr_json_count(txn.ephemeral), 2);
	tr_json_free(body);
	body = parse("{\"events\":[],\"ephemeral\":[{}],"
		     "\"de.sorunome.msc2409.ephemeral\":[{\"a\":1},{}]}",
		&txn);
	assert_int_equal(tr_json_count(txn.ephemeral), 1);
	tr_json_free(body);
	body = parse("{\"events\":[],\"ephemeral\":5}", &txn);
	assert_null(txn.ephemeral);
	tr_json_free(body);
}

static void malformed_event_passes_through(void **state)
{
	struct tr_transaction txn;
	struct tr_json *body = parse("{\"events\":[5,null,{},{\"event_id\":\"$1\"}]}", &txn);

	(void)state;
	assert_int_equal(tr_json_count(txn.events), 4);
	tr_json_free(body);
}

static void what_is_no_transaction_is_refused(void **state)
{
	static const char *const not_json[] = {"", "{", "{\"events\":[}", "{\"events\":[]}x",
		"{\"events\":[{\"a\":nonsense}]}", "\xff"};
	static const char *const bad[] = {
		"{}", "[]", "5", "{\"events\":{}}", "{\"events\":null}", "{\"event\":[]}"};
	struct tr_transaction txn;
	struct tr_error error;
	size_t i;

	(void)state;
	for (i = 0; i < TR_ARRAY_LEN(not_json); i++) {
		assert_null(tr_transaction_parse(tr_str_from(not_json[i]), &txn, &error));
		assert_int_equal(error.code, TR_E_INVALID);
	}
	for (i = 0; i < TR_ARRAY_LEN(bad); i++) {
		assert_null(tr_transaction_parse(tr_str_from(bad[i]), &txn, &error));
		assert_int_equal(error.code, TR_E_PROTOCOL);
	}
}

static void add_times(struct tr_buf *out, const char *text, size_t times)
{
	while (times-- > 0) {
		(void)tr_buf_add_c(out, text);
	}
}

static void event_nested_too_deeply_does_not_spoil_the_others(void **state)
{
	struct tr_buf text = TR_BUF_INIT(1024 * 1024);
	struct tr_transaction txn;
	struct tr_json *body;
	const struct tr_json *event;

	(void)state;
	(void)tr_buf_add_c(&text, "{ \"events\" : [ {\"event_id\":\"$1\"},\n"
				  "{\"event_id\":\"$2 \\\"]}\", \"state_key\":\"\", \"content\":");
	add_times(&text, "{\"]}\":[", 500);
	add_times(&text, "]}", 500);
	(void)tr_buf_add_c(&text, ",\"sender\":\"@u:h\"} , {\"event_id\":\"$3\"}], \"x\":[1]}");
	body = parse(tr_buf_c(&text), &txn);
	assert_int_equal(tr_json_count(txn.events), 3);
	event = tr_json_next(tr_json_first(txn.events));
	assert_true(tr_str_eq_c(tr_json_get_str(event, "event_id"), "$2 \"]}"));
	assert_true(tr_str_eq_c(tr_json_get_str(event, "sender"), "@u:h"));
	assert_true(tr_json_is_str(tr_json_get(event, "state_key")));
	assert_null(tr_json_get(event, "content"));
	assert_true(tr_str_eq_c(tr_json_get_str(tr_json_next(event), "event_id"), "$3"));
	assert_int_equal(tr_json_count(tr_json_get(body, "x")), 1);
	tr_json_free(body);
	tr_buf_finish(&text);
}

static void events_of_too_many_values_are_taken_one_by_one(void **state)
{
	struct tr_buf text = TR_BUF_INIT(16 * 1024 * 1024);
	struct tr_transaction txn;
	struct tr_json *body;
	int i;

	(void)state;
	(void)tr_buf_add_c(&text, "{\"events\":[");
	for (i = 0; i < 40; i++) {
		(void)tr_buf_addf(&text, "%s{\"event_id\":\"$%d\",\"content\":[0", i ? "," : "", i);
		add_times(&text, ",0", 30000);
		(void)tr_buf_add_c(&text, "]}");
	}
	(void)tr_buf_add_c(&text, "]}");
	body = parse(tr_buf_c(&text), &txn);
	assert_int_equal(tr_json_count(txn.events), 40);
	assert_int_equal(tr_json_count(tr_json_get(tr_json_first(txn.events), "content")), 30001);
	tr_json_free(body);
	tr_buf_finish(&text);
}

static void broken_json_beyond_the_limits_is_refused(void **state)
{
	static const char *const tails[] = {"", "}", "]", "]}x", ",]}", "}]", ",5", ",{\"a\":x}]}"};
	struct tr_transaction txn;
	struct tr_error error;
	size_t i;

	(void)state;
	for (i = 0; i < TR_ARRAY_LEN(tails); i++) {
		struct tr_buf text = TR_BUF_INIT(1024 * 1024);

		(void)tr_buf_add_c(&text, "{\"events\":[{\"content\":");
		add_times(&text, "[", 100);
		add_times(&text, "]", 100);
		(void)tr_buf_add_c(&text, "}");
		(void)tr_buf_add_c(&text, tails[i]);
		assert_null(tr_transaction_parse(tr_buf_str(&text), &txn, &error));
		assert_int_equal(error.code, TR_E_INVALID);
		tr_buf_finish(&text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events_and_ephemeral_are_found),
		cmocka_unit_test(ephemeral_is_taken_under_its_unstable_name),
		cmocka_unit_test(malformed_event_passes_through),
		cmocka_unit_test(what_is_no_transaction_is_refused),
		cmocka_unit_test(event_nested_too_deeply_does_not_spoil_the_others),
		cmocka_unit_test(events_of_too_many_values_are_taken_one_by_one),
		cmocka_unit_test(broken_json_beyond_the_limits_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
