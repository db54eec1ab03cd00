/* SPDX-License-Identifier: MIT */
/* The commit of a phase: what it says of files, objects and rejects. */
#include "run/private.h"

#include <assert.h>
#include <string.h>

#include "dataset/footer_hash.h"
#include "json/writer.h"

enum { MAX_STATS_BYTES = 1 << 30, MAX_NAMES_BYTES = 1 << 16 };

/* Commits of a run that it does not leave to the next one to find out about. */
enum { MOST_UNSURE = 3 };

/* ---- What a commit says -----------------------------------------------------------------------
 */

static enum shale_status copy_text(struct table *table, struct shale_str text,
                                   struct shale_str *out)
{
    out->data = shale_arena_copy(&table->arena, text);
    out->n_bytes = text.n_bytes;
    return out->data == NULL ? SHALE_NOMEM : SHALE_OK;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* A value as partition.h writes it, back to its text. */
static enum shale_status unescape(struct table *table, struct shale_str value,
                                  struct shale_str *out)
{
    char *text = shale_arena_copy(&table->arena, value);
    size_t n = 0;
    if (text == NULL)
        return SHALE_NOMEM;
    for (size_t i = 0; i < value.n_bytes; i++) {
        int high =
            value.data[i] == '%' && i + 2 < value.n_bytes ? hex_digit(value.data[i + 1]) : -1;
        int low = high >= 0 ? hex_digit(value.data[i + 2]) : -1;
        text[n++] = low >= 0 ? (char)(high * 16 + low) : value.data[i];
        i += low >= 0 ? 2 : 0;
    }
    *out = (struct shale_str){text, n};
    return SHALE_OK;
}

/* "year=2024/month=2" */
static enum shale_status fill_values(struct run *run, struct shale_str name,
                                     struct shale_log_add *add)
{
    struct table *table = run->table;
    const struct shale_stream *stream = run->stream;
    struct shale_log_partition_value *values =
        shale_arena_zeroed(&table->arena, stream->n_partitions + 1, sizeof *values);
    const char *at = name.data, *end = name.data + name.n_bytes;
    if (values == NULL)
        return SHALE_NOMEM;
    for (size_t i = 0; i < stream->n_partitions; i++) {
        const char *slash = memchr(at, '/', (size_t)(end - at));
        const char *last = slash == NULL ? end : slash;
        const char *equals = memchr(at, '=', (size_t)(last - at));
        struct shale_str value;
        assert(equals != NULL);
        value = (struct shale_str){equals + 1, (size_t)(last - equals - 1)};
        values[i].name = stream->partitions[i].name;
        values[i].is_null = shale_str_equal(value, SHALE_STR(SHALE_PARTITION_NULL));
        if (!values[i].is_null && unescape(table, value, &values[i].value) != SHALE_OK)
            return SHALE_NOMEM;
        at = slash == NULL ? end : slash + 1;
    }
    add->partition_values = values;
    add->n_partition_values = stream->n_partitions;
    return SHALE_OK;
}

static enum shale_status fill_tags(struct run *run, const struct shale_file *file,
                                   struct shale_log_add *add)
{
    struct table *table = run->table;
    struct shale_log_pair *tags = shale_arena_zeroed(&table->arena, 2, sizeof *tags);
    enum shale_status status;
    if (tags == NULL)
        return SHALE_NOMEM;
    tags[0].key = SHALE_STR(SHALE_TAG_INPUT);
    tags[1].key = SHALE_STR(SHALE_TAG_FOOTER);
    status = copy_text(table, shale_buf_str(&run->seq.first_input), &tags[0].value);
    if (status == SHALE_OK)
        status = copy_text(table, shale_str_of(file->footer_hash), &tags[1].value);
    add->tags = tags;
    add->n_tags = 2;
    return status;
}

static enum shale_status fill_add(struct run *run, const struct part *part,
                                  struct shale_log_add *add)
{
    struct table *table = run->table;
    const struct shale_file *file = part->file;
    struct shale_buf stats;
    enum shale_status status;
    *add = (struct shale_log_add){.n_bytes = file->put.n_bytes,
                                  .modified_ms = run->env->wall_us(run->env->ctx) / 1000,
                                  .data_change = true,
                                  .n_rows = shale_parquet_n_rows(file->parquet)};
    shale_buf_init(&stats, run->mem, MAX_STATS_BYTES);
    status = copy_text(table, shale_str_of(file->put.path + file->n_base), &add->path);
    if (status == SHALE_OK)
        status = shale_log_stats_json(file->schema, file->leaves, add->n_rows, &stats);
    if (status == SHALE_OK)
        status = copy_text(table, shale_buf_str(&stats), &add->stats);
    shale_buf_fini(&stats);
    if (status == SHALE_OK)
        status = fill_values(run, part->name, add);
    return status == SHALE_OK ? fill_tags(run, file, add) : status;
}

static enum shale_status fill_adds(struct run *run, struct shale_commit *commit)
{
    struct sequencer *seq = &run->seq;
    struct shale_log_add *adds =
        shale_arena_zeroed(&run->table->arena, seq->n_parts + 1, sizeof *adds);
    size_t n = 0;
    enum shale_status status = SHALE_OK;
    if (adds == NULL)
        return SHALE_NOMEM;
    for (size_t i = 0; i < seq->n_parts && status == SHALE_OK; i++)
        if (seq->parts[i]->file != NULL)
            status = fill_add(run, seq->parts[i], &adds[n++]);
    commit->adds = adds;
    commit->n_adds = n;
    return status;
}

/* What the table must be, without what it gets. */
static enum shale_status fill_schema(struct run *run, struct shale_commit *commit)
{
    const struct shale_stream *stream = run->stream;
    size_t n = stream->n_partitions;
    struct shale_str *names = shale_arena_zeroed(&run->table->arena, n + 1, sizeof *names);
    struct shale_type *types = shale_arena_zeroed(&run->table->arena, n + 1, sizeof *types);
    if (names == NULL || types == NULL)
        return SHALE_NOMEM;
    for (size_t i = 0; i < n; i++) {
        const struct shale_partition_def *partition = &stream->partitions[i];
        names[i] = partition->name;
        types[i] = partition->transform == SHALE_PART_IDENTITY
                       ? stream->fields[partition->field].type
                       : (struct shale_type){.kind = SHALE_INT32};
    }
    commit->stream = stream->name;
    commit->schema = &stream->schema;
    commit->partitions = names;
    commit->partition_types = types;
    commit->n_partitions = n;
    return SHALE_OK;
}

/* The rejects of a phase, as the manifest lists them. */
static enum shale_status fill_rejects(struct run *run, struct shale_segment *out)
{
    const struct shale_file *file = run->seq.rejects.file;
    enum shale_status status;
    *out = (struct shale_segment){.n_rows = shale_parquet_n_rows(file->parquet),
                                  .n_bytes = file->put.n_bytes};
    status = copy_text(run->table, shale_str_of(file->put.path + file->n_base), &out->path);
    return status == SHALE_OK
               ? copy_text(run->table, shale_str_of(file->footer_hash), &out->footer_hash)
               : status;
}

/* ---- The ledger's segment ---------------------------------------------------------------------
 */

struct adding {
    struct run *run;
    struct shale_ledger_writer *writer;
};

static enum shale_status add_objects(void *ctx, const struct shale_batch *batch,
                                     struct shale_err *err)
{
    const struct adding *adding = ctx;
    enum shale_status status = SHALE_OK;
    for (int64_t i = 0; i < shale_batch_n_rows(batch) && status == SHALE_OK; i++) {
        struct shale_ledger_row row;
        consumed_row(batch, i, &row);
        row.source = adding->run->options->replay != NULL ? SHALE_STR(SHALE_REJECTS_SOURCE)
                                                          : adding->run->table->source;
        row.definition = shale_str_of(adding->run->stream->hash);
        status = shale_ledger_writer_add(adding->writer, &row, err);
    }
    return status;
}

static enum shale_status visit_entry(struct run *run, const struct entry *entry, consumed_fn visit,
                                     void *ctx, struct shale_err *err)
{
    struct shale_batch *batch;
    enum shale_status status;
    if (entry->batch != NULL)
        return visit(ctx, entry->batch, err);
    batch = shale_mem_alloc(run->mem, entry->n_bytes); /* a batch holds no pointers */
    if (batch == NULL)
        return SHALE_ERR(err, no_memory);
    status = shale_spill_read(&run->seq.spill, entry->spill_at, batch, entry->n_bytes, err);
    if (status == SHALE_OK)
        status = visit(ctx, batch, err);
    shale_batch_free(run->mem, batch);
    return status;
}

enum shale_status consumed_each(struct run *run, consumed_fn visit, void *ctx,
                                struct shale_err *err)
{
    const struct part *part = &run->seq.consumed;
    enum shale_status status = SHALE_OK;
    for (size_t i = 0; i < part->n_entries && status == SHALE_OK; i++)
        status = visit_entry(run, &part->entries[i], visit, ctx, err);
    return status;
}

/* Each event is some object's: what the ledger says of them all is what the run counted. */
static enum shale_status check_sums(const struct run *run, const struct shale_segment *segment,
                                    struct shale_err *err)
{
    const struct counts *now = &run->seq.sums.counts, *before = &run->table->sums.counts;
    const struct counts c = {now->read - before->read, now->written - before->written,
                             now->rejected - before->rejected, now->filtered - before->filtered,
                             now->duplicates - before->duplicates};
    bool good = segment->read == c.read && segment->written == c.written &&
                segment->rejected == c.rejected && segment->filtered == c.filtered &&
                segment->duplicates == c.duplicates;
    assert(good);
    return good ? SHALE_OK
                : SHALE_ERR(err, object_counts_differ, (long long)segment->read,
                            (long long)segment->written, (long long)segment->rejected,
                            (long long)segment->filtered, (long long)segment->duplicates);
}

void ledger_path(struct run *run, char out[SEGMENT_PATH_BYTES])
{
    (void)snprintf(out, SEGMENT_PATH_BYTES, "_shale/ledger/%016" PRIx64 "%016" PRIx64 ".parquet",
                   run->env->random_u64(run->env->ctx), run->env->random_u64(run->env->ctx));
}

static enum shale_status write_ledger(struct run *run, struct shale_segment *out,
                                      struct shale_err *err)
{
    struct table *table = run->table;
    struct shale_ledger_writer *writer;
    char path[SEGMENT_PATH_BYTES];
    enum shale_status status;
    ledger_path(run, path);
    status = shale_ledger_writer_new(table->store, path, &writer, err);
    if (status != SHALE_OK)
        return status;
    shale_ledger_writer_set_input(writer, shale_buf_str(&run->seq.first_input));
    status = consumed_each(run, add_objects, &(struct adding){run, writer}, err);
    if (status == SHALE_OK)
        status = shale_ledger_writer_finish(writer, &table->arena, out, err);
    shale_ledger_writer_free(writer);
    return status == SHALE_OK ? check_sums(run, out, err) : status;
}

/* ---- Committing -------------------------------------------------------------------------------
 */

struct figure {
    const char *name;
    int64_t value;
};

static enum shale_status fill_pairs(struct table *table, const struct figure *figures, size_t n,
                                    struct shale_log_info *info)
{
    struct shale_log_pair *pairs = shale_arena_zeroed(&table->arena, n, sizeof *pairs);
    enum shale_status status = pairs == NULL ? SHALE_NOMEM : SHALE_OK;
    for (size_t i = 0; i < n && status == SHALE_OK; i++) {
        char text[24];
        (void)snprintf(text, sizeof text, "%" PRId64, figures[i].value);
        pairs[i].key = shale_str_of(figures[i].name);
        status = copy_text(table, shale_str_of(text), &pairs[i].value);
    }
    info->metrics = pairs;
    info->n_metrics = n;
    return status;
}

/* "[\"year\",\"month\"]": a JSON text in a JSON string, as Delta's own writers have it. */
static enum shale_status fill_parameters(struct run *run, bool overwrites,
                                         struct shale_log_info *info)
{
    struct table *table = run->table;
    struct shale_log_pair *pairs = shale_arena_zeroed(&table->arena, 2, sizeof *pairs);
    struct shale_buf names, quoted;
    struct shale_json_writer json;
    enum shale_status status;
    if (pairs == NULL)
        return SHALE_NOMEM;
    shale_buf_init(&names, run->mem, MAX_NAMES_BYTES);
    shale_buf_init(&quoted, run->mem, MAX_NAMES_BYTES);
    shale_json_writer_init(&json, &names);
    shale_json_put_begin(&json, '[');
    for (size_t i = 0; i < run->stream->n_partitions; i++)
        shale_json_put_string(&json, run->stream->partitions[i].name);
    shale_json_put_end(&json, ']');
    status = json.status;
    shale_json_writer_init(&json, &quoted);
    if (status == SHALE_OK)
        shale_json_put_string(&json, shale_buf_str(&names));
    if (status == SHALE_OK)
        status = json.status;
    pairs[0] = (struct shale_log_pair){SHALE_STR("mode"), overwrites ? SHALE_STR("\"Overwrite\"")
                                                                     : SHALE_STR("\"Append\"")};
    pairs[1].key = SHALE_STR("partitionBy");
    if (status == SHALE_OK)
        status = copy_text(table, shale_buf_str(&quoted), &pairs[1].value);
    shale_buf_fini(&names);
    shale_buf_fini(&quoted);
    info->parameters = pairs;
    info->n_parameters = 2;
    return status;
}

static enum shale_status fill_info(struct run *run, const struct shale_segment *ledger,
                                   struct shale_commit *commit)
{
    int64_t n_bytes = 0, n_rows = 0;
    bool overwrites;
    enum shale_status status;
    for (size_t i = 0; i < commit->n_adds; i++) {
        n_bytes += commit->adds[i].n_bytes;
        n_rows += commit->adds[i].n_rows;
    }
    {
        const struct figure figures[] = {{"numFiles", (int64_t)commit->n_adds},
                                         {"numOutputRows", n_rows},
                                         {"numOutputBytes", n_bytes},
                                         {"objects", ledger->n_rows},
                                         {"eventsRead", ledger->read},
                                         {"eventsWritten", ledger->written},
                                         {"eventsRejected", ledger->rejected},
                                         {"eventsFiltered", ledger->filtered},
                                         {"eventsDuplicates", ledger->duplicates}};
        status = fill_pairs(run->table, figures, sizeof figures / sizeof figures[0], &commit->info);
    }
    commit->info.operation = SHALE_STR("WRITE");
    /* Rows of before were looked at, and went. */
    overwrites = commit->n_removes > 0 || commit->ledger_change.n_out > 0 ||
                 (run->options->replay == NULL && commit->rejects_change.n_out > 0);
    commit->info.is_blind_append = run->options->replay == NULL && !overwrites;
    commit->info.timestamp_ms = run->env->wall_us(run->env->ctx) / 1000;
    return status == SHALE_OK ? fill_parameters(run, overwrites, &commit->info) : status;
}

static void note_commit(struct run *run, const struct shale_committed *committed)
{
    struct committed *sum = &run->committed;
    struct sequencer *seq = &run->seq;
    if (sum->n_versions < SHALE_SUMMARY_COMMITS)
        sum->versions[sum->n_versions] = committed->version;
    sum->n_versions++;
    sum->n_files += run->table->single != NULL;
    sum->rows_replaced += run->table->rows_replaced;
    sum->rejects_replaced += run->table->rejects_replaced;
    for (size_t i = 0; i <= seq->n_parts; i++) {
        const struct part *part = i < seq->n_parts ? seq->parts[i] : &seq->rejects;
        if (part->file == NULL || (part->kind == PART_DATA && run->table->single != NULL))
            continue; /* rows of a checkpoint count with its new file */
        sum->n_files += part->kind == PART_DATA;
        sum->n_bytes += part->file->put.n_bytes;
        sum->has_rejects = sum->has_rejects || part->kind == PART_REJECTS;
    }
}

/* The data is committed: what goes wrong from here on is said, and left to the next run. */
static enum shale_status after_commit(struct run *run, struct shale_err *err)
{
    struct table *table = run->table;
    struct shale_err warning;
    int64_t n_rows = table->rows_total + run->seq.sums.counts.written - table->sums.counts.written;
    enum shale_status status;
    shale_err_clear(&warning);
    status = table_read_base(run, &warning);
    if (status == SHALE_OK && table->single != NULL)
        run->committed.n_bytes += shale_single_n_bytes(table->single);
    if (status == SHALE_OK && table->single == NULL && shale_log_checkpoint_due(table->base.log))
        status = shale_log_checkpoint(table->store, table->base.log, &warning);
    if (status == SHALE_OK)
        return SHALE_OK;
    if (!table->has_base && run->plan.more) {
        if (err != NULL)
            *err = warning;
        return status;
    }
    if (!table->has_base)
        table->rows_total = n_rows;
    shale_log_err(run->env->log, SHALE_LOG_WARN, &warning);
    return SHALE_OK;
}

static enum shale_status commit_phase(struct run *run, struct shale_err *err)
{
    struct table *table = run->table;
    struct shale_segment ledger = {0}, rejects = {0};
    struct shale_committed committed;
    struct shale_seal seal;
    bool seals = false;
    struct shale_commit commit = {.ledger = run->seq.n_consumed > 0 ? &ledger : NULL,
                                  .rejects = run->seq.rejects.file != NULL ? &rejects : NULL};
    enum shale_status status;
    commit.rejects_change.out = run->replay.taken;
    commit.rejects_change.n_out = run->replay.n_taken;
    status = commit.ledger != NULL ? write_ledger(run, &ledger, err) : SHALE_OK;
    if (status != SHALE_OK)
        return status;
    if (table->single == NULL)
        status = fill_adds(run, &commit);
    if (status == SHALE_OK)
        status = fill_schema(run, &commit);
    if (status == SHALE_OK && commit.rejects != NULL)
        status = fill_rejects(run, &rejects);
    if (status != SHALE_OK)
        return SHALE_ERR(err, no_memory);
    status = change_fill(run, &ledger, &commit, err);
    if (status != SHALE_OK)
        return status;
    if (fill_info(run, &ledger, &commit) != SHALE_OK)
        return SHALE_ERR(err, no_memory);
    if (seal_make(run, &seal, &seals) != SHALE_OK)
        return SHALE_ERR(err, no_memory);
    commit.seal = seals ? &seal : NULL;
    status = dedupe_commit(run, &commit, err);
    if (status == SHALE_OK)
        status = shale_store_settle(table->store, err);
    if (status == SHALE_OK)
        status = table->single != NULL
                     ? single_commit(run, &commit, &committed, err)
                     : shale_commit(table->store, &table->base, &commit, &committed, err);
    if (status == SHALE_OK)
        note_commit(run, &committed);
    return status;
}

enum shale_status table_check(struct run *run, struct shale_err *err)
{
    struct shale_commit commit = {0};
    enum shale_status status;
    if (run->table->single != NULL)
        return SHALE_OK; /* reading it asked */
    status = fill_schema(run, &commit);
    status = status == SHALE_OK ? shale_commit_check(run->mem, &run->table->base, &commit, err)
                                : SHALE_ERR(err, no_memory);
    shale_arena_reset(&run->table->arena);
    return status;
}

enum shale_status table_commit(struct run *run, struct shale_err *err)
{
    const struct shale_single *single = run->table->single;
    /* A checkpoint without rows is still a file. */
    bool anything = run->seq.n_consumed > 0 || (single != NULL && !shale_single_exists(single));
    enum shale_status status = anything ? commit_phase(run, err) : SHALE_OK;
    shale_arena_reset(&run->table->arena);
    /* Whether it was committed, the ledger says to whoever plans again: what is in it is known. */
    if (status == SHALE_UNSURE && single == NULL && !is_cancelled(run) &&
        run->table->n_unsure++ < MOST_UNSURE)
        status = SHALE_CONFLICT;
    if (status == SHALE_CONFLICT) {
        run->committed.n_wasted += run->seq.n_consumed;
        shale_err_clear(err);
        status = table_read_base(run, err);
        return status == SHALE_OK ? SHALE_CONFLICT : status;
    }
    if (status == SHALE_OK && anything) {
        shale_output_committed(run->output);
        status = after_commit(run, err);
    }
    if (status == SHALE_OK)
        table_advance(run);
    return status;
}
