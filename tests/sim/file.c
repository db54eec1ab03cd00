/* SPDX-License-Identifier: MIT */
/* A run's side of a checkpoint file: what work.c and run.c do otherwise than with a table.  The
 * file is real Parquet, written and read by the code that ships. */
#include <stdlib.h>
#include <string.h>

#include "columns/builder.h"
#include "parquet/file_writer.h"
#include "work.h"

void sim_file_begin(struct sim *sim)
{
    sim->is_file = true;
    sim->file.manifest = (struct shale_manifest){.id = -1, .parent = -1, .version = -1};
    shale_arena_init(&sim->file.arena, &shale_mem_libc, (size_t)1 << 24);
    if (shale_store_under(sim->bucket, SIM_FILE ".", &sim->table, NULL) != SHALE_OK)
        abort();
}

void sim_file_end(struct sim *sim)
{
    shale_arena_fini(&sim->file.arena);
    shale_store_free(sim->table);
}

/* ---- Parquet ----------------------------------------------------------------------------------
 */

struct memory_sink {
    struct shale_sink sink; /* first member */
    struct shale_buf *out;
};

static enum shale_status write_memory(struct shale_sink *sink, const void *data, size_t n_bytes,
                                      struct shale_err *err)
{
    struct memory_sink *memory = (struct memory_sink *)(void *)sink;
    (void)err;
    return shale_buf_append(memory->out, data, n_bytes);
}

static enum shale_status write_events(struct shale_file_writer *writer,
                                      const struct shale_schema *schema, const int64_t *events,
                                      size_t n_events)
{
    struct shale_column columns[3];
    struct shale_builder *builder = NULL;
    enum shale_status status = shale_builder_new(&shale_mem_libc, schema, &builder);
    for (size_t i = 0; i < n_events && status == SHALE_OK; i++) {
        shale_builder_i64(builder, 0, events[i]);
        shale_builder_i32(builder, 1, sim_day_of((int32_t)events[i]));
        if (schema->n_columns > 2)
            shale_builder_null(builder, 2);
        status = shale_builder_row(builder);
    }
    for (size_t i = 0; i < schema->n_columns && status == SHALE_OK; i++)
        shale_builder_column(builder, i, &columns[i]);
    if (status == SHALE_OK && n_events > 0)
        status = shale_file_writer_copy(writer, columns, (int64_t)n_events, NULL);
    shale_builder_free(builder);
    return status;
}

void sim_file_bytes(const struct shale_schema *schema, const char *by, const int64_t *events,
                    size_t n_events, const struct shale_key_value *pairs, size_t n_pairs,
                    struct shale_buf *out)
{
    const struct shale_file_writer_options options = {.created_by = by};
    struct memory_sink memory = {{write_memory}, out};
    struct shale_file_writer *writer = NULL;
    enum shale_status status =
        shale_file_writer_new(&shale_mem_libc, schema, &options, &memory.sink, &writer, NULL);
    if (status == SHALE_OK)
        status = write_events(writer, schema, events, n_events);
    if (status == SHALE_OK)
        status = shale_file_writer_finish(writer, pairs, n_pairs, NULL);
    shale_file_writer_free(writer);
    if (status != SHALE_OK)
        abort();
}

/* ---- A run ------------------------------------------------------------------------------------
 */

static const struct shale_schema *schema_of(const struct sim_actor *actor)
{
    return actor->is_wide ? &sim_wide_schema : &sim_schema;
}

static enum shale_status open_single(struct sim_actor *actor, struct shale_err *err)
{
    static const size_t first = 0;
    const struct shale_single_options options = {.stream = SHALE_STR("events"),
                                                 .schema = schema_of(actor),
                                                 .row_group_bytes =
                                                     actor->sim->file.row_group_bytes,
                                                 .sort_by = &first,
                                                 .n_sort_by = actor->sim->file.is_sorted,
                                                 .created_by = SIM_CREATED_BY,
                                                 .adopts = actor->adopts};
    return shale_single_new(actor->bucket, SIM_FILE, &options, &actor->single, err);
}

enum shale_status sim_file_open(struct sim_actor *actor, struct shale_err *err)
{
    enum shale_status status = open_single(actor, err);
    if (status == SHALE_OK && actor->adopts)
        status = file_adopt(actor, err);
    if (status == SHALE_OK && actor->adopts && !sim_bug(actor->sim, "adopts-for-good"))
        shale_single_adopted(actor->single);
    return status;
}

void sim_file_close(struct sim_actor *actor)
{
    shale_single_free(actor->single);
    actor->single = NULL;
}

