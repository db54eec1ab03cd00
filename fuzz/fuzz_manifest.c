/* SPDX-License-Identifier: MIT */
/* Any text as a manifest, its hash put right so that what lies behind it is reached.  What must
 * hold: an error, or a manifest that is written and read again as the same text. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "codec/content_hash.h"
#include "dataset/ledger.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool holds)
{
    if (!holds)
        abort();
}

/* The text of a manifest that was read; it is read again. */
static void write_again(const struct shale_manifest *manifest, struct shale_buf *out)
{
    struct shale_arena arena;
    struct shale_manifest again;
    shale_buf_init(out, &shale_mem_libc, SIZE_MAX / 2);
    shale_arena_init(&arena, &shale_mem_libc, SIZE_MAX / 2);
    expect(shale_manifest_json(manifest, out) == SHALE_OK);
    expect(shale_manifest_parse(&shale_mem_libc, &arena, manifest->id, shale_buf_str(out), &again,
                                NULL) == SHALE_OK);
    expect(again.n_ledger == manifest->n_ledger && again.n_rejects == manifest->n_rejects &&
           again.n_added == manifest->n_added && again.n_superseded == manifest->n_superseded);
    shale_arena_fini(&arena);
}

static void check(struct shale_str text)
{
    struct shale_arena arena;
    struct shale_manifest manifest;
    struct shale_buf first, second;
    struct shale_err err;
    shale_err_clear(&err);
    shale_arena_init(&arena, &shale_mem_libc, 64 << 20);
    if (shale_manifest_parse(&shale_mem_libc, &arena, 3, text, &manifest, &err) == SHALE_OK) {
        write_again(&manifest, &first);
        write_again(&manifest, &second);
        expect(shale_str_equal(shale_buf_str(&first), shale_buf_str(&second)));
        shale_buf_fini(&first);
        shale_buf_fini(&second);
    } else {
        expect(err.message[0] != '\0');
    }
    shale_arena_fini(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char hash[SHALE_CONTENT_HASH_CHARS + 1];
    struct shale_buf text;
    struct shale_str body = {(const char *)data, size};
    check(body);
    shale_buf_init(&text, &shale_mem_libc, SIZE_MAX / 2);
    shale_content_hash(body, hash);
    expect(shale_buf_append_str(&text, body) == SHALE_OK &&
           shale_buf_printf(&text, ",\"hash\":\"%s\"}\n", hash) == SHALE_OK);
    check(shale_buf_str(&text));
    shale_buf_fini(&text);
    return 0;
}
