/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of HTTP: a scripted server, and raw sockets for what no decent peer would send. The
 * including file includes cmocka first. */
#ifndef TRESTLE_TESTS_HTTP_FIXTURE_H
#define TRESTLE_TESTS_HTTP_FIXTURE_H

#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/io/http_client.h"
#include "core/io/http_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_MS = 20000 };

__attribute__((unused)) static void nap(void)
{
	struct timespec moment = {0, 200000};

	(void)nanosleep(&moment, NULL);
}

/* Turns the loop until the condition holds; fails the test after PATIENCE_MS. */
#define TURN_UNTIL(loop, condition)                      \
 do {                                                    \
  uint64_t turn_end_ = tr_clock_mono_ms() + PATIENCE_MS; \
  while (!(condition)) {                                 \
   tr_loop_turn((loop), false);                          \
   nap();                                                \
   assert_true(tr_clock_mono_ms() < turn_end_);          \
  }                                                      \
 } while (0)

__attribute__((unused)) static void turn_for(struct tr_loop *loop, unsigned ms)
{
	uint64_t end = tr_clock_mono_ms() + ms;

	while (tr_clock_mono_ms() < end) {
		tr_loop_turn(loop, false);
		nap();
	}
}

__attribute__((unused)) static int raw_connect(uint16_t port)
{
	struct sockaddr_in address;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memset(&address, 0, sizeof(address));
	address.sin_family = AF_INET;
	address.sin_port = htons(port);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_true(fd >= 0);
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Writes all, turning the loop while the peer is slow to take it; false when the peer closed. */
__attribute__((unused)) static bool raw_write(struct tr_loop *loop, int fd, struct tr_str bytes)
{
	while (bytes.len > 0) {
		ssize_t put = send(fd, bytes.ptr, bytes.len, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (put > 0) {
			bytes = tr_str_from_index(bytes, (size_t)put);
		} else if (errno != EAGAIN) {
			return false;
		}
		tr_loop_turn(loop, false);
	}
	return true;
}

/* Reads what is there; false at the end of the stream. */
__attribute__((unused)) static bool raw_read(int fd, struct tr_buf *out)
{
	char chunk[4096];
	ssize_t got = recv(fd, chunk, sizeof(chunk), MSG_DONTWAIT);

	if (got > 0) {
		assert_int_equal(tr_buf_add(out, tr_str_of(chunk, (size_t)got)), 0);
	}
	return got > 0 || (got < 0 && errno == EAGAIN);
}

/* How often `needle` is in the text. */
__attribute__((unused)) static size_t occurrences(const struct tr_buf *text, const char *needle)
{
	struct tr_str rest = tr_buf_str(text);
	size_t count = 0;
	ptrdiff_t at;

	while ((at = tr_str_find(rest, tr_str_from(needle))) >= 0) {
		count++;
		rest = tr_str_from_index(rest, (size_t)at + 1);
	}
	return count;
}

/* Reads until `needle` has come `count` times, or the stream ends. */
__attribute__((unused)) static void raw_expect(
	struct tr_loop *loop, int fd, struct tr_buf *out, const char *needle, size_t count)
{
	uint64_t end = tr_clock_mono_ms() + PATIENCE_MS;

	while (raw_read(fd, out) && occurrences(out, needle) < count) {
		tr_loop_turn(loop, false);
		assert_true(tr_clock_mono_ms() < end);
	}
	if (occurrences(out, needle) < count) {
		fail_msg("expected %zu x \"%s\" in: %s", count, needle, tr_buf_c(out));
	}
}

/* Reads to the end of the stream. */
__attribute__((unused)) static void raw_expect_end(struct tr_loop *loop, int fd, struct tr_buf *out)
{
	uint64_t end = tr_clock_mono_ms() + PATIENCE_MS;

	while (raw_read(fd, out)) {
		tr_loop_turn(loop, false);
		assert_true(tr_clock_mono_ms() < end);
	}
}

#endif
