/* SPDX-License-Identifier: MIT */
/* Numbers to doubles, correctly rounded (nearest, ties to even), without the C library's locale.
 *
 * Up to 19 digits times 10^-27 to 10^27, which is nearly every number met, is exact in 128 bits:
 * 5^27 < 2^63.  Anything else is a quotient of two big integers, taken to 65 bits and a remainder:
 * slower, but exact for every text. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "json/digits.h"
#include "json/number.h"

enum {
    MAX_POWER = 27,  /* 5^27 is the largest power of 5 in 63 bits */
    FEW_DIGITS = 19, /* any so many digits fit 64 bits */
    /* Between two doubles' middle and the next number of fewer digits lie at most 767 digits
     * (IEEE 754 binary64): behind these, digits only say "a little more". */
    ENOUGH_DIGITS = 800,
    N_LIMBS = 64, /* 10^1145 and 65 bits more: 3,870 bits */
    QUOTIENT_BITS = 65,
};

/* ---- Rounding ------------------------------------------------------------------------------- */

static int bit_length(shale_u128 m)
{
    uint64_t high = (uint64_t)(m >> 64);
    return high != 0 ? 128 - __builtin_clzll(high) : 64 - __builtin_clzll((uint64_t)m);
}

/* mantissa * 2^exponent and, when 'more', a little more (less than one unit of the mantissa, which
 * then has over 54 bits). */
static enum shale_number round_f64(shale_u128 mantissa, int exponent, bool more, double *out)
{
    int bits = bit_length(mantissa), top = bits - 1 + exponent;
    int keep = top < -1022 ? 53 + 1022 + top : 53; /* subnormals have fewer bits */
    int drop = bits - keep;
    if (top > 1023)
        return SHALE_NUMBER_RANGE;
    if (keep < 0) {
        *out = 0.0;
        return SHALE_NUMBER_OK;
    }
    if (drop > 0) {
        shale_u128 half = (shale_u128)1 << (drop - 1), rest = mantissa & (2 * half - 1);
        mantissa = drop > 127 ? 0 : mantissa >> drop;
        mantissa += rest > half || (rest == half && (more || (mantissa & 1) != 0));
        exponent += drop;
    }
    *out = ldexp((double)(uint64_t)mantissa, exponent);
    return isinf(*out) ? SHALE_NUMBER_RANGE : SHALE_NUMBER_OK;
}

/* ---- Few digits ----------------------------------------------------------------------------- */

static enum shale_number few_digits(uint64_t digits, int power, double *out)
{
    uint64_t five = 1;
    shale_u128 dividend;
    int shift;
    for (int i = power < 0 ? -power : power; i > 0; i--)
        five *= 5;
    if (power >= 0)
        return round_f64((shale_u128)digits * five, power, false, out);
    /* The dividend's highest bit is 127, so that the quotient has at least 65 bits. */
    shift = 128 - bit_length(digits);
    dividend = (shale_u128)digits << shift;
    return round_f64(dividend / five, power - shift, dividend % five != 0, out);
}

/* ---- Many: big integers --------------------------------------------------------------------- */

struct big {
    size_t n; /* limbs in use; the highest is not 0 */
    uint64_t limb[N_LIMBS];
};

/* big = big * factor + addend */
static void big_multiply(struct big *big, uint64_t factor, uint64_t addend)
{
    shale_u128 carry = addend;
    for (size_t i = 0; i < big->n; i++) {
        carry += (shale_u128)big->limb[i] * factor;
        big->limb[i] = (uint64_t)carry;
        carry >>= 64;
    }
    if (carry != 0) {
        assert(big->n < N_LIMBS);
        big->limb[big->n++] = (uint64_t)carry;
    }
}

static void big_multiply_ten(struct big *big, int64_t power)
{
    for (; power >= FEW_DIGITS; power -= FEW_DIGITS)
        big_multiply(big, 10000000000000000000u, 0);
    for (; power > 0; power--)
        big_multiply(big, 10, 0);
}

