/* SPDX-License-Identifier: MIT */
/* An entry of the log: JSON, a line an action.  Read in pieces, so that memory is one line's. */
#include "dataset/log_actions.h"

#include <assert.h>
#include <string.h>

#include "json/number.h"
#include "json/text.h"

enum {
    PIECE_BYTES = 256 * 1024,
    LINE_BYTES = 64 * 1024 * 1024, /* a schema of some hundred thousand fields */
    ITEMS_BYTES = 1024 * 1024 * 1024,
};

/* What a member's value is read with. */
struct reading {
    struct shale_log_lines *lines;
    struct shale_arena *arena;
    struct shale_log_action *out;
    struct shale_err *err;
    const char *owner;                     /* the action's name, ... */
    const struct shale_log_member *member; /* ... and the member: for messages */
};

static enum shale_status grammar(const struct reading *r)
{
    return shale_json_error(&r->lines->cursor, r->err);
}

static enum shale_status unexpected(const struct reading *r, const char *expected)
{
    return SHALE_ERR(r->err, log_member, r->owner, r->member->name, expected);
}

/* ---- Values -----------------------------------------------------------------------------------
 */

static enum shale_status read_string(const struct reading *r, const struct shale_json_item *item,
                                     struct shale_str *out)
{
    struct shale_str raw = shale_json_text(&r->lines->cursor, item);
    struct shale_buf *scratch = &r->lines->scratch;
    bool lone = false;
    if (item->escaped) {
        shale_buf_reset(scratch);
        if (shale_json_unescape(raw, scratch, &lone) != SHALE_OK)
            return SHALE_ERR(r->err, no_memory);
        if (lone)
            return unexpected(r, "text without half a surrogate pair");
        raw = shale_buf_str(scratch);
    }
    return shale_log_copy(r->arena, raw, out, r->err);
}

/* A text, or what stands for one among values of a map: a number's or a literal's own text. */
static enum shale_status read_text(const struct reading *r, enum shale_json_step step,
                                   const struct shale_json_item *item, bool lax,
                                   struct shale_str *out)
{
    if (step == SHALE_JSON_STRING)
        return read_string(r, item, out);
    if (lax && (step == SHALE_JSON_NUMBER || step == SHALE_JSON_TRUE || step == SHALE_JSON_FALSE))
        return shale_log_copy(r->arena, shale_json_text(&r->lines->cursor, item), out, r->err);
    return unexpected(r, lax ? "texts" : "a text");
}

/* The value as it stands there. */
static enum shale_status read_raw(const struct reading *r, enum shale_json_step step,
                                  struct shale_json_item *item, struct shale_str *out)
{
    struct shale_str text;
    step = shale_json_skip(&r->lines->cursor, step, item);
    if (step == SHALE_JSON_ERROR || step == SHALE_JSON_MORE)
        return grammar(r);
    text = shale_json_text(&r->lines->cursor, item);
    if (step == SHALE_JSON_STRING)
        text = (struct shale_str){text.data - 1, text.n_bytes + 2};
    return shale_log_copy(r->arena, text, out, r->err);
}

static enum shale_status keep_items(const struct reading *r, size_t item_bytes)
{
    const struct shale_buf *items = &r->lines->items;
    size_t n = items->n_bytes / item_bytes;
    char *at = (char *)r->out;
    void *copy = shale_arena_zeroed(r->arena, n > 0 ? n : 1, item_bytes);
    if (copy == NULL)
        return SHALE_ERR(r->err, no_memory);
    if (n > 0)
        memcpy(copy, items->data, items->n_bytes);
    *(void **)(void *)(at + r->member->at) = copy;
    *(size_t *)(void *)(at + r->member->n_at) = n;
    return SHALE_OK;
}

static enum shale_status add_item(const struct reading *r, const void *item, size_t n_bytes)
{
    enum shale_status status = shale_buf_append(&r->lines->items, item, n_bytes);
    return status == SHALE_OK ? status : SHALE_ERR(r->err, no_memory);
}

static enum shale_status add_pair(const struct reading *r, struct shale_str name,
                                  enum shale_json_step step, struct shale_json_item *item)
{
    struct shale_str value = {"", 0};
    enum shale_status status = SHALE_OK;
    if (r->member->shape == SHALE_SHAPE_RAWS)
        status = read_raw(r, step, item, &value);
    else if (step != SHALE_JSON_NULL)
        status = read_text(r, step, item, true, &value);
    if (status != SHALE_OK)
        return status;
    if (r->member->shape == SHALE_SHAPE_VALUES)
        return add_item(r, &(struct shale_log_partition_value){name, value.n_bytes == 0, value},
                        sizeof(struct shale_log_partition_value));
    return add_item(r, &(struct shale_log_pair){name, value}, sizeof(struct shale_log_pair));
}

