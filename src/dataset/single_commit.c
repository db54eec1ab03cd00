/* SPDX-License-Identifier: MIT */
/* Publishing a checkpoint file: the rules of a table's commit (docs/exactly-once.md), where the
 * file itself is the entry.
 *
 *     +-------- it fails for now ---------+
 *     v                                   |
 *   BEHIND --rebase--> BASED --draft--> NAMED --replace--> SENT --look--> COMMITTED
 *     | ^                                                   | |
 *     | +--------------- the file is another's -------------+ +-- patience ends --> UNSURE
 *     +-- consumed by another --> REFUSED
 *
 * BASED, NAMED and BEHIND: nothing of ours is, or can come, to the file's name.  SENT: the new file
 * was sent to take the place of the one that it was built on, so it is there, or may come as long
 * as that one stays: until the file's own footer tells, only the same bytes are sent again. */
#include <stdio.h>

#include "base/mem.h"
#include "dataset/backoff.h"
#include "dataset/commit_parts.h"
#include "dataset/footer_hash.h"
#include "dataset/single_parts.h"

enum state { BASED, NAMED, SENT, BEHIND, COMMITTED, REFUSED, UNSURE, FAILED };

/* As a table's commit has them. */
enum { MOST_LOST = 2000, MOST_FAILURES = 9, MOST_LOOKS = 12, MERGES_UNTIL = 3 };
static const int64_t shortest_wait_us = 2000, failure_wait_us = 100000;
static const int64_t oldest_file_us = INT64_C(3) * 86400 * 1000000;

struct job {
    const struct shale_single *single;
    const struct shale_env *env;
    const struct shale_commit *commit;
    const struct shale_base *base; /* the caller's, then 'own' */
    const struct shale_single_file *file;
    struct shale_base own;
    struct shale_single_file own_file;
    struct shale_single_file rows;              /* no file: there are none */
    const struct shale_single_rewrite *rewrite; /* NULL: the file grows */
    struct shale_single_rewritten *rewritten;
    struct shale_draft draft;
    enum state state;
    enum shale_status status; /* of the final state */
    int n_failures, n_looks;  /* in a row; while SENT */
    bool is_unsure;           /* what was sent may still come */
    int64_t began_us;         /* the attempt; monotonic */
    struct shale_committed *out;
    struct shale_err *err;
};

static void end(struct job *job, enum state state, enum shale_status status)
{
    job->state = state;
    job->status = status;
}

static bool is_cancelled(const struct job *job)
{
    return job->env->cancelled != NULL && job->env->cancelled(job->env->ctx);
}

/* The words of the failure before, for one that tells of it. */
static void copy_words(const struct job *job, char out[SHALE_ERR_MESSAGE_BYTES])
{
    bool said = job->err != NULL && job->err->message[0] != '\0';
    (void)snprintf(out, SHALE_ERR_MESSAGE_BYTES, "%s", said ? job->err->message : "no answer");
}

/* A failure in a state in which nothing can have been published. */
static void fail(struct job *job, enum shale_status status)
{
    bool passes = status == SHALE_AGAIN || status == SHALE_UNSURE || status == SHALE_NOT_FOUND;
    if (!passes) {
        end(job, FAILED, status);
        return;
    }
    if (++job->n_failures >= MOST_FAILURES) {
        char message[SHALE_ERR_MESSAGE_BYTES];
        copy_words(job, message);
        end(job, FAILED, SHALE_ERR(job->err, commit_stalled, job->single->key, message));
        return;
    }
    shale_backoff(job->env, failure_wait_us, job->n_failures - 1);
    job->state = BEHIND;
}

/* ---- BASED: name what is to be published -------------------------------------------------------
 */

static void draft(struct job *job)
{
    bool is_live;
    enum shale_status status;
    job->began_us = job->env->monotonic_us(job->env->ctx);
    shale_err_clear(job->err);
    if (job->rows.file != NULL &&
        job->rows.file->modified_us < job->env->wall_us(job->env->ctx) - oldest_file_us) {
        end(job, REFUSED, SHALE_ERR(job->err, commit_files_old));
        return;
    }
    /* Nothing but segments is taken out, so that only the base is looked at. */
    status = shale_commit_stays_live(job->single->side, job->commit, job->base, job->base, &is_live,
                                     job->err);
    if (status == SHALE_OK && !is_live) {
        end(job, REFUSED, SHALE_ERR(job->err, commit_gone, job->single->key));
        return;
    }
    job->is_unsure = false;
    shale_arena_reset(&job->draft.arena);
    job->draft.version = job->base->manifest.version + 1;
    if (status == SHALE_OK)
        status = shale_draft_manifest(&job->draft, job->single->side, job->base, job->commit,
                                      job->out->n_lost < MERGES_UNTIL, job->err);
    if (status == SHALE_OK)
        status = shale_draft_write(&job->draft, job->single->side, job->err);
    status = shale_draft_say(status, job->single->key, job->err);
    if (status == SHALE_OK)
        status = shale_store_settle(job->single->side, job->err);
    if (status == SHALE_OK)
        job->state = NAMED;
    else
        fail(job, status);
}

