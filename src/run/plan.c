/* SPDX-License-Identifier: MIT */
/* Plan: what is listed becomes nodes, in the order of inputs and keys.  What stands together in a
 * group follows from keys and sizes alone. */
#include "run/private.h"

#include <string.h>

enum { MAX_PATH_BYTES = 4096, MAX_LIST_BYTES = 64 * 1024 * 1024 };

struct node *node_new(struct run *run, enum node_kind kind, struct object_list *list)
{
    struct node *node = shale_mem_zeroed(run->mem, 1, sizeof *node);
    if (node == NULL)
        return NULL;
    node->kind = kind;
    node->list = list;
    if (list != NULL)
        list->n_users++;
    return node;
}

static void list_release(struct run *run, struct object_list *list)
{
    if (list == NULL || --list->n_users > 0)
        return;
    shale_arena_fini(&list->arena);
    shale_mem_free(run->mem, list->objects);
    shale_mem_free(run->mem, list);
}

void node_free(struct run *run, struct node *node)
{
    while (node->first != NULL) {
        struct parcel *next = node->first->next;
        parcel_free(run, node->first);
        node->first = next;
    }
    large_free(run, node->large);
    replay_node_free(run, node->rejects);
    shale_buf_fini(&node->slice.text);
    list_release(run, node->list);
    shale_mem_free(run->mem, node);
}

static struct object_list *list_new(struct run *run)
{
    struct object_list *list = shale_mem_zeroed(run->mem, 1, sizeof *list);
    if (list == NULL)
        return NULL;
    shale_arena_init(&list->arena, run->mem, MAX_LIST_BYTES);
    list->objects = shale_mem_resize(run->mem, NULL, GROUP_MAX_OBJECTS, sizeof *list->objects);
    list->n_users = 1;
    if (list->objects != NULL)
        return list;
    list_release(run, list);
    return NULL;
}

void plan_rewind(struct run *run, const struct tally *tally)
{
    shale_list_free(run->plan.list);
    list_release(run, run->plan.pending_list);
    run->plan = (struct plan){0};
    if (tally != NULL)
        run->plan.tally = *tally;
}

void plan_close(struct run *run)
{
    plan_rewind(run, NULL);
}

/* ---- What is taken ----------------------------------------------------------------------------
 */

static bool ends_in(struct shale_str text, const char *suffix)
{
    size_t n = strlen(suffix);
    return text.n_bytes >= n && memcmp(text.data + text.n_bytes - n, suffix, n) == 0;
}

/* convert: *.json *.jsonl *.ndjson, plain, .gz or .zst */
static bool has_known_name(struct shale_str key)
{
    static const char *const suffixes[] = {".json", ".jsonl", ".ndjson"};
    if (ends_in(key, ".gz"))
        key.n_bytes -= 3;
    else if (ends_in(key, ".zst"))
        key.n_bytes -= 4;
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++)
        if (ends_in(key, suffixes[i]))
            return true;
    return false;
}

/* Some part of the key begins with a dot: another program's temporary or hidden file. */
static bool is_hidden(struct shale_str key)
{
    for (size_t i = 0; i < key.n_bytes; i++)
        if (key.data[i] == '.' && (i == 0 || key.data[i - 1] == '/'))
            return true;
    return false;
}

/* Does a key of that template lie in the days that are asked for? */
static bool is_in_dates(const struct shale_run_options *options, const struct shale_template *tmpl,
                        const struct shale_str *values)
{
    int32_t first, last;
    if (!options->has_dates)
        return true;
    return shale_template_days(tmpl, values, &first, &last) && first <= options->last_day &&
           last >= options->first_day;
}

/* Is it another shard's?  The hash is the same in every version. */
static bool is_of_shard(const struct shale_run_options *options, struct shale_str key)
{
    return options->n_shards < 2 || shale_content_hash64(key) % options->n_shards == options->shard;
}

static bool is_settled(const struct run *run, const struct shale_listed *listed)
{
    int64_t settle_us = run->options->settle_us;
    return settle_us <= 0 || run->began_wall_us - listed->mtime_ns / 1000 >= settle_us;
}

/* '*day' is the first that such a key may hold, where days are asked for. */
static bool is_taken(const struct run *run, struct shale_str key, int32_t *day)
{
    struct shale_str values[SHALE_TEMPLATE_MAX_PLACEHOLDERS];
    int32_t last;
    if (run->options->convert)
        return run->plan.root->is_file || (has_known_name(key) && !is_hidden(key));
    if (run->stream->n_keys == 0)
        return !is_hidden(key);
    for (size_t i = 0; i < run->stream->n_keys; i++)
        if (shale_template_match(&run->stream->keys[i], key, values)) {
            if (run->stream->seal_after_days > 0)
                (void)shale_template_days(&run->stream->keys[i], values, day, &last);
            return is_in_dates(run->options, &run->stream->keys[i], values);
        }
    return false;
}

