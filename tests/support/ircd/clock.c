/* SPDX-License-Identifier: Apache-2.0 */
/* Wall clock time and its IRCv3 form. */
#include "clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int64_t ircd_now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

const char *ircd_time_text(int64_t time_ms)
{
	static char text[48];
	static int64_t last = -1;
	if (time_ms != last) {
		struct tm tm;
		time_t seconds = (time_t)(time_ms / 1000);
		gmtime_r(&seconds, &tm);
		size_t n = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
		snprintf(text + n, sizeof(text) - n, ".%03dZ", (int)(time_ms % 1000));
		last = time_ms;
	}
	return text;
}

/* Days since 1970 of a date, by the civil calendar. */
static int64_t days_from_date(int64_t y, int64_t m, int64_t d)
{
	y -= m <= 2;
	int64_t era = y / 400;
	int64_t year = y - era * 400;
	int64_t day = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
	return era * 146097 + year * 365 + year / 4 - year / 100 + day - 719468;
}

int64_t ircd_time_parse(const char *text)
{
	static const char separators[] = "--T::.Z";
	int64_t part[7] = {0};
	for (int i = 0; i < 7; i++) {
		char *end = NULL;
		if (*text < '0' || *text > '9') {
			return -1;
		}
		part[i] = strtoll(text, &end, 10);
		if (i == 5 && *end == 'Z') {
			break;
		}
		if (*end != separators[i]) {
			return -1;
		}
		text = end + 1;
	}
	return ((days_from_date(part[0], part[1], part[2]) * 24 + part[3]) * 60 + part[4]) * 60000 +
	       part[5] * 1000 + part[6];
}
