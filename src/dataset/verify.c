/* SPDX-License-Identifier: MIT */
/* The parts of a verification, one after the other. */
#include "dataset/verify.h"

#include "dataset/footer_hash.h"
#include "dataset/verify_parts.h"

enum { DEFAULT_MEMORY_BYTES = 256 << 20, ARENA_BYTES = 1 << 30 };

/* ---- Findings ---------------------------------------------------------------------------------
 */

void shale_verify_found(struct shale_verify *verify, const struct shale_err *err,
                        const char *object, bool is_note)
{
    verify->n_found += !is_note;
    shale_findings_put(verify->findings, err, object, -1, SHALE_STR(""), is_note);
}

enum shale_status shale_verify_failed(struct shale_verify *verify, enum shale_status status,
                                      const struct shale_err *err, const char *object)
{
    switch (status) {
    case SHALE_OK:
        return SHALE_OK;
    case SHALE_CORRUPT:
    case SHALE_IO:
    case SHALE_DENIED:
    case SHALE_NOT_FOUND:
        shale_verify_found(verify, err, object, false);
        return SHALE_OK;
    case SHALE_SCHEMA: /* not supported, by name */
        shale_verify_found(verify, err, object, true);
        return SHALE_OK;
    default:
        if (verify->err != NULL)
            *verify->err = *err;
        shale_err_at(verify->err, object, -1, -1);
        return status;
    }
}

enum shale_status shale_verify_go_on(struct shale_verify *verify)
{
    return verify->env->cancelled(verify->env->ctx) ? SHALE_ERR(verify->err, interrupted)
                                                    : SHALE_OK;
}

/* ---- One Parquet file -------------------------------------------------------------------------
 */

static void compare_size(struct shale_verify *verify, const char *path, int64_t said,
                         int64_t n_bytes)
{
    struct shale_err err;
    if (said < 0 || said == n_bytes)
        return;
    shale_err_clear(&err);
    (void)SHALE_ERR(&err, verify_size, (long long)said, (long long)n_bytes);
    shale_verify_found(verify, &err, path, false);
}

static enum shale_status compare_footer(struct shale_verify *verify, const char *path,
                                        struct shale_random *file, struct shale_str said)
{
    char hash[SHALE_CONTENT_HASH_CHARS + 1];
    struct shale_err err;
    enum shale_status status;
    if (said.n_bytes == 0)
        return SHALE_OK;
    shale_err_clear(&err);
    status = shale_footer_hash(verify->mem, file, hash, &err);
    if (status == SHALE_CORRUPT) /* said when it is opened */
        return SHALE_OK;
    if (status == SHALE_OK && !shale_str_is(said, hash)) {
        (void)SHALE_ERR(&err, verify_footer);
        shale_verify_found(verify, &err, path, false);
    }
    return shale_verify_failed(verify, status, &err, path);
}

enum shale_status shale_verify_parquet(struct shale_verify *verify, const char *path,
                                       int64_t n_bytes, struct shale_str footer_hash,
                                       struct shale_verify_parquet *out)
{
    const struct shale_reader_options options = {.memory_bytes = verify->memory_bytes};
    struct shale_err err;
    enum shale_status status;
    *out = (struct shale_verify_parquet){0};
    shale_err_clear(&err);
    status = shale_store_open(verify->store, path, &out->file, &err);
    if (status == SHALE_NOT_FOUND) {
        shale_err_clear(&err);
        status = SHALE_ERR(&err, verify_missing);
    }
    if (status != SHALE_OK)
        return shale_verify_failed(verify, status, &err, path);
    compare_size(verify, path, n_bytes, out->file->random.n_bytes);
    status = compare_footer(verify, path, &out->file->random, footer_hash);
    if (status != SHALE_OK)
        return status;
    status = shale_reader_open(verify->mem, &out->file->random, &options, &out->reader, &err);
    if (status == SHALE_OK)
        status =
            shale_file_check(out->reader, verify->env, path, verify->findings, &out->checked, &err);
    if (status == SHALE_OK) {
        verify->out->n_pages += out->checked->n_pages;
        verify->out->n_checksums += out->checked->n_checksums;
        verify->out->n_bounds += out->checked->n_bounds;
    }
    return shale_verify_failed(verify, status, &err, path);
}

void shale_verify_parquet_end(struct shale_verify_parquet *parquet)
{
    shale_checked_free(parquet->reader, parquet->checked);
    shale_reader_free(parquet->reader);
    shale_store_close(parquet->file);
    *parquet = (struct shale_verify_parquet){0};
}

/* ---- The whole --------------------------------------------------------------------------------
 */

/* The newest state; without one nothing but the log's names and entries can be looked at. */
static enum shale_status read_state(struct shale_verify *verify, struct shale_err *why)
{
    enum shale_status status = shale_log_read(verify->store, NULL, &verify->state, why);
    if (status != SHALE_OK) {
        verify->state = NULL;
        if (status == SHALE_CORRUPT || status == SHALE_IO || status == SHALE_DENIED)
            return SHALE_OK;
        if (verify->err != NULL) /* what is not supported cannot be said to be right or wrong */
            *verify->err = *why;
        return status;
    }
    verify->out->version = verify->state->version;
    if (verify->state->version < 0)
        return SHALE_ERR(verify->err, verify_no_table, verify->store->name);
    verify->out->has_ledger = verify->state->stream.n_bytes > 0 || verify->state->manifest_id >= 0;
    return SHALE_OK;
}

static enum shale_status verify_parts(struct shale_verify *verify)
{
    struct shale_err why;
    enum shale_status status;
    shale_err_clear(&why);
    status = read_state(verify, &why);
    if (status == SHALE_OK)
        status = shale_verify_log(verify);
    if (status == SHALE_OK && verify->state == NULL) {
        if (verify->n_found == 0) /* otherwise it was named */
            shale_verify_found(verify, &why, NULL, false);
        return SHALE_OK;
    }
    if (status == SHALE_OK)
        status = shale_verify_files(verify);
    if (status == SHALE_OK)
        status = shale_verify_manifests(verify);
    if (status == SHALE_OK && verify->has_manifest)
        status = shale_verify_ledger(verify);
    return status == SHALE_OK ? shale_verify_names(verify) : status;
}

enum shale_status shale_verify_table(struct shale_store *store,
                                     const struct shale_verify_options *options,
                                     struct shale_findings *findings, struct shale_verified *out,
                                     struct shale_err *err)
{
    size_t memory = options->memory_bytes > 0 ? options->memory_bytes : DEFAULT_MEMORY_BYTES;
    const struct shale_mem *mem = store->env->mem;
    struct shale_verify verify = {.store = store,
                                  .env = store->env,
                                  .mem = mem,
                                  .findings = findings,
                                  .out = out,
                                  .err = err,
                                  .memory_bytes = memory / 2,
                                  .manifest_entry = -1};
    enum shale_status status;
    *out = (struct shale_verified){.version = -1, .first_entry = -1};
    shale_arena_init(&verify.arena, mem, ARENA_BYTES);
    shale_arena_init(&verify.scratch, mem, ARENA_BYTES);
    shale_name_set_init(&verify.named, mem, memory / 4);
    status = verify_parts(&verify);
    shale_name_set_fini(&verify.named);
    shale_arena_fini(&verify.scratch);
    shale_arena_fini(&verify.arena);
    shale_log_state_free(mem, verify.state);
    return status;
}
