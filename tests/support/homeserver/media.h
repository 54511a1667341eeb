/* SPDX-License-Identifier: Apache-2.0
 *
 * Media kept in memory, the newest of them: api_media.c serves it.
 */
#ifndef HS_MEDIA_H
#define HS_MEDIA_H

struct hs_server;

/* Forget all media. */
void hs_media_clear(struct hs_server *server);

#endif
