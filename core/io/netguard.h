/* SPDX-License-Identifier: Apache-2.0 */
/* Which addresses a bridge may be made to call by strangers: none that are private, loopback,
 * link-local, multicast, documentation or otherwise special (RFC 6890), IPv4-mapped and NAT64 forms
 * included. */
#ifndef TRESTLE_IO_NETGUARD_H
#define TRESTLE_IO_NETGUARD_H

#include <stdbool.h>

struct sockaddr;

/* Whether `address` (AF_INET or AF_INET6) is an ordinary public one. Other families: false. */
bool tr_netguard_public(const struct sockaddr *address);

#endif