static enum shale_status read_map(const struct reading *r, enum shale_json_step step)
{
    struct shale_json_cursor *cursor = &r->lines->cursor;
    struct shale_json_item item;
    if (step != SHALE_JSON_OBJECT)
        return unexpected(r, "an object");
    shale_buf_reset(&r->lines->items);
    while ((step = shale_json_next(cursor, &item)) == SHALE_JSON_NAME) {
        struct shale_str name;
        enum shale_status status = read_string(r, &item, &name);
        if (status != SHALE_OK)
            return status;
        step = shale_json_next(cursor, &item);
        if (step == SHALE_JSON_ERROR || step == SHALE_JSON_MORE)
            return grammar(r);
        status = add_pair(r, name, step, &item);
        if (status != SHALE_OK)
            return status;
    }
    if (step != SHALE_JSON_OBJECT_END)
        return grammar(r);
    return keep_items(r, r->member->shape == SHALE_SHAPE_VALUES
                             ? sizeof(struct shale_log_partition_value)
                             : sizeof(struct shale_log_pair));
}

static enum shale_status read_texts(const struct reading *r, enum shale_json_step step)
{
    struct shale_json_item item;
    if (step != SHALE_JSON_ARRAY)
        return unexpected(r, "an array");
    shale_buf_reset(&r->lines->items);
    while ((step = shale_json_next(&r->lines->cursor, &item)) != SHALE_JSON_ARRAY_END) {
        struct shale_str text;
        enum shale_status status;
        if (step == SHALE_JSON_ERROR || step == SHALE_JSON_MORE)
            return grammar(r);
        status = read_text(r, step, &item, false, &text);
        if (status == SHALE_OK)
            status = add_item(r, &text, sizeof text);
        if (status != SHALE_OK)
            return status;
    }
    return keep_items(r, sizeof(struct shale_str));
}

static enum shale_status read_number(const struct reading *r, enum shale_json_step step,
                                     const struct shale_json_item *item, int64_t *out)
{
    if (step != SHALE_JSON_NUMBER ||
        shale_number_i64(shale_json_text(&r->lines->cursor, item), out) != SHALE_NUMBER_OK)
        return unexpected(r, "a whole number");
    return SHALE_OK;
}

static enum shale_status read_flag(const struct reading *r, enum shale_json_step step, bool *out)
{
    if (step != SHALE_JSON_TRUE && step != SHALE_JSON_FALSE)
        return unexpected(r, "true or false");
    *out = step == SHALE_JSON_TRUE;
    return SHALE_OK;
}

/* ---- Members ----------------------------------------------------------------------------------
 */

static enum shale_status read_members(struct reading *r, const struct shale_log_member *members,
                                      size_t n);

static enum shale_status skip(const struct reading *r, enum shale_json_step step,
                              struct shale_json_item *item)
{
    step = shale_json_skip(&r->lines->cursor, step, item);
    return step == SHALE_JSON_ERROR || step == SHALE_JSON_MORE ? grammar(r) : SHALE_OK;
}

static enum shale_status read_value(struct reading *r, enum shale_json_step step,
                                    struct shale_json_item *item)
{
    const struct shale_log_member *member = r->member;
    void *at = (char *)r->out + member->at;
    switch (member->shape) {
    case SHALE_SHAPE_TEXT:
        return read_text(r, step, item, false, at);
    case SHALE_SHAPE_NUMBER:
        return read_number(r, step, item, at);
    case SHALE_SHAPE_FLAG:
        return read_flag(r, step, at);
    case SHALE_SHAPE_PRESENT:
        *(bool *)at = true;
        return skip(r, step, item);
    case SHALE_SHAPE_PAIRS:
    case SHALE_SHAPE_RAWS:
    case SHALE_SHAPE_VALUES:
        return read_map(r, step);
    case SHALE_SHAPE_TEXTS:
        return read_texts(r, step);
    case SHALE_SHAPE_GROUP:
        if (step != SHALE_JSON_OBJECT)
            return unexpected(r, "an object");
        return read_members(r, member->group, member->n_group);
    }
    assert(false); /* a shape of the tables */
    return SHALE_OK;
}

