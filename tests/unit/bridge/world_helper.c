/* SPDX-License-Identifier: Apache-2.0 */
/* See the header. The homeserver's rules are just what the bridge has to cope with: registration
 * before acting, membership before sending, and one event a transaction id. */
#include "tests/unit/bridge/world_helper.h"

#include "core/base/encode.h"
#include "core/base/log.h"

#include <stdlib.h>
#include <sys/stat.h>

static const char as_token[] = "as-secret";
static const char hs_token[] = "hs-secret";

static void respond(struct tr_http_server_request *request, int status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void respond(struct tr_http_server_request *request, int status, const char *format, ...)
{
	struct tr_buf body = TR_BUF_INIT(1 << 20);
	va_list args;
	va_start(args, format);
	tr_buf_addfv(&body, format, args);
	va_end(args);
	tr_http_server_respond(request, status, "application/json", tr_buf_str(&body));
	tr_buf_finish(&body);
}

static void forbid(struct tr_http_server_request *request, const char *text)
{
	respond(request, 403, "{\"errcode\":\"M_FORBIDDEN\",\"error\":\"%s\"}", text);
}

void world_member(struct world *world, const char *room, const char *user, const char *membership)
{
	char *key = tr_asprintf("%s %s", room, user);
	tr_json_set_c(world->members, key, membership);
	tr_free(key);
}

const char *world_membership(const struct world *world, const char *room, const char *user)
{
	char *key = tr_asprintf("%s %s", room, user);
	struct tr_str membership = tr_json_get_str(world->members, key);
	tr_free(key);
	return membership.ptr ? membership.ptr : "";
}

static bool is_member(const struct world *world, const char *room, const char *user)
{
	return strcmp(world_membership(world, room, user), "join") == 0;
}

static void serve_register(
	struct world *world, struct tr_http_server_request *request, const struct tr_json *body)
{
	struct tr_str name = tr_json_get_str(body, "username");
	tr_buf_addf(&world->log, "register %.*s\n", TR_STR_ARG(name));
	respond(request, 200, "{\"user_id\":\"@%.*s:hs\"}", TR_STR_ARG(name));
}

static void serve_create(struct world *world, struct tr_http_server_request *request,
	const char *user, const struct tr_json *body)
{
	char *room = tr_asprintf("!made%u:hs", ++world->rooms_made);
	tr_free(world->last_create);
	world->last_create = tr_json_text(body);
	world_member(world, room, user, "join");
	const struct tr_json *invited = tr_json_first(tr_json_get(body, "invite"));
	for (; invited != NULL; invited = tr_json_next(invited)) {
		world_member(world, room, tr_json_str(invited).ptr, "invite");
	}
	char *create = tr_asprintf("%s m.room.create ", room);
	tr_json_set_take(world->states, create, tr_json_dup(tr_json_get(body, "creation_content")));
	tr_free(create);
	tr_buf_addf(&world->log, "create %s %s\n", user, room);
	tr_json_set_bool(world->closed, room, true);
	if (world->rooms_untold > 0) {
		world->rooms_untold--;
		respond(request, 502, "{}");
	} else {
		respond(request, 200, "{\"room_id\":\"%s\"}", room);
	}
	tr_free(room);
}

static void serve_joined_rooms(
	struct world *world, struct tr_http_server_request *request, const char *user)
{
	struct tr_buf body = TR_BUF_INIT(65536);
	const struct tr_json *member = tr_json_first(world->members);
	for (; member != NULL; member = tr_json_next(member)) {
		struct tr_str rest = tr_json_key(member);
		struct tr_str room;
		if (tr_str_split(&rest, ' ', &room) && tr_str_eq_c(rest, user) &&
			tr_str_eq_c(tr_json_str(member), "join")) {
			tr_buf_addf(&body, "%s\"%.*s\"", body.len ? "," : "", TR_STR_ARG(room));
		}
	}
	tr_buf_add_c(&world->log, "joined_rooms\n");
	respond(request, 200, "{\"joined_rooms\":[%s]}", tr_buf_c(&body));
	tr_buf_finish(&body);
}

static void serve_join(struct world *world, struct tr_http_server_request *request,
	const char *user, const char *room)
{
	const char *now = world_membership(world, room, user);
	if (tr_json_get(world->closed, room) != NULL && strcmp(now, "invite") != 0 &&
		strcmp(now, "join") != 0) {
		forbid(request, "You are not invited to this room.");
		return;
	}
	tr_buf_addf(&world->log, "join %s %s\n", user, room);
	world_member(world, room, user, "join");
	respond(request, 200, "{\"room_id\":\"%s\"}", room);
}

static void serve_change(struct world *world, struct tr_http_server_request *request,
	const char *user, const char *room, const char *verb, const struct tr_json *body)
{
	const char *target =
		strcmp(verb, "leave") == 0 ? user : tr_json_get_str(body, "user_id").ptr;
	if (strcmp(verb, "leave") != 0 && !is_member(world, room, user)) {
		forbid(request, "not in room");
		return;
	}
	tr_buf_addf(&world->log, "%s %s %s %s\n", verb, target, room,
		tr_json_get_str(body, "reason").ptr ? tr_json_get_str(body, "reason").ptr : "");
	world_member(world, room, target, strcmp(verb, "invite") == 0 ? "invite" : "leave");
	respond(request, 200, "{}");
}

static void serve_members(
	struct world *world, struct tr_http_server_request *request, const char *room)
{
	struct tr_buf body = TR_BUF_INIT(65536);
	char *prefix = tr_asprintf("%s ", room);
	const struct tr_json *member = tr_json_first(world->members);
	for (; member != NULL; member = tr_json_next(member)) {
		struct tr_str key = tr_json_key(member);
		if (tr_str_starts(key, tr_str_from(prefix)) &&
			tr_str_eq_c(tr_json_str(member), "join")) {
			tr_buf_addf(&body, "%s\"%.*s\":{}", body.len ? "," : "",
				TR_STR_ARG(tr_str_from_index(key, strlen(prefix))));
		}
	}
	respond(request, 200, "{\"joined\":{%s}}", tr_buf_c(&body));
	tr_free(prefix);
	tr_buf_finish(&body);
}

static void serve_send(struct world *world, struct tr_http_server_request *request,
	const char *user, const char *room, const char *txn, const struct tr_json *body)
{
	const struct tr_json *known = tr_json_get(world->events, txn);
	if (known == NULL && !is_member(world, room, user)) {
		forbid(request, "not in room");
		return;
	}
	if (known == NULL) {
		struct tr_json *event = tr_json_add_object(world->events, txn);
		char *id = tr_asprintf("$sent%zu", tr_json_count(world->events));
		tr_json_set_c(event, "event_id", id);
		tr_json_set_c(event, "room", room);
		tr_json_set_c(event, "sender", user);
		tr_json_set_take(event, "content", tr_json_dup(body));
		tr_free(id);
		tr_buf_addf(&world->sent, "%s %s %.*s %.*s\n", room, user,
			TR_STR_ARG(tr_json_get_str(body, "msgtype")),
			TR_STR_ARG(tr_json_get_str(body, "body")));
		known = event;
	}
	respond(request, 200, "{\"event_id\":\"%s\"}", tr_json_get_str(known, "event_id").ptr);
}

static void serve_messages(
	struct world *world, struct tr_http_server_request *request, const char *room)
{
	struct tr_json *answer = tr_json_new_object();
	struct tr_json *chunk = tr_json_add_array(answer, "chunk");
	const struct tr_json *earlier = tr_json_first(world->history);
	for (; earlier != NULL; earlier = tr_json_next(earlier)) {
		tr_json_append_take(chunk, tr_json_dup(earlier));
	}
	const struct tr_json *event = tr_json_first(world->events);
	for (; event != NULL; event = tr_json_next(event)) {
		if (tr_str_eq_c(tr_json_get_str(event, "room"), room)) {
			tr_json_append_take(chunk, tr_json_dup(event));
		}
	}
	char *text = tr_json_text(answer);
	respond(request, 200, "%s", text);
	tr_free(text);
	tr_json_free(answer);
}

static void serve_state(struct world *world, struct tr_http_server_request *request,
	char *const *parts, size_t count, const struct tr_json *body)
{
	char *key = tr_asprintf("%s %s %s", parts[4], parts[6], count > 7 ? parts[7] : "");
	const struct tr_json *known = tr_json_get(world->states, key);
	if (tr_str_eq_c(tr_http_server_method(request), "PUT")) {
		tr_buf_addf(&world->log, "state %s\n", key);
		tr_json_set_take(world->states, key, tr_json_dup(body));
		respond(request, 200, "{\"event_id\":\"$state\"}");
	} else if (known == NULL) {
		respond(request, 404, "{\"errcode\":\"M_NOT_FOUND\",\"error\":\"no state\"}");
	} else {
		char *text = tr_json_text(known);
		respond(request, 200, "%s", text);
		tr_free(text);
	}
	tr_free(key);
}

void world_knows(struct world *world, const char *id, const char *sender, const char *text,
	const char *witness)
{
	struct tr_json *entry = tr_json_add_object(world->known, id);
	struct tr_json *event = tr_json_add_object(entry, "event");
	tr_json_set_c(event, "type", "m.room.message");
	tr_json_set_c(event, "event_id", id);
	tr_json_set_c(event, "room_id", "!mapped:hs");
	tr_json_set_c(event, "sender", sender);
	tr_json_set_int(event, "origin_server_ts", WORLD_SAID_MS);
	struct tr_json *content = tr_json_add_object(event, "content");
	tr_json_set_c(content, "msgtype", "m.text");
	tr_json_set_c(content, "body", text);
	struct tr_json *state = tr_json_add_array(entry, "state");
	if (witness != NULL) {
		struct tr_json *member = tr_json_new_object();
		tr_json_set_c(member, "type", "m.room.member");
		tr_json_set_c(member, "state_key", witness);
		tr_json_set_c(tr_json_add_object(member, "content"), "membership", "join");
		tr_json_append_take(state, member);
	}
}

/* GET event and GET context. */
static void serve_known(struct world *world, struct tr_http_server_request *request,
	const char *verb, const char *id)
{
	const struct tr_json *entry = tr_json_get(world->known, id);
	tr_buf_addf(&world->log, "%s %s\n", verb, id);
	if (entry == NULL) {
		respond(request, 404, "{\"errcode\":\"M_NOT_FOUND\",\"error\":\"no event\"}");
		return;
	}
	char *text = tr_json_text(strcmp(verb, "event") == 0 ? tr_json_get(entry, "event") : entry);
	respond(request, 200, "%s", text);
	tr_free(text);
}

static void serve_room(struct world *world, struct tr_http_server_request *request,
	const char *user, char *const *parts, size_t count, const struct tr_json *body)
{
	const char *room = parts[4];
	const char *verb = parts[5];
	if (strcmp(verb, "send") == 0 && count == 8) {
		serve_send(world, request, user, room, parts[7], body);
	} else if (strcmp(verb, "state") == 0) {
		serve_state(world, request, parts, count, body);
	} else if (strcmp(verb, "joined_members") == 0 && !is_member(world, room, user)) {
		forbid(request, "not in room");
	} else if (strcmp(verb, "joined_members") == 0) {
		serve_members(world, request, room);
	} else if (strcmp(verb, "messages") == 0) {
		serve_messages(world, request, room);
	} else if (strcmp(verb, "event") == 0 || strcmp(verb, "context") == 0) {
		serve_known(world, request, verb, parts[6]);
	} else {
		serve_change(world, request, user, room, verb, body);
	}
}

/* Files: one is kept, and the limit is 16 bytes. */
static void serve_media(struct world *world, struct tr_http_server_request *request,
	char *const *parts, size_t count)
{
	if (strcmp(parts[count - 1], "config") == 0) {
		respond(request, 200, "{\"m.upload.size\":16}");
	} else if (strcmp(parts[count - 1], "upload") == 0) {
		tr_buf_clear(&world->file);
		tr_buf_add(&world->file, tr_http_server_body(request));
		tr_free(world->file_type);
		world->file_type = tr_str_dup(tr_http_server_header(request, "Content-Type"));
		respond(request, 200, "{\"content_uri\":\"mxc://hs/file\"}");
	} else {
		tr_http_server_respond(request, 200, world->file_type, tr_buf_str(&world->file));
	}
}

static bool is_media(char *const *parts, size_t count)
{
	return count > 3 && (strcmp(parts[1], "media") == 0 || strcmp(parts[3], "media") == 0);
}

static void serve_path(struct world *world, struct tr_http_server_request *request,
	const char *user, char *const *parts, size_t count, const struct tr_json *body)
{
	const char *verb = count > 3 ? parts[3] : parts[count - 1];
	if (count == 3 && strcmp(parts[2], "versions") == 0) {
		respond(request, 200, "{\"versions\":[\"v1.11\"]}");
	} else if (is_media(parts, count)) {
		serve_media(world, request, parts, count);
	} else if (strcmp(verb, "account") == 0) {
		respond(request, 200, "{\"user_id\":\"@bot:hs\"}");
	} else if (strcmp(verb, "appservice") == 0) {
		world->pings++;
		respond(request, 200, "{\"duration_ms\":1}");
	} else if (strcmp(verb, "register") == 0) {
		serve_register(world, request, body);
	} else if (strcmp(verb, "profile") == 0) {
		tr_buf_addf(&world->log, "name %s %s\n", parts[4],
			tr_json_get_str(body, "displayname").ptr);
		respond(request, 200, "{}");
	} else if (strcmp(verb, "createRoom") == 0) {
		serve_create(world, request, user, body);
	} else if (strcmp(verb, "joined_rooms") == 0) {
		serve_joined_rooms(world, request, user);
	} else if (strcmp(verb, "join") == 0) {
		serve_join(world, request, user, parts[4]);
	} else if (strcmp(verb, "rooms") == 0 && count > 5) {
		serve_room(world, request, user, parts, count, body);
	} else {
		respond(request, 404, "{\"errcode\":\"M_UNRECOGNIZED\",\"error\":\"%s\"}", verb);
	}
}

enum { PARTS_MAX = 10 };

static size_t split_path(struct tr_str path, char **parts)
{
	struct tr_str part;
	size_t count = 0;
	path = tr_str_from_index(path, 1);
	while (count < PARTS_MAX && tr_str_split(&path, '/', &part)) {
		struct tr_buf decoded = TR_BUF_INIT(4096);
		assert_int_equal(tr_percent_decode(&decoded, part, false), 0);
		parts[count++] = tr_buf_take(&decoded);
	}
	return count;
}

static bool fails_now(struct world *world, struct tr_http_server_request *request)
{
	struct tr_str path = tr_http_server_path(request);
	if (world->fail == NULL || world->fail_count == 0 ||
		tr_str_find(path, tr_str_from(world->fail)) < 0) {
		return false;
	}
	if (world->fail_method != NULL &&
		!tr_str_eq_c(tr_http_server_method(request), world->fail_method)) {
		return false;
	}
	world->fail_count--;
	return true;
}

static void on_homeserver_headers(void *arg, struct tr_http_server_request *request)
{
	(void)arg;
	(void)request;
}

static void on_homeserver_request(void *arg, struct tr_http_server_request *request)
{
	struct world *world = arg;
	if (fails_now(world, request)) {
		respond(request, world->fail_status,
			"{\"errcode\":\"%s\",\"error\":\"on purpose\"}",
			world->fail_errcode ? world->fail_errcode : "M_UNKNOWN");
		return;
	}
	struct tr_str user = TR_STR("@bot:hs");
	(void)tr_http_server_query(request, "user_id", &user);
	char *as_user = tr_str_dup(user);
	char *parts[PARTS_MAX] = {NULL};
	size_t count = split_path(tr_http_server_path(request), parts);
	struct tr_json *body = tr_json_parse(tr_http_server_body(request), NULL);
	assert_true(
		tr_str_eq_c(tr_http_server_header(request, "Authorization"), "Bearer as-secret"));
	serve_path(world, request, as_user, parts, count, body);
	tr_json_free(body);
	for (size_t i = 0; i < count; i++) {
		tr_free(parts[i]);
	}
	tr_free(as_user);
}

static const struct tr_http_server_handler homeserver_handler = {
	on_homeserver_headers, on_homeserver_request};

/* There is one world at a time; the table of a module has no other place for it. */
static struct world *the_world;

static void *module_create(struct tr_bridge *bridge, const void *config)
{
	(void)bridge;
	(void)config;
	return the_world;
}

static void module_start(
	void *self, void (*started)(void *arg, const struct tr_error *error), void *arg)
{
	struct world *world = self;
	world->portal = tr_portal_configure(world->bridge, TR_STR("#chan"), "#Chan", "!mapped:hs");
	started(arg, NULL);
}

static void module_stop(void *self, uint64_t timeout_ms, void (*stopped)(void *arg), void *arg)
{
	struct world *world = self;
	struct tr_error error;
	(void)timeout_ms;
	tr_error_set(&error, TR_E_CLOSED, "stopping");
	error.cls = TR_CLASS_RETRY;
	for (size_t i = 0; i < world->held_count; i++) {
		tr_op_retry(world->held[i], &error);
	}
	world->held_count = 0;
	world->stopped = stopped;
	world->stopped_arg = arg;
	tr_loop_defer(world->loop, stopped, arg);
}

static void module_destroy(void *self)
{
	struct world *world = self;
	tr_loop_defer_cancel(world->loop, world->stopped, world->stopped_arg);
}

static void op_settled(void *arg)
{
	struct world *world = arg;
	world->settled = true;
}

static void end_op(struct world *world, struct tr_op *op)
{
	struct tr_error error;
	char *id = tr_asprintf("remote-of-%s", op->event_id);
	const struct tr_str ids[] = {tr_str_from(id)};
	switch (world->fate) {
	case FATE_DONE:
		tr_op_done(op, ids, op->kind == TR_OP_MESSAGE ? 1 : 0, op_settled, world);
		break;
	case FATE_REFUSE:
		tr_error_set_class(&error, TR_E_DENIED, TR_CLASS_PERMANENT, "the network says no");
		tr_op_refuse(op, &error);
		break;
	case FATE_RETRY:
		tr_error_set(&error, TR_E_NETWORK, "not now");
		tr_op_retry(op, &error);
		break;
	case FATE_HOLD:
		assert_true(world->held_count < OPS_MAX);
		world->held[world->held_count++] = op;
		break;
	}
	tr_free(id);
}

static void write_about(struct world *world, const struct tr_op *op)
{
	const struct tr_about *about = &op->about;
	static const char *const relations[] = {"", "reply", "edit"};
	if (about->event_id == NULL) {
		return;
	}
	tr_buf_addf(&world->about, "%s %s %s%s %s: %s", op->event_id,
		op->kind == TR_OP_MESSAGE ? relations[op->relation] : "of", about->event_id,
		about->is_reaction ? " (reaction)" : "",
		about->sender_remote ? about->sender_remote
		: about->sender      ? about->sender
				     : "nobody",
		about->text ? about->text : "(not known)");
	for (size_t i = 0; i < about->remote_id_count; i++) {
		tr_buf_addf(&world->about, " [%.*s]", TR_STR_ARG(about->remote_ids[i]));
	}
	tr_buf_add_c(&world->about, "\n");
}

static void module_deliver(void *self, struct tr_op *op)
{
	struct world *world = self;
	static const char *const changes[] = {"join", "leave", "kick", "ban"};
	write_about(world, op);
	if (op->kind == TR_OP_REDACTION) {
		tr_buf_addf(&world->ops, "redaction %s %s %s\n", op->sender, op->portal->remote_id,
			op->reason);
	} else if (op->kind == TR_OP_REACTION) {
		tr_buf_addf(&world->ops, "reaction %s %s %s\n", op->sender, op->portal->remote_id,
			op->key);
	} else if (op->kind == TR_OP_TOPIC) {
		tr_buf_addf(&world->ops, "topic %s %s %s\n", op->sender, op->portal->remote_id,
			op->text);
	} else if (op->kind == TR_OP_MESSAGE) {
		tr_buf_addf(&world->ops, "message %s %s %s%s\n", op->sender, op->portal->remote_id,
			op->text, op->maybe_sent ? " (again)" : "");
	} else {
		tr_buf_addf(&world->ops, "%s %s by %s %s %s\n", changes[op->change],
			op->target_remote ? op->target_remote : op->target, op->sender,
			op->portal->remote_id, op->reason);
	}
	end_op(world, op);
}

static void module_hint(void *self, const struct tr_hint *hint)
{
	struct world *world = self;
	if (hint->kind == TR_HINT_DEPARTED) {
		tr_buf_addf(&world->ops, "departed %s\n", hint->user_id);
	} else if (hint->kind == TR_HINT_PRESENCE) {
		tr_buf_addf(&world->ops, "presence %s %d\n", hint->user_id, (int)hint->presence);
	} else {
		tr_buf_addf(&world->ops, "name %s %s\n", hint->user_id,
			hint->name ? hint->name : "unknown");
	}
}

static bool module_requires_members(void *self, const struct tr_portal *portal)
{
	struct world *world = self;
	(void)portal;
	return world->requires_members;
}

static size_t module_missing_members(
	void *self, struct tr_portal *portal, const char *room_id, bool bring, struct tr_buf *names)
{
	struct world *world = self;
	(void)portal;
	(void)room_id;
	world->brought += bring && world->missing > 0;
	if (world->missing > 0) {
		tr_buf_add_c(names, "@bob:hs (asleep)");
	}
	return world->missing;
}

static void module_position(void *self, const struct tr_portal *portal, struct tr_buf *position)
{
	(void)self;
	tr_buf_addf(position, "after %s", portal->name);
}

static bool module_remote_of_alias(void *self, struct tr_str channel, struct tr_buf *remote_id)
{
	(void)self;
	if (!tr_str_starts(channel, TR_STR("#"))) {
		return false;
	}
	tr_buf_add(remote_id, channel);
	return true;
}

static bool module_remote_of_name(void *self, struct tr_str name, struct tr_buf *remote_id)
{
	(void)self;
	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];
		tr_buf_add_char(remote_id, c >= 'A' && c <= 'Z' ? (char)(c + 32) : c);
	}
	return tr_str_find_char(name, ' ') < 0;
}

