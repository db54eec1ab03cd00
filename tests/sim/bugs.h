/* SPDX-License-Identifier: MIT */
/* The bugs that simulate --bug NAME puts in. */
#ifndef SHALE_SIM_BUGS_H
#define SHALE_SIM_BUGS_H

#include "dataset/first_input.h"
#include "sim.h"

const char *bug_name(size_t i); /* NULL: there is no i-th */
const char *bug_about(size_t i);

/* Within how many schedules bug 'i' must be found, where most take 'n'. */
uint64_t bug_seeds(size_t i, uint64_t n);

/* The schedule that a store is part of; is the bug in the code that calls it; is its actor one of
 * these? */
struct sim *bug_sim(const struct shale_store *store);
bool bug_is_in(const struct shale_store *store, const char *name);
bool bug_is_a(const struct shale_store *store, const char *name);

/* What becomes of a manifest that was read (file_bugs.c). */
enum shale_status bug_file_manifest(struct shale_store *store, struct shale_arena *arena,
                                    struct shale_manifest *out, struct shale_err *err);

/* The linker gives calls of the functions to the first, and the functions themselves are the
 * second (-Wl,--wrap). */
enum shale_status __wrap_shale_store_put_absent(struct shale_store *store, const char *key,
                                                struct shale_str data, struct shale_err *err);
enum shale_status __real_shale_store_put_absent(struct shale_store *store, const char *key,
                                                struct shale_str data, struct shale_err *err);
enum shale_status __wrap_shale_ledger_conflicts(struct shale_store *store,
                                                const struct shale_manifest *base,
                                                const struct shale_manifest *newest,
                                                const struct shale_segment *ours, bool *conflict,
                                                struct shale_err *err);
enum shale_status __real_shale_ledger_conflicts(struct shale_store *store,
                                                const struct shale_manifest *base,
                                                const struct shale_manifest *newest,
                                                const struct shale_segment *ours, bool *conflict,
                                                struct shale_err *err);
enum shale_status __wrap_shale_manifest_read(struct shale_store *store, struct shale_arena *arena,
                                             int64_t id, struct shale_manifest *out,
                                             struct shale_err *err);
enum shale_status __real_shale_manifest_read(struct shale_store *store, struct shale_arena *arena,
                                             int64_t id, struct shale_manifest *out,
                                             struct shale_err *err);
enum shale_status __wrap_shale_log_tip(struct shale_store *store, int64_t from, int64_t *version,
                                       int64_t *checkpoint_version, struct shale_err *err);
enum shale_status __real_shale_log_tip(struct shale_store *store, int64_t from, int64_t *version,
                                       int64_t *checkpoint_version, struct shale_err *err);

enum shale_status __wrap_shale_commit_is_live(struct shale_store *store,
                                              const struct shale_commit *commit,
                                              const struct shale_base *base, bool *is_live,
                                              struct shale_err *err);
enum shale_status __wrap_shale_commit_stays_live(struct shale_store *store,
                                                 const struct shale_commit *commit,
                                                 const struct shale_base *before,
                                                 const struct shale_base *newest, bool *is_live,
                                                 struct shale_err *err);
enum shale_status __wrap_shale_first_input_read(struct shale_store *store, const char *key,
                                                struct shale_arena *arena,
                                                struct shale_first_input *out,
                                                struct shale_err *err);
enum shale_status __real_shale_commit_is_live(struct shale_store *store,
                                              const struct shale_commit *commit,
                                              const struct shale_base *base, bool *is_live,
                                              struct shale_err *err);
enum shale_status __real_shale_commit_stays_live(struct shale_store *store,
                                                 const struct shale_commit *commit,
                                                 const struct shale_base *before,
                                                 const struct shale_base *newest, bool *is_live,
                                                 struct shale_err *err);
enum shale_status __real_shale_first_input_read(struct shale_store *store, const char *key,
                                                struct shale_arena *arena,
                                                struct shale_first_input *out,
                                                struct shale_err *err);
enum shale_status __wrap_shale_commit(struct shale_store *store, const struct shale_base *base,
                                      const struct shale_commit *commit,
                                      struct shale_committed *out, struct shale_err *err);
enum shale_status __real_shale_commit(struct shale_store *store, const struct shale_base *base,
                                      const struct shale_commit *commit,
                                      struct shale_committed *out, struct shale_err *err);
enum shale_status __wrap_shale_store_create(struct shale_store *store, const char *key,
                                            struct shale_store_put **out, struct shale_err *err);
enum shale_status __real_shale_store_create(struct shale_store *store, const char *key,
                                            struct shale_store_put **out, struct shale_err *err);
struct shale_single_file;
enum shale_status __wrap_shale_single_open(const struct shale_single *single,
                                           struct shale_single_file *file, struct shale_base *base,
                                           struct shale_err *err);
enum shale_status __real_shale_single_open(const struct shale_single *single,
                                           struct shale_single_file *file, struct shale_base *base,
                                           struct shale_err *err);
enum shale_status __wrap_shale_manifests_later(struct shale_store *store, int64_t version,
                                               int64_t *out, struct shale_err *err);
enum shale_status __real_shale_manifests_later(struct shale_store *store, int64_t version,
                                               int64_t *out, struct shale_err *err);

#endif
