/* SPDX-License-Identifier: Apache-2.0 */
/* See the header; what is read is the callers' business. */
#include "core/base/pem.h"

int tr_pem_no_pass_phrase(char *out, int size, int writing, void *arg)
{
	(void)out;
	(void)size;
	(void)writing;
	(void)arg;
	return -1;
}