/* "@alice:hs" is "m-alice" there. */
static bool module_name_of_user(
	void *self, const char *user_id, struct tr_buf *remote_id, struct tr_buf *name)
{
	(void)self;
	size_t len = strcspn(user_id + 1, ":");
	tr_buf_addf(remote_id, "m-%.*s", (int)len, user_id + 1);
	tr_buf_addf(name, "m-%.*s", (int)len, user_id + 1);
	return true;
}

static void module_undelivered(
	void *self, const struct tr_portal *portal, struct tr_str remote_id, struct tr_str text)
{
	struct world *world = self;
	tr_buf_addf(&world->ops, "told %.*s %s %.*s\n", TR_STR_ARG(remote_id), portal->name,
		TR_STR_ARG(text));
}

static bool module_status(void *self, struct tr_buf *sentence)
{
	(void)self;
	tr_buf_add_c(sentence, "the fake network is connected");
	return true;
}

static void run_echo(void *self, struct tr_command *command)
{
	struct tr_str word;
	(void)self;
	if (!tr_command_argument(command, &word)) {
		tr_command_usage(command);
		return;
	}
	tr_command_reply(command, "echo %.*s", TR_STR_ARG(word));
	tr_command_end(command);
}

static const struct tr_command_row rows[] = {
	{"echo", "word", "Says the word again.", TR_PERMIT_USER, run_echo, false},
	{"name", "word", "Takes a name.", TR_PERMIT_USER, run_echo, true},
	{"rule", "word", "Rules.", TR_PERMIT_ADMIN, run_echo, false},
};
static const struct tr_command_table commands = {rows, TR_ARRAY_LEN(rows)};

