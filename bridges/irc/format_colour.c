/* SPDX-License-Identifier: Apache-2.0 */
/* The 99 colours of IRC: the first sixteen as most clients show them, the others as all who know
 * them do (https://modern.ircdocs.horse/formatting#colors). */
#include "bridges/irc/format_pen.h"

#include "core/base/alloc.h"
#include "core/matrix/html.h"

enum { CLASSIC = 16, CLOSE = 40 /* on the scale of one channel */ };

static const int32_t palette[] = {
	/* 0 to 15 */
	0xffffff, 0x000000, 0x00007f, 0x009300, 0xff0000, 0x7f0000, 0x9c009c, 0xfc7f00, 0xffff00,
	0x00fc00, 0x009393, 0x00ffff, 0x0000fc, 0xff00ff, 0x7f7f7f, 0xd2d2d2,
	/* 16 to 87: twelve hues in six rows, from dark to pale */
	0x470000, 0x472100, 0x474700, 0x324700, 0x004700, 0x00472c, 0x004747, 0x002747, 0x000047,
	0x2e0047, 0x470047, 0x47002a, 0x740000, 0x743a00, 0x747400, 0x517400, 0x007400, 0x007449,
	0x007474, 0x004074, 0x000074, 0x4b0074, 0x740074, 0x740045, 0xb50000, 0xb56300, 0xb5b500,
	0x7db500, 0x00b500, 0x00b571, 0x00b5b5, 0x0063b5, 0x0000b5, 0x7500b5, 0xb500b5, 0xb5006b,
	0xff0000, 0xff8c00, 0xffff00, 0xb2ff00, 0x00ff00, 0x00ffa0, 0x00ffff, 0x008cff, 0x0000ff,
	0xa500ff, 0xff00ff, 0xff0098, 0xff5959, 0xffb459, 0xffff71, 0xcfff60, 0x6fff6f, 0x65ffc9,
	0x6dffff, 0x59b4ff, 0x5959ff, 0xc459ff, 0xff66ff, 0xff59bc, 0xff9c9c, 0xffd39c, 0xffff9c,
	0xe2ff9c, 0x9cff9c, 0x9cffdb, 0x9cffff, 0x9cd3ff, 0x9c9cff, 0xdc9cff, 0xff9cff, 0xff94d3,
	/* 88 to 98: from black to white */
	0x000000, 0x131313, 0x282828, 0x363636, 0x4d4d4d, 0x656565, 0x818181, 0x9f9f9f, 0xbcbcbc,
	0xe2e2e2, 0xffffff};

_Static_assert(TR_ARRAY_LEN(palette) == TR_IRC_COLOUR_DEFAULT, "99 is no colour");

int32_t tr_irc_colour_rgb(int32_t colour)
{
	if (colour >= TR_IRC_COLOUR_RGB) {
		return colour & 0xffffff;
	}
	return colour < TR_IRC_COLOUR_DEFAULT ? palette[colour] : TR_COLOUR_NONE;
}

/* The square of how far they are apart. */
static int32_t distance(int32_t a, int32_t b)
{
	int32_t red = (a >> 16 & 0xff) - (b >> 16 & 0xff);
	int32_t green = (a >> 8 & 0xff) - (b >> 8 & 0xff);
	int32_t blue = (a & 0xff) - (b & 0xff);
	return red * red + green * green + blue * blue;
}

int32_t tr_irc_colour_nearest(int32_t rgb)
{
	int32_t best = 0;
	for (int32_t i = 1; i < TR_IRC_COLOUR_DEFAULT; i++) {
		if (i == CLASSIC && distance(rgb, palette[best]) <= CLOSE * CLOSE) {
			break;
		}
		if (distance(rgb, palette[i]) < distance(rgb, palette[best])) {
			best = i;
		}
	}
	return best;
}
