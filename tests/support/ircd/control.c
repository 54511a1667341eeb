/* SPDX-License-Identifier: Apache-2.0 */
/* The control port's sockets and framing, and the table of its commands. */
#include "control.h"

#include "net.h"

#include <stdlib.h>
#include <string.h>

#define REQUEST_MAX (16u << 20)

struct client {
	struct client *next;
	struct ircd_server *server;
	uint64_t id;
	uv_tcp_t tcp;
	struct ircd_buf in;
};

struct ircd_control {
	uv_tcp_t tcp;
	struct client *clients;
	uint64_t last;
	int port;
};

static const struct {
	const char *name;
	ircd_control_handler *handler;
} commands[] = {
	{"set", ircd_control_set},
	{"raw", ircd_control_raw},
	{"close", ircd_control_end},
	{"silent", ircd_control_silent},
	{"delay", ircd_control_delay},
	{"kill", ircd_control_kill},
	{"caps", ircd_control_caps},
	{"tls", ircd_control_tls},
	{"fake", ircd_control_fake},
	{"join", ircd_control_join},
	{"part", ircd_control_part},
	{"quit", ircd_control_quit},
	{"nick", ircd_control_nick},
	{"kick", ircd_control_kick},
	{"mode", ircd_control_mode},
	{"topic", ircd_control_topic},
	{"umode", ircd_control_umode},
	{"split", ircd_control_split},
	{"rejoin", ircd_control_rejoin},
	{"account", ircd_control_account},
	{"say", ircd_control_say},
	{"state", ircd_control_state},
	{"counts", ircd_control_counts},
	{"history", ircd_control_history},
};

void ircd_control_fail(struct ircd_answer *answer, const char *format, ...)
{
	struct ircd_buf text = {0};
	va_list args;
	va_start(args, format);
	ircd_buf_vprintf(&text, format, args);
	va_end(args);
	free(answer->error);
	answer->error = text.data;
}

struct out {
	uv_write_t request;
	struct ircd_buf data;
};

static void on_sent(uv_write_t *request, int status)
{
	struct out *out = (struct out *)request;
	(void)status;
	ircd_buf_free(&out->data);
	free(out);
}

static void send_answer(struct client *client, const struct ircd_answer *answer)
{
	struct out *out = ircd_alloc(sizeof(*out));
	if (answer->error) {
		ircd_buf_puts(&out->data, "{\"ok\":false,\"error\":");
		ircd_json_add_string(&out->data, answer->error);
	} else {
		ircd_buf_puts(&out->data, "{\"ok\":true");
		ircd_buf_add(&out->data, answer->fields.data, answer->fields.len);
	}
	if (answer->id) {
		ircd_buf_printf(&out->data, ",\"id\":%s", answer->id);
	}
	ircd_buf_puts(&out->data, "}\n");
	uv_buf_t buf = uv_buf_init(out->data.data, (unsigned int)out->data.len);
	if (uv_write(&out->request, (uv_stream_t *)&client->tcp, &buf, 1, on_sent) != 0) {
		on_sent(&out->request, 0);
	}
}

void ircd_control_answer(struct ircd_server *server, struct ircd_answer *answer)
{
	struct client *client = server->control ? server->control->clients : NULL;
	while (client && client->id != answer->client) {
		client = client->next;
	}
	if (client) {
		send_answer(client, answer);
	}
	ircd_buf_free(&answer->fields);
	free(answer->error);
	free(answer->id);
	*answer = (struct ircd_answer){0};
}

static char *id_of(const struct ircd_json *request)
{
	const struct ircd_json *id = ircd_json_get(request, "id");
	struct ircd_buf text = {0};
	if (!id) {
		return NULL;
	}
	if (id->type == IRCD_JSON_STRING) {
		ircd_json_add_string(&text, id->text);
	} else {
		ircd_buf_printf(&text, "%.17g", id->number);
	}
	return text.data;
}

static void take_request(struct client *client, const char *line)
{
	struct ircd_server *server = client->server;
	struct ircd_answer answer = {.client = client->id};
	struct ircd_json *request = ircd_json_parse(line);
	if (!request || request->type != IRCD_JSON_OBJECT) {
		ircd_control_fail(&answer, "not a JSON object");
		ircd_control_answer(server, &answer);
		ircd_json_free(request);
		return;
	}
	answer.id = id_of(request);
	const char *name = ircd_json_text(request, "cmd", "");
	ircd_control_handler *handler = NULL;
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].name, name) == 0) {
			handler = commands[i].handler;
		}
	}
	if (handler) {
		handler(server, request, &answer);
	} else {
		ircd_control_fail(&answer, "unknown cmd '%s'", name);
	}
	if (!answer.later) {
		ircd_control_answer(server, &answer);
	}
	ircd_json_free(request);
}

static void free_client(uv_handle_t *handle)
{
	struct client *client = handle->data;
	ircd_buf_free(&client->in);
	free(client);
}

static void close_client(struct client *client)
{
	struct client **at = &client->server->control->clients;
	while (*at && *at != client) {
		at = &(*at)->next;
	}
	if (*at) {
		*at = client->next;
		uv_close((uv_handle_t *)&client->tcp, free_client);
	}
}

static void give_space(uv_handle_t *handle, size_t wanted, uv_buf_t *buf)
{
	static char space[65536];
	(void)handle;
	(void)wanted;
	*buf = uv_buf_init(space, sizeof(space));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct client *client = stream->data;
	if (n < 0 || client->in.len > REQUEST_MAX) {
		close_client(client);
		return;
	}
	ircd_buf_add(&client->in, buf->base, (size_t)n);
	size_t start = 0;
	char *end;
	while ((end = memchr(client->in.data + start, '\n', client->in.len - start))) {
		*end = '\0';
		take_request(client, client->in.data + start);
		start = (size_t)(end + 1 - client->in.data);
	}
	ircd_buf_drain(&client->in, start);
}

static void on_connection(uv_stream_t *stream, int status)
{
	struct ircd_server *server = stream->data;
	if (status < 0) {
		return;
	}
	struct client *client = ircd_alloc(sizeof(*client));
	client->server = server;
	client->id = ++server->control->last;
	uv_tcp_init(server->loop, &client->tcp);
	client->tcp.data = client;
	client->next = server->control->clients;
	server->control->clients = client;
	if (uv_accept(stream, (uv_stream_t *)&client->tcp) != 0) {
		close_client(client);
		return;
	}
	uv_tcp_nodelay(&client->tcp, 1);
	uv_read_start((uv_stream_t *)&client->tcp, give_space, on_read);
}

int ircd_control_open(struct ircd_server *server)
{
	struct ircd_control *control = ircd_alloc(sizeof(*control));
	server->control = control;
	control->tcp.data = server;
	int result =
		ircd_listen(server->loop, &control->tcp, server->options.control, on_connection);
	control->tcp.data = server;
	control->port = ircd_port_of(&control->tcp);
	return result;
}

void ircd_control_close(struct ircd_server *server)
{
	if (server->control) {
		while (server->control->clients) {
			close_client(server->control->clients);
		}
		uv_close((uv_handle_t *)&server->control->tcp, NULL);
	}
}

int ircd_control_port(struct ircd_server *server)
{
	return server->control->port;
}
