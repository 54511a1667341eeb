/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much of the libraries is resident. The start reads symbol tables and initialization code of
 * some forty libraries, most of which serve protocols of libcurl that no bridge speaks; those pages
 * count as ours until the kernel needs the memory for something else.
 */
#ifndef TRESTLE_DAEMON_FOOTPRINT_H
#define TRESTLE_DAEMON_FOOTPRINT_H

#include <stddef.h>

/* Lets go of the pages of program and libraries that nobody writes to. Nothing is lost: they are
 * the files' own content and come back, one fault for sixteen pages, when they are used, as they
 * did at the start. To be called once, when the start is over; returns the bytes that were mapped
 * so. */
size_t tr_footprint_forget_start(void);

#endif
