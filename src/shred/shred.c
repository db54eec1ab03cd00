/* SPDX-License-Identifier: MIT */
/* A shredder: compiled from a definition, then one event after the other.
 *
 *     walk -> an object? -> keep -> unknown members -> fields -> rules -> row
 *
 * The first that does not pass decides.  Lists, maps and structs go to the builder as they are read
 * and are dropped again from there when the event turns out to be a reject: nothing is read twice
 * and nothing is held in between. */
#include "shred/shred.h"

#include <inttypes.h>
#include <stdio.h>

#include "shred/shredder.h"

enum {
    MAX_BUFFER = 1 << 30,  /* as a window: all that is kept of an event comes from its text */
    KEPT_BUFFER = 1 << 20, /* what a large event needed is not kept for the next */
    /* An event's text does not bound what its lists and maps take as columns: the memory that is
     * kept free for one event does.  Small events are never short of it. */
    COLUMN_BYTES_PER_TEXT = 2,
    LEAST_NESTED_BYTES = 16 << 20,
};

static enum shale_status add_from(struct shale_shredder *shredder, const struct shale_from *from,
                                  uint8_t mark, uint32_t *out)
{
    *out = SHALE_PATH_NONE;
    if (from->kind != SHALE_FROM_POINTER)
        return SHALE_OK;
    return shale_paths_add(&shredder->paths, &from->pointer, mark, out);
}

static enum shale_status compile_types(struct shale_shredder *shredder)
{
    const struct shale_stream *stream = shredder->stream;
    size_t max_bytes = (size_t)stream->max_event_bytes * COLUMN_BYTES_PER_TEXT;
    enum shale_status status = SHALE_OK;
    for (size_t i = 0; status == SHALE_OK && i < stream->n_fields; i++) {
        status = shale_nest_init(&shredder->nests[i], &shredder->arena, &stream->fields[i].type);
        shredder->has_struct = shredder->has_struct || shredder->nests[i].has_struct;
        shredder->appends_early = shredder->appends_early || shredder->nests[i].inside != NULL;
    }
    shredder->max_nested_bytes = max_bytes > LEAST_NESTED_BYTES ? max_bytes : LEAST_NESTED_BYTES;
    return status;
}

/* The places of all fields. */
static enum shale_status compile_fields(struct shale_shredder *shredder)
{
    const struct shale_stream *stream = shredder->stream;
    enum shale_status status = SHALE_OK;
    size_t n_from = 0;
    for (size_t i = 0; i < stream->n_fields; i++) {
        shredder->first_from[i] = n_from;
        n_from += stream->fields[i].n_from;
    }
    shredder->field_paths =
        shale_arena_zeroed(&shredder->arena, n_from + 1, sizeof shredder->field_paths[0]);
    if (shredder->field_paths == NULL)
        return SHALE_NOMEM;
    for (size_t i = 0; i < stream->n_fields; i++) {
        uint8_t mark = SHALE_PATH_FIELD;
        if (shredder->nests[i].has_struct)
            mark |= SHALE_PATH_STRUCT;
        for (size_t j = 0; status == SHALE_OK && j < stream->fields[i].n_from; j++)
            status = add_from(shredder, &stream->fields[i].from[j], mark,
                              &shredder->field_paths[shredder->first_from[i] + j]);
    }
    return status;
}

/* Which fields read each path, when all are named. */
static enum shale_status compile_readers(struct shale_shredder *shredder)
{
    const struct shale_stream *stream = shredder->stream;
    size_t n_paths = shredder->paths.n, n_from = 1;
    for (size_t i = 0; i < stream->n_fields; i++)
        n_from += stream->fields[i].n_from;
    uint32_t *first = shale_arena_zeroed(&shredder->arena, n_paths, sizeof *first);
    uint32_t *next = shale_arena_zeroed(&shredder->arena, n_from, sizeof *next);
    uint32_t *field = shale_arena_zeroed(&shredder->arena, n_from, sizeof *field);
    if (first == NULL || next == NULL || field == NULL)
        return SHALE_NOMEM;
    for (size_t i = 0; i < n_paths; i++)
        first[i] = SHALE_PATH_NONE;
    for (uint32_t i = 0; i < stream->n_fields; i++) {
        for (size_t j = 0; j < stream->fields[i].n_from; j++) {
            uint32_t from = (uint32_t)(shredder->first_from[i] + j);
            uint32_t path = shredder->field_paths[from];
            if (path == SHALE_PATH_NONE)
                continue;
            field[from] = i;
            next[from] = first[path];
            first[path] = from;
        }
    }
    shredder->first_reader = first;
    shredder->next_reader = next;
    shredder->field_of_from = field;
    return SHALE_OK;
}

