/* SPDX-License-Identifier: Apache-2.0 */
/* The sd_notify protocol: one datagram to the socket named in the environment. When to send what is
 * the main program's business. */
#include "core/daemon/notify.h"

#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/log.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void complain(const char *what)
{
	static bool done;
	if (!done) {
		done = true;
		tr_log_warn("daemon", "the service manager cannot be notified: %s", what);
	}
}

void tr_notify(const char *state)
{
	const char *name = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	if (!name || !*name) {
		return;
	}
	size_t length = strlen(name);
	/* A path, or a name in the abstract namespace written with '@' in front. */
	if ((name[0] != '/' && name[0] != '@') || length >= sizeof(address.sun_path)) {
		complain("NOTIFY_SOCKET is neither a path nor an abstract name that fits");
		return;
	}
	memcpy(address.sun_path, name, length);
	if (name[0] == '@') {
		address.sun_path[0] = '\0';
	}
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	if (fd < 0) {
		complain(strerror(errno));
		return;
	}
	socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
	if (sendto(fd, state, strlen(state), MSG_DONTWAIT | MSG_NOSIGNAL,
		    (const struct sockaddr *)&address, size) < 0) {
		complain(strerror(errno));
	}
	close(fd);
}

void tr_notify_ready(const char *status)
{
	char *state = tr_asprintf("READY=1\nSTATUS=%s", status);
	tr_notify(state);
	tr_free(state);
}

void tr_notify_reloading(void)
{
	char *state = tr_asprintf(
		"RELOADING=1\nMONOTONIC_USEC=%llu", (unsigned long long)tr_clock_mono_us());
	tr_notify(state);
	tr_free(state);
}