static struct tr_protocol protocol = {
	.abi = TR_PROTOCOL_ABI,
	.id = "fake",
	.display_name = "Fake",
	.commands = &commands,
	.create = module_create,
	.start = module_start,
	.stop = module_stop,
	.destroy = module_destroy,
	.deliver = module_deliver,
	.position = module_position,
	.remote_of_alias = module_remote_of_alias,
	.remote_of_name = module_remote_of_name,
	.name_of_user = module_name_of_user,
	.undelivered = module_undelivered,
	.hint = module_hint,
	.requires_members = module_requires_members,
	.missing_members = module_missing_members,
	.status = module_status,
};

static void called_back(void *arg, const struct tr_error *error)
{
	struct world *world = arg;
	world->called_back = true;
	world->callback_error.code = TR_E_OK;
	if (error != NULL) {
		world->callback_error = *error;
	}
}

static int permission(const void *config, const char *user_id)
{
	(void)config;
	return strcmp(user_id, "@nobody:hs") == 0 ? TR_PERMIT_NOBODY : TR_PERMIT_USER;
}

void world_begin(struct world *world, tr_bridge_callback *callback, void *arg)
{
	static const char *const admins[] = {"@admin:hs"};
	const struct tr_bridge_options options = {
		.loop = world->loop,
		.metrics = world->metrics,
		.appservice = world->appservice,
		.protocol = &protocol,
		.name = "Fake net",
		.homeserver_url = world->homeserver_url,
		.domain = "hs",
		.as_token = as_token,
		.hs_token = hs_token,
		.appservice_id = "fake",
		.bot_localpart = "bot",
		.database = world->database,
		.user_template = "@x_$NICK",
		.server = "fake.example",
		.alias_template = "#x_$CHANNEL",
		.create_alias = true,
		.federate_rooms = true,
		.admins = admins,
		.admin_count = TR_ARRAY_LEN(admins),
		.permission = permission,
		.membership_interval_ms = 1,
		.orphan_flush = world->orphan_flush,
		.hold_ms = world->hold_ms,
		.withhold_after_ms = world->withhold_after_ms,
		.departed_after_ms = world->departed_after_ms,
		.join_retries = world->join_retries,
	};
	struct tr_error error;
	/* A registration lives as long as its appservice, so every life of the bridge has its own.
	 */
	const struct tr_appservice_options appservice = {.listen = "127.0.0.1:0"};
	tr_appservice_destroy(world->appservice);
	world->appservice = tr_appservice_create(world->loop, &appservice, &error);
	assert_non_null(world->appservice);
	struct tr_bridge_options with_appservice = options;
	with_appservice.appservice = world->appservice;
	protocol.capabilities = world->capabilities;
	the_world = world;
	world->bridge = tr_bridge_create(&with_appservice, &error);
	assert_non_null(world->bridge);
	tr_bridge_start(world->bridge, callback, arg);
}