static enum shale_status compile(struct shale_shredder *shredder)
{
    const struct shale_stream *stream = shredder->stream;
    uint32_t records;
    enum shale_status status = shale_paths_init(&shredder->paths, shredder->mem);
    if (status == SHALE_OK)
        status = compile_types(shredder);
    if (status == SHALE_OK)
        status = compile_fields(shredder);
    for (size_t i = 0; status == SHALE_OK && i < stream->n_keep; i++)
        status = add_from(shredder, &stream->keep[i].from, SHALE_PATH_CONDITION,
                          &shredder->keep_paths[i]);
    for (size_t i = 0; status == SHALE_OK && i < stream->n_rules; i++)
        status = add_from(shredder, &stream->rules[i].when.from, SHALE_PATH_CONDITION,
                          &shredder->rule_paths[i]);
    if (status == SHALE_OK && stream->has_records)
        status = shale_paths_add(&shredder->paths, &stream->records, SHALE_PATH_RECORDS, &records);
    if (status == SHALE_OK)
        status = shale_paths_seal(&shredder->paths);
    if (status == SHALE_OK)
        status = compile_readers(shredder);
    if (status == SHALE_OK)
        status = shale_walk_init(&shredder->walk, shredder->mem, &shredder->paths,
                                 stream->unknown_fields);
    if (status == SHALE_OK)
        status = shale_matcher_new(shredder->mem, &shredder->matcher);
    return status;
}

enum shale_status shale_shredder_new(const struct shale_mem *mem, const struct shale_stream *stream,
                                     struct shale_shredder **out)
{
    struct shale_shredder *shredder = shale_mem_zeroed(mem, 1, sizeof *shredder);
    if (shredder == NULL)
        return SHALE_NOMEM;
    shredder->mem = shredder->paths.mem = shredder->walk.mem = mem;
    shredder->stream = stream;
    struct shale_buf *const bufs[] = {
        &shredder->decoded, &shredder->made,    &shredder->temp,        &shredder->unknown,
        &shredder->pointer, &shredder->readers, &shredder->walk.members};
    for (size_t i = 0; i < sizeof bufs / sizeof bufs[0]; i++)
        shale_buf_init(bufs[i], mem, MAX_BUFFER);
    shale_members_init(&shredder->members, mem, MAX_BUFFER);
    struct shale_arena *arena = &shredder->arena;
    shale_arena_init(arena, mem, SIZE_MAX);
    shredder->first_from =
        shale_arena_zeroed(arena, stream->n_fields + 1, sizeof shredder->first_from[0]);
    shredder->keep_paths =
        shale_arena_zeroed(arena, stream->n_keep + 1, sizeof shredder->keep_paths[0]);
    shredder->rule_paths =
        shale_arena_zeroed(arena, stream->n_rules + 1, sizeof shredder->rule_paths[0]);
    shredder->cells = shale_arena_zeroed(arena, stream->n_fields + 1, sizeof shredder->cells[0]);
    shredder->nests = shale_arena_zeroed(arena, stream->n_fields + 1, sizeof shredder->nests[0]);
    enum shale_status status = SHALE_NOMEM;
    if (shredder->first_from != NULL && shredder->keep_paths != NULL &&
        shredder->rule_paths != NULL && shredder->cells != NULL && shredder->nests != NULL)
        status = compile(shredder);
    if (status != SHALE_OK) {
        shale_shredder_free(shredder);
        return status;
    }
    *out = shredder;
    return SHALE_OK;
}

