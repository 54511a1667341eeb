/* SPDX-License-Identifier: Apache-2.0 */
/* Reading PEM: what OpenSSL's readers ask back. */
#ifndef TRESTLE_BASE_PEM_H
#define TRESTLE_BASE_PEM_H

/* A pem_password_cb that has none: a daemon has nobody to ask, and a key with a pass phrase must
 * not make OpenSSL ask for it on the terminal. */
int tr_pem_no_pass_phrase(char *out, int size, int writing, void *arg);

#endif