void world_start(struct world *world)
{
	world->called_back = false;
	world_begin(world, called_back, world);
	TURN_UNTIL(world->loop, world->called_back);
	assert_int_equal(world->callback_error.code, TR_E_OK);
}

void world_stop(struct world *world)
{
	world->called_back = false;
	tr_bridge_stop(world->bridge, 5000, called_back, world);
	TURN_UNTIL(world->loop, world->called_back);
	world_drop(world);
}

void world_drop(struct world *world)
{
	tr_bridge_destroy(world->bridge);
	world->bridge = NULL;
	world->held_count = 0;
}

int world_setup(void **state)
{
	struct world *world = tr_alloc(sizeof(*world));
	const struct tr_http_server_options options = {.listen = "127.0.0.1:0"};
	tr_log_set_level(getenv("TRESTLE_TEST_LOG") ? TR_LOG_DEBUG : TR_LOG_ERROR);
	(void)snprintf(world->dir, sizeof(world->dir), "/tmp/trestle-bridge-XXXXXX");
	assert_non_null(mkdtemp(world->dir));
	(void)snprintf(world->database, sizeof(world->database), "sqlite:%s/store.db", world->dir);
	world->loop = tr_loop_create();
	world->metrics = tr_metrics_create();
	world->http = tr_http_client_create(world->loop, &(struct tr_http_client_options){0});
	world->homeserver =
		tr_http_server_create(world->loop, &options, &homeserver_handler, world, NULL);
	assert_non_null(world->homeserver);
	world->homeserver_url = tr_asprintf(
		"http://127.0.0.1:%u", (unsigned)tr_http_server_port(world->homeserver));
	tr_buf_init(&world->log, 1 << 20);
	tr_buf_init(&world->sent, 1 << 20);
	tr_buf_init(&world->ops, 1 << 20);
	tr_buf_init(&world->about, 1 << 20);
	tr_buf_init(&world->answer, 1 << 20);
	tr_buf_init(&world->file, 1 << 20);
	world->events = tr_json_new_object();
	world->states = tr_json_new_object();
	world->members = tr_json_new_object();
	world->closed = tr_json_new_object();
	world->known = tr_json_new_object();
	world_member(world, "!mapped:hs", "@alice:hs", "join");
	*state = world;
	return 0;
}