bool plan_takes(const struct run *run, struct shale_str key)
{
    int32_t day;
    return is_taken(run, key, &day);
}

static enum shale_status bound(const struct run *run, int32_t day, char out[SHALE_KEY_BYTES])
{
    struct shale_buf key;
    enum shale_status status;
    shale_buf_init(&key, run->mem, MAX_LIST_BYTES);
    status = seal_key(run, day, &key);
    if (status == SHALE_OK && key.n_bytes < SHALE_KEY_BYTES) /* a longer one bounds nothing */
        (void)snprintf(out, SHALE_KEY_BYTES, "%.*s", SHALE_STR_ARG(shale_buf_str(&key)));
    shale_buf_fini(&key);
    return status;
}

/* Where keys sort by date, those of other dates need not be listed. */
static enum shale_status bound_dates(struct run *run, struct shale_err *err)
{
    const struct shale_run_options *options = run->options;
    struct plan *plan = &run->plan;
    enum shale_status status = SHALE_OK;
    int32_t least, most;
    plan->first_key[0] = plan->last_key[0] = '\0';
    if (!options->has_dates || !seal_sorts(run))
        return SHALE_OK;
    (void)shale_days_from_civil(1, 1, 1, &least);
    (void)shale_days_from_civil(9999, 12, 31, &most);
    if (options->first_day > least)
        status =
            bound(run, shale_template_period_end(&run->stream->keys[0], options->first_day - 1),
                  plan->first_key);
    if (status == SHALE_OK && options->last_day < most)
        status = bound(run, options->last_day, plan->last_key);
    return status == SHALE_OK ? SHALE_OK : SHALE_ERR(err, no_memory);
}

/* The current root's, or what of it is to be listed. */
static enum shale_status begin_list(struct run *run, struct shale_err *err)
{
    struct plan *plan = &run->plan;
    struct shale_list_range range = {.after = seal_from(run)};
    enum shale_status status;
    if (plan->root->is_file)
        return shale_list_new(run->mem, plan->root->path, &plan->list, err);
    status = bound_dates(run, err);
    if (status != SHALE_OK)
        return status;
    if (strcmp(plan->first_key, range.after) > 0)
        range.after = plan->first_key;
    return shale_list_range(run->mem, plan->root->path, &range, &plan->list, err);
}

/* The next file below the roots, or '*end'. */
static enum shale_status next_file(struct run *run, struct shale_listed *out, bool *end,
                                   struct shale_err *err)
{
    struct plan *plan = &run->plan;
    *end = false;
    for (;;) {
        enum shale_status status;
        bool list_end = false;
        if (is_cancelled(run))
            return SHALE_ERR(err, interrupted);
        if (plan->list == NULL) {
            *end = plan->next_root == run->n_roots;
            if (*end)
                return SHALE_OK;
            plan->root = &run->roots[plan->next_root++];
            status = begin_list(run, err);
            if (status != SHALE_OK)
                return status;
        }
        status = shale_list_next(plan->list, out, &list_end, err);
        if (status == SHALE_OK && !list_end && plan->last_key[0] != '\0')
            list_end = strcmp(out->key.data, plan->last_key) > 0;
        if (status != SHALE_OK || !list_end)
            return status;
        shale_list_free(plan->list);
        plan->list = NULL;
    }
}

/* Rebuild: what was read under this very tag.  Where rows of another version of it were kept as
 * well, these would go with them: it is left alone. */
static bool is_rebuilt(const struct run *run, const struct shale_decision *decision)
{
    return decision->verdict == SHALE_VERDICT_KNOWN &&
           (!decision->other_done || run->stream->on_change == SHALE_ON_CHANGE_REPLACE);
}

