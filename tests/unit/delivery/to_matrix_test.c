/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The queue to Matrix against a homeserver played in the same process: order, transaction ids that
 * stay, attempts without an answer, echoes, repair, dead letters, restarts.
 */
#include "queue_fixture.h"

#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/delivery/to_matrix.h"
#include "core/io/http_server.h"
#include "core/matrix/client.h"

enum { SENDS_MAX = 2000 };

/* One PUT as it came. */
struct put {
	char txn_id[40];
	char body[64];
};

struct world {
	struct fixture fixture;
	struct tr_http_server *server;
	struct tr_matrix_client *client;
	struct tr_to_matrix *queue;
	struct put puts[SENDS_MAX];
	size_t put_count;
	int statuses[8];   /* what the next sends are answered; 0 = taken, -1 = taken and then 502,
			      -404 = 404 by a proxy */
	bool behind_proxy; /* that refuses everything */
	size_t status_next;
	struct put room[SENDS_MAX]; /* what is in the room, each key once */
	size_t room_count;
	bool forgets; /* the homeserver has lost its cache: a PUT again is another event */
	bool forged;  /* what is in the room was said by somebody else, with our keys */
	size_t searches;
	size_t dead, repaired, durable;
	bool prepare_later, prepare_fails, pressed;
	struct tr_outbound *preparing;
};

static void answer(struct tr_http_server_request *request, int status, const char *body)
{
	tr_http_server_respond(request, status, "application/json", tr_str_from(body));
}

static void on_headers(void *arg, struct tr_http_server_request *request)
{
	(void)arg;
	(void)request;
}

static void take_into_room(struct world *world, const struct put *put)
{
	for (size_t i = 0; i < world->room_count && !world->forgets; i++) {
		if (strcmp(world->room[i].txn_id, put->txn_id) == 0) {
			return;
		}
	}
	world->room[world->room_count++] = *put;
}

static void answer_messages(struct world *world, struct tr_http_server_request *request)
{
	struct tr_buf text = TR_BUF_INIT(1 << 20);
	world->searches++;
	tr_buf_add_c(&text, "{\"chunk\":[");
	for (size_t i = world->room_count; i-- > 0;) {
		tr_buf_addf(&text,
			"%s{\"event_id\":\"$found%zu\",\"sender\":\"%s\","
			"\"content\":{\"io.trestle.id\":\"%s\"}}",
			i + 1 < world->room_count ? "," : "", i,
			world->forged ? "@mallory:x" : "@irc_bob:x", world->room[i].txn_id);
	}
	tr_buf_add_c(&text, "],\"start\":\"a\",\"end\":\"b\"}");
	answer(request, 200, tr_buf_c(&text));
	tr_buf_finish(&text);
}

static void on_request(void *arg, struct tr_http_server_request *request)
{
	struct world *world = arg;
	struct tr_str path = tr_http_server_path(request);
	if (tr_str_find(path, TR_STR("/messages")) >= 0) {
		answer_messages(world, request);
		return;
	}
	struct put *put = &world->puts[world->put_count++];
	struct tr_str txn = tr_str_from_index(path, (size_t)tr_str_rfind_char(path, '/') + 1);
	snprintf(put->txn_id, sizeof(put->txn_id), "%.*s", TR_STR_ARG(txn));
	struct tr_json *content = tr_json_parse(tr_http_server_body(request), NULL);
	assert_non_null(content);
	assert_true(tr_str_eq(tr_json_get_str(content, "io.trestle.id"), txn));
	snprintf(
		put->body, sizeof(put->body), "%.*s", TR_STR_ARG(tr_json_get_str(content, "body")));
	tr_json_free(content);
	int status = world->status_next < 8 ? world->statuses[world->status_next++] : 0;
	status = world->behind_proxy ? -404 : status;
	if (status == 0 || status == -1) {
		take_into_room(world, put);
	}
	switch (status) {
	case 0:
		answer(request, 200, "{\"event_id\":\"$sent\"}");
		break;
	case -1:
		answer(request, 502, "bad gateway");
		break;
	case -404:
		answer(request, 404, "<html>not found</html>");
		break;
	case 429:
		answer(request, 429,
			"{\"errcode\":\"M_LIMIT_EXCEEDED\",\"error\":\"slow\",\"retry_after_ms\":5}");
		break;
	case 403:
		answer(request, 403, "{\"errcode\":\"M_FORBIDDEN\",\"error\":\"not in room\"}");
		break;
	default:
		answer(request, status, "{\"errcode\":\"M_UNKNOWN\",\"error\":\"no\"}");
		break;
	}
}