int world_teardown(void **state)
{
	struct world *world = *state;
	if (world->bridge != NULL) {
		world_stop(world);
	}
	tr_appservice_destroy(world->appservice);
	tr_http_client_destroy(world->http);
	tr_http_server_destroy(world->homeserver);
	tr_metrics_destroy(world->metrics);
	tr_loop_destroy(world->loop);
	tr_json_free(world->events);
	tr_json_free(world->states);
	tr_json_free(world->members);
	tr_json_free(world->closed);
	tr_json_free(world->known);
	tr_json_free(world->history);
	tr_buf_finish(&world->log);
	tr_buf_finish(&world->sent);
	tr_buf_finish(&world->ops);
	tr_buf_finish(&world->about);
	tr_buf_finish(&world->answer);
	tr_buf_finish(&world->file);
	tr_free(world->file_type);
	tr_free(world->homeserver_url);
	tr_free(world->last_create);
	static const char *const files[] = {
		"store.db", "store.db-wal", "store.db-shm", "store.db-lock"};
	for (size_t i = 0; i < TR_ARRAY_LEN(files); i++) {
		char *path = tr_asprintf("%s/%s", world->dir, files[i]);
		(void)unlink(path);
		tr_free(path);
	}
	(void)rmdir(world->dir);
	tr_free(world);
	return 0;
}

