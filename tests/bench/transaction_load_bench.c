/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A homeserver that does nothing but send: transactions of ten messages, one after the other on one
 * connection that is kept, each after the 200 of the one before. Prints one line of JSON: how long
 * an answer took, and, measured in turns with it in blocks of fifty, how long a bare fdatasync of
 * the same bytes takes on the disk of a given directory. The file of the latter has its full size
 * before, as a write-ahead log has after its first round: a growing one would be slower.
 *
 * Usage: transaction_load_bench PORT TOKEN ROOM SENDER TRANSACTIONS DIRECTORY
 */
#include "core/base/alloc.h"
#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/digest.h"
#include "core/base/encode.h"
#include "core/base/error.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	EVENTS = 10,
	BLOCK = 50,
	FILE_BYTES = 16 * 1024 * 1024,
	REQUEST_MAX = 1024 * 1024,
	COUNT_MAX = 1000000,
};

struct load {
	int fd;
	const char *token, *room, *sender;
	int64_t epoch; /* makes ids of this run */
	uint64_t event;
	struct tr_buf body, request;
};

static void die(const char *what)
{
	fprintf(stderr, "transaction_load_bench: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int compare(const void *a, const void *b)
{
	const uint64_t *left = a;
	const uint64_t *right = b;
	return (*left > *right) - (*left < *right);
}

static uint64_t percentile(uint64_t *values, size_t count, unsigned percent)
{
	qsort(values, count, sizeof(*values), compare);
	return values[count * percent / 100 < count ? count * percent / 100 : count - 1];
}

static int connect_to(uint16_t port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
	int yes = 1;
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
		die("connect");
	}
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	return fd;
}

static void write_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t put = write(fd, data, len);
		if (put < 0) {
			die("write");
		}
		data += put;
		len -= (size_t)put;
	}
}

/* The hash that an event's id is: an index of ids is hit all over, as in life. */
static void add_event_id(struct tr_buf *out)
{
	unsigned char hash[TR_SHA256_LEN];
	tr_random_bytes(hash, sizeof(hash));
	tr_buf_add_char(out, '$');
	tr_base64url_encode(out, hash, sizeof(hash));
}

/* As Synapse writes events into transactions. */
static void make_body(struct load *load)
{
	tr_buf_clear(&load->body);
	tr_buf_add_c(&load->body, "{\"events\":[");
	for (unsigned i = 0; i < EVENTS; i++) {
		load->event++;
		tr_buf_addf(&load->body,
			"%s{\"age\":17,\"content\":{\"body\":\"message number %" PRIu64
			" of a load that asks how long it takes until it is safe\","
			"\"m.mentions\":{},\"msgtype\":\"m.text\"},\"event_id\":\"",
			i ? "," : "", load->event);
		add_event_id(&load->body);
		tr_buf_addf(&load->body,
			"\",\"origin_server_ts\":%" PRId64
			",\"room_id\":\"%s\",\"sender\":\"%s\",\"type\":\"m.room.message\","
			"\"unsigned\":{\"age\":17},\"user_id\":\"%s\"}",
			tr_clock_wall_ms(), load->room, load->sender, load->sender);
	}
	tr_buf_add_c(&load->body, "]}");
}

static void make_request(struct load *load, uint64_t number)
{
	make_body(load);
	tr_buf_clear(&load->request);
	tr_buf_addf(&load->request,
		"PUT /_matrix/app/v1/transactions/load%" PRId64 "x%" PRIu64 " HTTP/1.1\r\n"
		"Host: 127.0.0.1\r\nAuthorization: Bearer %s\r\n"
		"Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
		load->epoch, number, load->token, load->body.len);
	tr_buf_add(&load->request, tr_buf_str(&load->body));
}

/* The answer is short: it is complete when its header and the two bytes of "{}" are here. */
static void read_answer(int fd)
{
	char answer[4096];
	size_t len = 0;
	for (;;) {
		ssize_t got = read(fd, answer + len, sizeof(answer) - len);
		if (got <= 0) {
			die("the connection ended before the answer");
		}
		len += (size_t)got;
		ptrdiff_t end = tr_str_find(tr_str_of(answer, len), TR_STR("\r\n\r\n"));
		if (end >= 0 && len >= (size_t)end + 4 + 2) {
			break;
		}
	}
	if (!tr_str_starts(tr_str_of(answer, len), TR_STR("HTTP/1.1 200"))) {
		fprintf(stderr, "transaction_load_bench: %.*s\n", (int)len, answer);
		exit(1);
	}
}

