/* SPDX-License-Identifier: MIT */
/* Numbers as JSON text.
 *
 * Floats by the method of Giulietti ("The Schubfach way to render doubles"): of the decimals with
 * the most useful exponent at most four are looked at, in whole numbers of 64 bits (32 for float)
 * that hold the value and the ends of the interval that rounds to it, each cut but for one sticky
 * bit. */
#include "json/print.h"

#include <assert.h>
#include <string.h>

#include "json/powers.h"

/* ---- Whole numbers ----------------------------------------------------------------------------
 */

static const char pairs[] = "00010203040506070809101112131415161718192021222324"
                            "25262728293031323334353637383940414243444546474849"
                            "50515253545556575859606162636465666768697071727374"
                            "75767778798081828384858687888990919293949596979899";

/* The number of bits tells the number of digits but for one: 1233 / 4096 is log10(2), nearly. */
static unsigned count_digits(uint64_t value)
{
    static const uint64_t powers[] = {
        0,
        10,
        100,
        1000,
        10000,
        100000,
        1000000,
        10000000,
        100000000,
        1000000000,
        10000000000,
        100000000000,
        1000000000000,
        10000000000000,
        100000000000000,
        1000000000000000,
        10000000000000000,
        100000000000000000,
        1000000000000000000,
        10000000000000000000u,
    };
    unsigned guess = (64 - (unsigned)__builtin_clzll(value | 1)) * 1233 >> 12;
    return guess + (value >= powers[guess]);
}

size_t shale_print_padded(uint64_t value, unsigned n_digits, char *out)
{
    unsigned at = n_digits;
    for (; at >= 2; value /= 100)
        memcpy(out + (at -= 2), pairs + value % 100 * 2, 2);
    if (at == 1)
        out[0] = (char)('0' + (int)(value % 10));
    return n_digits;
}

size_t shale_print_u64(uint64_t value, char *out)
{
    return shale_print_padded(value, count_digits(value), out);
}

size_t shale_print_i64(int64_t value, char *out)
{
    if (value >= 0)
        return shale_print_u64((uint64_t)value, out);
    out[0] = '-';
    return 1 + shale_print_u64(0 - (uint64_t)value, out + 1);
}

size_t shale_print_decimal(shale_i128 value, unsigned scale, char *out)
{
    char text[SHALE_PRINT_BYTES];
    size_t at = sizeof text;
    unsigned n_digits = 0;
    shale_u128 rest = value < 0 ? -(shale_u128)value : (shale_u128)value;
    do {
        if (n_digits == scale && scale > 0)
            text[--at] = '.';
        if (rest >> 64 == 0) { /* division of 128 bits is slow */
            text[--at] = (char)('0' + (int)((uint64_t)rest % 10));
            rest = (uint64_t)rest / 10;
        } else {
            text[--at] = (char)('0' + (int)(rest % 10));
            rest /= 10;
        }
        n_digits++;
    } while (rest > 0 || n_digits <= scale);
    if (value < 0)
        text[--at] = '-';
    memcpy(out, text + at, sizeof text - at);
    return sizeof text - at;
}

/* ---- Floats -----------------------------------------------------------------------------------
 */

struct decimal {
    uint64_t digits; /* not zero */
    int exponent;    /* value = digits * 10^exponent */
};

/* floor(log2(10^e)), floor(log10(2^e)), floor(log10(3/4 * 2^e)): exact for all exponents here. */
static int log2_of_power10(int e)
{
    return (e * 1741647) >> 19;
}

static int log10_of_power2(int e, bool of_three_quarters)
{
    return (e * 1262611 - (of_three_quarters ? 524031 : 0)) >> 22;
}

/* The upper part of power * c, its last bit set when anything was cut. */
static uint64_t scale_f64(const uint64_t power[2], uint64_t c)
{
    shale_u128 low = (shale_u128)power[1] * c, high = (shale_u128)power[0] * c;
    uint64_t middle = 0, carry = SHALE_ADD((uint64_t)high, (uint64_t)(low >> 64), &middle) ? 0 : 1;
    return ((uint64_t)(high >> 64) + carry) | (middle > 1);
}

static uint64_t scale_f32(const uint64_t power[2], uint64_t c)
{
    uint64_t upper = power[0] + (power[1] != 0); /* rounded up, as the table is */
    shale_u128 product = (shale_u128)upper * c;
    return (uint64_t)(product >> 64) | ((uint64_t)product >> 32 > 1);
}

/* The nearest shortest decimal of significand * 2^exponent.  'closer': the next smaller number is
 * half as far away as the next larger one. */
