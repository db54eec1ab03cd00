/* SPDX-License-Identifier: MIT */
/* {"numRecords":..,"minValues":{..},"maxValues":{..},"nullCount":{..}}, what is not known passed
 * over. */
#include "dataset/stats_read.h"

#include "base/checked.h"
#include "json/cursor.h"
#include "json/number.h"
#include "json/text.h"
#include "parquet/check.h"
#include "schema/parse.h"
#include "schema/time.h"

enum { PATH_BYTES = 1024 };

struct walk {
    struct shale_json_cursor cursor;
    shale_stat_fn say;
    void *ctx;
    enum shale_stat which;
    char path[PATH_BYTES];
    size_t n_path;
    struct shale_buf text; /* a name or a string */
};

static enum shale_status unescape(struct walk *walk, const struct shale_json_item *item)
{
    bool half = false;
    shale_buf_reset(&walk->text);
    return shale_json_unescape(shale_json_text(&walk->cursor, item), &walk->text, &half);
}

/* Add a name to the path.  False: it does not fit. */
static bool enter(struct walk *walk)
{
    size_t n = walk->text.n_bytes, at = walk->n_path;
    if (at + n + 1 >= PATH_BYTES)
        return false;
    if (at > 0)
        walk->path[at++] = '.';
    if (n > 0)
        memcpy(walk->path + at, walk->text.data, n);
    walk->n_path = at + n;
    return true;
}

static enum shale_status say(struct walk *walk, struct shale_str text)
{
    return walk->say(walk->ctx, walk->which, (struct shale_str){walk->path, walk->n_path}, text);
}

/* The members of an object of bounds or counts, those inside structs as well. */
static enum shale_status take_members(struct walk *walk, int depth)
{
    struct shale_json_item item;
    size_t n_path = walk->n_path;
    enum shale_status status = SHALE_OK;
    while (status == SHALE_OK && shale_json_next(&walk->cursor, &item) == SHALE_JSON_NAME) {
        enum shale_json_step step;
        bool fits;
        status = unescape(walk, &item);
        if (status != SHALE_OK)
            return status;
        fits = enter(walk);
        step = shale_json_next(&walk->cursor, &item);
        if (fits && step == SHALE_JSON_OBJECT && depth < SHALE_TYPE_DEPTH) {
            status = take_members(walk, depth + 1);
        } else if (fits && step == SHALE_JSON_STRING) {
            status = unescape(walk, &item);
            if (status == SHALE_OK)
                status = say(walk, shale_buf_str(&walk->text));
        } else if (fits && step == SHALE_JSON_NUMBER) {
            status = say(walk, shale_json_text(&walk->cursor, &item));
        } else {
            (void)shale_json_skip(&walk->cursor, step, &item);
        }
        walk->n_path = n_path;
    }
    return status;
}

static enum shale_stat which_of(struct shale_str name)
{
    static const char *const members[SHALE_N_STATS] = {"minValues", "maxValues", "nullCount"};
    size_t i = 0;
    while (i < SHALE_N_STATS && !shale_str_is(name, members[i]))
        i++;
    return (enum shale_stat)i;
}

static enum shale_status take_all(struct walk *walk, struct shale_err *err)
{
    struct shale_json_item item;
    enum shale_json_step step = shale_json_next(&walk->cursor, &item);
    enum shale_status status = SHALE_OK;
    if (step != SHALE_JSON_OBJECT)
        return SHALE_ERR(err, verify_stats);
    while (status == SHALE_OK &&
           (step = shale_json_next(&walk->cursor, &item)) == SHALE_JSON_NAME) {
        walk->which = which_of(shale_json_text(&walk->cursor, &item));
        step = shale_json_next(&walk->cursor, &item);
        if (step == SHALE_JSON_OBJECT && walk->which < SHALE_N_STATS)
            status = take_members(walk, 0);
        else
            (void)shale_json_skip(&walk->cursor, step, &item);
    }
    if (status != SHALE_OK)
        return SHALE_ERR(err, no_memory);
    return step == SHALE_JSON_OBJECT_END ? SHALE_OK : SHALE_ERR(err, verify_stats);
}

enum shale_status shale_stats_walk(const struct shale_mem *mem, struct shale_str json,
                                   shale_stat_fn fn, void *ctx, struct shale_err *err)
{
    static const char padding[SHALE_JSON_PADDING] = {0};
    struct walk walk = {.say = fn, .ctx = ctx};
    struct shale_buf window;
    enum shale_status status;
    if (json.n_bytes > SHALE_JSON_MAX_WINDOW)
        return SHALE_ERR(err, verify_stats);
    shale_buf_init(&window, mem, SIZE_MAX);
    shale_buf_init(&walk.text, mem, SIZE_MAX);
    status = shale_json_cursor_init(&walk.cursor, mem);
    if (status == SHALE_OK)
        status = shale_buf_append_str(&window, json);
    if (status == SHALE_OK)
        status = shale_buf_append(&window, padding, sizeof padding);
    if (status == SHALE_OK) {
        shale_json_begin(&walk.cursor, window.data, json.n_bytes, 0, true);
        status = take_all(&walk, err);
    } else {
        status = SHALE_ERR(err, no_memory);
    }
    shale_json_cursor_fini(&walk.cursor);
    shale_buf_fini(&walk.text);
    shale_buf_fini(&window);
    return status;
}

/* ---- Values -----------------------------------------------------------------------------------
 */

