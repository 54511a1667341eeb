/* SPDX-License-Identifier: Apache-2.0 */
/* SipHash-1-3 under a random key that is drawn at the first call. */
#include "core/base/hash.h"

#include "core/base/digest.h"

#include <pthread.h>
#include <string.h>

static uint64_t key[2];

static void draw_key(void)
{
	tr_random_bytes(key, sizeof(key));
}

struct state {
	uint64_t v[4];
};

static uint64_t rotate(uint64_t x, unsigned bits)
{
	return x << bits | x >> (64 - bits);
}

static void sip_round(struct state *s)
{
	s->v[0] += s->v[1];
	s->v[1] = rotate(s->v[1], 13) ^ s->v[0];
	s->v[0] = rotate(s->v[0], 32);
	s->v[2] += s->v[3];
	s->v[3] = rotate(s->v[3], 16) ^ s->v[2];
	s->v[0] += s->v[3];
	s->v[3] = rotate(s->v[3], 21) ^ s->v[0];
	s->v[2] += s->v[1];
	s->v[1] = rotate(s->v[1], 17) ^ s->v[2];
	s->v[2] = rotate(s->v[2], 32);
}

static void absorb(struct state *s, uint64_t word)
{
	s->v[3] ^= word;
	sip_round(s);
	s->v[0] ^= word;
}

uint64_t tr_hash(struct tr_str bytes)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct state s;
	uint64_t word;
	size_t i;

	pthread_once(&once, draw_key);
	s.v[0] = key[0] ^ UINT64_C(0x736f6d6570736575);
	s.v[1] = key[1] ^ UINT64_C(0x646f72616e646f6d);
	s.v[2] = key[0] ^ UINT64_C(0x6c7967656e657261);
	s.v[3] = key[1] ^ UINT64_C(0x7465646279746573);
	for (i = 0; bytes.len - i >= sizeof(word); i += sizeof(word)) {
		memcpy(&word, bytes.ptr + i, sizeof(word));
		absorb(&s, word);
	}
	word = 0;
	if (i < bytes.len) {
		memcpy(&word, bytes.ptr + i, bytes.len - i);
	}
	absorb(&s, word | (uint64_t)bytes.len << 56);
	s.v[2] ^= 0xff;
	for (int round = 0; round < 3; round++) {
		sip_round(&s);
	}
	return s.v[0] ^ s.v[1] ^ s.v[2] ^ s.v[3];
}
