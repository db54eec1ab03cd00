/* SPDX-License-Identifier: MIT */
/* Contexts of zstd are kept from reader to reader (the linker's --wrap): a schedule opens hundreds
 * of small files, and making one takes longer than what it is for. */
#include <zstd.h>

enum { KEPT = 16 };

ZSTD_DCtx *__real_ZSTD_createDCtx(void);
ZSTD_DCtx *__wrap_ZSTD_createDCtx(void);
size_t __real_ZSTD_freeDCtx(ZSTD_DCtx *context);
size_t __wrap_ZSTD_freeDCtx(ZSTD_DCtx *context);

static struct {
    ZSTD_DCtx *all[KEPT];
    size_t n;
} kept;

ZSTD_DCtx *__wrap_ZSTD_createDCtx(void)
{
    return kept.n > 0 ? kept.all[--kept.n] : __real_ZSTD_createDCtx();
}

size_t __wrap_ZSTD_freeDCtx(ZSTD_DCtx *context)
{
    if (context == NULL || kept.n == KEPT ||
        ZSTD_isError(ZSTD_DCtx_reset(context, ZSTD_reset_session_and_parameters)))
        return __real_ZSTD_freeDCtx(context);
    kept.all[kept.n++] = context;
    return 0;
}
