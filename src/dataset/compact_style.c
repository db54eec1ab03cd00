/* SPDX-License-Identifier: MIT */
/* How new files look: as the definition says, or as the newest of the files that they replace. What
 * its footer says is all that is needed, of any writer: nothing is kept in the table for it. */
#include "dataset/compact_parts.h"
#include "parquet/reader.h"

enum { FOOTER_BYTES = 64 << 20 };

static enum shale_codec codec_of(int compression)
{
    switch (compression) {
    case SHALE_COMPRESSION_UNCOMPRESSED:
        return SHALE_CODEC_NONE;
    case SHALE_COMPRESSION_SNAPPY:
        return SHALE_CODEC_SNAPPY;
    case SHALE_COMPRESSION_GZIP:
        return SHALE_CODEC_GZIP;
    case SHALE_COMPRESSION_LZ4_RAW:
        return SHALE_CODEC_LZ4;
    default: /* zstd, and what we do not write */
        return SHALE_CODEC_ZSTD;
    }
}

static bool is_modern(const struct shale_file_chunk *chunk)
{
    for (size_t i = 0; i < chunk->n_page_counts; i++)
        if (chunk->page_counts[i].page_type == SHALE_PAGE_DATA_V2)
            return true;
    return false;
}

/* The name of a column that rows are sorted by in our way; false: they are not. */
static bool sorted_column(const struct shale_file *file, const struct shale_file_sorting *sorting,
                          struct shale_str *out)
{
    const struct shale_file_leaf *leaf = &file->leaves[sorting->leaf];
    *out = file->schema.columns[leaf->column].name;
    return !sorting->descending && !sorting->nulls_first &&
           file->schema.columns[leaf->column].type.n_members == 0;
}

/* The last row group that says an order, else the last one: before a checkpoint was adopted, others
 * wrote the first. */
static const struct shale_file_row_group *newest_group(const struct shale_file *file)
{
    for (size_t i = file->n_row_groups; i > 0; i--)
        if (file->row_groups[i - 1].n_sorting > 0)
            return &file->row_groups[i - 1];
    return &file->row_groups[file->n_row_groups - 1];
}

enum shale_status shale_compact_style_of_file(const struct shale_file *file,
                                              struct shale_arena *arena,
                                              struct shale_compact_style *out)
{
    const struct shale_file_row_group *group = newest_group(file);
    struct shale_str *names = shale_arena_zeroed(arena, group->n_sorting + 1, sizeof *names);
    size_t n = 0;
    if (names == NULL)
        return SHALE_NOMEM;
    for (; n < group->n_sorting; n++) {
        struct shale_str name;
        if (!sorted_column(file, &group->sorting[n], &name))
            break;
        names[n] = (struct shale_str){shale_arena_copy(arena, name), name.n_bytes};
        if (names[n].data == NULL)
            return SHALE_NOMEM;
    }
    out->sort_by = names;
    out->n_sort_by = n;
    if (file->n_leaves > 0) {
        out->chunk.codec = codec_of(group->chunks[0].codec);
        out->chunk.modern = is_modern(&group->chunks[0]);
    }
    return SHALE_OK;
}

/* Do all row groups say that they are sorted so? */
static bool is_sorted(const struct shale_file *file, const struct shale_compact_style *style)
{
    for (size_t i = 0; i < file->n_row_groups; i++) {
        const struct shale_file_row_group *group = &file->row_groups[i];
        if (group->n_sorting < style->n_sort_by)
            return false;
        for (size_t k = 0; k < style->n_sort_by; k++) {
            struct shale_str name;
            if (!sorted_column(file, &group->sorting[k], &name) ||
                !shale_str_equal(name, style->sort_by[k]))
                return false;
        }
    }
    return true;
}

enum shale_status shale_compact_style_of_stream(const struct shale_stream *stream,
                                                struct shale_arena *arena,
                                                struct shale_compact_style *out)
{
    struct shale_str *names = shale_arena_zeroed(arena, stream->n_sort_by + 1, sizeof *names);
    if (names == NULL)
        return SHALE_NOMEM;
    for (size_t i = 0; i < stream->n_sort_by; i++)
        names[i] = stream->fields[stream->sort_by[i]].name;
    out->sort_by = names;
    out->n_sort_by = stream->n_sort_by;
    out->chunk = (struct shale_chunk_options){
        .codec = stream->compression, .level = stream->compression_level, .modern = stream->modern};
    return SHALE_OK;
}

/* Look at the footer of the bin's last file. */
static enum shale_status look(struct shale_store *store, const struct shale_compact_bin *bin,
                              bool has_style, struct shale_arena *arena,
                              struct shale_compact_style *out, bool *sorted, struct shale_err *err)
{
    const struct shale_reader_options options = {.memory_bytes = FOOTER_BYTES};
    const struct shale_log_add *last = &bin->files[bin->n_files - 1];
    struct shale_reader *reader = NULL;
    struct shale_store_file *file;
    enum shale_status status = shale_store_open(store, last->path.data, &file, err);
    if (status != SHALE_OK) {
        shale_err_at(err, last->path.data, -1, -1);
        return status;
    }
    status = shale_reader_open(store->env->mem, &file->random, &options, &reader, err);
    if (status == SHALE_OK && !has_style && shale_reader_file(reader)->n_row_groups > 0 &&
        shale_compact_style_of_file(shale_reader_file(reader), arena, out) != SHALE_OK)
        status = SHALE_ERR(err, no_memory);
    if (status == SHALE_OK)
        *sorted = bin->n_files == 1 && is_sorted(shale_reader_file(reader), out);
    else
        shale_err_at(err, last->path.data, -1, -1);
    shale_reader_free(reader);
    shale_store_close(file);
    return status;
}

enum shale_status shale_compact_style(struct shale_store *store,
                                      const struct shale_compact_options *options,
                                      const struct shale_compact_bin *bin,
                                      struct shale_arena *arena, struct shale_compact_style *out,
                                      bool *sorted, struct shale_err *err)
{
    *out = (struct shale_compact_style){.chunk = {.codec = SHALE_CODEC_ZSTD}};
    *sorted = bin->n_files == 1;
    if (options->stream == NULL && bin->n_files == 1)
        return SHALE_OK; /* it is as it is */
    if (options->stream == NULL)
        return look(store, bin, false, arena, out, sorted, err);
    if (shale_compact_style_of_stream(options->stream, arena, out) != SHALE_OK)
        return SHALE_ERR(err, no_memory);
    return bin->n_files == 1 && out->n_sort_by > 0 ? look(store, bin, true, arena, out, sorted, err)
                                                   : SHALE_OK;
}
