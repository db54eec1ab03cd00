/* SPDX-License-Identifier: MIT */
/* Dates and times of day, read by fixed grammars that know no locale and no time zone table. */
#include "schema/time.h"

#include <stddef.h>

enum { US_PER_SECOND = 1000000, SECONDS_PER_DAY = 86400 };

/* What is left to be read of a text. */
struct scan {
    const char *at, *end;
};

static struct scan scan_of(struct shale_str text)
{
    const char *begin = text.n_bytes == 0 ? "" : text.data;
    return (struct scan){begin, begin + text.n_bytes};
}

static bool take(struct scan *scan, char c)
{
    if (scan->at == scan->end || *scan->at != c)
        return false;
    scan->at++;
    return true;
}

/* Exactly 'n' digits (at most 4: the sum fits). */
static bool take_digits(struct scan *scan, unsigned n, unsigned *out)
{
    unsigned value = 0;
    if ((size_t)(scan->end - scan->at) < n)
        return false;
    for (unsigned i = 0; i < n; i++) {
        char c = scan->at[i];
        if (c < '0' || c > '9')
            return false;
        value = value * 10 + (unsigned)(c - '0');
    }
    scan->at += n;
    *out = value;
    return true;
}

static bool is_leap(int64_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* The calendar is counted in years that begin in March, so that the leap day is a year's last day,
 * and in eras of 400 years, which are equally long: 146097 days. */
bool shale_days_from_civil(int64_t year, unsigned month, unsigned day, int32_t *out)
{
    static const uint8_t month_days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (year < 0 || year > 9999 || month < 1 || month > 12 || day < 1)
        return false;
    if (day > month_days[month - 1] + (unsigned)(month == 2 && is_leap(year)))
        return false;
    int64_t march_year = year - (month <= 2) + 400; /* not negative */
    int64_t era = march_year / 400, year_of_era = march_year % 400;
    int64_t day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    /* 719468 days lie between 0000-03-01 and 1970-01-01; one era was added above. */
    *out = (int32_t)(era * 146097 + day_of_era - 719468 - 146097);
    return true;
}

void shale_civil_from_days(int32_t days, int64_t *year, unsigned *month, unsigned *day)
{
    int64_t shifted = (int64_t)days + 719468;
    int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
    int64_t day_of_era = shifted - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t march_month = (5 * day_of_year + 2) / 153;
    *day = (unsigned)(day_of_year - (153 * march_month + 2) / 5 + 1);
    *month = (unsigned)(march_month < 10 ? march_month + 3 : march_month - 9);
    *year = year_of_era + era * 400 + (*month <= 2);
}

static bool take_date(struct scan *scan, int32_t *days)
{
    unsigned year, month, day;
    return take_digits(scan, 4, &year) && take(scan, '-') && take_digits(scan, 2, &month) &&
           take(scan, '-') && take_digits(scan, 2, &day) &&
           shale_days_from_civil(year, month, day, days);
}

/* The digits of a fraction as nanoseconds; those beyond are cut. */
static bool take_fraction(struct scan *scan, int64_t *ns)
{
    int64_t place = 100000000;
    const char *begin = scan->at;
    *ns = 0;
    while (scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9') {
        *ns += place * (*scan->at++ - '0');
        place /= 10;
    }
    return scan->at > begin;
}

/* hh:mm[:ss[(.|,)digits]] */
static bool take_time(struct scan *scan, int64_t *seconds, int64_t *ns)
{
    unsigned hour, minute, second = 0;
    *ns = 0;
    if (!take_digits(scan, 2, &hour) || !take(scan, ':') || !take_digits(scan, 2, &minute))
        return false;
    if (take(scan, ':')) {
        if (!take_digits(scan, 2, &second))
            return false;
        if ((take(scan, '.') || take(scan, ',')) && !take_fraction(scan, ns))
            return false;
    }
    *seconds = (int64_t)hour * 3600 + minute * 60 + second;
    return hour <= 23 && minute <= 59 && second <= 59;
}

/* Nothing, Z, +hh:mm or +hhmm: seconds east of UTC. */
static bool take_offset(struct scan *scan, int64_t *seconds)
{
    unsigned hour, minute;
    *seconds = 0;
    if (scan->at == scan->end || take(scan, 'Z') || take(scan, 'z'))
        return true;
    bool west = take(scan, '-');
    if (!west && !take(scan, '+'))
        return false;
    if (!take_digits(scan, 2, &hour))
        return false;
    (void)take(scan, ':');
    if (!take_digits(scan, 2, &minute) || hour > 23 || minute > 59)
        return false;
    *seconds = (west ? -1 : 1) * (int64_t)(hour * 3600 + minute * 60);
    return true;
}

bool shale_date_parse(struct shale_str text, int32_t *days)
{
    struct scan scan = scan_of(text);
    return take_date(&scan, days) && scan.at == scan.end;
}

bool shale_time_parse(struct shale_str text, int64_t *us)
{
    struct scan scan = scan_of(text);
    int64_t seconds, ns;
    if (!take_time(&scan, &seconds, &ns) || scan.at != scan.end)
        return false;
    *us = seconds * US_PER_SECOND + ns / 1000;
    return true;
}

bool shale_timestamp_parse(struct shale_str text, enum shale_unit unit, int64_t *out)
{
    struct scan scan = scan_of(text);
    int32_t days;
    int64_t seconds = 0, ns = 0, offset = 0, value;
    if (!take_date(&scan, &days))
        return false;
    if (scan.at != scan.end) {
        if (!take(&scan, 'T') && !take(&scan, 't') && !take(&scan, ' '))
            return false;
        if (!take_time(&scan, &seconds, &ns) || !take_offset(&scan, &offset))
            return false;
    }
    if (scan.at != scan.end)
        return false;
    seconds += (int64_t)days * SECONDS_PER_DAY - offset;
    if (seconds < SHALE_TIMESTAMP_MIN_SECONDS || seconds > SHALE_TIMESTAMP_MAX_SECONDS)
        return false; /* the offset led out of the years that a timestamp can be written in */
    int64_t per_second = shale_unit_per_second(unit);
    int64_t fraction = ns / (shale_unit_per_second(SHALE_NS) / per_second);
    /* In one step before the epoch: seconds * 10^9 alone may pass the end that the sum does not. */
    if (seconds < 0 && fraction > 0) {
        seconds++;
        fraction -= per_second;
    }
    if (__builtin_mul_overflow(seconds, per_second, &value) ||
        __builtin_add_overflow(value, fraction, &value))
        return false;
    *out = value;
    return true;
}

int64_t shale_unit_per_second(enum shale_unit unit)
{
    static const int64_t per_second[] = {
        [SHALE_MS] = 1000, [SHALE_US] = 1000000, [SHALE_NS] = 1000000000};
    return per_second[unit];
}