/* ---- NAMED, and again while SENT ---------------------------------------------------------------
 */

/* Were its bytes changed in place while they were copied? */
static enum shale_status check_old(const struct job *job)
{
    char hash[SHALE_HASH_BYTES + 1];
    enum shale_status status;
    if (job->file->file == NULL)
        return SHALE_OK;
    status = shale_footer_hash(job->env->mem, &job->file->file->random, hash, job->err);
    if (status == SHALE_OK && strcmp(hash, job->file->footer_hash) != 0)
        return SHALE_ERR(job->err, object_replaced, job->single->key);
    return status;
}

/* The new file takes the place of the old one.  '*sent': it may have, whatever the status. */
static enum shale_status send(struct job *job, bool *sent)
{
    const struct shale_single *single = job->single;
    struct shale_store_put *put;
    enum shale_status status = shale_store_create(single->store, single->key, &put, job->err);
    *sent = false;
    if (status != SHALE_OK)
        return status;
    status = job->rewrite != NULL
                 ? shale_single_write_anew(single, job->file, job->rewrite, job->commit->rows_gone,
                                           job->draft.manifest.id, put, job->rewritten, job->err)
                 : shale_single_write(single, job->file, job->rows.file == NULL ? NULL : &job->rows,
                                      job->draft.manifest.id, put, job->err);
    if (status == SHALE_OK)
        status = check_old(job);
    if (status != SHALE_OK) {
        put->abandon(put);
        return status;
    }
    *sent = true;
    status = put->replace(put, job->file->file, job->err);
    job->out->n_unsure += status == SHALE_UNSURE;
    job->is_unsure = job->is_unsure || status == SHALE_UNSURE;
    return status;
}

static void commit_is_done(struct job *job)
{
    job->out->version = job->draft.version;
    job->out->manifest_id = job->draft.manifest.id;
    shale_err_clear(job->err);
    end(job, COMMITTED, SHALE_OK);
}

static void send_file(struct job *job)
{
    bool sent;
    enum shale_status status;
    job->out->n_attempts++;
    status = send(job, &sent);
    job->n_looks = 0;
    if (sent && status == SHALE_OK)
        commit_is_done(job);
    else if (status == SHALE_CONFLICT)
        job->state = SENT; /* whose it is, is looked at once more */
    else if (sent && status == SHALE_UNSURE)
        job->state = SENT;
    else
        fail(job, status);
}

/* ---- SENT: whose is the file? ------------------------------------------------------------------
 */

static void commit_is_lost(struct job *job)
{
    int64_t took_us = job->env->monotonic_us(job->env->ctx) - job->began_us;
    int64_t n_times = job->out->n_lost < 4 ? job->out->n_lost : 4;
    job->out->n_lost++;
    job->n_failures = 0; /* as in a table's commit */
    shale_log_say(job->env->log, SHALE_LOG_DEBUG, "commit_lost", "%s: another has written it",
                  job->single->key);
    job->state = BEHIND;
    shale_backoff(job->env, took_us < shortest_wait_us ? shortest_wait_us : took_us, n_times);
}

/* The file names a manifest that is not ours: was it made on ours? */
static enum shale_status look_behind(struct job *job, const struct shale_base *newest)
{
    enum shale_chain chain = SHALE_CHAIN_REACHED;
    enum shale_status status =
        shale_chain_walk(job->single->side, &newest->manifest, &job->base->manifest,
                         job->draft.manifest.id, &chain, job->err);
    if (status == SHALE_CORRUPT) { /* an older copy was put there: what it says counts */
        commit_is_lost(job);
        return SHALE_OK;
    }
    if (status != SHALE_OK)
        return status;
    if (chain == SHALE_CHAIN_CUT)
        return SHALE_NOT_FOUND;
    if (chain == SHALE_CHAIN_OURS)
        commit_is_done(job);
    else
        commit_is_lost(job);
    return SHALE_OK;
}

