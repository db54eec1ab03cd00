/* SPDX-License-Identifier: MIT */
/* The CRC of gzip and of Parquet's pages (polynomial 0xEDB88320, reflected). */
#ifndef SHALE_CODEC_CRC32_H
#define SHALE_CODEC_CRC32_H

#include <stddef.h>
#include <stdint.h>

/* 'crc' is 0 at the beginning, or the result for the bytes before. */
uint32_t shale_crc32(uint32_t crc, const void *data, size_t n_bytes);

#endif