void shale_shredder_free(struct shale_shredder *shredder)
{
    if (shredder == NULL)
        return;
    const struct shale_mem *mem = shredder->mem;
    shale_walk_fini(&shredder->walk);
    shale_paths_fini(&shredder->paths);
    shale_matcher_free(shredder->matcher);
    shale_arena_fini(&shredder->arena);
    shale_members_fini(&shredder->members);
    shale_buf_fini(&shredder->decoded);
    shale_buf_fini(&shredder->made);
    shale_buf_fini(&shredder->temp);
    shale_buf_fini(&shredder->unknown);
    shale_buf_fini(&shredder->pointer);
    shale_buf_fini(&shredder->readers);
    shale_mem_free(mem, shredder);
}

static void empty(struct shale_buf *buf)
{
    if (buf->capacity > KEPT_BUFFER) {
        struct shale_buf fresh;
        shale_buf_init(&fresh, buf->mem, buf->cap);
        shale_buf_fini(buf);
        *buf = fresh;
    }
    shale_buf_reset(buf);
}

static void begin(struct shale_shredder *shredder, const struct shale_json_cursor *cursor,
                  const struct shale_lineage *lineage, int64_t number)
{
    empty(&shredder->decoded);
    empty(&shredder->made);
    empty(&shredder->temp);
    empty(&shredder->unknown);
    empty(&shredder->pointer);
    empty(&shredder->members.entries);
    empty(&shredder->members.order);
    empty(&shredder->members.name[0]);
    empty(&shredder->members.name[1]);
    shredder->nested_bytes = 0;
    shredder->text = shredder->members.text = cursor->index.text;
    shredder->members.text_end = cursor->index.text + cursor->index.n_bytes;
    shredder->lineage = lineage;
    (void)snprintf(shredder->number, sizeof shredder->number, "%" PRId64, number);
}

static enum shale_status is_kept(struct shale_shredder *shredder, bool *kept)
{
    const struct shale_stream *stream = shredder->stream;
    enum shale_status status = SHALE_OK;
    *kept = stream->n_keep == 0;
    for (size_t i = 0; status == SHALE_OK && i < stream->n_keep && !*kept; i++)
        status = shale_condition_matches(shredder, &stream->keep[i], shredder->keep_paths[i], kept);
    return status;
}

/* The place that a rule looks at, for a message. */
static const char *place_of(const struct shale_condition *when, struct shale_quoted *out)
{
    static const char *const names[] = {
        [SHALE_FROM_KEY] = "$key", [SHALE_FROM_BUCKET] = "$bucket", [SHALE_FROM_INDEX] = "$index"};
    struct shale_str text;
    if (when->from.kind == SHALE_FROM_POINTER)
        text = when->from.pointer.text;
    else if (when->from.kind == SHALE_FROM_PLACEHOLDER)
        text = when->from.name;
    else
        text = shale_str_of(names[when->from.kind]);
    return shale_value_quote(SHALE_KIND_NUMBER, text, out);
}

/* Fields are judged by what the event has, not by their defaults. */
static enum shale_status check_rule(struct shale_shredder *shredder, const struct shale_rule *rule,
                                    struct shale_reject *reject, struct shale_err *err)
{
    const struct shale_field *fields = shredder->stream->fields;
    struct shale_quoted place, shown;
    for (size_t i = 0; i < rule->n_require; i++) {
        const struct shale_found *found = &shredder->cells[rule->require[i]].found;
        if (found->kind != SHALE_KIND_NULL)
            continue;
        shale_reject_field(&fields[rule->require[i]], found, reject);
        return SHALE_ERR(err, rule_require, place_of(&rule->when, &place));
    }
    for (size_t i = 0; i < rule->n_forbid; i++) {
        const struct shale_cell *cell = &shredder->cells[rule->forbid[i]];
        const struct shale_found *found = &cell->found;
        if (found->kind == SHALE_KIND_NULL)
            continue;
        shale_reject_field(&fields[rule->forbid[i]], found, reject);
        return SHALE_ERR(
            err, rule_forbid, place_of(&rule->when, &place),
            shale_value_quote(found->kind, shale_cell_found_text(shredder, cell), &shown));
    }
    return SHALE_OK;
}

