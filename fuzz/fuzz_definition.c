/* SPDX-License-Identifier: MIT */
/* Any bytes as a stream definition: it is read or refused with words, and what was read holds
 * together; its templates meet a few keys. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "schema/definition.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void count_errors(void *ctx, bool warning, const struct shale_err *err)
{
    size_t *n_errors = ctx;
    assert(err->code != SHALE_E_none);
    assert(strncmp(err->message, "fuzz.yaml:", 10) == 0);
    *n_errors += !warning;
}

static void check(const struct shale_stream *stream)
{
    static const char *const keys[] = {"", "a/b.json", "1/CloudTrail/eu/2024/02/29/x.json.gz",
                                       "log-pass-qc-20240115.json"};
    struct shale_str values[SHALE_TEMPLATE_MAX_PLACEHOLDERS];
    assert(stream->n_fields > 0);
    assert(stream->schema.n_columns >= stream->n_fields);
    for (size_t i = 0; i < stream->n_fields; i++) {
        assert(stream->fields[i].name.n_bytes > 0);
        assert(stream->fields[i].n_from > 0);
    }
    for (size_t i = 0; i < stream->n_partitions; i++)
        assert(stream->partitions[i].field < stream->n_fields);
    for (size_t i = 0; i < stream->n_keys; i++) {
        for (size_t k = 0; k < sizeof keys / sizeof keys[0]; k++)
            (void)shale_template_match(&stream->keys[i], shale_str_of(keys[k]), values);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct shale_stream *stream;
    size_t n_errors = 0;
    enum shale_status status = shale_definition_read(
        &shale_mem_libc, "fuzz.yaml", (const char *)data, size, count_errors, &n_errors, &stream);
    assert((status == SHALE_OK) == (n_errors == 0));
    assert((status == SHALE_OK) == (stream != NULL));
    if (stream != NULL)
        check(stream);
    shale_stream_free(stream);
    return 0;
}
