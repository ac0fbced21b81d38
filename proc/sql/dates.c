/* Instants as Go prints and go-sqlite3 reads them; see dates.h. */
#include "proc/sql/dates.h"

#include <stdbool.h>
#include <stdio.h>

#define SECONDS_MAX 1000000000000LL /* beyond it an integer means milliseconds */
#define DAY_SECONDS 86400

struct instant {
	int64_t year;
	int month, day, hour, minute, second;
	int nanosecond;
	int offset; /* minutes east of UTC */
};

struct scanner {
	const char *pos, *end;
};

/* Between `min` and `max` digits; -1 if there are fewer. */
static int
scan_number(struct scanner *s, int min, int max)
{
	int v = 0, n;

	for (n = 0; n < max && s->pos < s->end && *s->pos >= '0' && *s->pos <= '9'; n++)
		v = v * 10 + (*s->pos++ - '0');
	return (n < min ? -1 : v);
}

static bool
scan_char(struct scanner *s, char c)
{
	if (s->pos == s->end || *s->pos != c)
		return (false);
	s->pos++;
	return (true);
}

static int
days_of_month(int64_t year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return (month == 2 && leap ? 29 : days[month - 1]);
}

static bool
scan_date(struct scanner *s, struct instant *t)
{
	t->year = scan_number(s, 4, 4);
	if (t->year < 0 || !scan_char(s, '-'))
		return (false);
	t->month = scan_number(s, 2, 2);
	if (t->month < 1 || t->month > 12 || !scan_char(s, '-'))
		return (false);
	t->day = scan_number(s, 2, 2);
	return (t->day >= 1 && t->day <= days_of_month(t->year, t->month));
}

/* Digits of a second; the tenth and later ones are dropped. */
static bool
scan_fraction(struct scanner *s, struct instant *t)
{
	int unit = 100000000, n = 0;

	if (!scan_char(s, '.') && !scan_char(s, ','))
		return (true);
	for (; s->pos < s->end && *s->pos >= '0' && *s->pos <= '9'; n++) {
		t->nanosecond += (*s->pos++ - '0') * unit;
		unit /= 10;
	}
	return (n > 0);
}

static bool
scan_offset(struct scanner *s, struct instant *t)
{
	bool west = scan_char(s, '-');
	int hours, minutes;

	if (!west && !scan_char(s, '+'))
		return (true);
	hours = scan_number(s, 2, 2);
	if (hours < 0 || hours > 24 || !scan_char(s, ':'))
		return (false);
	minutes = scan_number(s, 2, 2);
	if (minutes < 0 || minutes > 60)
		return (false);
	t->offset = hours * 60 + minutes;
	if (west)
		t->offset = -t->offset;
	return (true);
}

static bool
scan_time(struct scanner *s, struct instant *t)
{
	t->hour = scan_number(s, 1, 2);
	if (t->hour < 0 || t->hour > 23 || !scan_char(s, ':'))
		return (false);
	t->minute = scan_number(s, 2, 2);
	if (t->minute < 0 || t->minute > 59)
		return (false);
	if (!scan_char(s, ':'))
		return (true);
	t->second = scan_number(s, 2, 2);
	if (t->second < 0 || t->second > 59)
		return (false);
	return (scan_fraction(s, t) && scan_offset(s, t));
}

static bool
scan_instant(const char *text, size_t len, struct instant *t)
{
	struct scanner s = { text, text + len };

	if (len > 0 && text[len - 1] == 'Z')
		s.end--;
	memset(t, 0, sizeof(*t));
	if (!scan_date(&s, t))
		return (false);
	if (s.pos == s.end)
		return (true);
	/* Go lets any number of blanks stand for one. */
	if (scan_char(&s, ' ')) {
		while (scan_char(&s, ' '))
			continue;
	} else if (!scan_char(&s, 'T'))
		return (false);
	return (scan_time(&s, t) && s.pos == s.end);
}

static const char *
add_instant(struct buf *b, const struct instant *t)
{
	char text[64];
	int n, minutes = t->offset < 0 ? -t->offset : t->offset;

	if (t->year < 0 || t->year > 9999)
		return ("Time.MarshalText: year outside of range [0,9999]");
	if (minutes >= 24 * 60)
		return ("Time.MarshalText: timezone hour outside of range [0,23]");
	n = snprintf(text, sizeof(text), "\"%04d-%02d-%02dT%02d:%02d:%02d", (int)t->year, t->month,
	    t->day, t->hour, t->minute, t->second);
	if (t->nanosecond != 0) {
		n += snprintf(text + n, sizeof(text) - (size_t)n, ".%09d", t->nanosecond);
		while (text[n - 1] == '0')
			n--;
	}
	if (t->offset == 0)
		n += snprintf(text + n, sizeof(text) - (size_t)n, "Z\"");
	else
		n += snprintf(text + n, sizeof(text) - (size_t)n, "%c%02d:%02d\"",
		    t->offset < 0 ? '-' : '+', minutes / 60, minutes % 60);
	buf_add(b, text, (size_t)n);
	return (NULL);
}

/* The civil date of a day since 1970; years begin in March, so that leap days come last. */
static void
set_day(struct instant *t, int64_t day)
{
	int64_t era, year;
	int of_era, of_year, month;

	day += 719468;
	era = (day >= 0 ? day : day - 146096) / 146097;
	of_era = (int)(day - era * 146097);
	year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	of_year = of_era - (int)(365 * year + year / 4 - year / 100);
	month = (5 * of_year + 2) / 153;
	t->day = of_year - (153 * month + 2) / 5 + 1;
	t->month = month < 10 ? month + 3 : month - 9;
	t->year = year + era * 400 + (t->month <= 2);
}

const char *
dates_add_integer(struct buf *b, int64_t v)
{
	struct instant t;
	int64_t day, rest;
	int milliseconds = 0;

	memset(&t, 0, sizeof(t));
	if (v > SECONDS_MAX || v < -SECONDS_MAX) {
		milliseconds = (int)(v % 1000);
		v /= 1000;
		if (milliseconds < 0) {
			milliseconds += 1000;
			v--;
		}
	}
	day = v / DAY_SECONDS;
	rest = v % DAY_SECONDS;
	if (rest < 0) {
		rest += DAY_SECONDS;
		day--;
	}
	set_day(&t, day);
	t.hour = (int)(rest / 3600);
	t.minute = (int)(rest / 60 % 60);
	t.second = (int)(rest % 60);
	t.nanosecond = milliseconds * 1000000;
	return (add_instant(b, &t));
}

const char *
dates_add_text(struct buf *b, const char *text, size_t len)
{
	static const struct instant zero = { .year = 1, .month = 1, .day = 1 };
	struct instant t;

	if (!scan_instant(text, len, &t))
		t = zero;
	return (add_instant(b, &t));
}