static enum shale_status check_rules(struct shale_shredder *shredder, struct shale_reject *reject,
                                     struct shale_err *err)
{
    const struct shale_stream *stream = shredder->stream;
    enum shale_status status = SHALE_OK;
    for (size_t i = 0; status == SHALE_OK && i < stream->n_rules; i++) {
        bool matches = false;
        status = shale_condition_matches(shredder, &stream->rules[i].when, shredder->rule_paths[i],
                                         &matches);
        if (status == SHALE_OK && matches)
            status = check_rule(shredder, &stream->rules[i], reject, err);
    }
    return status;
}

/* All that can make the event a reject (SHALE_SCHEMA). */
static enum shale_status check(struct shale_shredder *shredder, struct shale_builder *builder,
                               struct shale_reject *reject, struct shale_err *err)
{
    const struct shale_stream *stream = shredder->stream;
    enum shale_status status = SHALE_OK;
    if (stream->unknown_fields == SHALE_UNKNOWN_REJECT)
        status = shale_unknown_reject(shredder, reject, err);
    else if (stream->unknown_fields == SHALE_UNKNOWN_KEEP)
        status = shale_unknown_keep(shredder, err);
    for (size_t i = 0; status == SHALE_OK && i < stream->n_fields; i++)
        status = shale_field_read(shredder, i, builder, reject, err);
    if (status == SHALE_OK)
        status = check_rules(shredder, reject, err);
    return status;
}

static enum shale_status append(struct shale_shredder *shredder, struct shale_builder *builder)
{
    const struct shale_stream *stream = shredder->stream;
    for (size_t i = 0; i < stream->n_fields; i++)
        shale_field_append(shredder, i, builder);
    if (stream->unknown_fields == SHALE_UNKNOWN_KEEP) {
        if (shredder->unknown.n_bytes > 0)
            shale_builder_bytes(builder, stream->n_fields, shale_buf_str(&shredder->unknown));
        else
            shale_builder_null(builder, stream->n_fields);
    }
    return shale_builder_row(builder);
}

/* The walk is done: a row, a reject or neither. */
static enum shale_status decide(struct shale_shredder *shredder, struct shale_builder *builder,
                                enum shale_shredded *out, struct shale_reject *reject,
                                struct shale_err *err)
{
    const struct shale_slot *event = shale_walk_slot(&shredder->walk, 0);
    struct shale_quoted shown;
    bool kept = false;
    *out = SHALE_SHRED_REJECTED;
    if (event->kind != SHALE_KIND_OBJECT) {
        struct shale_str text = {shredder->text + event->begin, event->end - event->begin};
        (void)SHALE_ERR(err, not_an_object, shale_value_quote(event->kind, text, &shown));
        return SHALE_OK;
    }
    enum shale_status status = is_kept(shredder, &kept);
    if (status == SHALE_OK && !kept) {
        *out = SHALE_SHRED_FILTERED;
        return SHALE_OK;
    }
    if (status == SHALE_OK)
        status = check(shredder, builder, reject, err);
    if (status == SHALE_SCHEMA) {
        if (shredder->appends_early) /* what was read before the fault was seen */
            shale_builder_truncate(builder, shale_builder_n_rows(builder));
        return SHALE_OK;
    }
    if (status == SHALE_OK)
        status = append(shredder, builder);
    *out = SHALE_SHRED_ROW;
    return status;
}

enum shale_status shale_shred(struct shale_shredder *shredder, struct shale_json_cursor *cursor,
                              bool records, const struct shale_lineage *lineage, int64_t number,
                              struct shale_builder *builder, enum shale_shredded *out,
                              struct shale_reject *reject, struct shale_err *err)
{
    static const enum shale_shredded unfinished[] = {
        [SHALE_WALKED_ENVELOPE] = SHALE_SHRED_ENVELOPE,
        [SHALE_WALKED_MORE] = SHALE_SHRED_MORE,
        [SHALE_WALKED_BROKEN] = SHALE_SHRED_BROKEN,
    };
    enum shale_walked walked;
    begin(shredder, cursor, lineage, number);
    enum shale_status status = shale_walk_event(&shredder->walk, cursor, records, &walked);
    if (status != SHALE_OK)
        return status;
    if (walked != SHALE_WALKED) {
        *out = unfinished[walked];
        return SHALE_OK;
    }
    *reject = (struct shale_reject){{"", 0}, {"", 0}, shredder->walk.begin};
    return decide(shredder, builder, out, reject, err);
}
