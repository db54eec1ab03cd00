/* SPDX-License-Identifier: MIT */
/* libshale: Parquet files, read and written; rows come and go by the Arrow C data interface.
 *
 *     cc app.c $(pkg-config --cflags --libs shale)
 *
 * Rules for all of it:
 * - A function that can fail returns enum shale_status, and fills 'failure' when that is not NULL.
 * - Structs that begin with 'size' may grow: set it to sizeof the struct; what a caller does not
 *   know of is then zero, which means the default.  A pointer to options may be NULL.
 * - Handles are freed by their own function, which takes NULL as well.
 * - Texts are UTF-8.  What a function is given it copies, unless it says otherwise.
 * - A handle is used by one thread at a time; different handles by any.  Streams are handles of
 *   their own: several may read one file at once.
 * - The library does not print, does not exit and changes nothing that belongs to the process. */
#ifndef SHALE_H
#define SHALE_H

#include <stddef.h>
#include <stdint.h>

#include <shale/arrow.h>
#include <shale/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* "0.1.0". */
SHALE_API const char *shale_version(void);

/* What went wrong.  'name' is stable and the same as in the program's logs ("file_missing"), the
 * message is for people and names file, column and byte as far as these are known. */
struct shale_failure {
    size_t size;
    enum shale_status status;
    char name[64];
    char message[2000];
};

/* ---- Reading ----------------------------------------------------------------------------------
 *
 *     struct shale_read *file;
 *     struct ArrowArrayStream rows;
 *     if (shale_read_open("a.parquet", NULL, &file, &failure) == SHALE_OK &&
 *         shale_read_rows(file, NULL, &rows, &failure) == SHALE_OK)
 *         ... rows.get_next(&rows, &batch) ...
 *
 * Files are not trusted: whatever is in them gives rows or an error, in bounded memory. */

struct shale_read;

struct shale_read_options {
    size_t size;
    uint64_t memory_bytes; /* ceiling for one file and its streams; 0: 256 MiB */
};

/* Open a local file and read its footer.  Free with shale_read_free(). */
SHALE_API SHALE_MUST_USE enum shale_status shale_read_open(const char *path,
                                                           const struct shale_read_options *options,
                                                           struct shale_read **out,
                                                           struct shale_failure *failure);

/* A file that the caller reads: all 'n_bytes' from byte 'at' on, which lie within the file. Returns
 * 0, or an errno.  Called by whichever thread uses the file or its streams. */
typedef int (*shale_read_fn)(void *ctx, int64_t at, void *out, size_t n_bytes);

/* 'ctx' is used until the handle and all streams of it are freed. */
SHALE_API SHALE_MUST_USE enum shale_status
shale_read_open_with(shale_read_fn read, void *ctx, int64_t file_bytes,
                     const struct shale_read_options *options, struct shale_read **out,
                     struct shale_failure *failure);

/* Streams of the file go on. */
SHALE_API void shale_read_free(struct shale_read *file);

SHALE_API int64_t shale_read_n_rows(const struct shale_read *file);
SHALE_API size_t shale_read_n_row_groups(const struct shale_read *file);
SHALE_API int64_t shale_read_row_group_rows(const struct shale_read *file, size_t row_group);

/* The file's columns, as a struct; docs/c-api.md has the table of types. */
SHALE_API SHALE_MUST_USE enum shale_status shale_read_schema(const struct shale_read *file,
                                                             struct ArrowSchema *out,
                                                             struct shale_failure *failure);

/* The file's key-value metadata, in its order.  Texts are not NUL-terminated and good as long as
 * the handle; a value may be NULL. */
SHALE_API size_t shale_read_n_metadata(const struct shale_read *file);
SHALE_API void shale_read_metadata(const struct shale_read *file, size_t i, const char **key,
                                   size_t *key_bytes, const char **value, size_t *value_bytes);

/* Rows with this value in a column of a scalar type.  The text is read by the column's type, as
 * 'shale cat --where' does; NULL: rows where the column is null. */
struct shale_read_condition {
    const char *column, *value;
};

struct shale_read_rows_options {
    size_t size;
    const char *const *columns; /* top-level, in the order wanted; NULL: all */
    size_t n_columns;
    /* All must hold.  Row groups and pages that cannot have such rows are not read. */
    const struct shale_read_condition *where;
    size_t n_where;
    size_t first_row_group, n_row_groups; /* 0: all from the first on */
    int64_t batch_rows;                   /* most rows of a batch; 0: 16,384 */
};

