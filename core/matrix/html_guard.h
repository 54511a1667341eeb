/* SPDX-License-Identifier: Apache-2.0 */
/* A look at HTML before the parser sees it. Internal to core/matrix/html*.c. */
#ifndef TRESTLE_MATRIX_HTML_GUARD_H
#define TRESTLE_MATRIX_HTML_GUARD_H

#include "core/base/str.h"

/* Whether parsing this is sure to stay cheap. */
bool tr_html_affordable(struct tr_str html);

#endif
