/* SPDX-License-Identifier: MIT */
/* A file's last bytes: the footer, its length, PAR1 (parquet-format, README.md, "File format"). */
#include "dataset/footer_hash.h"

enum { TAIL_BYTES = 8, PIECE_BYTES = 64 << 10 };

static enum shale_status hash_range(const struct shale_mem *mem, struct shale_random *file,
                                    int64_t at, int64_t end, char *out, struct shale_err *err)
{
    struct shale_content_hash hash;
    char *piece = shale_mem_alloc(mem, PIECE_BYTES);
    enum shale_status status = SHALE_OK;
    if (piece == NULL)
        return SHALE_ERR(err, no_memory);
    shale_content_hash_init(&hash);
    while (at < end && status == SHALE_OK) {
        size_t n = end - at < PIECE_BYTES ? (size_t)(end - at) : PIECE_BYTES;
        status = shale_random_read(file, at, piece, n, err);
        if (status == SHALE_OK)
            shale_content_hash_update(&hash, piece, n);
        at += (int64_t)n;
    }
    if (status == SHALE_OK)
        shale_content_hash_finish(&hash, out);
    shale_mem_free(mem, piece);
    return status;
}

enum shale_status shale_footer_hash(const struct shale_mem *mem, struct shale_random *file,
                                    char out[SHALE_CONTENT_HASH_CHARS + 1], struct shale_err *err)
{
    unsigned char tail[TAIL_BYTES];
    int64_t length, end = file->n_bytes - TAIL_BYTES;
    enum shale_status status;
    if (end < 4)
        return SHALE_ERR(err, parquet_not, "it is too short");
    status = shale_random_read(file, end, tail, sizeof tail, err);
    if (status != SHALE_OK)
        return status;
    length =
        (int64_t)tail[0] | (int64_t)tail[1] << 8 | (int64_t)tail[2] << 16 | (int64_t)tail[3] << 24;
    if (memcmp(tail + 4, "PAR1", 4) != 0 || length > end - 4)
        return SHALE_ERR(err, parquet_not, "it does not end with PAR1 (is it complete?)");
    return hash_range(mem, file, end - length, end, out, err);
}
