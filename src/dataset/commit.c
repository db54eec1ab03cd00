/* SPDX-License-Identifier: MIT */
/* The commit protocol (DESIGN: "The dataset"; docs/exactly-once.md; tests/model/ is its model).
 *
 *     +------------- it fails for now -----------+
 *     v                                          |
 *   BEHIND --rebase--> BASED --draft--> NAMED ---+--put N--> SENT --settle--> COMMITTED
 *     | ^ ^               |                                   | |
 *     | | +- tip moved ---+                                   | +-- patience ends --> UNSURE
 *     | +--------------------- N is another's ----------------+
 *     +-- consumed or taken out by another, base gone, files old --> REFUSED
 *
 * BASED, NAMED and BEHIND: nothing of ours is, or can come, into the log; a failure ends in FAILED
 * and nothing was published.  SENT: the bytes of the entry are, or may be, under way to N.  In that
 * state alone nothing is known, so that a failure of whatever kind says nothing about the commit:
 * it is looked at again, the same bytes are put under the same N, and nothing else is done until it
 * is known whose N is. */
#include "dataset/commit.h"

#include <assert.h>
#include <stdio.h>

#include "dataset/backoff.h"
#include "dataset/commit_parts.h"

enum state { BASED, NAMED, SENT, BEHIND, COMMITTED, REFUSED, UNSURE, FAILED, N_STATES };

/* Which states may follow. */
#define TO(state) (1u << (state))
__attribute__((unused)) static const unsigned follows[N_STATES] = {
    [BASED] = TO(NAMED) | TO(BEHIND) | TO(REFUSED) | TO(FAILED),
    [NAMED] = TO(SENT) | TO(BEHIND) | TO(FAILED),
    [SENT] = TO(BEHIND) | TO(COMMITTED) | TO(UNSURE),
    [BEHIND] = TO(BASED) | TO(REFUSED) | TO(FAILED),
};

/* Every lost race means that another has won; so many in a row have not been seen with 64
 * committers.  Failures in a row: with the waiting between them about half a minute each. */
enum { MOST_LOST = 2000, MOST_FAILURES = 9, MOST_LOOKS = 12 };
/* After so many losses a segment is no longer merged anew: merging is what made us slow. */
enum { MERGES_UNTIL = 3 };
static const int64_t day_us = INT64_C(86400) * 1000000;
static const int64_t shortest_wait_us = 2000, failure_wait_us = 100000;
/* A foreign VACUUM may take files that no entry names after seven days, or sooner when it is told
 * to; ours have to be far from that. */
static const int64_t oldest_file_us = INT64_C(3) * 86400 * 1000000;

struct job {
    struct shale_store *store;
    const struct shale_env *env;
    const struct shale_commit *commit;
    const struct shale_base *base; /* the caller's, then 'own' */
    struct shale_base own;
    /* The version from which 'base' was read on entry by entry; its own version when it was read
     * whole. */
    int64_t read_from;
    bool whole;   /* it has to be read whole next time */
    bool checked; /* what the commit takes out is in 'base' */
    struct shale_draft draft;
    enum state state;
    enum shale_status status; /* of the final state */
    int n_failures, n_looks;  /* in a row; while SENT */
    int64_t began_us;         /* the attempt; monotonic */
    bool answered;            /* SENT: the put was answered with success */
    struct shale_committed *out;
    struct shale_err *err;
};

static void enter(struct job *job, enum state state)
{
    assert((follows[job->state] & TO(state)) != 0);
    job->state = state;
}

static void end(struct job *job, enum state state, enum shale_status status)
{
    enter(job, state);
    job->status = status;
}

/* Committers that lost wait for about as long as their attempts take, and twice as long with each
 * loss: where many meet, one at a time is what goes fastest. */
