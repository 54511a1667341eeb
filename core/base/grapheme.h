/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What people see as one character: extended grapheme clusters (UAX #29), as PCRE2 knows them.
 * Letters with combining marks, emoji joined by ZWJ or with modifiers, flags, Hangul syllables.
 */
#ifndef TRESTLE_BASE_GRAPHEME_H
#define TRESTLE_BASE_GRAPHEME_H

#include "core/base/str.h"

/* Bytes of the cluster that begins at `index`, which is the beginning of one; at least 1. Of bytes
 * that are not UTF-8 each stands alone (the whole text is looked at only as far as need be). */
size_t tr_grapheme_length(struct tr_str text, size_t index);
/* Bytes of the longest beginning of at most `max` bytes that is made of whole clusters; where not
 * even one fits, of whole characters. */
size_t tr_grapheme_fit(struct tr_str text, size_t max);

#endif
