/* SPDX-License-Identifier: MIT */
/* A checkpoint file: what is there. */
#include "dataset/single.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "dataset/commit_parts.h"
#include "dataset/footer_hash.h"
#include "dataset/single_parts.h"
#include "json/number.h"

enum { READER_BYTES = 64 << 20, OPEN_TRIES = 3 };

static const struct shale_manifest no_manifest = {.id = -1, .parent = -1, .version = -1};

enum shale_status shale_single_new(struct shale_store *store, const char *key,
                                   const struct shale_single_options *options,
                                   struct shale_single **out, struct shale_err *err)
{
    struct shale_single *single;
    char prefix[SHALE_KEY_BYTES + 2];
    enum shale_status status;
    *out = NULL;
    if (strlen(key) > SHALE_KEY_BYTES - 80) /* with what lies beside it */
        return SHALE_ERR(err, key_too_long, SHALE_KEY_BYTES - 80, key);
    single = shale_mem_zeroed(store->env->mem, 1, sizeof *single);
    if (single == NULL)
        return SHALE_ERR(err, no_memory);
    single->store = store;
    single->options = *options;
    if (single->options.memory_bytes == 0)
        single->options.memory_bytes = READER_BYTES;
    memcpy(single->key, key, strlen(key) + 1);
    (void)snprintf(prefix, sizeof prefix, "%s.", key);
    status = shale_store_under(store, prefix, &single->side, err);
    if (status != SHALE_OK) {
        shale_single_free(single);
        return status;
    }
    *out = single;
    return SHALE_OK;
}

void shale_single_close(struct shale_single_file *file)
{
    shale_reader_free(file->reader);
    shale_store_close(file->file);
    *file = (struct shale_single_file){.manifest_id = -1};
}

void shale_single_free(struct shale_single *single)
{
    if (single == NULL)
        return;
    shale_single_close(&single->file);
    shale_store_free(single->side);
    shale_mem_free(single->store->env->mem, single);
}

void shale_single_adopted(struct shale_single *single)
{
    single->options.adopts = false;
}

struct shale_store *shale_single_store(const struct shale_single *single)
{
    return single->side;
}

bool shale_single_exists(const struct shale_single *single)
{
    return single->file.file != NULL;
}

bool shale_single_is_foreign(const struct shale_single *single)
{
    return single->file.file != NULL && single->file.manifest_id < 0;
}

int64_t shale_single_n_rows(const struct shale_single *single)
{
    return single->file.reader == NULL ? 0 : shale_reader_file(single->file.reader)->n_rows;
}

int64_t shale_single_n_bytes(const struct shale_single *single)
{
    return single->file.file == NULL ? 0 : single->file.file->random.n_bytes;
}

struct shale_log_state shale_single_as_log(const struct shale_single *single)
{
    struct shale_log_state log = {.version = -1, .manifest_id = -1};
    if (single->file.reader != NULL)
        log.schema = shale_reader_file(single->file.reader)->schema;
    return log;
}

/* ---- Reading ----------------------------------------------------------------------------------
 */

static bool find_pair(const struct shale_file *file, const char *key, struct shale_str *out)
{
    for (size_t i = 0; i < file->n_key_values; i++)
        if (file->key_values[i].has_value && shale_str_is(file->key_values[i].key, key)) {
            *out = file->key_values[i].value;
            return true;
        }
    return false;
}

bool shale_single_pair(const struct shale_single *single, const char *key, struct shale_str *out)
{
    *out = SHALE_STR("");
    return single->file.reader != NULL &&
           find_pair(shale_reader_file(single->file.reader), key, out);
}

/* Other tools keep the pairs of a file that they read, and so may name a manifest of ours. */
static bool is_by_us(const struct shale_file *footer)
{
    static const char us[] = "shale version ";
    return footer->created_by.n_bytes >= sizeof us - 1 &&
           memcmp(footer->created_by.data, us, sizeof us - 1) == 0;
}

bool shale_single_names_ledger(const struct shale_reader *reader)
{
    const struct shale_file *footer = shale_reader_file(reader);
    struct shale_str id;
    return is_by_us(footer) && find_pair(footer, SHALE_SINGLE_MANIFEST, &id);
}

/* Decimal, with zeros in front. */
static bool parse_id(struct shale_str text, int64_t *out)
{
    while (text.n_bytes > 1 && text.data[0] == '0') {
        text.data++;
        text.n_bytes--;
    }
    return shale_number_valid(text) && shale_number_i64(text, out) == SHALE_NUMBER_OK && *out >= 0;
}