static int big_bits(const struct big *big)
{
    return (int)big->n * 64 - __builtin_clzll(big->limb[big->n - 1]);
}

static void big_shift(struct big *big, int bits)
{
    size_t limbs = (size_t)bits / 64;
    if (bits % 64 != 0)
        big_multiply(big, (uint64_t)1 << bits % 64, 0);
    assert(big->n + limbs <= N_LIMBS);
    memmove(big->limb + limbs, big->limb, big->n * sizeof big->limb[0]);
    memset(big->limb, 0, limbs * sizeof big->limb[0]);
    big->n += limbs;
}

static bool big_less(const struct big *a, const struct big *b)
{
    if (a->n != b->n)
        return a->n < b->n;
    for (size_t i = a->n; i-- > 0;)
        if (a->limb[i] != b->limb[i])
            return a->limb[i] < b->limb[i];
    return false;
}

/* a -= b, which is not larger */
static void big_subtract(struct big *a, const struct big *b)
{
    unsigned borrow = 0;
    for (size_t i = 0; i < a->n; i++) {
        shale_u128 take = (shale_u128)(i < b->n ? b->limb[i] : 0) + borrow;
        borrow = a->limb[i] < take;
        a->limb[i] -= (uint64_t)take;
    }
    assert(borrow == 0);
    while (a->n > 0 && a->limb[a->n - 1] == 0)
        a->n--;
}

/* The digits as a big integer; returns what the last one is worth. */
static int64_t big_of_digits(struct big *big, const struct shale_digits *digits)
{
    const char *p = digits->first;
    size_t n = digits->n < ENOUGH_DIGITS ? digits->n : ENOUGH_DIGITS;
    big->n = 0;
    for (size_t left = n; left > 0; p++) {
        if (*p == '.')
            continue;
        big_multiply(big, 10, (uint64_t)(*p - '0'));
        left--;
    }
    if (n == digits->n)
        return digits->exponent;
    big_multiply(big, 10, 1); /* there are more digits, and the last is not 0 */
    return digits->exponent + (int64_t)(digits->n - n) - 1;
}

static enum shale_number many_digits(const struct shale_digits *digits, double *out)
{
    struct big above, below = {1, {1}};
    shale_u128 quotient = 0;
    int64_t power = big_of_digits(&above, digits);
    int shift;
    if (power >= 0)
        big_multiply_ten(&above, power);
    else
        big_multiply_ten(&below, -power);
    /* Both get the same length: the first bit of the quotient, which may be 0, is worth 1. */
    shift = big_bits(&below) - big_bits(&above);
    big_shift(shift > 0 ? &above : &below, shift > 0 ? shift : -shift);
    for (int i = 0; i <= QUOTIENT_BITS; i++) {
        quotient <<= 1;
        if (!big_less(&above, &below)) {
            big_subtract(&above, &below);
            quotient |= 1;
        }
        big_multiply(&above, 2, 0);
    }
    return round_f64(quotient, -shift - QUOTIENT_BITS, above.n != 0, out);
}

enum shale_number shale_number_f64(struct shale_str text, double *out)
{
    struct shale_digits digits;
    enum shale_number result = SHALE_NUMBER_OK;
    int64_t size;
    shale_digits_of(text, &digits);
    size = (int64_t)digits.n + digits.exponent; /* the number is below 10^size */
    *out = 0.0;
    if (digits.n == 0 || size < -330) {
        /* a zero, or less than half of the smallest subnormal (4.9e-324) */
    } else if (size > 310) {
        return SHALE_NUMBER_RANGE;
    } else if (digits.n <= FEW_DIGITS && digits.exponent >= -MAX_POWER &&
               digits.exponent <= MAX_POWER) {
        uint64_t value = 0;
        const char *p = digits.first;
        for (size_t left = digits.n; left > 0; p++) {
            if (*p == '.')
                continue;
            value = value * 10 + (uint64_t)(*p - '0');
            left--;
        }
        result = few_digits(value, (int)digits.exponent, out);
    } else {
        result = many_digits(&digits, out);
    }
    if (digits.negative)
        *out = -*out;
    return result;
}
