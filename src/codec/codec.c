/* SPDX-License-Identifier: MIT */
/* The versions of the libraries. */
#include "codec/codec.h"

#include <isa-l.h>
#include <libdeflate.h>
#include <lz4.h>
#include <zstd.h>

#include "codec/snappy_version.h" /* made by meson: its C header has none */

#define TEXT_OF(number) #number
#define TEXT(number) TEXT_OF(number)

const char *shale_codec_versions(void)
{
    return "libdeflate " LIBDEFLATE_VERSION_STRING ", ISA-L " TEXT(ISAL_MAJOR_VERSION) "." TEXT(
        ISAL_MINOR_VERSION) "." TEXT(ISAL_PATCH_VERSION) ", zstd " ZSTD_VERSION_STRING
                                                         ", snappy " SHALE_SNAPPY_VERSION
                                                         ", lz4 " LZ4_VERSION_STRING;
}
