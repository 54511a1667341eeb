/* SPDX-License-Identifier: Apache-2.0 */
/* Appends the records. A record that cannot be written ends the program: a ledger with a hole in it
 * would accuse or acquit the bridge wrongly. */
#include "ledger.h"

#include "buf.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

static int open_append(const char *path)
{
	if (!path) {
		return -1;
	}
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (fd < 0) {
		fprintf(stderr, "scripted-ircd: %s: %s\n", path, strerror(errno));
	}
	return fd;
}

int ircd_ledger_open(struct ircd_ledger *ledger, const char *path, const char *bytes_path)
{
	ledger->fd = open_append(path);
	ledger->bytes_fd = open_append(bytes_path);
	return (path && ledger->fd < 0) || (bytes_path && ledger->bytes_fd < 0) ? -1 : 0;
}

void ircd_ledger_close(struct ircd_ledger *ledger)
{
	if (ledger->fd >= 0) {
		close(ledger->fd);
	}
	if (ledger->bytes_fd >= 0) {
		close(ledger->bytes_fd);
	}
}

static void append(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(fd, data, len);
		if (n < 0 && errno != EINTR) {
			fprintf(stderr, "scripted-ircd: ledger: %s\n", strerror(errno));
			exit(1);
		}
		if (n > 0) {
			data += n;
			len -= (size_t)n;
		}
	}
}

void ircd_ledger_write(struct ircd_ledger *ledger, const char *kind, uint64_t conn,
	const char *nick, const char *raw, size_t raw_len, const char *format, ...)
{
	static struct ircd_buf record;
	ledger->sequence++;
	if (ledger->fd < 0) {
		return;
	}
	record.len = 0;
	ircd_buf_printf(
		&record, "%" PRIu64 "\t%" PRIu64 "\t%s\t", ledger->sequence, uv_hrtime(), kind);
	if (conn) {
		ircd_buf_printf(&record, "%" PRIu64 "\t", conn);
	} else {
		ircd_buf_puts(&record, "-\t");
	}
	ircd_buf_puts(&record, nick && *nick ? nick : "-");
	if (format) {
		va_list args;
		ircd_buf_puts(&record, "\t");
		va_start(args, format);
		ircd_buf_vprintf(&record, format, args);
		va_end(args);
	}
	if (raw) {
		ircd_buf_puts(&record, "\t");
		ircd_buf_add_escaped(&record, raw, raw_len);
	}
	ircd_buf_puts(&record, "\n");
	append(ledger->fd, record.data, record.len);
}

void ircd_ledger_bytes(
	struct ircd_ledger *ledger, uint64_t conn, char direction, const char *data, size_t len)
{
	static struct ircd_buf record;
	if (ledger->bytes_fd < 0 || !len) {
		return;
	}
	record.len = 0;
	ircd_buf_printf(&record, "%" PRIu64 "\t%" PRIu64 "\t%c\t", uv_hrtime(), conn, direction);
	ircd_buf_add_escaped(&record, data, len);
	ircd_buf_puts(&record, "\n");
	append(ledger->bytes_fd, record.data, record.len);
}