/* The next object that is to be read, or '*end'. */
static enum shale_status next_listed(struct run *run, struct shale_listed *out,
                                     struct shale_decision *decision, bool *end,
                                     struct shale_err *err)
{
    struct plan *plan = &run->plan;
    enum shale_status status;
    int32_t day = 0;
    bool taken, settled;
    *decision = (struct shale_decision){.verdict = SHALE_VERDICT_NEW};
    *out = (struct shale_listed){0};
    while ((status = next_file(run, out, end, err)) == SHALE_OK && !*end) {
        if (root_is_own(plan->root, out->key) || !is_of_shard(run->options, out->key) ||
            (run->table != NULL && table_is_behind(run, out->key)))
            continue;
        plan->tally.n_listed++;
        taken = is_taken(run, out->key, &day);
        settled = is_settled(run, out);
        if (taken)
            seal_note(run, day, settled);
        if (!taken || !settled) {
            plan->tally.n_passed_over++;
            continue;
        }
        if (run->table != NULL)
            status = table_decide(run, out, decision, err);
        if (status != SHALE_OK)
            return status;
        if (run->options->rebuild) {
            plan->tally.n_known += is_rebuilt(run, decision);
            if (is_rebuilt(run, decision))
                return SHALE_OK;
            plan->tally.n_passed_over++;
            continue;
        }
        plan->tally.n_new += decision->verdict == SHALE_VERDICT_NEW;
        plan->tally.n_changed += decision->verdict == SHALE_VERDICT_CHANGED;
        plan->tally.n_known += decision->verdict == SHALE_VERDICT_KNOWN;
        if (decision->verdict != SHALE_VERDICT_KNOWN)
            return SHALE_OK;
        plan->tally.n_other += strcmp(decision->definition, run->stream->hash) != 0;
    }
    return status;
}

enum shale_status plan_first(struct run *run, struct shale_buf *out, struct shale_err *err)
{
    const struct tally before = run->plan.tally;
    struct shale_listed listed;
    struct shale_decision decision;
    bool end = false;
    enum shale_status status = next_listed(run, &listed, &decision, &end, err);
    shale_buf_reset(out);
    if (status == SHALE_OK && !end && shale_buf_append_str(out, listed.key) != SHALE_OK)
        status = SHALE_ERR(err, no_memory);
    plan_rewind(run, &before);
    return status;
}

bool plan_has_dates(const struct run *run)
{
    const struct shale_stream *stream = run->stream;
    bool dated = stream->n_keys > 0;
    for (size_t i = 0; i < stream->n_keys && dated; i++)
        dated = shale_template_has_year(&stream->keys[i]);
    return dated;
}

enum shale_status plan_each(struct run *run,
                            enum shale_status (*each)(void *ctx, const struct shale_listed *,
                                                      struct shale_err *err),
                            void *ctx, struct shale_err *err)
{
    struct shale_listed listed = {0};
    enum shale_status status;
    bool end = false;
    while ((status = next_file(run, &listed, &end, err)) == SHALE_OK && !end) {
        if (root_is_own(run->plan.root, listed.key) || !plan_takes(run, listed.key))
            continue;
        status = each(ctx, &listed, err);
        if (status != SHALE_OK)
            break;
    }
    plan_rewind(run, NULL);
    return status;
}

enum shale_status plan_check(const struct run *run, struct shale_err *err)
{
    return plan_has_dates(run) || !run->options->has_dates ? SHALE_OK
                                                           : SHALE_ERR(err, dates_unknown);
}

enum shale_status plan_count(struct run *run, struct shale_err *err)
{
    struct shale_listed listed;
    struct shale_decision decision;
    enum shale_status status;
    bool end = false;
    while ((status = next_listed(run, &listed, &decision, &end, err)) == SHALE_OK && !end)
        run->n_total_bytes += listed.n_bytes;
    run->n_total_objects = run->options->rebuild
                               ? run->plan.tally.n_known
                               : run->plan.tally.n_new + run->plan.tally.n_changed;
    return status;
}

/* ---- Nodes ------------------------------------------------------------------------------------
 */

static enum shale_status copy_decision(struct object_list *list,
                                       const struct shale_decision *decision, struct object *out)
{
    struct shale_str *hashes;
    out->changed = decision->verdict == SHALE_VERDICT_CHANGED;
    out->n_hashes = out->changed ? decision->n_done_hashes : 0;
    hashes = shale_arena_zeroed(&list->arena, out->n_hashes, sizeof *hashes);
    if (out->n_hashes > 0 && hashes == NULL)
        return SHALE_NOMEM;
    out->hashes = hashes;
    for (size_t i = 0; i < out->n_hashes; i++) {
        hashes[i].data = shale_arena_copy(&list->arena, decision->done_hashes[i]);
        hashes[i].n_bytes = decision->done_hashes[i].n_bytes;
        if (hashes[i].data == NULL)
            return SHALE_NOMEM;
    }
    return SHALE_OK;
}