/* What the footer says of whose the file is. */
static enum shale_status look_at_pairs(const struct shale_single *single,
                                       struct shale_single_file *file, struct shale_err *err)
{
    const struct shale_file *footer = shale_reader_file(file->reader);
    struct shale_str stream, id;
    bool has_id = is_by_us(footer) && find_pair(footer, SHALE_SINGLE_MANIFEST, &id);
    if (!has_id)
        return single->options.adopts ? SHALE_OK : SHALE_ERR(err, single_foreign, single->key);
    if (single->options.stream.n_bytes > 0 && find_pair(footer, SHALE_SINGLE_STREAM, &stream) &&
        !shale_str_equal(stream, single->options.stream))
        return SHALE_ERR(err, single_stream, single->key, SHALE_STR_ARG(stream),
                         SHALE_STR_ARG(single->options.stream));
    if (!parse_id(id, &file->manifest_id)) {
        file->manifest_id = -1;
        return SHALE_ERR(err, single_pair, single->key, SHALE_STR_ARG(id));
    }
    return SHALE_OK;
}

/* Without a file: was there ever one?  The manifest of a first commit that was not finished has
 * version 0; one with a later version was made on a file, and what it consumed is gone with it. */
static enum shale_status check_never_begun(const struct shale_single *single, struct shale_err *err)
{
    int64_t later = -1;
    struct shale_store_file *file;
    enum shale_status status = shale_manifests_later(single->side, 0, &later, err);
    if (status != SHALE_OK || later < 0)
        return status;
    /* It may have come between the two looks. */
    status = shale_store_open(single->store, single->key, &file, err);
    if (status != SHALE_NOT_FOUND) {
        shale_store_close(file);
        return status == SHALE_OK ? SHALE_NOT_FOUND : status;
    }
    return SHALE_ERR(err, single_gone, single->key, (long long)later);
}

static enum shale_status read_manifest(const struct shale_single *single, int64_t id,
                                       struct shale_base *base, struct shale_err *err)
{
    enum shale_status status =
        shale_manifest_read(single->side, &base->arena, id, &base->manifest, err);
    if (status == SHALE_OK && (base->manifest.id != id || base->manifest.version < 0))
        return SHALE_ERR(err, manifest_wrong, (long long)id, single->key);
    return status;
}

/* SHALE_NOT_FOUND: the manifest is missing; or the file came a moment ago. */
static enum shale_status open_once(const struct shale_single *single,
                                   struct shale_single_file *file, struct shale_base *base,
                                   struct shale_err *err)
{
    const struct shale_reader_options options = {.memory_bytes = single->options.memory_bytes};
    const struct shale_mem *mem = single->store->env->mem;
    enum shale_status status = shale_store_open(single->store, single->key, &file->file, err);
    if (status == SHALE_NOT_FOUND)
        return check_never_begun(single, err);
    if (status != SHALE_OK)
        return status;
    status = shale_reader_open(mem, &file->file->random, &options, &file->reader, err);
    if (status == SHALE_OK)
        status = shale_footer_hash(mem, &file->file->random, file->footer_hash, err);
    if (status == SHALE_OK)
        status = look_at_pairs(single, file, err);
    if (status != SHALE_OK || file->manifest_id < 0)
        return status;
    return read_manifest(single, file->manifest_id, base, err);
}

enum shale_status shale_single_open(const struct shale_single *single,
                                    struct shale_single_file *file, struct shale_base *base,
                                    struct shale_err *err)
{
    const struct shale_env *env = single->store->env;
    enum shale_status status = SHALE_NOT_FOUND;
    int64_t missing = -1;
    for (int i = 0; i < OPEN_TRIES; i++) {
        int64_t id;
        *file = (struct shale_single_file){.manifest_id = -1};
        *base = (struct shale_base){.manifest = no_manifest, .read_us = env->wall_us(env->ctx)};
        shale_arena_init(&base->arena, env->mem, SHALE_COMMIT_ARENA_BYTES);
        status = open_once(single, file, base, err);
        if (status == SHALE_OK) {
            shale_err_clear(err);
            return SHALE_OK;
        }
        id = file->manifest_id;
        shale_base_fini(base, env->mem);
        shale_single_close(file);
        if (status != SHALE_NOT_FOUND)
            break;
        /* One that was swept meanwhile has a successor. */
        if (id >= 0 && id == missing)
            break;
        missing = id;
    }
    if (status == SHALE_NOT_FOUND)
        return SHALE_ERR(err, manifest_missing, (long long)missing, single->side->name);
    shale_err_at(err, single->key, -1, -1);
    return status;
}

enum shale_status shale_single_read(struct shale_single *single, struct shale_base *out,
                                    struct shale_err *err)
{
    enum shale_status status;
    shale_single_close(&single->file);
    status = shale_single_open(single, &single->file, out, err);
    if (status != SHALE_OK)
        return status;
    status = shale_single_check(single, &single->file, err);
    if (status != SHALE_OK) {
        shale_base_fini(out, single->store->env->mem);
        shale_single_close(&single->file);
    }
    return status;
}
