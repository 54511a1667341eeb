/* SPDX-License-Identifier: Apache-2.0 */
/* Polls, as the text that stands for them where there are none. */
#ifndef TRESTLE_BRIDGE_CONTENT_POLL_H
#define TRESTLE_BRIDGE_CONTENT_POLL_H

#include "core/base/buf.h"
#include "core/base/json.h"

/* Whether events of this type begin or end a poll. */
bool tr_content_is_poll(struct tr_str type);
/* Appends what it says; false when it says nothing. */
bool tr_content_poll(const struct tr_json *event, struct tr_buf *text);

#endif
