/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that all streams of a loop share, for core/io only. */
#ifndef TRESTLE_IO_LOOP_INTERNAL_H
#define TRESTLE_IO_LOOP_INTERNAL_H

struct tr_loop;

enum {
	TR_LOOP_READ_LEN = 64 * 1024,  /* what one read of a socket can bring */
	TR_LOOP_PLAIN_LEN = 16 * 1024, /* the plain text of one TLS record */
};

/* Both are valid until the loop ends and hold their content during one callback only: a session
 * that had its own would cost 80 KB instead of a few hundred bytes. */
char *tr_loop_read_buffer(struct tr_loop *loop);
char *tr_loop_plain_buffer(struct tr_loop *loop);

#endif
