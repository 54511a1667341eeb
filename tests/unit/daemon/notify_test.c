/* SPDX-License-Identifier: Apache-2.0 */
/* What reaches the service manager's socket. */
#include "core/base/log.h"
#include "core/daemon/notify.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static int listen_at(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void assert_received(int fd, const char *beginning)
{
	char text[200];
	ssize_t got = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);
	assert_true(got > 0);
	text[got] = '\0';
	assert_int_equal(strncmp(text, beginning, strlen(beginning)), 0);
}

static void states_reach_the_socket_as_datagrams(void **state)
{
	(void)state;
	char directory[] = "/tmp/trestle-notify-XXXXXX";
	char path[64];
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/socket", directory);
	int fd = listen_at(path);
	setenv("NOTIFY_SOCKET", path, 1);
	tr_notify("STOPPING=1");
	assert_received(fd, "STOPPING=1");
	tr_notify_ready("bridging 3 networks");
	assert_received(fd, "READY=1\nSTATUS=bridging 3 networks");
	tr_notify_reloading();
	assert_received(fd, "RELOADING=1\nMONOTONIC_USEC=");
	unsetenv("NOTIFY_SOCKET");
	tr_notify("READY=1");
	char byte;
	assert_true(recv(fd, &byte, 1, MSG_DONTWAIT) < 0);
	close(fd);
	unlink(path);
	rmdir(directory);
}

static void count_line(enum tr_log_level level, const char *line, void *arg)
{
	(void)level;
	(void)line;
	(*(unsigned *)arg)++;
}

static void a_socket_that_is_not_there_is_said_once_and_stops_nothing(void **state)
{
	(void)state;
	unsigned lines = 0;
	tr_log_set_sink(count_line, &lines);
	setenv("NOTIFY_SOCKET", "/nonexistent/socket", 1);
	tr_notify("READY=1");
	tr_notify("READY=1");
	setenv("NOTIFY_SOCKET", "relative", 1);
	tr_notify("READY=1");
	unsetenv("NOTIFY_SOCKET");
	tr_log_set_sink(NULL, NULL);
	assert_int_equal(lines, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(states_reach_the_socket_as_datagrams),
		cmocka_unit_test(a_socket_that_is_not_there_is_said_once_and_stops_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
