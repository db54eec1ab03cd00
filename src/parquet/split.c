/* SPDX-License-Identifier: MIT */
/* A constant width lets the compiler keep a value in a register while its bytes come and go. */
#include "parquet/split.h"

#include <stdint.h>
#include <string.h>

static inline void write_width(const uint8_t *values, size_t width, size_t n, uint8_t *out)
{
    for (size_t i = 0; i < n; i++)
        for (size_t b = 0; b < width; b++)
            out[b * n + i] = values[i * width + b];
}

void shale_split_write(const void *values, size_t width, size_t n, void *out)
{
    if (width == 4)
        write_width(values, 4, n, out);
    else if (width == 8)
        write_width(values, 8, n, out);
    else
        write_width(values, width, n, out);
}

static inline void read_width(const uint8_t *from, size_t stride, size_t width, size_t n,
                              uint8_t *out)
{
    for (size_t i = 0; i < n; i++)
        for (size_t b = 0; b < width; b++)
            out[i * width + b] = from[b * stride + i];
}

bool shale_split_read(struct shale_str bytes, size_t width, size_t first, size_t n, void *out)
{
    const size_t stride = width == 0 ? 0 : bytes.n_bytes / width;
    const uint8_t *from;
    if (width == 0 || bytes.n_bytes % width != 0 || first > stride || n > stride - first)
        return false;
    if (n == 0)
        return true;
    from = (const uint8_t *)bytes.data + first;
    if (width == 4)
        read_width(from, stride, 4, n, out);
    else if (width == 8)
        read_width(from, stride, 8, n, out);
    else
        read_width(from, stride, width, n, out);
    return true;
}
