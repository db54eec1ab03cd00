/* SPDX-License-Identifier: MIT */
/* Deciding: the merge of a listing with the ledger. */
#include "dataset/decide.h"

#include <string.h>

#include "dataset/ledger_parts.h"

enum { MOST_BYTES = 1 << 30 };

void shale_tally_init(struct shale_tally *tally, const struct shale_mem *mem)
{
    *tally = (struct shale_tally){.known = false};
    shale_buf_init(&tally->texts, mem, MOST_BYTES);
    shale_buf_init(&tally->hashes, mem, MOST_BYTES);
}

void shale_tally_fini(struct shale_tally *tally)
{
    shale_buf_fini(&tally->texts);
    shale_buf_fini(&tally->hashes);
}

void shale_tally_begin(struct shale_tally *tally, struct shale_str tag)
{
    tally->tag = tag;
    tally->known = false;
    shale_buf_reset(&tally->texts);
    shale_buf_reset(&tally->hashes);
}

static void copy_hash(struct shale_str text, char out[SHALE_HASH_BYTES + 1])
{
    size_t n = text.n_bytes < SHALE_HASH_BYTES ? text.n_bytes : SHALE_HASH_BYTES;
    if (n > 0)
        memcpy(out, text.data, n);
    out[n] = '\0';
}

bool shale_tally_add(struct shale_tally *tally, const struct shale_ledger_row *row)
{
    if (shale_str_equal(row->tag, tally->tag)) {
        tally->known = true;
        copy_hash(row->definition, tally->definition);
        copy_hash(row->hash, tally->hash);
        return true;
    }
    if (row->state != SHALE_LEDGER_DONE)
        return true;
    return shale_buf_append_str(&tally->texts, row->hash) == SHALE_OK &&
           shale_buf_append(&tally->hashes, &row->hash, sizeof row->hash) == SHALE_OK;
}

void shale_tally_end(struct shale_tally *tally, struct shale_decision *out)
{
    struct shale_str *hashes = (struct shale_str *)(void *)tally->hashes.data;
    size_t n = tally->hashes.n_bytes / sizeof *hashes;
    const char *text = tally->texts.data == NULL ? "" : tally->texts.data;
    *out = (struct shale_decision){.verdict = SHALE_VERDICT_NEW};
    for (size_t i = 0; i < n; i++) {
        hashes[i].data = text;
        text += hashes[i].n_bytes;
    }
    if (tally->known) {
        *out = (struct shale_decision){.verdict = SHALE_VERDICT_KNOWN,
                                       .definition = tally->definition};
        for (size_t i = 0; i < n; i++)
            out->other_done = out->other_done || !shale_str_is(hashes[i], tally->hash);
    } else if (n > 0) {
        *out = (struct shale_decision){
            .verdict = SHALE_VERDICT_CHANGED, .done_hashes = hashes, .n_done_hashes = n};
    }
}

/* ---- The merge --------------------------------------------------------------------------------
 */

struct shale_decider {
    const struct shale_mem *mem;
    struct shale_ledger_cursor *cursor;
    const struct shale_ledger_row *row; /* the next one; NULL: there is none */
    struct shale_tally tally;
    struct shale_buf key; /* that was asked for before */
    bool asked;
};

void shale_decider_free(struct shale_decider *decider)
{
    if (decider == NULL)
        return;
    shale_ledger_cursor_free(decider->cursor);
    shale_tally_fini(&decider->tally);
    shale_buf_fini(&decider->key);
    shale_mem_free(decider->mem, decider);
}

enum shale_status shale_decider_new(struct shale_store *store,
                                    const struct shale_manifest *manifest, struct shale_str source,
                                    struct shale_str after, struct shale_decider **out,
                                    struct shale_err *err)
{
    const struct shale_ledger_cursor_options options = {.segments = manifest->ledger,
                                                        .n_segments = manifest->n_ledger,
                                                        .source = source,
                                                        .after = after,
                                                        .identity_only = true};
    struct shale_decider *decider = shale_mem_zeroed(store->env->mem, 1, sizeof *decider);
    enum shale_status status;
    *out = NULL;
    if (decider == NULL)
        return SHALE_ERR(err, no_memory);
    decider->mem = store->env->mem;
    shale_tally_init(&decider->tally, decider->mem);
    shale_buf_init(&decider->key, decider->mem, MOST_BYTES);
    status = shale_ledger_cursor_new(store, &options, &decider->cursor, err);
    if (status == SHALE_OK)
        status = shale_ledger_cursor_next(decider->cursor, &decider->row, err);
    if (status == SHALE_OK)
        *out = decider;
    else
        shale_decider_free(decider);
    return status;
}

static enum shale_status check_order(struct shale_decider *decider, struct shale_str key,
                                     struct shale_err *err)
{
    struct shale_str before = shale_buf_str(&decider->key);
    if (decider->asked && shale_str_compare(before, key) >= 0)
        return SHALE_ERR(err, listing_order, SHALE_STR_ARG(key), SHALE_STR_ARG(before));
    decider->asked = true;
    shale_buf_reset(&decider->key);
    return shale_buf_append_str(&decider->key, key) == SHALE_OK ? SHALE_OK
                                                                : SHALE_ERR(err, no_memory);
}

enum shale_status shale_decider_ask(struct shale_decider *decider, struct shale_str key,
                                    struct shale_str tag, struct shale_decision *out,
                                    struct shale_err *err)
{
    enum shale_status status = check_order(decider, key, err);
    shale_tally_begin(&decider->tally, tag);
    while (status == SHALE_OK && decider->row != NULL) {
        int order = shale_str_compare(decider->row->key, key);
        if (order > 0)
            break;
        if (order == 0 && !shale_tally_add(&decider->tally, decider->row))
            status = SHALE_ERR(err, no_memory);
        if (status == SHALE_OK)
            status = shale_ledger_cursor_next(decider->cursor, &decider->row, err);
    }
    if (status == SHALE_OK)
        shale_tally_end(&decider->tally, out);
    return status;
}
