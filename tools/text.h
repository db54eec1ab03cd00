/* SPDX-License-Identifier: MIT */
/* Text of generated events: a buffer of one size for good, and chance that follows from a seed.
 * Each put is sticky: past the end nothing is written and 'full' says so, once, to the writer. */
#ifndef SHALE_TOOLS_TEXT_H
#define SHALE_TOOLS_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct text {
    char *data;
    size_t n_bytes;
    size_t capacity;
    bool full;
};

static inline void text_put(struct text *text, const char *data, size_t n_bytes)
{
    if (n_bytes > text->capacity - text->n_bytes) {
        text->full = true;
        return;
    }
    memcpy(text->data + text->n_bytes, data, n_bytes);
    text->n_bytes += n_bytes;
}

static inline void text_puts(struct text *text, const char *s)
{
    text_put(text, s, strlen(s));
}

static inline void text_putc(struct text *text, char c)
{
    text_put(text, &c, 1);
}

/* A decimal number with at least 'n_digits' digits. */
static inline void text_put_number(struct text *text, uint64_t value, int n_digits)
{
    char digits[24];
    size_t i = sizeof digits;
    for (; value > 0 || n_digits > 0; n_digits--) {
        digits[--i] = (char)('0' + value % 10);
        value /= 10;
    }
    text_put(text, digits + i, sizeof digits - i);
}

/* splitmix64 (Steele, Lea, Flood 2014): any seed is good, so a file or an event can be made
 * without those before it. */
struct chance {
    uint64_t state;
};

static inline uint64_t chance_mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static inline uint64_t chance_next(struct chance *chance)
{
    return chance_mix(chance->state += 0x9E3779B97F4A7C15u);
}

/* Mixed, or the sequence of one number would be that of its neighbour moved by one. */
static inline struct chance chance_of(uint64_t seed, uint64_t number)
{
    return (struct chance){chance_mix(chance_mix(seed + 1) + number)};
}

/* A number below 'n' (n > 0). */
static inline uint32_t chance_below(struct chance *chance, uint32_t n)
{
    return (uint32_t)(((chance_next(chance) >> 32) * n) >> 32);
}

/* 'n' characters of 'alphabet', whose size is a power of two up to 64. */
static inline void text_put_random(struct text *text, struct chance *chance, const char *alphabet,
                                   unsigned alphabet_bits, unsigned n)
{
    const uint64_t mask = (1u << alphabet_bits) - 1;
    uint64_t bits = 0;
    unsigned left = 0;
    for (unsigned i = 0; i < n; i++) {
        if (left < alphabet_bits) {
            bits = chance_next(chance);
            left = 64;
        }
        text_putc(text, alphabet[bits & mask]);
        bits >>= alphabet_bits;
        left -= alphabet_bits;
    }
}

#endif