static void answered(
	void *arg, const struct tr_http_response *response, const struct tr_error *error)
{
	struct world *world = arg;
	assert_null(error);
	world->answered = true;
	world->status = response->status;
	tr_buf_clear(&world->answer);
	tr_buf_add(&world->answer, response->body);
}

static void request(struct world *world, const char *method, const char *path, struct tr_str body)
{
	char *url = tr_asprintf(
		"http://127.0.0.1:%u%s", (unsigned)tr_appservice_port(world->appservice), path);
	const struct tr_http_request http = {
		.method = method, .url = url, .bearer = hs_token, .body = body};
	world->answered = false;
	tr_http_client_start(world->http, &http, answered, world);
	TURN_UNTIL(world->loop, world->answered);
	tr_free(url);
}

void world_get(struct world *world, const char *path)
{
	request(world, "GET", path, tr_str_of(NULL, 0));
}

void world_push(struct world *world, const char *id, const char *type, const char *room,
	const char *sender, const char *state_key, const char *content)
{
	struct tr_json *body = tr_json_new_object();
	struct tr_json *event = tr_json_new_object();
	tr_json_set_c(event, "event_id", id);
	tr_json_set_c(event, "type", type);
	tr_json_set_c(event, "room_id", room);
	tr_json_set_c(event, "sender", sender);
	/* The same event has the same time whenever it comes. */
	tr_json_set_int(event, "origin_server_ts", WORLD_SAID_MS);
	if (state_key != NULL) {
		tr_json_set_c(event, "state_key", state_key);
	}
	tr_json_set_take(event, "content", tr_json_parse(tr_str_from(content), NULL));
	tr_json_append_take(tr_json_add_array(body, "events"), event);
	char *text = tr_json_text(body);
	char *path = tr_asprintf("/_matrix/app/v1/transactions/%u", ++world->txn);
	request(world, "PUT", path, tr_str_from(text));
	tr_free(path);
	tr_free(text);
	tr_json_free(body);
}