static const struct tr_http_server_handler server_handler = {on_headers, on_request};

static void prepared_later(void *arg)
{
	struct world *world = arg;
	struct tr_outbound *outbound = world->preparing;
	struct tr_error error;
	world->preparing = NULL;
	tr_error_set_class(&error, TR_E_DENIED, TR_CLASS_PERMANENT, "the ghost cannot be made");
	tr_outbound_prepared(outbound, world->prepare_fails ? &error : NULL);
}

static bool prepare(
	void *arg, struct tr_outbound *outbound, const char *sender, const char *room_id)
{
	struct world *world = arg;
	assert_string_equal(sender, "@irc_bob:x");
	if (strncmp(room_id, "direct:", 7) == 0) {
		tr_outbound_set_room(outbound, "!made:x");
	}
	if (world->prepare_later || world->prepare_fails) {
		world->preparing = outbound;
		tr_loop_defer(world->fixture.loop, prepared_later, world);
		return false;
	}
	return true;
}

static void repair(void *arg, struct tr_outbound *outbound, const char *sender, const char *room_id)
{
	struct world *world = arg;
	(void)sender;
	(void)room_id;
	world->repaired++;
	world->preparing = outbound;
	tr_loop_defer(world->fixture.loop, prepared_later, world);
}

static void dead(void *arg, const struct tr_to_matrix_dead *message, const struct tr_error *error)
{
	struct world *world = arg;
	assert_non_null(message->sender);
	assert_non_null(message->room_id);
	assert_non_null(message->remote_key);
	assert_string_equal(message->type, "m.room.message");
	assert_non_null(strstr(message->content, "body"));
	assert_true(error->text[0] != '\0');
	world->dead++;
}

static void pressure(void *arg, bool stop)
{
	struct world *world = arg;
	world->pressed = stop;
}

static const struct tr_to_matrix_handler handler = {prepare, repair, dead, pressure};

static void open_queue(struct world *world)
{
	char url[64];
	snprintf(url, sizeof(url), "http://127.0.0.1:%u", tr_http_server_port(world->server));
	const struct tr_matrix_client_options client = {.homeserver_url = url, .as_token = "token"};
	world->client = tr_matrix_client_create(world->fixture.loop, &client);
	const struct tr_to_matrix_options options = {
		.loop = world->fixture.loop,
		.db = world->fixture.db,
		.journal = world->fixture.journal,
		.client = world->client,
		.metrics = world->fixture.metrics,
	};
	world->queue = tr_to_matrix_create(&options, &handler, world);
	tr_to_matrix_resume(world->queue, fixture_ready, &world->fixture);
	fixture_await(&world->fixture);
	tr_to_matrix_pause(world->queue, false);
}

static int setup(void **state)
{
	struct world *world = tr_alloc(sizeof(*world));
	struct tr_error error;
	fixture_init(&world->fixture);
	const struct tr_http_server_options options = {.listen = "127.0.0.1:0"};
	world->server = tr_http_server_create(
		world->fixture.loop, &options, &server_handler, world, &error);
	assert_non_null(world->server);
	open_queue(world);
	*state = world;
	return 0;
}

static void close_queue(struct world *world)
{
	tr_matrix_client_destroy(world->client);
	tr_db_drain(world->fixture.db);
	tr_to_matrix_destroy(world->queue);
}

