/* SPDX-License-Identifier: MIT */
/* Numbers, exactly: grammar, whole numbers and decimals.  Floats are in float.c. */
#include "json/number.h"

#include "json/digits.h"
#include "json/scan.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

size_t shale_number_scan(const char *text, size_t n_bytes, bool *whole)
{
    size_t i = 0, before;
    *whole = false;
    if (i < n_bytes && text[i] == '-')
        i++;
    if (i == n_bytes || !is_digit(text[i]))
        return i;
    if (text[i] == '0')
        i++;
    else
        while (i < n_bytes && is_digit(text[i]))
            i++;
    if (i < n_bytes && text[i] == '.') {
        before = ++i;
        while (i < n_bytes && is_digit(text[i]))
            i++;
        if (i == before)
            return i;
    }
    if (i < n_bytes && (text[i] == 'e' || text[i] == 'E')) {
        i++;
        if (i < n_bytes && (text[i] == '+' || text[i] == '-'))
            i++;
        before = i;
        while (i < n_bytes && is_digit(text[i]))
            i++;
        if (i == before)
            return i;
    }
    *whole = true;
    return i;
}

bool shale_number_valid(struct shale_str text)
{
    bool whole;
    return shale_number_scan(text.data, text.n_bytes, &whole) == text.n_bytes && whole;
}

/* The exponent's value behind its 'e', kept within +-EXPONENT_LIMIT. */
static int64_t parse_exponent(const char *p, const char *end)
{
    bool negative = *p == '-';
    int64_t value = 0;
    if (*p == '-' || *p == '+')
        p++;
    for (; p < end; p++)
        if (value < SHALE_EXPONENT_LIMIT)
            value = value * 10 + (*p - '0');
    if (value > SHALE_EXPONENT_LIMIT)
        value = SHALE_EXPONENT_LIMIT;
    return negative ? -value : value;
}

void shale_digits_of(struct shale_str text, struct shale_digits *out)
{
    const char *p = text.data, *end = p + text.n_bytes, *point = NULL;
    const char *first = NULL, *last = NULL, *stop;
    out->negative = *p == '-';
    out->exponent = 0;
    for (p += out->negative; p < end && *p != 'e' && *p != 'E'; p++) {
        if (*p == '.') {
            point = p;
        } else if (*p != '0') {
            if (first == NULL)
                first = p;
            last = p;
        }
    }
    stop = p;
    out->n = 0;
    if (first == NULL)
        return;
    if (p < end)
        out->exponent = parse_exponent(p + 1, end);
    if (point == NULL)
        point = stop;
    /* What the last digit is worth, and how many digits there are without the point. */
    out->exponent += last < point ? point - last - 1 : point - last;
    out->first = first;
    out->n = (size_t)(last - first) + 1 - (first < point && point < last);
}

/* The 'n_digits' digits and 'zeros' behind them, at most 38 altogether. */
static shale_u128 accumulate(const struct shale_digits *digits, int64_t zeros)
{
    const char *p = digits->first;
    shale_u128 value = 0;
    for (size_t left = digits->n; left > 0; p++) {
        if (*p == '.')
            continue;
        value = value * 10 + (unsigned)(*p - '0');
        left--;
    }
    while (zeros-- > 0)
        value *= 10;
    return value;
}

enum shale_number shale_number_i64(struct shale_str text, int64_t *out)
{
    struct shale_digits digits;
    shale_u128 value;
    shale_digits_of(text, &digits);
    *out = 0;
    if (digits.n == 0)
        return SHALE_NUMBER_OK;
    if (digits.exponent < 0)
        return SHALE_NUMBER_NOT_WHOLE;
    if ((int64_t)digits.n + digits.exponent > 19)
        return SHALE_NUMBER_RANGE;
    value = accumulate(&digits, digits.exponent);
    if (value > (shale_u128)INT64_MAX + digits.negative)
        return SHALE_NUMBER_RANGE;
    /* Unsigned negation, as -INT64_MIN is no int64_t. */
    *out = (int64_t)(digits.negative ? 0 - (uint64_t)value : (uint64_t)value);
    return SHALE_NUMBER_OK;
}

enum shale_number shale_number_decimal(struct shale_str text, unsigned precision, unsigned scale,
                                       shale_i128 *out)
{
    struct shale_digits digits;
    shale_i128 value;
    int64_t zeros;
    shale_digits_of(text, &digits);
    *out = 0;
    if (digits.n == 0)
        return SHALE_NUMBER_OK;
    zeros = digits.exponent + (int64_t)scale;
    if (zeros < 0)
        return SHALE_NUMBER_NOT_WHOLE;
    if ((int64_t)digits.n + zeros > (int64_t)precision)
        return SHALE_NUMBER_RANGE;
    value = (shale_i128)accumulate(&digits, zeros);
    *out = digits.negative ? -value : value;
    return SHALE_NUMBER_OK;
}