enum shale_status file_read_base(struct work *work, struct shale_err *err)
{
    struct sim_actor *actor = work->actor;
    const struct sim_file *file = &actor->sim->file;
    bool was_begun = file->manifest.version > 0;
    enum shale_status status = shale_single_read(actor->single, &work->base, err);
    if (status == SHALE_OK && !shale_single_exists(actor->single) && was_begun)
        sim_violation(actor->sim, "%s takes a file that is gone for one that never was",
                      actor->name);
    return status;
}

void file_write_rows(struct work *work)
{
    struct sim_actor *actor = work->actor;
    struct shale_buf text;
    struct shale_str lines = shale_buf_str(&work->data);
    int64_t events[WORK_ROWS * SIM_EVENTS];
    size_t n = 0;
    for (size_t at = 0; at < lines.n_bytes; at++) {
        char *end;
        events[n++] = strtol(lines.data + at, &end, 10);
        at = (size_t)(end - lines.data);
    }
    shale_buf_init(&text, &shale_mem_libc, (size_t)1 << 20);
    sim_file_bytes(schema_of(actor), SIM_CREATED_BY, events, n, NULL, 0, &text);
    /* Nobody else knows it, and it goes with its run. */
    (void)snprintf(work->new_rows, sizeof work->new_rows, "rows/%s.tmp", actor->name);
    if (shale_store_put(actor->sim->bucket, work->new_rows, shale_buf_str(&text), NULL) != SHALE_OK)
        abort();
    shale_buf_fini(&text);
}

enum shale_status file_commit(struct work *work, const struct shale_commit *commit, bool data,
                              struct shale_committed *committed, struct shale_err *err)
{
    struct sim_actor *actor = work->actor;
    enum shale_status status = shale_single_commit(
        actor->single, &work->base, commit,
        data && work->new_rows[0] != '\0' ? work->new_rows : NULL, committed, err);
    /* Where every call is answered, it is known what came of each; but for one whose base was swept
     * with the manifests that would tell, or taken away for long. */
    if (status == SHALE_UNSURE && actor->faults == 0 && actor->bad_writes == 0 && !actor->dead &&
        !actor->sim->has_sweeper && !actor->sim->has_vandal)
        sim_violation(actor->sim, "%s is unsure of what was answered: %s", actor->name,
                      err->message);
    return status;
}

/* ---- Adoption (as run/adopt.c) ----------------------------------------------------------------
 */

enum { ADOPT_TRIES = 8 };

/* The objects that the file is said to hold, as they are listed now. */
static enum shale_status list_held(struct work *work, struct shale_err *err)
{
    struct sim_actor *actor = work->actor;
    struct shale_str before = shale_str_of(actor->sim->file.consumed_before);
    struct shale_store_list *list = NULL;
    struct shale_store_entry entry;
    bool end = false;
    enum shale_status status = shale_store_list(actor->source, "", "", &list, err);
    while (status == SHALE_OK) {
        status = shale_store_list_next(actor->source, list, &entry, &end, err);
        if (status != SHALE_OK || end || shale_str_compare(entry.key, before) >= 0)
            break;
        work->rows[work->n_rows++] =
            (struct shale_ledger_row){.source = SHALE_STR("source"),
                                      .key = work_keep(work, entry.key),
                                      .tag = work_keep(work, entry.tag),
                                      .state = SHALE_LEDGER_DONE,
                                      .definition = SHALE_STR("definition")};
    }
    shale_store_list_free(actor->source, list);
    return status;
}

static enum shale_status adopt(struct work *work, struct shale_err *err)
{
    enum shale_status status = list_held(work, err);
    work->rows_gone = -shale_single_n_rows(work->actor->single);
    if (status == SHALE_OK && work->n_rows > 0)
        status = work_first_object(work, &work->rows[0], err);
    if (status == SHALE_OK && work->n_rows > 0)
        status = work_write_ledger(work, work->rows, work->n_rows, &work->ledger, err);
    return status == SHALE_OK ? work_publish(work, false, true, err) : status;
}

enum shale_status file_adopt(struct sim_actor *actor, struct shale_err *err)
{
    enum shale_status status = SHALE_CONFLICT;
    for (int i = 0; i < ADOPT_TRIES && status == SHALE_CONFLICT; i++) {
        struct work *work = malloc(sizeof *work);
        if (work == NULL)
            abort();
        work_init(work, actor);
        status = work_begin(work, err);
        if (status == SHALE_OK && shale_single_is_foreign(actor->single))
            status = adopt(work, err);
        work_fini(work);
        free(work);
    }
    return status;
}