static int teardown(void **state)
{
	struct world *world = *state;
	close_queue(world);
	tr_http_server_destroy(world->server);
	fixture_finish(&world->fixture);
	tr_free(world);
	return 0;
}

static void durable(void *arg)
{
	struct world *world = arg;
	world->durable++;
}

static void say_as(struct world *world, const char *sender, const char *room, const char *key,
	const char *body)
{
	struct tr_json *content = tr_json_new_object();
	tr_json_set_c(content, "msgtype", "m.text");
	tr_json_set_c(content, "body", body);
	const struct tr_to_matrix_event event = {
		.remote_key = tr_str_from(key),
		.room_id = room,
		.sender = sender,
		.type = "m.room.message",
		.content = content,
		.keep_mapping = true,
	};
	tr_to_matrix_accept(world->queue, &event, durable, world);
	tr_json_free(content);
}

static void say_in(struct world *world, const char *room, const char *key, const char *body)
{
	say_as(world, "@irc_bob:x", room, key, body);
}

static void say(struct world *world, const char *key, const char *body)
{
	say_in(world, "!room:x", key, body);
}

static void until_empty(struct world *world)
{
	while (tr_to_matrix_depth(world->queue) > 0) {
		tr_loop_turn(world->fixture.loop, true);
	}
}

static void until_puts(struct world *world, size_t count)
{
	while (world->put_count < count) {
		tr_loop_turn(world->fixture.loop, true);
	}
}

static void idle(struct world *world)
{
	for (int i = 0; i < 30; i++) {
		tr_loop_turn(world->fixture.loop, false);
		poll(NULL, 0, 1);
	}
}

static void messages_arrive_in_order_and_are_durable_first(void **state)
{
	struct world *world = *state;
	char key[16];
	for (int i = 0; i < 300; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		say(world, key, key);
	}
	assert_int_equal(world->durable, 0);
	until_empty(world);
	assert_int_equal(world->durable, 300);
	assert_int_equal(world->room_count, 300);
	for (int i = 0; i < 300; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		assert_string_equal(world->room[i].body, key);
	}
}

static void a_key_that_comes_again_is_ignored_before_and_after_delivery(void **state)
{
	struct world *world = *state;
	say(world, "k", "one");
	say(world, "k", "one");
	until_empty(world);
	idle(world);
	say(world, "k", "one");
	until_empty(world);
	assert_int_equal(world->put_count, 1);
	assert_int_equal(world->durable, 3);
}

static void the_same_key_in_two_rooms_is_two_messages_with_two_transaction_ids(void **state)
{
	struct world *world = *state;
	say_in(world, "!a:x", "k", "one");
	say_in(world, "!b:x", "k", "one");
	until_empty(world);
	assert_int_equal(world->put_count, 2);
	assert_string_not_equal(world->puts[0].txn_id, world->puts[1].txn_id);
}

static void an_attempt_without_answer_is_searched_for_before_it_is_repeated(void **state)
{
	struct world *world = *state;
	world->statuses[0] = -1;
	world->forgets = true;
	say(world, "k1", "one");
	say(world, "k2", "two");
	until_empty(world);
	assert_int_equal(world->room_count, 2);
	assert_string_equal(world->room[0].body, "one");
	assert_string_equal(world->room[1].body, "two");
	assert_int_equal(world->searches, 1);
}

static void what_somebody_else_says_with_our_key_is_no_attempt_of_ours(void **state)
{
	struct world *world = *state;
	world->statuses[0] = -1;
	world->forged = world->forgets = true;
	say(world, "k", "one");
	until_empty(world);
	assert_int_equal(world->searches, 1);
	assert_int_equal(world->put_count, 2);
}

static void an_attempt_that_did_not_arrive_is_repeated_with_the_same_id(void **state)
{
	struct world *world = *state;
	world->statuses[0] = 503;
	say(world, "k", "one");
	until_empty(world);
	assert_int_equal(world->put_count, 2);
	assert_string_equal(world->puts[0].txn_id, world->puts[1].txn_id);
	assert_int_equal(world->room_count, 1);
}