/* Ours is there; its name is durable, so that nobody builds on what a power failure takes back. */
static enum shale_status look_at_ours(struct job *job)
{
    enum shale_status status = shale_store_settle(job->single->store, job->err);
    if (status == SHALE_OK)
        commit_is_done(job);
    return status;
}

/* Is it the file that we build on?  A copy of its bytes under its name is. */
static bool is_built_on(const struct job *job, const struct shale_single_file *file)
{
    const struct shale_single_file *old = job->file;
    return (old->file == NULL) == (file->file == NULL) && file->manifest_id == old->manifest_id &&
           strcmp(old->footer_hash, file->footer_hash) == 0;
}

/* Refused, and what stands there says what the old one said: it was touched, or a copy was put in
 * its place.  That is what is built on then. */
static void build_on_the_same(struct job *job)
{
    fail(job, SHALE_ERR(job->err, object_touched, job->single->key));
}

/* One look.  Leaves SENT when it is known whose the file is. */
static enum shale_status look(struct job *job)
{
    struct shale_single_file file;
    struct shale_base newest;
    enum shale_status status = shale_single_open(job->single, &file, &newest, job->err);
    bool is_old;
    if (status != SHALE_OK)
        return status;
    is_old = is_built_on(job, &file);
    if (file.manifest_id == job->draft.manifest.id) {
        status = look_at_ours(job);
    } else if (is_old && !job->is_unsure) {
        build_on_the_same(job);
    } else if (is_old && job->n_looks > 0) {
        /* Not there.  What was sent may still come: only the same bytes may go after it. */
        bool sent;
        status = send(job, &sent);
        if (sent && status == SHALE_OK)
            commit_is_done(job);
    } else if (is_old) {
        status = SHALE_AGAIN;
    } else if (file.manifest_id < 0) {
        commit_is_lost(job); /* another tool's, or gone: the caller will be told when it reads */
    } else {
        status = look_behind(job, &newest);
    }
    shale_base_fini(&newest, job->env->mem);
    shale_single_close(&file);
    return status;
}

static void settle(struct job *job)
{
    /* A failure of whatever kind says nothing of what was sent; but where nothing can come any
     * more, what stands there now is the next question. */
    enum shale_status status = look(job);
    bool is_final = status == SHALE_USAGE || status == SHALE_CORRUPT || status == SHALE_SCHEMA;
    if (job->state == SENT && is_final && !job->is_unsure)
        commit_is_lost(job);
    if (job->state != SENT)
        return;
    if (++job->n_looks >= MOST_LOOKS || is_cancelled(job)) {
        char message[SHALE_ERR_MESSAGE_BYTES];
        copy_words(job, message);
        end(job, UNSURE, SHALE_ERR(job->err, single_unsure, job->single->key, message));
    } else if (job->n_looks > 1) {
        shale_backoff(job->env, failure_wait_us, job->n_looks - 1);
    }
}

/* ---- BEHIND: build on the winner ---------------------------------------------------------------
 */

static enum shale_status ask_caller(const struct job *job, const struct shale_base *newest,
                                    bool *conflict)
{
    const struct shale_commit *commit = job->commit;
    return commit->check == NULL || *conflict
               ? SHALE_OK
               : commit->check(commit->check_ctx, job->base, newest, conflict, job->err);
}

/* Has anybody consumed what we did, or replaced what we build on? */
static void check_winners(struct job *job, const struct shale_base *newest)
{
    const struct shale_manifest *before = &job->base->manifest;
    enum shale_chain chain = SHALE_CHAIN_REACHED;
    bool conflict = false;
    enum shale_status status =
        shale_chain_walk(job->single->side, &newest->manifest, before, -1, &chain, job->err);
    if (status == SHALE_CORRUPT)
        conflict = true; /* an older copy was put there: what is new is another question */
    else if (status == SHALE_OK && newest->manifest.id != before->id)
        status = job->commit->ledger == NULL
                     ? SHALE_OK
                     : shale_ledger_conflicts(job->single->side, before, &newest->manifest,
                                              job->commit->ledger, &conflict, job->err);
    conflict = conflict || shale_commit_is_outdated(job->commit, job->base, newest);
    if (conflict)
        status = SHALE_OK;
    if (status == SHALE_OK)
        status = ask_caller(job, newest, &conflict);
    if (status == SHALE_NOT_FOUND)
        end(job, REFUSED, SHALE_ERR(job->err, commit_base_gone, job->single->key));
    else if (status != SHALE_OK)
        fail(job, status);
    else if (conflict)
        end(job, REFUSED, SHALE_ERR(job->err, commit_conflict, job->single->key));
    else
        job->state = BASED;
}

