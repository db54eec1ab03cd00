/* SPDX-License-Identifier: MIT */
/* compact: auto.  What a run leaves behind when it is over: few small files.  Its rows are
 * committed by then, so that a failure is a warning, and the next run tries again. */
#include <inttypes.h>
#include <string.h>

#include "dataset/compact.h"
#include "run/private.h"

/* To find small files all files of the table are listed.  So that a run's cost does not follow them
 * it is done once in so many commits, of whichever run, by the one that makes the last of them. */
static bool is_due(const struct run *run)
{
    const struct committed *committed = &run->committed;
    int64_t every = (run->stream->compact_most_files + 3) / 4;
    int64_t n = committed->n_versions, first, last;
    if (n == 0 || run->stream->compact_most_files == 0 || run->table == NULL ||
        run->table->single != NULL)
        return false;
    first = committed->versions[0];
    last = committed->versions[n < SHALE_SUMMARY_COMMITS ? n - 1 : SHALE_SUMMARY_COMMITS - 1];
    return last / every != (first - 1) / every || n >= SHALE_SUMMARY_COMMITS;
}

void tidy_note(const struct run *run, struct tidy *tidy)
{
    *tidy = (struct tidy){run->options, is_due(run)};
}

void tidy_up(const struct tidy *tidy)
{
    const struct shale_run_options *options = tidy->options;
    const struct shale_env *env = options->env;
    const struct shale_compact_options compact = {.stream = options->stream,
                                                  .most_files =
                                                      (size_t)options->stream->compact_most_files,
                                                  .memory_bytes = (size_t)options->memory_bytes / 2,
                                                  .temporary = options->temporary,
                                                  .created_by = SHALE_CREATED_BY};
    struct shale_compacted done = {0};
    struct shale_store *store;
    struct shale_err err;
    enum shale_status status;
    if (!tidy->due)
        return;
    shale_err_clear(&err);
    status = shale_store_local(env, options->output, &store, &err);
    if (status == SHALE_OK) {
        status = shale_compact(store, &compact, &done, &err);
        shale_store_free(store);
    }
    if (status != SHALE_OK && status != SHALE_CANCELLED)
        shale_log_err(env->log, SHALE_LOG_WARN, &err);
    if (done.n_commits > 0)
        shale_log_say(env->log, SHALE_LOG_INFO, "compacted",
                      "%" PRId64 " small files became %" PRId64, done.n_removed, done.n_added);
}
