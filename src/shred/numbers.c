/* SPDX-License-Identifier: MIT */
/* Numbers compared by their decimal digits: exact, where a double would call 2^53 + 1 equal to
 * 2^53. */
#include "shred/numbers.h"

#include <stdint.h>

enum { MAX_EXPONENT = INT32_MAX }; /* beyond it exponents are taken as equal */

/* The digits from the first that is not 0 to the last, and the place of the decimal point:
 * 0.d1d2... * 10^point.  Without digits it is zero. */
struct digits {
    bool negative;
    const char *first, *last; /* [first, last) may have a point inside */
    int64_t point;
};

static int64_t read_exponent(const char *at, const char *end)
{
    int64_t value = 0;
    bool negative = *at == '-';
    if (*at == '-' || *at == '+')
        at++;
    for (; at < end; at++) {
        value = value * 10 + (*at - '0');
        value = value > MAX_EXPONENT ? MAX_EXPONENT : value;
    }
    return negative ? -value : value;
}

static struct digits read_digits(struct shale_str text)
{
    struct digits out = {0};
    const char *end = text.data + text.n_bytes;
    bool fraction = false;
    for (const char *at = text.data; at < end; at++) {
        if (*at == '-') {
            out.negative = true;
        } else if (*at == '.') {
            fraction = true;
        } else if (*at == 'e' || *at == 'E') {
            out.point += read_exponent(at + 1, end);
            break;
        } else {
            if (*at != '0') {
                out.first = out.first == NULL ? at : out.first;
                out.last = at + 1;
            }
            out.point += out.first == NULL ? -(int64_t)fraction : (int64_t)!fraction;
        }
    }
    return out;
}

static char next_digit(struct digits *d)
{
    if (d->first != d->last && *d->first == '.')
        d->first++;
    return d->first == d->last ? '\0' : *d->first++;
}

bool shale_numbers_equal(struct shale_str a, struct shale_str b)
{
    struct digits x = read_digits(a), y = read_digits(b);
    if (x.first == NULL || y.first == NULL)
        return x.first == y.first; /* zero has no sign here */
    if (x.negative != y.negative || x.point != y.point)
        return false;
    for (;;) {
        char c = next_digit(&x);
        if (c != next_digit(&y))
            return false;
        if (c == '\0')
            return true;
    }
}
