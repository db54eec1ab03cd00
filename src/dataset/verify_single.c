/* SPDX-License-Identifier: MIT */
/* Is everything true that a checkpoint file says: the file itself, and what its ledger says of it.
 */
#include "dataset/single_parts.h"
#include "dataset/verify_parts.h"

enum { DEFAULT_MEMORY_BYTES = 256 << 20, ARENA_BYTES = 1 << 30 };

static enum shale_status check_file(struct shale_verify *verify, const char *key)
{
    struct shale_verify_parquet parquet;
    struct shale_verified *out = verify->out;
    enum shale_status status = shale_verify_parquet(verify, key, -1, SHALE_STR(""), &parquet);
    if (parquet.file != NULL) {
        out->n_files = out->n_own_files = 1;
        out->n_bytes = parquet.file->random.n_bytes;
    }
    if (parquet.reader != NULL)
        out->n_rows = out->n_own_rows = shale_reader_file(parquet.reader)->n_rows;
    shale_verify_parquet_end(&parquet);
    return status;
}

/* The ledger that its footer names. */
static enum shale_status check_ledger(struct shale_verify *verify, struct shale_single *single)
{
    struct shale_single_file file;
    struct shale_base base;
    struct shale_err err;
    enum shale_status status;
    shale_err_clear(&err);
    status = shale_single_open(single, &file, &base, &err);
    if (status == SHALE_USAGE) { /* it names none */
        shale_verify_found(verify, &err, single->key, false);
        return SHALE_OK;
    }
    if (status != SHALE_OK)
        return shale_verify_failed(verify, status, &err, single->key);
    verify->store = single->side;
    verify->manifest = base.manifest;
    verify->has_manifest = verify->out->has_ledger = true;
    verify->out->version = base.manifest.version;
    verify->out->n_manifests = 1;
    /* A run may have replaced the file since it was checked: then its rows are others. */
    verify->out->n_rows = verify->out->n_own_rows = shale_reader_file(file.reader)->n_rows;
    status = shale_verify_ledger(verify);
    shale_base_fini(&base, verify->mem);
    shale_single_close(&file);
    return status;
}

enum shale_status shale_verify_single(struct shale_store *store, const char *key,
                                      const struct shale_verify_options *options,
                                      struct shale_findings *findings, struct shale_verified *out,
                                      struct shale_err *err)
{
    size_t memory = options->memory_bytes > 0 ? options->memory_bytes : DEFAULT_MEMORY_BYTES;
    const struct shale_single_options any = {.memory_bytes = memory / 2};
    struct shale_verify verify = {.store = store,
                                  .env = store->env,
                                  .mem = store->env->mem,
                                  .findings = findings,
                                  .out = out,
                                  .err = err,
                                  .memory_bytes = memory / 2,
                                  .manifest_entry = -1};
    struct shale_single *single;
    enum shale_status status = shale_single_new(store, key, &any, &single, err);
    *out = (struct shale_verified){.version = -1, .first_entry = -1};
    if (status != SHALE_OK)
        return status;
    shale_arena_init(&verify.arena, verify.mem, ARENA_BYTES);
    shale_arena_init(&verify.scratch, verify.mem, ARENA_BYTES);
    status = check_file(&verify, key);
    if (status == SHALE_OK && out->n_files > 0)
        status = check_ledger(&verify, single);
    shale_arena_fini(&verify.scratch);
    shale_arena_fini(&verify.arena);
    shale_single_free(single);
    return status;
}
