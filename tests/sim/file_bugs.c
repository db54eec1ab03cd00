/* SPDX-License-Identifier: MIT */
/* Bugs on purpose of a checkpoint file (bugs.h). */
#include "bugs.h"

#include <stdlib.h>
#include <string.h>

#include "dataset/single_parts.h"

/* ---- The exchange -----------------------------------------------------------------------------
 */

/* A put whose exchange is not what it should be. */
struct bad_put {
    struct shale_store_put put; /* first member */
    struct shale_store_put *real;
    struct sim *sim;
};

static enum shale_status bad_write(struct shale_sink *sink, const void *data, size_t n_bytes,
                                   struct shale_err *err)
{
    struct bad_put *bad = (struct bad_put *)(void *)sink;
    return shale_sink_write(&bad->real->sink, data, n_bytes, err);
}

static enum shale_status bad_copy(struct shale_store_put *put, struct shale_store_file *file,
                                  int64_t from, int64_t n_bytes, struct shale_err *err)
{
    struct bad_put *bad = (struct bad_put *)(void *)put;
    return bad->real->copy(bad->real, file, from, n_bytes, err);
}

static enum shale_status bad_finish(struct shale_store_put *put, struct shale_err *err)
{
    struct bad_put *bad = (struct bad_put *)(void *)put;
    enum shale_status status = bad->real->finish(bad->real, err);
    free(bad);
    return status;
}

static void bad_abandon(struct shale_store_put *put)
{
    struct bad_put *bad = (struct bad_put *)(void *)put;
    bad->real->abandon(bad->real);
    free(bad);
}

static enum shale_status bad_replace(struct shale_store_put *put,
                                     const struct shale_store_file *base, struct shale_err *err)
{
    struct bad_put *bad = (struct bad_put *)(void *)put;
    struct shale_store_file *file = NULL;
    enum shale_status status;
    if (sim_bug(bad->sim, "replace-anyway") &&
        shale_store_open(bad->sim->bucket, SIM_FILE, &file, NULL) == SHALE_OK)
        base = file;
    status = bad->real->replace(bad->real, base, err);
    if (sim_bug(bad->sim, "unsure-is-lost") && status == SHALE_UNSURE)
        status = SHALE_AGAIN;
    shale_store_close(file);
    free(bad);
    return status;
}

enum shale_status __wrap_shale_store_create(struct shale_store *store, const char *key,
                                            struct shale_store_put **out, struct shale_err *err)
{
    enum shale_status status = __real_shale_store_create(store, key, out, err);
    struct bad_put *bad;
    if (status != SHALE_OK || strcmp(key, SIM_FILE) != 0 ||
        (!bug_is_in(store, "replace-anyway") && !bug_is_in(store, "unsure-is-lost")))
        return status;
    bad = malloc(sizeof *bad);
    if (bad == NULL)
        abort();
    *bad = (struct bad_put){.put = {{bad_write}, bad_copy, bad_finish, bad_replace, bad_abandon},
                            .real = *out,
                            .sim = bug_sim(store)};
    *out = &bad->put;
    return SHALE_OK;
}

/* An adopter takes what it finds, when it looks again, for the file that it looked at. */
enum shale_status __wrap_shale_single_open(const struct shale_single *single,
                                           struct shale_single_file *file, struct shale_base *base,
                                           struct shale_err *err)
{
    enum shale_status status = __real_shale_single_open(single, file, base, err);
    const struct sim_actor *actor = single->store->env->ctx;
    if (status != SHALE_OK || actor->single != single || !single->options.adopts ||
        file == &actor->single->file || file->file == NULL || single->file.file == NULL ||
        single->file.manifest_id >= 0 || !bug_is_in(single->store, "adopted-twice"))
        return status;
    struct shale_single_file *old = &actor->single->file;
    file->manifest_id = -1;
    memcpy(old->footer_hash, file->footer_hash, sizeof old->footer_hash);
    memcpy(old->file->tag, file->file->tag, sizeof old->file->tag);
    return SHALE_OK;
}

/* ---- Manifests --------------------------------------------------------------------------------
 */

enum shale_status __wrap_shale_manifests_later(struct shale_store *store, int64_t version,
                                               int64_t *out, struct shale_err *err)
{
    if (bug_is_in(store, "file-begins-anew")) {
        *out = -1;
        return SHALE_OK;
    }
    return __real_shale_manifests_later(store, version, out, err);
}

enum shale_status bug_file_manifest(struct shale_store *store, struct shale_arena *arena,
                                    struct shale_manifest *out, struct shale_err *err)
{
    const struct sim *sim = bug_sim(store);
    int64_t id = out->id, version = out->version;
    enum shale_status status = SHALE_OK;
    if (!sim->is_file)
        return SHALE_OK;
    if (bug_is_in(store, "older-manifest") && out->parent >= 0) {
        status = __real_shale_manifest_read(store, arena, out->parent, out, err);
        out->id = id;
        out->version = version;
    }
    if (bug_is_in(store, "sweep-next") && bug_is_a(store, "sweep") &&
        sim->file.manifest.version >= 0 && version > sim->file.manifest.version)
        out->version = sim->file.manifest.version;
    return status;
}
