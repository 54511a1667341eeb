/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two clocks, their fake for tests, and RFC 3339 text. Calendar arithmetic is done here (days
 * are counted in 400-year eras that start on 1 March), because the C library's functions share
 * state.
 */
#include "core/base/clock.h"

#include "core/base/alloc.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

enum { MS_PER_DAY = 86400000, FAKE_MONO_START_MS = 1000 };

/* Other threads read the clocks too. */
static atomic_bool faked;
static _Atomic int64_t fake_wall_ms;
static _Atomic uint64_t fake_mono_ms;

static struct timespec now(clockid_t id)
{
	struct timespec time;

	TR_ASSERT(clock_gettime(id, &time) == 0);
	return time;
}

uint64_t tr_clock_mono_us(void)
{
	struct timespec time;

	if (atomic_load(&faked)) {
		return atomic_load(&fake_mono_ms) * 1000;
	}
	time = now(CLOCK_MONOTONIC);
	return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_nsec / 1000;
}

uint64_t tr_clock_mono_ms(void)
{
	return tr_clock_mono_us() / 1000;
}

int64_t tr_clock_wall_ms(void)
{
	struct timespec time;

	if (atomic_load(&faked)) {
		return atomic_load(&fake_wall_ms);
	}
	time = now(CLOCK_REALTIME);
	return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

void tr_clock_fake(int64_t wall_ms)
{
	atomic_store(&fake_wall_ms, wall_ms);
	atomic_store(&fake_mono_ms, FAKE_MONO_START_MS);
	atomic_store(&faked, true);
}

void tr_clock_advance(uint64_t ms)
{
	TR_ASSERT(atomic_load(&faked));
	atomic_fetch_add(&fake_wall_ms, (int64_t)ms);
	atomic_fetch_add(&fake_mono_ms, ms);
}

void tr_clock_real(void)
{
	atomic_store(&faked, false);
}

struct date {
	int64_t year;
	unsigned month;
	unsigned day;
};

/* Years begin with March here, so that the leap day is the last day of a year. */
static struct date date_from_days(int64_t days)
{
	int64_t since_era = days + 719468;
	int64_t era = (since_era >= 0 ? since_era : since_era - 146096) / 146097;
	unsigned day_of_era = (unsigned)(since_era - era * 146097);
	unsigned year_of_era =
		(day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	unsigned day_of_year =
		day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	unsigned month = (5 * day_of_year + 2) / 153;
	struct date date;

	date.day = day_of_year - (153 * month + 2) / 5 + 1;
	date.month = month < 10 ? month + 3 : month - 9;
	date.year = (int64_t)year_of_era + era * 400 + (date.month <= 2 ? 1 : 0);
	return date;
}

static int64_t days_from_date(struct date date)
{
	int64_t year = date.year - (date.month <= 2 ? 1 : 0);
	int64_t era = (year >= 0 ? year : year - 399) / 400;
	unsigned year_of_era = (unsigned)(year - era * 400);
	unsigned month = date.month > 2 ? date.month - 3 : date.month + 9;
	unsigned day_of_year = (153 * month + 2) / 5 + date.day - 1;
	unsigned day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

	return era * 146097 + (int64_t)day_of_era - 719468;
}

static void add_part(struct tr_buf *out, unsigned number, size_t digits, char end)
{
	tr_buf_add_u64(out, number, digits);
	tr_buf_add_char(out, end);
}

void tr_clock_format(struct tr_buf *out, int64_t wall_ms)
{
	int64_t days = wall_ms / MS_PER_DAY;
	int64_t rest = wall_ms % MS_PER_DAY;
	struct date date;
	unsigned ms;

	if (rest < 0) {
		rest += MS_PER_DAY;
		days--;
	}
	ms = (unsigned)rest;
	date = date_from_days(days);
	/* Every event from Matrix and every line of the log comes here: printf takes many times as
	 * long. */
	if (date.year < 0) {
		tr_buf_add_char(out, '-');
	}
	add_part(out, (unsigned)llabs(date.year), 4, '-');
	add_part(out, date.month, 2, '-');
	add_part(out, date.day, 2, 'T');
	add_part(out, ms / 3600000, 2, ':');
	add_part(out, ms / 60000 % 60, 2, ':');
	add_part(out, ms / 1000 % 60, 2, '.');
	add_part(out, ms % 1000, 3, 'Z');
}

void tr_clock_format_minute(struct tr_buf *out, int64_t wall_ms)
{
	struct tr_buf time = TR_BUF_INIT(64);

	tr_clock_format(&time, wall_ms);
	tr_buf_add(out, tr_str_slice(tr_buf_str(&time), 11, 5));
	tr_buf_add_c(out, " UTC");
	tr_buf_finish(&time);
}

/* Exactly `count` digits at *at, between `low` and `high`. */
static bool digits(
	struct tr_str text, size_t *at, size_t count, uint64_t low, uint64_t high, unsigned *value)
{
	struct tr_str field = tr_str_slice(text, *at, count);
	uint64_t number;

	if (field.len != count || !tr_str_to_u64(field, &number) || number < low || number > high) {
		return false;
	}
	*at += count;
	*value = (unsigned)number;
	return true;
}

static bool one_of(struct tr_str text, size_t *at, const char *allowed)
{
	if (*at >= text.len || tr_str_find_char(tr_str_from(allowed), text.ptr[*at]) < 0) {
		return false;
	}
	++*at;
	return true;
}

/* Milliseconds of ".fraction", cut and not rounded. */
static bool fraction(struct tr_str text, size_t *at, unsigned *ms)
{
	unsigned weight = 100;

	*ms = 0;
	if (!one_of(text, at, ".")) {
		return true;
	}
	if (*at >= text.len || text.ptr[*at] < '0' || text.ptr[*at] > '9') {
		return false;
	}
	for (; *at < text.len && text.ptr[*at] >= '0' && text.ptr[*at] <= '9'; ++*at) {
		*ms += weight * (unsigned)(text.ptr[*at] - '0');
		weight /= 10;
	}
	return true;
}

static unsigned days_in_month(struct date date)
{
	static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (date.year % 4 == 0 && date.year % 100 != 0) || date.year % 400 == 0;

	return days[date.month - 1] + (date.month == 2 && leap ? 1U : 0U);
}

bool tr_clock_parse(struct tr_str text, int64_t *wall_ms)
{
	size_t at = 0;
	unsigned year;
	unsigned hour;
	unsigned minute;
	unsigned second;
	unsigned ms;
	struct date date;

	if (!digits(text, &at, 4, 0, 9999, &year) || !one_of(text, &at, "-") ||
		!digits(text, &at, 2, 1, 12, &date.month) || !one_of(text, &at, "-") ||
		!digits(text, &at, 2, 1, 31, &date.day) || !one_of(text, &at, "Tt") ||
		!digits(text, &at, 2, 0, 23, &hour) || !one_of(text, &at, ":") ||
		!digits(text, &at, 2, 0, 59, &minute) || !one_of(text, &at, ":") ||
		!digits(text, &at, 2, 0, 60, &second) || !fraction(text, &at, &ms)) {
		return false;
	}
	date.year = year;
	if (!one_of(text, &at, "Zz") || at != text.len || date.day > days_in_month(date)) {
		return false;
	}
	*wall_ms = days_from_date(date) * MS_PER_DAY + (int64_t)hour * 3600000 +
		   (int64_t)minute * 60000 + (int64_t)second * 1000 + ms;
	return true;
}
