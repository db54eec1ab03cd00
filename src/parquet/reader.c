/* SPDX-License-Identifier: MIT */
/* Opening a file: both magics and the footer between its length and the pages (parquet-format,
 * README.md, "File format"). */
#include "parquet/reader.h"

#include "parquet/reader_parts.h"

enum {
    MAGIC_BYTES = 4,
    TAIL_BYTES = 8, /* the footer's length and the magic */
    DEFAULT_MEMORY_BYTES = 256 << 20,
};

enum shale_status shale_reader_no_memory(const struct shale_reader *reader, const char *what,
                                         struct shale_err *err)
{
    return shale_limit_status(&reader->limit) == SHALE_LIMIT
               ? SHALE_ERR(err, parquet_memory, what, reader->options.memory_bytes)
               : SHALE_ERR(err, no_memory);
}

static enum shale_status bad_magic(const unsigned char *magic, const char *where,
                                   struct shale_err *err)
{
    if (memcmp(magic, "PARE", MAGIC_BYTES) == 0)
        return SHALE_ERR(err, parquet_encrypted);
    return SHALE_ERR(err, parquet_not, where);
}

/* Where the footer lies: '*at', '*n_bytes'. */
static enum shale_status find_footer(struct shale_random *file, int64_t *at, size_t *n_bytes,
                                     struct shale_err *err)
{
    unsigned char head[MAGIC_BYTES], tail[TAIL_BYTES];
    enum shale_status status;
    uint32_t length;
    if (file->n_bytes < MAGIC_BYTES + TAIL_BYTES)
        return SHALE_ERR(err, parquet_not, "it is too short");
    status = shale_random_read(file, 0, head, sizeof head, err);
    if (status != SHALE_OK)
        return status;
    status = shale_random_read(file, file->n_bytes - TAIL_BYTES, tail, sizeof tail, err);
    if (status != SHALE_OK)
        return status;
    if (memcmp(tail + 4, "PAR1", MAGIC_BYTES) != 0)
        return bad_magic(tail + 4, "it does not end with PAR1 (is it complete?)", err);
    if (memcmp(head, "PAR1", MAGIC_BYTES) != 0)
        return bad_magic(head, "it does not begin with PAR1", err);
    length = (uint32_t)tail[0] | (uint32_t)tail[1] << 8 | (uint32_t)tail[2] << 16 |
             (uint32_t)tail[3] << 24;
    if (length > INT32_MAX || (int64_t)length > file->n_bytes - MAGIC_BYTES - TAIL_BYTES) {
        status = SHALE_ERR(err, parquet_damaged, "the footer", "its length is impossible");
        shale_err_at(err, NULL, -1, file->n_bytes - TAIL_BYTES);
        return status;
    }
    *n_bytes = length;
    *at = file->n_bytes - TAIL_BYTES - (int64_t)length;
    return SHALE_OK;
}

static enum shale_status read_footer(struct shale_reader *reader, struct shale_err *err)
{
    int64_t at = 0;
    size_t n_bytes = 0;
    char *bytes;
    enum shale_status status = find_footer(reader->file, &at, &n_bytes, err);
    if (status != SHALE_OK)
        return status;
    if (n_bytes > reader->options.memory_bytes)
        return SHALE_ERR(err, parquet_memory, "the footer", reader->options.memory_bytes);
    bytes = shale_arena_zeroed(&reader->arena, n_bytes, 1);
    if (bytes == NULL)
        return shale_reader_no_memory(reader, "the footer", err);
    status = shale_random_read(reader->file, at, bytes, n_bytes, err);
    if (status != SHALE_OK)
        return status;
    reader->meta.footer_bytes = (int64_t)n_bytes;
    return shale_footer_read(reader, bytes, n_bytes, at, err);
}

enum shale_status shale_reader_open(const struct shale_mem *mem, struct shale_random *file,
                                    const struct shale_reader_options *options,
                                    struct shale_reader **out, struct shale_err *err)
{
    struct shale_reader *reader = shale_mem_zeroed(mem, 1, sizeof *reader);
    enum shale_status status;
    *out = NULL;
    if (reader == NULL)
        return SHALE_ERR(err, no_memory);
    reader->mem = mem;
    reader->file = file;
    reader->options = *options;
    if (reader->options.memory_bytes == 0)
        reader->options.memory_bytes = DEFAULT_MEMORY_BYTES;
    shale_limit_init(&reader->limit, mem, reader->options.memory_bytes);
    shale_arena_init(&reader->arena, &reader->limit.mem, reader->options.memory_bytes);
    status = read_footer(reader, err);
    if (status != SHALE_OK) {
        shale_reader_free(reader);
        return status;
    }
    *out = reader;
    return SHALE_OK;
}

void shale_reader_free(struct shale_reader *reader)
{
    if (reader == NULL)
        return;
    shale_arena_fini(&reader->arena);
    shale_mem_free(reader->mem, reader);
}

const struct shale_file *shale_reader_file(const struct shale_reader *reader)
{
    return &reader->meta;
}

const struct shale_mem *shale_reader_mem(const struct shale_reader *reader)
{
    return &reader->limit.mem;
}