/* Rows are written anew of the very file that was looked at.  So is one adopted that names no
 * manifest: what is said to be in it is not true of another, whoever wrote it. */
static bool may_build_on(const struct job *job, const struct shale_single_file *newest)
{
    const struct shale_single_file *old = job->file;
    bool is_adoption = old->file != NULL && old->manifest_id < 0;
    bool is_foreign = newest->file != NULL && newest->manifest_id < 0;
    if (job->rewrite == NULL && !is_adoption && !is_foreign)
        return true;
    return is_built_on(job, newest) &&
           (!is_adoption || strcmp(old->file->tag, newest->file->tag) == 0);
}

static void rebase(struct job *job)
{
    struct shale_single_file file;
    struct shale_base newest;
    enum shale_status status;
    if (job->out->n_lost >= MOST_LOST) {
        end(job, FAILED, SHALE_ERR(job->err, commit_stalled, job->single->key, "always lost"));
        return;
    }
    status = shale_single_open(job->single, &file, &newest, job->err);
    if (status == SHALE_OK) {
        status = shale_single_check(job->single, &file, job->err);
        if (status == SHALE_OK && !may_build_on(job, &file))
            end(job, REFUSED, SHALE_ERR(job->err, object_replaced, job->single->key));
        else if (status == SHALE_OK)
            check_winners(job, &newest);
        if (status == SHALE_OK && job->state == BASED) {
            shale_base_fini(&job->own, job->env->mem);
            shale_single_close(&job->own_file);
            job->own = newest;
            job->own_file = file;
            job->base = &job->own;
            job->file = &job->own_file;
            return;
        }
        shale_base_fini(&newest, job->env->mem);
        shale_single_close(&file);
    }
    if (status != SHALE_OK)
        fail(job, status);
}

/* ---- All of it ---------------------------------------------------------------------------------
 */

static enum shale_status open_rows(struct job *job, const char *rows)
{
    const struct shale_single *single = job->single;
    const struct shale_reader_options options = {.memory_bytes = single->options.memory_bytes};
    enum shale_status status;
    if (rows == NULL)
        return SHALE_OK;
    status = shale_store_open(single->store, rows, &job->rows.file, job->err);
    if (status == SHALE_OK)
        status = shale_reader_open(job->env->mem, &job->rows.file->random, &options,
                                   &job->rows.reader, job->err);
    return status;
}

static void step(struct job *job)
{
    if (job->state != SENT && is_cancelled(job)) {
        end(job, FAILED, SHALE_ERR(job->err, interrupted));
        return;
    }
    switch (job->state) {
    case BASED:
        draft(job);
        break;
    case NAMED:
        send_file(job);
        break;
    case SENT:
        settle(job);
        break;
    default:
        rebase(job);
        break;
    }
}

/* 'job' has what is to be published. */
static enum shale_status publish(struct job *job, const char *rows)
{
    enum shale_status status;
    job->env = job->single->store->env;
    job->file = &job->single->file;
    job->rows.manifest_id = job->own_file.manifest_id = -1;
    job->state = BASED;
    *job->out = (struct shale_committed){.version = -1, .manifest_id = -1};
    shale_draft_init(&job->draft, job->env->mem);
    status = open_rows(job, rows);
    if (status != SHALE_OK)
        end(job, FAILED, status);
    while (job->state < COMMITTED)
        step(job);
    shale_draft_fini(&job->draft);
    shale_single_close(&job->rows);
    shale_single_close(&job->own_file);
    if (job->base == &job->own)
        shale_base_fini(&job->own, job->env->mem);
    return job->status;
}

enum shale_status shale_single_commit(struct shale_single *single, const struct shale_base *base,
                                      const struct shale_commit *commit, const char *rows,
                                      struct shale_committed *out, struct shale_err *err)
{
    struct job job = {.single = single, .commit = commit, .base = base, .out = out, .err = err};
    return publish(&job, rows);
}

enum shale_status shale_single_rewrite(struct shale_single *single, const struct shale_base *base,
                                       const struct shale_commit *commit,
                                       const struct shale_single_rewrite *rewrite,
                                       struct shale_single_rewritten *rewritten,
                                       struct shale_committed *out, struct shale_err *err)
{
    struct job job = {.single = single,
                      .commit = commit,
                      .base = base,
                      .rewrite = rewrite,
                      .rewritten = rewritten,
                      .out = out,
                      .err = err};
    return publish(&job, NULL);
}
