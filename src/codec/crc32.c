/* SPDX-License-Identifier: MIT */
/* CRC-32 by libdeflate, which uses the processor's carry-less multiplication. */
#include "codec/crc32.h"

#include <libdeflate.h>

uint32_t shale_crc32(uint32_t crc, const void *data, size_t n_bytes)
{
    /* It takes NULL as a request for the first value. */
    return n_bytes == 0 ? crc : libdeflate_crc32(crc, data, n_bytes);
}