/* Rows as a stream of batches, each a struct of the columns; empty batches do not come.  get_next()
 * returns an errno (EINVAL: the file is damaged or not supported), get_last_error() the message.
 * The stream is the caller's, to be released. */
SHALE_API SHALE_MUST_USE enum shale_status
shale_read_rows(struct shale_read *file, const struct shale_read_rows_options *options,
                struct ArrowArrayStream *out, struct shale_failure *failure);

/* ---- Writing ----------------------------------------------------------------------------------
 *
 *     shale_write_open("a.parquet", &schema, NULL, &file, &failure)
 *     shale_write_rows(file, &batch, &failure)      any number of times
 *     shale_write_finish(file, &failure)
 *     shale_write_free(file)
 *
 * A file has its name only when finish() has returned SHALE_OK: until then it is a temporary file
 * beside it, which free() removes.  The same rows in the same batches give the same bytes. */

struct shale_write;

/* How one column is written. */
struct shale_write_column {
    const char *name;     /* top-level */
    const char *encoding; /* NULL or auto: as the data shows; plain, dictionary, and in 'modern'
                           * delta, delta_length, delta_byte_array, byte_stream_split, rle */
    double bloom_fpp;     /* 0: no bloom filter; else how often it may be wrong, such as 0.01 */
};

struct shale_write_options {
    size_t size;
    const char *compression; /* zstd[:1-19] (NULL), snappy, gzip[:1-9], lz4[:1-12] (modern), none */
    const char *compat;      /* wide (NULL): what every reader knows; modern */
    uint64_t row_group_bytes; /* a row group is cut when its rows take this in memory; 0: 32 MiB */
    const struct shale_write_column *columns;
    size_t n_columns;
};

/* Begin a file of this schema, a struct of columns, which is only read. */
SHALE_API SHALE_MUST_USE enum shale_status
shale_write_open(const char *path, const struct ArrowSchema *schema,
                 const struct shale_write_options *options, struct shale_write **out,
                 struct shale_failure *failure);

/* The bytes go to the caller, from the first to the last.  Returns 0, or an errno. */
typedef int (*shale_write_fn)(void *ctx, const void *data, size_t n_bytes);

SHALE_API SHALE_MUST_USE enum shale_status
shale_write_open_with(shale_write_fn write, void *ctx, const struct ArrowSchema *schema,
                      const struct shale_write_options *options, struct shale_write **out,
                      struct shale_failure *failure);

/* Append the rows of 'batch', which is only read.  A failure is final, but for SHALE_USAGE and
 * SHALE_SCHEMA: then nothing of the batch was taken. */
SHALE_API SHALE_MUST_USE enum shale_status shale_write_rows(struct shale_write *file,
                                                            const struct ArrowArray *batch,
                                                            struct shale_failure *failure);

/* A pair for the file's key-value metadata, any time before finish(). */
SHALE_API SHALE_MUST_USE enum shale_status
shale_write_metadata(struct shale_write *file, const char *key, size_t key_bytes, const char *value,
                     size_t value_bytes, struct shale_failure *failure);

/* Write the footer; a file at a path is made durable and gets its name. */
SHALE_API SHALE_MUST_USE enum shale_status shale_write_finish(struct shale_write *file,
                                                              struct shale_failure *failure);

SHALE_API void shale_write_free(struct shale_write *file);

/* ---- Converting -------------------------------------------------------------------------------
 */

struct shale_convert_options {
    size_t size;
    const char *definition; /* the stream definition's text (YAML) ... */
    size_t definition_bytes;
    const char *definition_name; /* ... and its name for messages; NULL: "definition" */
    const char *const *inputs;   /* files and directories of events */
    size_t n_inputs;
    const char *output;    /* a Parquet file, which is replaced */
    const char *temporary; /* a directory for rows that do not fit; NULL: /tmp */
    unsigned n_threads;    /* 0: one */
    uint64_t memory_bytes; /* 0: 256 MiB */
};

/* As 'shale convert': events become one Parquet file, all of them or (a failure) none.  '*summary'
 * (may be NULL) gets the run's counts as JSON, also after a failure of the run; free it with
 * shale_free().  Warnings of the definition are not shown. */
SHALE_API SHALE_MUST_USE enum shale_status
shale_convert(const struct shale_convert_options *options, char **summary,
              struct shale_failure *failure);

SHALE_API void shale_free(void *memory);

#ifdef __cplusplus
}
#endif

#endif