enum shale_status shale_stats_value(const struct shale_type *type, enum shale_stat which,
                                    struct shale_str text, bool widen, struct shale_buf *out)
{
    size_t begin = out->n_bytes;
    enum shale_status status;
    int64_t value, more;
    if (type->n_members > 0)
        return SHALE_SCHEMA;
    status = shale_parse_value(type, text, out, NULL);
    if (status != SHALE_OK || !widen || which != SHALE_STAT_MAXIMUM ||
        type->kind != SHALE_TIMESTAMP)
        return status;
    more = shale_unit_per_second(type->unit) / 1000 - 1;
    memcpy(&value, out->data + begin, sizeof value);
    if (SHALE_ADD(value, more, &value))
        memcpy(out->data + begin, &value, sizeof value);
    return SHALE_OK;
}

struct question {
    const struct shale_column_def *def;
    bool is_null;
    struct shale_str value;
    int64_t n_rows;
    struct shale_buf bound;
    bool may_hold;
};

static int compare(const struct shale_type *type, struct shale_str a, struct shale_str b)
{
    enum shale_layout layout = shale_type_layout(type);
    const struct shale_file_leaf leaf = {
        .type = type,
        .order = layout == SHALE_LAYOUT_BYTES ? SHALE_FILE_ORDER_BYTES : SHALE_FILE_ORDER_I64};
    return shale_leaf_compare(&leaf, a, b);
}

static void answer_nulls(struct question *question, struct shale_str text)
{
    int64_t n_nulls;
    if (shale_number_valid(text) && shale_number_i64(text, &n_nulls) == SHALE_NUMBER_OK &&
        (question->is_null ? n_nulls == 0 : n_nulls == question->n_rows))
        question->may_hold = false;
}

static enum shale_status answer(void *ctx, enum shale_stat which, struct shale_str path,
                                struct shale_str text)
{
    struct question *question = ctx;
    const struct shale_type *type = &question->def->type;
    enum shale_status status;
    int order;
    if (!shale_str_equal(path, question->def->name))
        return SHALE_OK;
    if (which == SHALE_STAT_NULLS)
        answer_nulls(question, text);
    if (which == SHALE_STAT_NULLS || question->is_null)
        return SHALE_OK;
    shale_buf_reset(&question->bound);
    status = shale_stats_value(type, which, text, true, &question->bound);
    if (status != SHALE_OK)
        return status == SHALE_NOMEM ? status : SHALE_OK; /* it says nothing */
    order = compare(type, question->value, shale_buf_str(&question->bound));
    if (which == SHALE_STAT_MINIMUM ? order < 0 : order > 0)
        question->may_hold = false;
    return SHALE_OK;
}

enum shale_status shale_stats_may_hold(const struct shale_mem *mem, struct shale_str json,
                                       int64_t n_rows, const struct shale_column_def *def,
                                       bool is_null, struct shale_str value, bool *may_hold)
{
    struct question question = {.def = def,
                                .is_null = is_null,
                                .value = value,
                                .n_rows = n_rows < 0 ? -1 : n_rows,
                                .may_hold = true};
    enum shale_status status;
    shale_buf_init(&question.bound, mem, SIZE_MAX);
    status = shale_stats_walk(mem, json, answer, &question, NULL);
    shale_buf_fini(&question.bound);
    *may_hold = status != SHALE_OK || question.may_hold;
    return status == SHALE_NOMEM ? status : SHALE_OK; /* one that is damaged says nothing */
}

/* ---- Bounds -----------------------------------------------------------------------------------
 */

void shale_stats_range_init(struct shale_stats_range *range, const struct shale_mem *mem)
{
    *range = (struct shale_stats_range){.n_nulls = -1};
    shale_buf_init(&range->minimum, mem, SIZE_MAX);
    shale_buf_init(&range->maximum, mem, SIZE_MAX);
}

void shale_stats_range_fini(struct shale_stats_range *range)
{
    shale_buf_fini(&range->minimum);
    shale_buf_fini(&range->maximum);
}

struct ranging {
    struct shale_stats_range *range;
    const struct shale_column_def *def;
};

static enum shale_status take_bound(void *ctx, enum shale_stat which, struct shale_str path,
                                    struct shale_str text)
{
    const struct ranging *ranging = ctx;
    struct shale_stats_range *range = ranging->range;
    struct shale_buf *to = which == SHALE_STAT_MINIMUM ? &range->minimum : &range->maximum;
    enum shale_status status;
    if (!shale_str_equal(path, ranging->def->name))
        return SHALE_OK;
    if (which == SHALE_STAT_NULLS) {
        if (!shale_number_valid(text) || shale_number_i64(text, &range->n_nulls) != SHALE_NUMBER_OK)
            range->n_nulls = -1;
        return SHALE_OK;
    }
    shale_buf_reset(to);
    status = shale_stats_value(&ranging->def->type, which, text, true, to);
    *(which == SHALE_STAT_MINIMUM ? &range->has_minimum : &range->has_maximum) = status == SHALE_OK;
    return status == SHALE_NOMEM ? status : SHALE_OK; /* else it says nothing */
}

enum shale_status shale_stats_range_read(struct shale_stats_range *range, struct shale_str json,
                                         const struct shale_column_def *def)
{
    struct ranging ranging = {range, def};
    enum shale_status status =
        shale_stats_walk(range->minimum.mem, json, take_bound, &ranging, NULL);
    if (status == SHALE_OK)
        return SHALE_OK;
    range->has_minimum = range->has_maximum = false;
    range->n_nulls = -1;
    return status == SHALE_NOMEM ? status : SHALE_OK;
}
