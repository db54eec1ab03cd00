/* SPDX-License-Identifier: MIT */
/* Instants written as a number, by decimal digits: a double has too few for microseconds. */
#include "schema/epoch.h"

#include <stddef.h>

#include "base/checked.h"
#include "schema/time.h"

enum {
    MAX_DIGITS = 40,          /* more than any result has; those behind only make it "above" */
    MAX_EXPONENT = 100000000, /* larger ones are zero or out of range whatever the digits */
};

/* |value| = 0.d1d2d3... * 10^point, d1 not 0; n 0 for zero. */
struct digits {
    bool negative;
    bool more; /* a digit that is not 0 stands behind those kept */
    unsigned n;
    int64_t point;
    uint8_t digit[MAX_DIGITS];
};

/* The exponent behind an 'e', kept within MAX_EXPONENT. */
static int64_t read_exponent(const char *at, const char *end)
{
    int64_t value = 0;
    bool negative = *at == '-';
    if (*at == '-' || *at == '+')
        at++;
    for (; at < end; at++) {
        value = value * 10 + (*at - '0');
        if (value > MAX_EXPONENT)
            value = MAX_EXPONENT;
    }
    return negative ? -value : value;
}

static struct digits read_digits(struct shale_str number)
{
    struct digits out = {0};
    const char *end = number.data + number.n_bytes;
    bool fraction = false;
    for (const char *at = number.data; at < end; at++) {
        if (*at == '-') {
            out.negative = true;
        } else if (*at == '.') {
            fraction = true;
        } else if (*at == 'e' || *at == 'E') {
            out.point += read_exponent(at + 1, end);
            break;
        } else {
            bool leading_zero = out.n == 0 && *at == '0';
            out.point += leading_zero ? -(int64_t)fraction : (int64_t)!fraction;
            if (leading_zero)
                continue;
            if (out.n < MAX_DIGITS)
                out.digit[out.n++] = (uint8_t)(*at - '0');
            else
                out.more = out.more || *at != '0';
        }
    }
    return out;
}

/* Is the absolute value above 2 * 10^10? */
static bool above_2e10(const struct digits *d)
{
    if (d->n == 0 || d->point != 11)
        return d->n > 0 && d->point > 11;
    if (d->digit[0] != 2)
        return d->digit[0] > 2;
    for (unsigned i = 1; i < d->n; i++)
        if (d->digit[i] != 0)
            return true;
    return d->more;
}

/* The whole part of |value| * 10^shift. */
static bool shifted(const struct digits *d, int64_t shift, int64_t *out)
{
    int64_t n_whole = d->n == 0 ? 0 : d->point + shift;
    *out = 0;
    if (n_whole > 19) /* int64 has 19 digits */
        return false;
    for (int64_t i = 0; i < n_whole; i++)
        if (!SHALE_MUL(*out, 10, out) || !SHALE_ADD(*out, i < d->n ? d->digit[i] : 0, out))
            return false;
    return true;
}

bool shale_epoch_parse(struct shale_str number, enum shale_unit unit, int64_t *out)
{
    static const int64_t unit_digits[] = {[SHALE_MS] = 3, [SHALE_US] = 6, [SHALE_NS] = 9};
    struct digits d = read_digits(number);
    int64_t per_second = shale_unit_per_second(unit), value;
    if (!shifted(&d, unit_digits[unit] - (above_2e10(&d) ? 3 : 0), &value))
        return false;
    value = d.negative ? -value : value;
    int64_t seconds = value / per_second - (value % per_second < 0);
    *out = value;
    return seconds >= SHALE_TIMESTAMP_MIN_SECONDS && seconds <= SHALE_TIMESTAMP_MAX_SECONDS;
}