static const struct shale_log_member *find_member(const struct shale_log_lines *lines,
                                                  const struct shale_json_item *name,
                                                  const struct shale_log_member *members, size_t n)
{
    struct shale_str text = shale_json_text(&lines->cursor, name);
    for (size_t i = 0; i < n; i++)
        if (shale_json_string_is(text, name->escaped, shale_str_of(members[i].name)))
            return &members[i];
    return NULL;
}

/* The members of an object whose brace is behind the cursor; null is as absent. */
static enum shale_status read_members(struct reading *r, const struct shale_log_member *members,
                                      size_t n)
{
    struct shale_json_cursor *cursor = &r->lines->cursor;
    struct shale_json_item item;
    enum shale_json_step step;
    while ((step = shale_json_next(cursor, &item)) == SHALE_JSON_NAME) {
        enum shale_status status = SHALE_OK;
        const struct shale_log_member *member = find_member(r->lines, &item, members, n);
        step = shale_json_next(cursor, &item);
        if (step == SHALE_JSON_ERROR || step == SHALE_JSON_MORE)
            return grammar(r);
        r->member = member;
        if (member == NULL)
            status = skip(r, step, &item);
        else if (step != SHALE_JSON_NULL)
            status = read_value(r, step, &item);
        if (status != SHALE_OK)
            return status;
    }
    return step == SHALE_JSON_OBJECT_END ? SHALE_OK : grammar(r);
}

/* ---- A line -----------------------------------------------------------------------------------
 */

static enum shale_log_kind find_kind(const struct shale_log_lines *lines,
                                     const struct shale_json_item *name)
{
    struct shale_str text = shale_json_text(&lines->cursor, name);
    for (unsigned i = SHALE_ACTION_OTHER + 1; i < SHALE_ACTION_N_KINDS; i++)
        if (shale_json_string_is(text, name->escaped, shale_str_of(shale_log_kinds[i].name)))
            return (enum shale_log_kind)i;
    return SHALE_ACTION_OTHER;
}

/* The value of a member of the line. */
static enum shale_status read_action(struct reading *r, enum shale_log_kind kind, unsigned wanted,
                                     struct shale_json_item *item)
{
    enum shale_json_step step = shale_json_next(&r->lines->cursor, item);
    if (step == SHALE_JSON_ERROR || step == SHALE_JSON_MORE)
        return grammar(r);
    if (step == SHALE_JSON_NULL)
        return SHALE_OK;
    if (kind == SHALE_ACTION_OTHER)
        return skip(r, step, item);
    if (r->out->kind != SHALE_ACTION_OTHER)
        return SHALE_ERR(r->err, log_two_actions, shale_log_kinds[r->out->kind].name,
                         shale_log_kinds[kind].name);
    shale_log_action_begin(r->out, kind);
    if (step != SHALE_JSON_OBJECT)
        return SHALE_ERR(r->err, log_object);
    if ((wanted & SHALE_ACTION_SET(kind)) == 0)
        return skip(r, step, item);
    r->owner = shale_log_kinds[kind].name;
    return read_members(r, shale_log_kinds[kind].members, shale_log_kinds[kind].n_members);
}

static enum shale_status read_line(struct shale_log_lines *lines, struct shale_arena *arena,
                                   unsigned wanted, size_t begin, size_t end,
                                   struct shale_log_action *out, struct shale_err *err)
{
    struct reading r = {.lines = lines, .arena = arena, .out = out, .err = err};
    struct shale_json_item item;
    enum shale_json_step step;
    shale_log_action_begin(out, SHALE_ACTION_OTHER);
    shale_json_begin(&lines->cursor, lines->text.data + begin, end - begin, 0, true);
    step = shale_json_next(&lines->cursor, &item);
    if (step == SHALE_JSON_END) /* an empty line */
        return SHALE_OK;
    if (step == SHALE_JSON_ERROR)
        return grammar(&r);
    if (step != SHALE_JSON_OBJECT)
        return SHALE_ERR(err, log_object);
    while ((step = shale_json_next(&lines->cursor, &item)) == SHALE_JSON_NAME) {
        enum shale_status status = read_action(&r, find_kind(lines, &item), wanted, &item);
        if (status != SHALE_OK)
            return status;
    }
    if (step != SHALE_JSON_OBJECT_END)
        return grammar(&r);
    step = shale_json_next(&lines->cursor, &item);
    if (step != SHALE_JSON_END)
        return step == SHALE_JSON_ERROR ? grammar(&r) : SHALE_ERR(err, log_object);
    if ((wanted & SHALE_ACTION_SET(out->kind)) == 0)
        return SHALE_OK;
    return shale_log_action_end(arena, out, err);
}

