/* SPDX-License-Identifier: Apache-2.0 */
/* A hash for tables in memory, keyed per process, so that a peer cannot choose keys that collide.
 * Not for anything stored. */
#ifndef TRESTLE_BASE_HASH_H
#define TRESTLE_BASE_HASH_H

#include "core/base/str.h"

/* The same for equal bytes within one process. Threads: any. */
uint64_t tr_hash(struct tr_str bytes);

#endif