void world_push_ephemeral(
	struct world *world, const char *type, const char *sender, const char *content)
{
	char *body = tr_asprintf("{\"events\": [], \"ephemeral\": [7, {\"type\": \"%s\", "
				 "\"sender\": \"%s\", \"content\": %s}]}",
		type, sender, content);
	char *path = tr_asprintf("/_matrix/app/v1/transactions/%u", ++world->txn);
	request(world, "PUT", path, tr_str_from(body));
	tr_free(path);
	tr_free(body);
}

void world_say(
	struct world *world, const char *id, const char *room, const char *sender, const char *text)
{
	struct tr_json *content = tr_json_new_object();
	tr_json_set_c(content, "msgtype", "m.text");
	tr_json_set_c(content, "body", text);
	char *json = tr_json_text(content);
	world_push(world, id, "m.room.message", room, sender, NULL, json);
	assert_int_equal(world->status, 200);
	tr_free(json);
	tr_json_free(content);
}

void world_answer(struct world *world, const char *id, const char *room, const char *sender,
	const char *about, const char *text)
{
	char *content = tr_asprintf("{\"msgtype\":\"m.text\",\"body\":\"%s\",\"m.relates_to\":{"
				    "\"m.in_reply_to\":{\"event_id\":\"%s\"}}}",
		text, about);
	world_push(world, id, "m.room.message", room, sender, NULL, content);
	tr_free(content);
}