/* ---- The file ---------------------------------------------------------------------------------
 */

enum shale_status shale_log_lines_open(struct shale_store *store, int64_t version,
                                       struct shale_log_lines *lines, struct shale_err *err)
{
    const struct shale_mem *mem = store->env->mem;
    enum shale_status status;
    *lines = (struct shale_log_lines){.mem = mem};
    shale_log_entry_name(version, lines->key);
    shale_buf_init(&lines->text, mem, LINE_BYTES + SHALE_JSON_PADDING);
    shale_buf_init(&lines->scratch, mem, LINE_BYTES);
    shale_buf_init(&lines->items, mem, ITEMS_BYTES);
    if (shale_json_cursor_init(&lines->cursor, mem) != SHALE_OK)
        return SHALE_ERR(err, no_memory);
    status = shale_store_open(store, lines->key, &lines->file, err);
    if (status != SHALE_OK)
        shale_json_cursor_fini(&lines->cursor);
    return status;
}

void shale_log_lines_close(struct shale_log_lines *lines)
{
    shale_store_close(lines->file);
    lines->file = NULL;
    shale_json_cursor_fini(&lines->cursor);
    shale_buf_fini(&lines->text);
    shale_buf_fini(&lines->scratch);
    shale_buf_fini(&lines->items);
}

/* Forget the lines handed out and read the next piece of the file behind what is left. */
static enum shale_status read_piece(struct shale_log_lines *lines, struct shale_err *err)
{
    struct shale_buf *text = &lines->text;
    int64_t left = lines->file->random.n_bytes - lines->read_to;
    size_t n = left < PIECE_BYTES ? (size_t)left : PIECE_BYTES;
    enum shale_status status;
    if (lines->next > 0) {
        memmove(text->data, text->data + lines->next, text->n_bytes - lines->next);
        text->n_bytes -= lines->next;
        lines->text_at += (int64_t)lines->next;
        lines->next = 0;
    }
    if (n < text->n_bytes) /* a long line: pieces grow, so that it is moved a few times only */
        n = left < (int64_t)text->n_bytes ? (size_t)left : text->n_bytes;
    status = shale_buf_reserve(text, n + SHALE_JSON_PADDING);
    if (status == SHALE_LIMIT)
        return SHALE_ERR(err, log_line_bytes, (long long)LINE_BYTES);
    if (status != SHALE_OK)
        return SHALE_ERR(err, no_memory);
    status =
        shale_random_read(&lines->file->random, lines->read_to, text->data + text->n_bytes, n, err);
    if (status != SHALE_OK)
        return status;
    text->n_bytes += n;
    lines->read_to += (int64_t)n;
    memset(text->data + text->n_bytes, 0, SHALE_JSON_PADDING);
    return SHALE_OK;
}

/* The next line is [*begin, *end) of 'text'; none: '*end' is false. */
static enum shale_status find_line(struct shale_log_lines *lines, size_t *begin, size_t *end,
                                   bool *found, struct shale_err *err)
{
    struct shale_buf *text = &lines->text;
    size_t looked = lines->next;
    *found = false;
    for (;;) {
        const char *newline = NULL;
        enum shale_status status;
        if (text->n_bytes > looked)
            newline = memchr(text->data + looked, '\n', text->n_bytes - looked);
        if (newline != NULL || lines->read_to == lines->file->random.n_bytes) {
            *begin = lines->next;
            *end = newline != NULL ? (size_t)(newline - text->data) : text->n_bytes;
            *found = newline != NULL || *end > *begin;
            lines->next = newline != NULL ? *end + 1 : *end;
            return SHALE_OK;
        }
        looked = text->n_bytes - lines->next;
        status = read_piece(lines, err);
        if (status != SHALE_OK)
            return status;
    }
}

enum shale_status shale_log_lines_next(struct shale_log_lines *lines, struct shale_arena *arena,
                                       unsigned wanted, struct shale_log_action *out, bool *end,
                                       struct shale_err *err)
{
    size_t begin = 0, line_end = 0;
    bool found;
    enum shale_status status = find_line(lines, &begin, &line_end, &found, err);
    *end = !found;
    if (status != SHALE_OK || !found)
        return status;
    lines->line_at = lines->text_at + (int64_t)begin;
    status = read_line(lines, arena, wanted, begin, line_end, out, err);
    if (status != SHALE_OK && err != NULL && err->byte >= 0)
        err->byte += lines->line_at;
    if (status != SHALE_OK)
        shale_err_at(err, lines->key, lines->n_lines, -1);
    lines->n_lines++;
    return status;
}