/* Objects that are planned count for the phase. */
static enum shale_status copy_object(struct run *run, struct object_list *list,
                                     const struct shale_listed *listed,
                                     const struct shale_decision *decision, struct object *out)
{
    const struct root *root = run->plan.root;
    struct shale_buf path;
    enum shale_status status;
    *out = (struct object){0};
    status = copy_decision(list, decision, out);
    if (status != SHALE_OK)
        return status;
    run->plan.tally.phase_objects++;
    run->plan.tally.phase_bytes += listed->n_bytes;
    out->root = root;
    out->n_bytes = listed->n_bytes;
    out->mtime_ns = listed->mtime_ns;
    out->key = (struct shale_str){shale_arena_copy(&list->arena, listed->key), listed->key.n_bytes};
    out->name = out->key;
    if (out->key.data == NULL)
        return SHALE_NOMEM;
    if (!run->options->convert)
        return SHALE_OK;
    shale_buf_init(&path, run->mem, 2 * MAX_PATH_BYTES);
    status = shale_buf_append_str(&path, shale_str_of(root->path));
    if (status == SHALE_OK && !root->is_file) {
        if (path.n_bytes > 0 && path.data[path.n_bytes - 1] != '/')
            status = shale_buf_append_byte(&path, '/');
        if (status == SHALE_OK)
            status = shale_buf_append_str(&path, out->key);
    }
    if (status == SHALE_OK) {
        out->name.n_bytes = path.n_bytes;
        out->name.data = shale_arena_copy(&list->arena, shale_buf_str(&path));
    }
    shale_buf_fini(&path);
    return status == SHALE_OK && out->name.data != NULL ? SHALE_OK : SHALE_NOMEM;
}

static enum shale_status make_node(struct run *run, enum node_kind kind, struct object_list *list,
                                   size_t n_objects, struct node **out, struct shale_err *err)
{
    *out = node_new(run, kind, list);
    if (*out == NULL)
        return SHALE_ERR(err, no_memory);
    (*out)->n_objects = n_objects;
    return SHALE_OK;
}

/* The object that was too large for the last group. */
static enum shale_status take_pending(struct run *run, struct node **out, struct shale_err *err)
{
    struct object_list *list = run->plan.pending_list;
    enum shale_status status;
    run->plan.pending_list = NULL;
    status = make_node(run, NODE_OBJECT, list, 1, out, err);
    list_release(run, list);
    return status;
}

/* One large object in a list of its own: the next node. */
static enum shale_status set_pending(struct run *run, const struct shale_listed *listed,
                                     const struct shale_decision *decision, struct shale_err *err)
{
    struct object_list *list = list_new(run);
    if (list == NULL || copy_object(run, list, listed, decision, &list->objects[0]) != SHALE_OK) {
        list_release(run, list);
        return SHALE_ERR(err, no_memory);
    }
    list->n_objects = 1;
    run->plan.pending_list = list;
    return SHALE_OK;
}

/* A table is committed on the way; what is planned until then follows from the listing alone. */
static bool phase_is_full(const struct run *run)
{
    const struct tally *tally = &run->plan.tally;
    return run->table != NULL && !run->options->rebuild &&
           (tally->phase_objects >= run->stream->commit_every_objects ||
            tally->phase_bytes >= run->stream->commit_every_bytes);
}

/* Small objects that stand together, up to a large one. */
static enum shale_status fill_group(struct run *run, struct object_list *list,
                                    struct shale_err *err)
{
    int64_t n_bytes = 0;
    while (list->n_objects < GROUP_MAX_OBJECTS && n_bytes < GROUP_STORED_BYTES &&
           !phase_is_full(run)) {
        struct shale_listed listed;
        struct shale_decision decision;
        bool end;
        enum shale_status status = next_listed(run, &listed, &decision, &end, err);
        if (status != SHALE_OK || end)
            return status;
        if (listed.n_bytes > GROUP_STORED_BYTES)
            return set_pending(run, &listed, &decision, err);
        if (copy_object(run, list, &listed, &decision, &list->objects[list->n_objects]) != SHALE_OK)
            return SHALE_ERR(err, no_memory);
        list->n_objects++;
        n_bytes += listed.n_bytes;
    }
    return SHALE_OK;
}

enum shale_status plan_next(struct run *run, struct node **out, struct shale_err *err)
{
    struct object_list *list;
    enum shale_status status;
    *out = NULL;
    if (run->options->replay != NULL)
        return replay_plan(run, out, err);
    if (run->plan.pending_list != NULL)
        return take_pending(run, out, err);
    run->plan.more = phase_is_full(run);
    if (run->plan.more)
        return SHALE_OK;
    list = list_new(run);
    if (list == NULL)
        return SHALE_ERR(err, no_memory);
    status = fill_group(run, list, err);
    if (status == SHALE_OK && list->n_objects > 0)
        status = make_node(run, NODE_GROUP, list, list->n_objects, out, err);
    list_release(run, list);
    if (status == SHALE_OK && *out == NULL && run->plan.pending_list != NULL)
        return take_pending(run, out, err);
    return status;
}
