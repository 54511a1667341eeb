/* SPDX-License-Identifier: Apache-2.0 */
/* What an answer of the homeserver that is not 2xx means: code, class, sentence. The class is what
 * lanes act on; nobody else looks at statuses or error codes to decide about a retry. */
#ifndef TRESTLE_MATRIX_ERROR_H
#define TRESTLE_MATRIX_ERROR_H

#include "core/base/error.h"
#include "core/base/json.h"

/*
 * Fills *error (if any) from the status, the body (errcode, error; NULL when it was no JSON) and
 * the Retry-After header (0 = none; the body's retry_after_ms counts only without it). Returns the
 * code, always negative. error->status is the HTTP status.
 *
 *   429, M_LIMIT_EXCEEDED            UNAVAILABLE  RETRY_AFTER (RETRY when it does not say when)
 *   5xx, 408                         UNAVAILABLE  RETRY (RETRY_AFTER when it says when)
 *   401, M_UNKNOWN_TOKEN             AUTH         RETRY: the administrator has to mend the
 *                                                 registration, and then all must still be there
 *   403 M_FORBIDDEN and others       DENIED       DENIED: repair once (join, power level)
 *   403 M_INVITE_BLOCKED, M_USER_DEACTIVATED, M_EXCLUSIVE  DENIED  PERMANENT
 *   404 M_NOT_FOUND, M_UNKNOWN       NOT_FOUND    GONE
 *   404, 405 M_UNRECOGNIZED          UNSUPPORTED  PERMANENT
 *   413, M_TOO_LARGE                 TOO_BIG      PERMANENT: the caller may send it as a file
 *   409, M_USER_IN_USE, M_ROOM_IN_USE  EXISTS     PERMANENT
 *   anything else                    INVALID      PERMANENT
 */
int tr_matrix_error(
	struct tr_error *error, int status, const struct tr_json *body, uint64_t retry_after_ms);

#endif