static void a_rate_limit_is_waited_for_in_place(void **state)
{
	struct world *world = *state;
	world->statuses[0] = 429;
	say(world, "k1", "one");
	say(world, "k2", "two");
	until_empty(world);
	assert_string_equal(world->room[0].body, "one");
	assert_string_equal(world->room[1].body, "two");
	assert_int_equal(world->searches, 0);
}

static void an_echo_closes_a_message_whose_answer_was_lost(void **state)
{
	struct world *world = *state;
	world->statuses[0] = -1;
	world->forgets = true;
	say(world, "k", "one");
	until_puts(world, 1);
	tr_to_matrix_echo(world->queue, tr_str_from(world->puts[0].txn_id), TR_STR("$echo"));
	until_empty(world);
	assert_int_equal(world->room_count, 1);
	assert_int_equal(world->searches, 0);
}

static void a_ghost_that_may_not_send_is_repaired_once_and_the_id_stays(void **state)
{
	struct world *world = *state;
	world->statuses[0] = 403;
	say(world, "k", "one");
	until_empty(world);
	assert_int_equal(world->repaired, 1);
	assert_int_equal(world->room_count, 1);
	assert_string_equal(world->puts[0].txn_id, world->puts[1].txn_id);
}

static void what_is_denied_twice_is_dead_and_the_next_goes_on(void **state)
{
	struct world *world = *state;
	world->statuses[0] = 403;
	world->statuses[1] = 403;
	say(world, "k1", "one");
	say(world, "k2", "two");
	until_empty(world);
	assert_int_equal(world->dead, 1);
	assert_int_equal(world->room_count, 1);
	assert_string_equal(world->room[0].body, "two");
}

static void what_no_homeserver_has_refused_is_sent_again(void **state)
{
	struct world *world = *state;
	world->statuses[0] = -404;
	say(world, "k1", "one");
	say(world, "k2", "two");
	until_empty(world);
	assert_int_equal(world->dead, 0);
	assert_int_equal(world->room_count, 2);
	assert_string_equal(world->room[0].body, "one");
}

static void what_a_proxy_never_lets_through_does_not_stop_the_room_for_ever(void **state)
{
	struct world *world = *state;
	world->behind_proxy = true;
	say(world, "k1", "one");
	while (world->dead == 0) {
		tr_to_matrix_wake(world->queue);
		tr_loop_turn(world->fixture.loop, true);
	}
	assert_int_equal(world->put_count, 12);
	world->behind_proxy = false;
	say(world, "k2", "two");
	until_empty(world);
	assert_int_equal(world->room_count, 1);
}

static void a_ghost_is_prepared_before_its_message(void **state)
{
	struct world *world = *state;
	world->prepare_later = true;
	say(world, "k", "one");
	until_empty(world);
	assert_int_equal(world->room_count, 1);
}

static void a_ghost_that_cannot_be_made_ends_its_message_as_dead(void **state)
{
	struct world *world = *state;
	world->prepare_fails = true;
	say(world, "k", "one");
	until_empty(world);
	assert_int_equal(world->dead, 1);
	assert_int_equal(world->put_count, 0);
}

static void a_direct_chat_is_sent_to_the_room_made_for_it(void **state)
{
	struct world *world = *state;
	say_in(world, "direct:bob|@a:x", "k", "one");
	until_empty(world);
	assert_int_equal(world->room_count, 1);
}

static void what_is_left_goes_on_after_a_restart_without_a_double(void **state)
{
	struct world *world = *state;
	char key[16];
	for (int i = 0; i < 50; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		say(world, key, key);
	}
	until_puts(world, 20);
	/* The process dies between an answer and its mark; the homeserver forgets its cache at the
	 * same time. */
	close_queue(world);
	fixture_close(&world->fixture);
	world->forgets = true;
	fixture_open(&world->fixture);
	open_queue(world);
	until_empty(world);
	assert_int_equal(world->room_count, 50);
	for (int i = 0; i < 50; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		assert_string_equal(world->room[i].body, key);
	}
}

