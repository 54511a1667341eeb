/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of special addresses (IANA special-purpose registries, RFC 6890 and its updates). Who
 * asks, and what happens to a refused address, is left to the HTTP client.
 */
#include "core/io/netguard.h"

#include "core/base/alloc.h"

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

struct prefix {
	unsigned char bytes[16];
	unsigned bits;
};

static const struct prefix special_v4[] = {
	{{0}, 8},             /* this network */
	{{10}, 8},            /* private, RFC 1918 */
	{{100, 64}, 10},      /* shared by carrier NAT, RFC 6598 */
	{{127}, 8},           /* loopback */
	{{169, 254}, 16},     /* link-local, with the metadata services of clouds */
	{{172, 16}, 12},      /* private */
	{{192, 0, 0}, 24},    /* IETF protocol assignments */
	{{192, 0, 2}, 24},    /* documentation */
	{{192, 31, 196}, 24}, /* AS112 */
	{{192, 52, 193}, 24}, /* AMT */
	{{192, 88, 99}, 24},  /* 6to4 relay anycast, deprecated */
	{{192, 168}, 16},     /* private */
	{{192, 175, 48}, 24}, /* AS112 */
	{{198, 18}, 15},      /* benchmarks */
	{{198, 51, 100}, 24}, /* documentation */
	{{203, 0, 113}, 24},  /* documentation */
	{{224}, 4},           /* multicast */
	{{240}, 4},           /* reserved, and broadcast */
};

/* Inside 2000::/3, outside of which nothing is public. */
static const struct prefix special_v6[] = {
	{{0x20, 0x01, 0x00}, 23},       /* IETF assignments: Teredo, ORCHID, benchmarks, .. */
	{{0x20, 0x01, 0x0d, 0xb8}, 32}, /* documentation */
	{{0x20, 0x02}, 16},             /* 6to4: reaches whatever IPv4 address is inside */
	{{0x26, 0x20, 0x00, 0x4f, 0x80, 0x00}, 48}, /* AS112 */
	{{0x3f, 0xff}, 20},                         /* documentation */
};

static const struct prefix global_unicast_v6 = {{0x20}, 3};
static const struct prefix mapped_v4 = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96};
static const struct prefix nat64 = {{0x00, 0x64, 0xff, 0x9b}, 96};

static bool in_prefix(const unsigned char *address, const struct prefix *prefix)
{
	size_t whole = prefix->bits / 8;
	unsigned rest = prefix->bits % 8;
	unsigned mask = 0xffu << (8 - rest) & 0xffu;

	if (memcmp(address, prefix->bytes, whole) != 0) {
		return false;
	}
	return rest == 0 || (address[whole] & mask) == (prefix->bytes[whole] & mask);
}

static bool in_any(const unsigned char *address, const struct prefix *prefixes, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (in_prefix(address, &prefixes[i])) {
			return true;
		}
	}
	return false;
}

static bool public_v4(const unsigned char address[4])
{
	return !in_any(address, special_v4, TR_ARRAY_LEN(special_v4));
}

static bool public_v6(const unsigned char address[16])
{
	/* Both forms end up at the IPv4 address they carry (RFC 4291 2.5.5.2, RFC 6052). */
	if (in_prefix(address, &mapped_v4) || in_prefix(address, &nat64)) {
		return public_v4(address + 12);
	}
	return in_prefix(address, &global_unicast_v6) &&
	       !in_any(address, special_v6, TR_ARRAY_LEN(special_v6));
}

bool tr_netguard_public(const struct sockaddr *address)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	switch (address->sa_family) {
	case AF_INET:
		memcpy(&v4, address, sizeof(v4));
		return public_v4((const unsigned char *)&v4.sin_addr);
	case AF_INET6:
		memcpy(&v6, address, sizeof(v6));
		return public_v6(v6.sin6_addr.s6_addr);
	default:
		return false;
	}
}