void world_edit(struct world *world, const char *id, const char *room, const char *sender,
	const char *about, const char *text)
{
	char *content = tr_asprintf("{\"msgtype\":\"m.text\",\"body\":\"* %s\",\"m.new_content\":{"
				    "\"msgtype\":\"m.text\",\"body\":\"%s\"},\"m.relates_to\":{"
				    "\"rel_type\":\"m.replace\",\"event_id\":\"%s\"}}",
		text, text, about);
	world_push(world, id, "m.room.message", room, sender, NULL, content);
	tr_free(content);
}

size_t world_count(const struct tr_buf *buf, const char *text)
{
	return occurrences(buf, text);
}

void world_expect(struct world *world, const struct tr_buf *buf, const char *text)
{
	uint64_t end = tr_clock_mono_ms() + PATIENCE_MS;
	while (world_count(buf, text) == 0) {
		tr_loop_turn(world->loop, false);
		nap();
		if (tr_clock_mono_ms() >= end) {
			fail_msg("expected \"%s\" in:\n%s", text, tr_buf_c(buf));
		}
	}
}

void world_remote(struct world *world, struct tr_portal *portal, const char *sender,
	const char *key, const char *text)
{
	struct tr_buf folded = TR_BUF_INIT(256);
	for (const char *c = sender; *c != '\0'; c++) {
		tr_buf_add_char(&folded, *c >= 'A' && *c <= 'Z' ? (char)(*c + 32) : *c);
	}
	const struct tr_remote_message message = {
		.portal = portal,
		.sender = tr_buf_str(&folded),
		.sender_name = tr_str_from(sender),
		.remote_key = tr_str_from(key),
		.keep_mapping = true,
		.text = tr_str_from(text),
		.ts = WORLD_SAID_MS,
	};
	tr_bridge_message(world->bridge, &message, op_settled, world);
	tr_buf_finish(&folded);
}