static void pending_messages_of_a_ghost_are_known(void **state)
{
	struct world *world = *state;
	assert_false(tr_to_matrix_has_pending(world->queue, "@irc_bob:x", "!room:x"));
	say(world, "k", "one");
	assert_true(tr_to_matrix_has_pending(world->queue, "@irc_bob:x", "!room:x"));
	assert_false(tr_to_matrix_has_pending(world->queue, "@irc_eve:x", "!room:x"));
	assert_false(tr_to_matrix_has_pending(world->queue, "@irc_bob:x", "!other:x"));
	until_empty(world);
	assert_false(tr_to_matrix_has_pending(world->queue, "@irc_bob:x", "!room:x"));
}

static void what_the_bot_says_is_nothing_of_a_ghost(void **state)
{
	struct world *world = *state;
	tr_to_matrix_pause(world->queue, true);
	say_as(world, NULL, "!room:x", "k1", "a notice");
	assert_false(tr_to_matrix_has_pending(world->queue, "@irc_bob:x", "!room:x"));
	while (tr_to_matrix_unstored(world->queue) > 0) {
		tr_loop_turn(world->fixture.loop, true);
	}
	assert_false(tr_to_matrix_has_pending(world->queue, "@irc_bob:x", "!room:x"));
	say(world, "k2", "one");
	assert_true(tr_to_matrix_has_pending(world->queue, "@irc_bob:x", "!room:x"));
}

static void what_is_stored_of_a_ghost_is_pending_while_others_wait_to_be_stored(void **state)
{
	struct world *world = *state;
	tr_to_matrix_pause(world->queue, true);
	say(world, "k1", "one");
	while (tr_to_matrix_unstored(world->queue) > 0) {
		tr_loop_turn(world->fixture.loop, true);
	}
	say_as(world, "@irc_eve:x", "!room:x", "k2", "two");
	assert_true(tr_to_matrix_has_pending(world->queue, "@irc_bob:x", "!room:x"));
	assert_true(tr_to_matrix_has_pending(world->queue, "@irc_eve:x", "!room:x"));
	assert_false(tr_to_matrix_has_pending(world->queue, "@irc_eve:x", "!other:x"));
}

static void too_much_that_is_not_durable_stops_the_reading(void **state)
{
	struct world *world = *state;
	char key[16];
	for (int i = 0; i < 5000; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		say_in(world, "!none:x", key, "x");
	}
	assert_true(world->pressed);
	tr_to_matrix_pause(world->queue, true);
	while (tr_to_matrix_unstored(world->queue) > 0) {
		tr_loop_turn(world->fixture.loop, true);
	}
	assert_false(world->pressed);
	assert_int_equal(tr_to_matrix_depth(world->queue), 5000);
}

struct answer {
	bool over;
	int64_t number;
};

static void answered(void *arg, const struct tr_db_result *result, const struct tr_error *error)
{
	struct answer *told = arg;
	assert_null(error);
	told->number = tr_db_rows(result, 0) > 0 ? tr_db_int(result, 0, 0, 0) : 0;
	told->over = true;
}

static int64_t script(struct world *world, const char *text)
{
	struct tr_db_batch *batch = tr_db_batch_create(world->fixture.db);
	struct answer told = {false, 0};
	tr_db_batch_add_script(batch, text);
	tr_db_submit_take(batch, answered, &told);
	while (!told.over) {
		tr_loop_turn(world->fixture.loop, true);
	}
	return told.number;
}