static struct decimal shortest(uint64_t significand, int exponent, bool closer, bool is_f32)
{
    int k = log10_of_power2(exponent, closer);
    int shift = exponent + log2_of_power10(-k) + 1;
    const uint64_t *power = shale_powers_of_ten[-k - SHALE_POWER_LEAST];
    uint64_t (*scale)(const uint64_t[2], uint64_t) = is_f32 ? scale_f32 : scale_f64;
    uint64_t c = significand * 4, odd = significand & 1; /* an odd one's ends round away from it */
    uint64_t lower = scale(power, (c - 2 + closer) << shift) + odd;
    uint64_t value = scale(power, c << shift);
    uint64_t upper = scale(power, (c + 2) << shift) - odd;
    uint64_t s = value / 4, tens = s / 10;
    bool down, up;
    if (s >= 10) {
        down = lower <= 40 * tens;
        up = 40 * tens + 40 <= upper;
        if (down != up)
            return (struct decimal){tens + up, k + 1};
    }
    down = lower <= 4 * s;
    up = 4 * s + 4 <= upper;
    if (down == up) /* both or neither: the nearer one, of two as near the even one */
        up = value > 4 * s + 2 || (value == 4 * s + 2 && (s & 1) != 0);
    return (struct decimal){s + up, k};
}

/* Digits with a point or an exponent, as ECMAScript's Number::toString. */
static size_t put_decimal(struct decimal d, char *out)
{
    char digits[24] = {0};
    unsigned n;
    int point;                   /* digits before it */
    while (d.digits % 10 == 0) { /* whole numbers end in zeros, others hardly ever */
        d.digits /= 10;
        d.exponent++;
    }
    n = (unsigned)shale_print_u64(d.digits, digits);
    point = (int)n + d.exponent;
    if (point > 21 || point <= -6) {
        size_t at = 1;
        out[0] = digits[0];
        if (n > 1) {
            out[at++] = '.';
            memcpy(out + at, digits + 1, n - 1);
            at += n - 1;
        }
        out[at++] = 'e';
        out[at++] = point > 0 ? '+' : '-';
        return at + shale_print_u64((uint64_t)(point > 0 ? point - 1 : 1 - point), out + at);
    }
    if (point <= 0) {
        memset(out, '0', 2 + (size_t)-point);
        out[1] = '.';
        memcpy(out + 2 - point, digits, n);
        return (size_t)(2 - point) + n;
    }
    if ((unsigned)point >= n) {
        memcpy(out, digits, n);
        memset(out + n, '0', (unsigned)point - n);
        return (size_t)point;
    }
    memcpy(out, digits, (size_t)point);
    out[point] = '.';
    memcpy(out + point + 1, digits + point, n - (unsigned)point);
    return n + 1;
}

size_t shale_print_f64(double value, char *out)
{
    enum { FRACTION = 52, BIAS = 1075 };
    uint64_t bits, fraction;
    int exponent;
    size_t n = 0;
    memcpy(&bits, &value, sizeof bits);
    fraction = bits & ((UINT64_C(1) << FRACTION) - 1);
    exponent = (int)(bits >> FRACTION & 0x7FF);
    assert(exponent != 0x7FF);
    if (bits >> 63 != 0)
        out[n++] = '-';
    if (exponent == 0 && fraction == 0) {
        out[n++] = '0';
        return n;
    }
    if (exponent == 0)
        return n + put_decimal(shortest(fraction, 1 - BIAS, false, false), out + n);
    return n + put_decimal(shortest(fraction | UINT64_C(1) << FRACTION, exponent - BIAS,
                                    fraction == 0 && exponent > 1, false),
                           out + n);
}

size_t shale_print_f32(float value, char *out)
{
    enum { FRACTION = 23, BIAS = 150 };
    uint32_t bits, fraction;
    int exponent;
    size_t n = 0;
    memcpy(&bits, &value, sizeof bits);
    fraction = bits & ((1u << FRACTION) - 1);
    exponent = (int)(bits >> FRACTION & 0xFF);
    assert(exponent != 0xFF);
    if (bits >> 31 != 0)
        out[n++] = '-';
    if (exponent == 0 && fraction == 0) {
        out[n++] = '0';
        return n;
    }
    if (exponent == 0)
        return n + put_decimal(shortest(fraction, 1 - BIAS, false, true), out + n);
    return n + put_decimal(shortest(fraction | 1u << FRACTION, exponent - BIAS,
                                    fraction == 0 && exponent > 1, true),
                           out + n);
}