static void wait_lost(const struct job *job)
{
    int64_t took_us = job->env->monotonic_us(job->env->ctx) - job->began_us;
    int64_t n_times = job->out->n_lost - 1;
    if (took_us < shortest_wait_us)
        took_us = shortest_wait_us;
    shale_backoff(job->env, took_us, n_times < 4 ? n_times : 4);
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

/* A failure in a state in which nothing can have been published.  One that may pass is tried again
 * from the newest state. */
static void fail(struct job *job, enum shale_status status)
{
    bool passes = status == SHALE_AGAIN || status == SHALE_UNSURE || status == SHALE_CONFLICT ||
                  status == SHALE_NOT_FOUND;
    if (!passes) {
        end(job, FAILED, status);
        return;
    }
    if (++job->n_failures >= MOST_FAILURES) {
        char message[SHALE_ERR_MESSAGE_BYTES];
        copy_words(job, message);
        end(job, FAILED, SHALE_ERR(job->err, commit_stalled, job->store->name, message));
        return;
    }
    shale_backoff(job->env, failure_wait_us, job->n_failures - 1);
    if (job->state != BEHIND)
        enter(job, BEHIND);
    job->whole = true;
}

/* ---- BASED: name what is to be published -------------------------------------------------------
 */

static bool files_are_old(const struct job *job)
{
    int64_t oldest_ms = (job->env->wall_us(job->env->ctx) - oldest_file_us) / 1000;
    size_t i;
    for (i = 0; i < job->commit->n_adds; i++)
        if (job->commit->adds[i].modified_ms < oldest_ms)
            return true;
    return false;
}

/* Another writer came before us: known before anything of this attempt was written. */
static void fall_behind(struct job *job)
{
    shale_log_say(job->env->log, SHALE_LOG_DEBUG, "commit_behind",
                  "%s: version %lld is no longer the newest", job->store->name,
                  (long long)job->base->log->version);
    enter(job, BEHIND);
}

/* What the commit takes out has to be in the caller's base: later ones are held against it. */
static bool base_has_it(struct job *job)
{
    bool is_live;
    enum shale_status status;
    if (job->checked)
        return true;
    status = shale_commit_is_live(job->store, job->commit, job->base, &is_live, job->err);
    if (status != SHALE_OK)
        fail(job, status);
    else if (!is_live)
        end(job, REFUSED, SHALE_ERR(job->err, commit_gone, job->store->name));
    else
        job->checked = true;
    return job->checked;
}

static void draft(struct job *job)
{
    int64_t tip, checkpoint;
    enum shale_status status;
    job->began_us = job->env->monotonic_us(job->env->ctx);
    if (files_are_old(job)) {
        end(job, REFUSED, SHALE_ERR(job->err, commit_files_old));
        return;
    }
    if (!base_has_it(job))
        return;
    status = shale_log_tip(job->store, job->read_from, &tip, &checkpoint, job->err);
    if (status != SHALE_OK) {
        fail(job, status);
        return;
    }
    /* Entries behind a checkpoint may be removed by other tools, and a write that was long under
     * way may land in the gap: what was read one by one is only trusted when no checkpoint has
     * come since. */
    if (tip != job->base->log->version || checkpoint > job->read_from) {
        job->whole = checkpoint > job->read_from;
        fall_behind(job);
        return;
    }
    status = shale_draft_make(&job->draft, job->store, job->base, job->commit,
                              job->out->n_lost < MERGES_UNTIL, job->err);
    if (status == SHALE_OK)
        enter(job, NAMED);
    else
        fail(job, status);
}

/* ---- NAMED: put it -----------------------------------------------------------------------------
 */

static enum shale_status put_entry(struct job *job)
{
    enum shale_status status = shale_store_put_absent(job->store, job->draft.name,
                                                      shale_buf_str(&job->draft.entry), job->err);
    job->answered = status == SHALE_OK;
    job->out->n_unsure += status == SHALE_UNSURE;
    return status;
}

static void send_entry(struct job *job)
{
    enum shale_status status;
    job->out->n_attempts++;
    status = put_entry(job);
    if (status == SHALE_OK || status == SHALE_CONFLICT || status == SHALE_UNSURE) {
        job->n_looks = 0;
        enter(job, SENT);
    } else {
        fail(job, status);
    }
}

/* ---- SENT: whose is N? -------------------------------------------------------------------------
 */

enum holder { NOBODY, OURS, ANOTHER };

static enum shale_status read_entry(struct job *job, enum holder *out)
{
    struct shale_str ours = shale_buf_str(&job->draft.entry);
    struct shale_buf found;
    enum shale_status status;
    shale_buf_init(&found, job->env->mem, ours.n_bytes);
    status = shale_store_read(job->store, job->draft.name, &found, job->err);
    *out = ANOTHER;
    if (status == SHALE_OK && shale_str_equal(shale_buf_str(&found), ours))
        *out = OURS;
    else if (status == SHALE_NOT_FOUND)
        *out = NOBODY;
    shale_buf_fini(&found);
    /* One longer than ours is another's. */
    return status == SHALE_NOT_FOUND || status == SHALE_LIMIT ? SHALE_OK : status;
}

/* A put that was answered with success is durable.  One that was only seen may not be yet: its
 * directory could not be synced, say. */
static enum shale_status commit_is_done(struct job *job)
{
    enum shale_status status = job->answered ? SHALE_OK : shale_store_settle(job->store, job->err);
    if (status != SHALE_OK)
        return status;
    job->out->version = job->draft.version;
    job->out->manifest_id = job->draft.manifest.id;
    shale_err_clear(job->err);
    end(job, COMMITTED, SHALE_OK);
    return SHALE_OK;
}

static void commit_is_lost(struct job *job)
{
    job->out->n_lost++;
    job->n_failures = 0; /* the store answers; losses have a bound of their own */
    shale_log_say(job->env->log, SHALE_LOG_DEBUG, "commit_lost", "%s: version %lld is another's",
                  job->store->name, (long long)job->draft.version);
    enter(job, BEHIND);
    wait_lost(job);
}

static bool has_segment(const struct shale_manifest *manifest, const struct shale_segment *ours)
{
    for (size_t i = 0; i < manifest->n_ledger && ours != NULL; i++)
        if (shale_str_equal(manifest->ledger[i].path, ours->path))
            return true;
    return false;
}

/* Entry N is gone, or lies behind a checkpoint, so that it proves nothing: the newest snapshot and
 * its manifests stand for it.  Where these were swept, it is the live ledger that tells, or else
 * the caller's next plan: waiting would not bring them back. */
static enum shale_status look_into_newest(struct job *job)
{
    struct shale_base newest;
    enum shale_chain chain = SHALE_CHAIN_CUT;
    enum shale_status status =
        shale_base_read_after(job->store, job->commit->stream, NULL, &newest, job->err);
    if (status != SHALE_OK)
        return status;
    status = shale_chain_walk(job->store, &newest.manifest, &job->base->manifest,
                              job->draft.manifest.id, &chain, job->err);
    if (newest.log->version < job->draft.version)
        status = SHALE_AGAIN; /* the listing was ahead of it */
    if (chain == SHALE_CHAIN_CUT && has_segment(&newest.manifest, job->commit->ledger))
        chain = SHALE_CHAIN_OURS;
    shale_base_fini(&newest, job->env->mem);
    if (status != SHALE_OK)
        return status;
    if (chain == SHALE_CHAIN_OURS)
        return commit_is_done(job);
    if (chain == SHALE_CHAIN_CUT)
        end(job, UNSURE,
            SHALE_ERR(job->err, commit_unsure, job->store->name, (long long)job->draft.version,
                      "the manifests since were swept"));
    else
        commit_is_lost(job);
    return SHALE_OK;
}

/* One look: read N, then list.  Leaves SENT when it is known whose N is; otherwise '*again' is set
 * when a put was answered, so that another look will tell. */
static enum shale_status look(struct job *job, bool *again)
{
    int64_t version = job->draft.version, tip, checkpoint;
    enum holder holder = OURS; /* as the answer said: then only the listing is wanting */
    enum shale_status status = job->answered ? SHALE_OK : read_entry(job, &holder);
    if (status == SHALE_OK)
        status = shale_log_tip(job->store, version - 1, &tip, &checkpoint, job->err);
    if (status != SHALE_OK)
        return status;
    if (tip < version) {
        /* Not there.  What was put may still come: only the same bytes may go after it. */
        status = put_entry(job);
        *again = status == SHALE_OK || status == SHALE_CONFLICT;
        return status;
    }
    if (checkpoint >= version || holder == NOBODY)
        return look_into_newest(job);
    if (holder == OURS)
        return commit_is_done(job);
    commit_is_lost(job);
    return SHALE_OK;
}

static void settle(struct job *job)
{
    bool again = false;
    /* A failure of whatever kind says nothing of the write. */
    enum shale_status status = look(job, &again);
    (void)status;
    if (job->state != SENT)
        return;
    if (++job->n_looks >= MOST_LOOKS || is_cancelled(job)) {
        char message[SHALE_ERR_MESSAGE_BYTES];
        copy_words(job, message);
        end(job, UNSURE,
            SHALE_ERR(job->err, commit_unsure, job->store->name, (long long)job->draft.version,
                      message));
    } else if (!again) {
        shale_backoff(job->env, failure_wait_us, job->n_looks - 1);
    }
}

/* ---- BEHIND: build on the winner ---------------------------------------------------------------
 */

/* Is what we take out still there?  By the winners' entries where they were read one by one. */
static enum shale_status check_taken(struct job *job, const struct shale_base *newest, bool whole,
                                     bool *is_live)
{
    if (whole || !job->checked)
        return shale_commit_is_live(job->store, job->commit, newest, is_live, job->err);
    return shale_commit_stays_live(job->store, job->commit, job->base, newest, is_live, job->err);
}

static enum shale_status check_ledger(struct job *job, const struct shale_base *newest,
                                      bool *conflict)
{
    const struct shale_manifest *before = &job->base->manifest;
    enum shale_status status;
    *conflict = false;
    if (job->commit->ledger == NULL || newest->manifest.id == before->id)
        return SHALE_OK;
    status = shale_ledger_conflicts(job->store, before, &newest->manifest, job->commit->ledger,
                                    conflict, job->err);
    if (status == SHALE_NOT_FOUND)
        end(job, REFUSED, SHALE_ERR(job->err, commit_base_gone, job->store->name));
    return status;
}

/* What the caller holds against it. */
static enum shale_status ask_caller(struct job *job, const struct shale_base *newest,
                                    bool *conflict)
{
    const struct shale_commit *commit = job->commit;
    enum shale_status status;
    *conflict = false;
    if (commit->check == NULL)
        return SHALE_OK;
    status = commit->check(commit->check_ctx, job->base, newest, conflict, job->err);
    if (status == SHALE_NOT_FOUND)
        end(job, REFUSED, SHALE_ERR(job->err, commit_base_gone, job->store->name));
    return status;
}

/* Has anybody consumed what we did, taken out what we do, or replaced what we build on? */
static void check_winners(struct job *job, const struct shale_base *newest, bool whole)
{
    enum shale_chain chain;
    bool is_live = true, consumed = false, refused = false;
    bool outdated = shale_commit_is_outdated(job->commit, job->base, newest);
    enum shale_status status =
        shale_chain_walk(job->store, &newest->manifest, &job->base->manifest, -1, &chain, job->err);
    if (status == SHALE_OK)
        status = check_taken(job, newest, whole, &is_live);
    if (status == SHALE_OK)
        status = check_ledger(job, newest, &consumed);
    if (status == SHALE_OK && is_live && !consumed && !outdated)
        status = ask_caller(job, newest, &refused);
    if (job->state == REFUSED)
        return;
    if (status != SHALE_OK)
        fail(job, status);
    else if (consumed)
        end(job, REFUSED, SHALE_ERR(job->err, commit_conflict, job->store->name));
    else if (!is_live)
        end(job, REFUSED, SHALE_ERR(job->err, commit_gone, job->store->name));
    else if (outdated || refused)
        end(job, REFUSED, SHALE_ERR(job->err, commit_outdated, job->store->name));
    else
        enter(job, BASED);
}

static void rebase(struct job *job)
{
    const struct shale_log_state *log = job->base->log;
    bool whole = job->whole || log->version < 0;
    struct shale_base newest;
    enum shale_status status;
    if (job->out->n_lost >= MOST_LOST) {
        end(job, FAILED, SHALE_ERR(job->err, commit_stalled, job->store->name, "always lost"));
        return;
    }
    status = shale_base_read_after(job->store, job->commit->stream, whole ? NULL : log, &newest,
                                   job->err);
    if (status != SHALE_OK) {
        fail(job, status);
        return;
    }
    /* What was read entry by entry may be what landed in a gap behind the new checkpoint. */
    if (!whole && newest.log->checkpoint_version > log->version) {
        shale_base_fini(&newest, job->env->mem);
        job->whole = true;
        return;
    }
    check_winners(job, &newest, whole);
    if (job->state != BASED) {
        shale_base_fini(&newest, job->env->mem);
        return;
    }
    job->read_from = whole ? newest.log->version : log->version;
    job->whole = false;
    job->checked = true;
    shale_base_fini(&job->own, job->env->mem);
    job->own = newest;
    job->base = &job->own;
}

/* ---- All of it ---------------------------------------------------------------------------------
 */

static void begin(struct job *job)
{
    int64_t age_us = job->env->wall_us(job->env->ctx) - job->base->read_us;
    *job->out = (struct shale_committed){.version = -1, .manifest_id = -1};
    job->read_from = job->base->log->version;
    job->state = BASED;
    /* Old, or read under another clock. */
    if (age_us > day_us || age_us < 0) {
        job->whole = true;
        job->state = BEHIND;
    }
    shale_draft_init(&job->draft, job->env->mem);
}

enum shale_status shale_commit(struct shale_store *store, const struct shale_base *base,
                               const struct shale_commit *commit, struct shale_committed *out,
                               struct shale_err *err)
{
    static void (*const steps[N_STATES])(struct job *) = {
        [BASED] = draft, [NAMED] = send_entry, [SENT] = settle, [BEHIND] = rebase};
    struct job job = {
        .store = store, .env = store->env, .commit = commit, .base = base, .out = out, .err = err};
    begin(&job);
    while (steps[job.state] != NULL) {
        if (job.state != SENT && is_cancelled(&job))
            end(&job, FAILED, SHALE_ERR(err, interrupted));
        else
            steps[job.state](&job);
    }
    shale_draft_fini(&job.draft);
    shale_base_fini(&job.own, job.env->mem);
    return job.status;
}