static void what_the_store_refuses_is_dead_and_what_was_said_with_it_arrives(void **state)
{
	struct world *world = *state;
	script(world, "CREATE UNIQUE INDEX one_bad ON to_matrix(substr(remote_key, 1, 3))"
		      " WHERE substr(remote_key, 1, 3) = 'bad';"
		      "INSERT INTO to_matrix(seq, remote_key, room_id, sender, type, txn_id,"
		      " keep_mapping, origin_ts, received_ms, state, content)"
		      " VALUES (0, 'bad0', '', '', '', '', 0, 0, 0, 3, '')");
	say(world, "k1", "one");
	say(world, "bad1", "no");
	say(world, "k2", "two");
	say(world, "bad2", "no");
	say(world, "k3", "three");
	until_empty(world);
	assert_int_equal(world->durable, 5);
	assert_int_equal(world->dead, 2);
	assert_int_equal(world->room_count, 3);
	assert_string_equal(world->room[0].body, "one");
	assert_string_equal(world->room[1].body, "two");
	assert_string_equal(world->room[2].body, "three");
	assert_int_equal(script(world, "SELECT COUNT(*) FROM to_matrix WHERE state = 3"), 3);
}

static void a_store_that_refuses_everything_loses_nothing(void **state)
{
	struct world *world = *state;
	script(world, "ALTER TABLE to_matrix RENAME TO gone");
	say(world, "k1", "one");
	say(world, "k2", "two");
	idle(world);
	assert_int_equal(world->durable, 0);
	assert_int_equal(world->dead, 0);
	script(world, "ALTER TABLE gone RENAME TO to_matrix");
	until_empty(world);
	assert_int_equal(world->durable, 2);
	assert_int_equal(world->room_count, 2);
	assert_string_equal(world->room[0].body, "one");
}

static void what_was_delivered_is_not_sent_again_though_the_store_refuses_its_event(void **state)
{
	struct world *world = *state;
	script(world, "CREATE UNIQUE INDEX one_bad ON message(substr(remote_id, 1, 3))"
		      " WHERE substr(remote_id, 1, 3) = 'bad'");
	say(world, "bad0", "one");
	say(world, "bad1", "two");
	say(world, "k", "three");
	until_empty(world);
	while (script(world, "SELECT COUNT(*) FROM to_matrix WHERE state = 0") > 0) {
		tr_loop_turn(world->fixture.loop, false);
	}
	say(world, "bad1", "two");
	say(world, "k", "three");
	until_empty(world);
	idle(world);
	assert_int_equal(world->put_count, 3);
	assert_int_equal(world->dead, 0);
	assert_int_equal(script(world, "SELECT COUNT(*) FROM message"), 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(messages_arrive_in_order_and_are_durable_first),
		TEST(a_key_that_comes_again_is_ignored_before_and_after_delivery),
		TEST(the_same_key_in_two_rooms_is_two_messages_with_two_transaction_ids),
		TEST(an_attempt_without_answer_is_searched_for_before_it_is_repeated),
		TEST(what_somebody_else_says_with_our_key_is_no_attempt_of_ours),
		TEST(an_attempt_that_did_not_arrive_is_repeated_with_the_same_id),
		TEST(a_rate_limit_is_waited_for_in_place),
		TEST(an_echo_closes_a_message_whose_answer_was_lost),
		TEST(a_ghost_that_may_not_send_is_repaired_once_and_the_id_stays),
		TEST(what_is_denied_twice_is_dead_and_the_next_goes_on),
		TEST(what_no_homeserver_has_refused_is_sent_again),
		TEST(what_a_proxy_never_lets_through_does_not_stop_the_room_for_ever),
		TEST(a_ghost_is_prepared_before_its_message),
		TEST(a_ghost_that_cannot_be_made_ends_its_message_as_dead),
		TEST(a_direct_chat_is_sent_to_the_room_made_for_it),
		TEST(what_is_left_goes_on_after_a_restart_without_a_double),
		TEST(pending_messages_of_a_ghost_are_known),
		TEST(what_the_bot_says_is_nothing_of_a_ghost),
		TEST(what_is_stored_of_a_ghost_is_pending_while_others_wait_to_be_stored),
		TEST(too_much_that_is_not_durable_stops_the_reading),
		TEST(what_the_store_refuses_is_dead_and_what_was_said_with_it_arrives),
		TEST(a_store_that_refuses_everything_loses_nothing),
		TEST(what_was_delivered_is_not_sent_again_though_the_store_refuses_its_event),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