static uint64_t send_one(struct load *load, uint64_t number)
{
	make_request(load, number);
	uint64_t start = tr_clock_mono_us();
	write_all(load->fd, load->request.data, load->request.len);
	read_answer(load->fd);
	return tr_clock_mono_us() - start;
}

static int open_file(const char *directory)
{
	static const char zeros[65536];
	char *path = tr_asprintf("%s/sync.bin", directory);
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (fd < 0) {
		die(path);
	}
	for (size_t done = 0; done < FILE_BYTES; done += sizeof(zeros)) {
		write_all(fd, zeros, sizeof(zeros));
	}
	if (fsync(fd) != 0) {
		die("fsync");
	}
	(void)unlink(path);
	tr_free(path);
	return fd;
}

static uint64_t sync_one(int fd, off_t *offset, struct tr_str bytes)
{
	if (*offset + (off_t)bytes.len > FILE_BYTES) {
		*offset = 0;
	}
	uint64_t start = tr_clock_mono_us();
	if (pwrite(fd, bytes.ptr, bytes.len, *offset) != (ssize_t)bytes.len || fdatasync(fd) != 0) {
		die("fdatasync");
	}
	*offset += (off_t)bytes.len;
	return tr_clock_mono_us() - start;
}

static void run(struct load *load, size_t count, int file)
{
	uint64_t *answers = tr_alloc_array(count, sizeof(*answers));
	uint64_t *syncs = tr_alloc_array(count, sizeof(*syncs));
	uint64_t sending_us = 0;
	off_t offset = 0;
	for (size_t start = 0; start < count; start += BLOCK) {
		size_t end = start + BLOCK < count ? start + BLOCK : count;
		uint64_t began = tr_clock_mono_us();
		for (size_t i = start; i < end; i++) {
			answers[i] = send_one(load, i);
		}
		sending_us += tr_clock_mono_us() - began;
		for (size_t i = start; i < end; i++) {
			syncs[i] = sync_one(file, &offset, tr_buf_str(&load->body));
		}
	}
	printf("{\"transactions\":%zu,\"bytes\":%zu,\"per_second\":%.1f,", count, load->body.len,
		(double)count * 1e6 / (double)sending_us);
	printf("\"p50_ms\":%.3f,\"p99_ms\":%.3f,", (double)percentile(answers, count, 50) / 1e3,
		(double)percentile(answers, count, 99) / 1e3);
	printf("\"sync_p50_ms\":%.3f,\"sync_p99_ms\":%.3f}\n",
		(double)percentile(syncs, count, 50) / 1e3,
		(double)percentile(syncs, count, 99) / 1e3);
	tr_free(answers);
	tr_free(syncs);
}

int main(int argc, char **argv)
{
	uint64_t port;
	uint64_t count;
	if (argc != 7 || !tr_str_to_u64(tr_str_from(argv[1]), &port) || port > UINT16_MAX ||
		!tr_str_to_u64(tr_str_from(argv[5]), &count) || count == 0 || count > COUNT_MAX) {
		fprintf(stderr, "usage: transaction_load_bench PORT TOKEN ROOM SENDER TRANSACTIONS "
				"DIRECTORY\n");
		return 64;
	}
	struct load load = {
		.fd = connect_to((uint16_t)port),
		.token = argv[2],
		.room = argv[3],
		.sender = argv[4],
		.epoch = tr_clock_wall_ms(),
		.body = TR_BUF_INIT(REQUEST_MAX),
		.request = TR_BUF_INIT(REQUEST_MAX * 2),
	};
	int file = open_file(argv[6]);
	run(&load, count, file);
	close(file);
	close(load.fd);
	tr_buf_finish(&load.body);
	tr_buf_finish(&load.request);
	return 0;
}
