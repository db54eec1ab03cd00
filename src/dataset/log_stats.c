/* SPDX-License-Identifier: MIT */
/* Statistics of an add, as Spark and delta-rs write and read them (PROTOCOL.md, Per-file
 * Statistics).  Recursion follows the type, which nests to SHALE_TYPE_DEPTH. */
#include "dataset/log_stats.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "json/print.h"
#include "json/text.h"
#include "json/writer.h"
#include "parquet/leaf.h"
#include "schema/time.h"

/* ---- Merging ----------------------------------------------------------------------------------
 */

struct bytes {
    const uint8_t *data;
    size_t n;
};

static int64_t load_i64(struct bytes b)
{
    int64_t value = 0;
    memcpy(&value, b.data, sizeof value);
    return value;
}

static int32_t load_i32(struct bytes b)
{
    int32_t value = 0;
    memcpy(&value, b.data, sizeof value);
    return value;
}

static double load_float(struct bytes b)
{
    float narrow;
    double wide;
    if (b.n == sizeof narrow) {
        memcpy(&narrow, b.data, sizeof narrow);
        return (double)narrow;
    }
    memcpy(&wide, b.data, sizeof wide);
    return wide;
}

static int compare_bytes(struct bytes a, struct bytes b)
{
    return shale_str_compare((struct shale_str){(const char *)a.data, a.n},
                             (struct shale_str){(const char *)b.data, b.n});
}

/* Two's complement, most significant byte first, of the same length: with the sign bit turned over
 * it is unsigned. */
static int compare_big_endian(struct bytes a, struct bytes b)
{
    int x = a.data[0] ^ 0x80, y = b.data[0] ^ 0x80;
    return x != y ? x - y : compare_bytes(a, b);
}

#define ORDER(x, y) (((x) > (y)) - ((x) < (y)))

/* Two bounds of one leaf, PLAIN-encoded. */
static int compare(enum shale_order order, struct bytes a, struct bytes b)
{
    switch (order) {
    case SHALE_ORDER_I32:
        return ORDER(load_i32(a), load_i32(b));
    case SHALE_ORDER_U32:
        return ORDER((uint32_t)load_i32(a), (uint32_t)load_i32(b));
    case SHALE_ORDER_I64:
        return ORDER(load_i64(a), load_i64(b));
    case SHALE_ORDER_U64:
        return ORDER((uint64_t)load_i64(a), (uint64_t)load_i64(b));
    case SHALE_ORDER_F32:
    case SHALE_ORDER_F64:
        return ORDER(load_float(a), load_float(b));
    case SHALE_ORDER_BIG_ENDIAN:
        return compare_big_endian(a, b);
    case SHALE_ORDER_BOOLEAN:
    case SHALE_ORDER_BYTES:
    case SHALE_ORDER_NONE:
        break;
    }
    return compare_bytes(a, b);
}

static struct bytes minimum_of(const struct shale_chunk_bounds *bounds)
{
    return (struct bytes){bounds->minimum, bounds->minimum_bytes};
}

static struct bytes maximum_of(const struct shale_chunk_bounds *bounds)
{
    return (struct bytes){bounds->maximum, bounds->maximum_bytes};
}

void shale_log_stats_merge(const struct shale_leaf *leaf, const struct shale_chunk_meta *meta,
                           struct shale_log_leaf *into)
{
    const struct shale_chunk_bounds *from = &meta->bounds;
    struct shale_chunk_bounds *to = &into->bounds;
    bool has_values = meta->n_values > meta->n_nulls;
    into->n_values += meta->n_values;
    into->n_nulls += meta->n_nulls;
    into->unbounded_below = into->unbounded_below || (has_values && !from->has_minimum);
    into->unbounded_above = into->unbounded_above || (has_values && !from->has_maximum);
    if (from->has_minimum &&
        (!to->has_minimum || compare(leaf->order, minimum_of(from), minimum_of(to)) < 0)) {
        to->has_minimum = true;
        to->minimum_exact = from->minimum_exact;
        to->minimum_bytes = from->minimum_bytes;
        memcpy(to->minimum, from->minimum, sizeof to->minimum);
    }
    if (from->has_maximum &&
        (!to->has_maximum || compare(leaf->order, maximum_of(from), maximum_of(to)) > 0)) {
        to->has_maximum = true;
        to->maximum_exact = from->maximum_exact;
        to->maximum_bytes = from->maximum_bytes;
        memcpy(to->maximum, from->maximum, sizeof to->maximum);
    }
}

/* ---- Bounds as JSON ---------------------------------------------------------------------------
 */

enum part { MINIMUM, MAXIMUM, NULL_COUNT };

enum { TEXT_BYTES = 64 };

/* A bound's value as JSON text in 'out'; false: Delta has none for it. */
struct printed {
    char text[TEXT_BYTES];
    size_t n;
};

static bool print_date(int32_t days, struct printed *out)
{
    int64_t year;
    unsigned month, day;
    shale_civil_from_days(days, &year, &month, &day);
    if (year < 0 || year > 9999)
        return false;
    out->n = (size_t)snprintf(out->text, TEXT_BYTES, "\"%04d-%02u-%02u\"", (int)year, month, day);
    return true;
}

/* In milliseconds, the maximum rounded up. */
static bool print_timestamp(const struct shale_type *type, int64_t value, enum part part,
                            struct printed *out)
{
    int64_t per_ms = shale_unit_per_second(type->unit) / 1000, ms = value / per_ms;
    int64_t seconds, day, of_day, year;
    int32_t days;
    unsigned month, of_month;
    if (value % per_ms != 0)
        ms += value < 0 ? (part == MINIMUM ? -1 : 0) : (part == MAXIMUM ? 1 : 0);
    seconds = ms / 1000 - (ms % 1000 < 0);
    if (seconds < SHALE_TIMESTAMP_MIN_SECONDS || seconds > SHALE_TIMESTAMP_MAX_SECONDS)
        return false;
    day = seconds / 86400 - (seconds % 86400 < 0);
    of_day = seconds - day * 86400;
    if (!shale_to_i32(day, &days))
        return false;
    shale_civil_from_days(days, &year, &month, &of_month);
    out->n =
        (size_t)snprintf(out->text, TEXT_BYTES, "\"%04d-%02u-%02uT%02d:%02d:%02d.%03d%s\"",
                         (int)year, month, of_month, (int)(of_day / 3600), (int)(of_day / 60 % 60),
                         (int)(of_day % 60), (int)(ms - seconds * 1000), type->local ? "" : "Z");
    return true;
}

static shale_i128 load_decimal(const struct shale_leaf *leaf, struct bytes bound)
{
    shale_u128 value;
    if (leaf->order == SHALE_ORDER_I32)
        return load_i32(bound);
    if (leaf->order == SHALE_ORDER_I64)
        return load_i64(bound);
    value = bound.n > 0 && (bound.data[0] & 0x80) != 0 ? ~(shale_u128)0 : 0;
    for (size_t i = 0; i < bound.n; i++)
        value = value << 8 | bound.data[i];
    return (shale_i128)value;
}

static bool print_scalar(const struct shale_leaf *leaf, struct bytes bound, enum part part,
                         struct printed *out)
{
    const struct shale_type *type = &leaf->type;
    double number;
    switch (type->kind) {
    case SHALE_BOOL:
        out->n = bound.data[0] != 0 ? 4 : 5;
        memcpy(out->text, bound.data[0] != 0 ? "true" : "false", out->n);
        return true;
    case SHALE_INT8:
    case SHALE_INT16:
    case SHALE_INT32:
        out->n = shale_print_i64(load_i32(bound), out->text);
        return true;
    case SHALE_INT64:
        out->n = shale_print_i64(load_i64(bound), out->text);
        return true;
    case SHALE_FLOAT32:
    case SHALE_FLOAT64:
        number = load_float(bound);
        out->n = isfinite(number) ? shale_print_f64(number, out->text) : 0;
        return out->n > 0;
    case SHALE_DECIMAL:
        out->n = shale_print_decimal(load_decimal(leaf, bound), type->scale, out->text);
        return true;
    case SHALE_DATE:
        return print_date(load_i32(bound), out);
    case SHALE_TIMESTAMP:
        return print_timestamp(type, load_i64(bound), part, out);
    default:
        return false;
    }
}

/* ---- The document -----------------------------------------------------------------------------
 */

struct document {
    struct shale_json_writer json;
    const struct shale_log_leaf *leaves;
    size_t next; /* the leaf that comes next */
    enum part part;
};

static size_t count_leaves(const struct shale_type *type)
{
    size_t n = type->n_members == 0;
    for (size_t i = 0; i < type->n_members; i++)
        n += count_leaves(&type->members[i].type);
    return n;
}

/* A string for Delta, and stored as its text. */
static bool leaf_is_text(const struct shale_type *type)
{
    return type->kind == SHALE_STRING || type->kind == SHALE_JSON ||
           (type->kind == SHALE_UUID && !type->annotate);
}

/* True when there was something to say.  What can be said is: delta-rs 1.6 finds no rows for a
 * filter on a column without bounds, where others of the file have some (its issue 3173). */
static bool put_bound(struct document *document, struct shale_str name,
                      const struct shale_type *type, const struct shale_log_leaf *leaf)
{
    const struct shale_leaf stored = shale_leaf_of(type);
    const struct shale_chunk_bounds *bounds = &leaf->bounds;
    bool is_minimum = document->part == MINIMUM;
    struct bytes bound = is_minimum ? minimum_of(bounds) : maximum_of(bounds);
    struct shale_str text = {(const char *)bound.data, bound.n};
    struct printed printed;
    if (is_minimum ? !bounds->has_minimum || leaf->unbounded_below
                   : !bounds->has_maximum || leaf->unbounded_above)
        return false;
    if (leaf_is_text(type)) {
        if (!shale_utf8_valid(text))
            return false;
        shale_json_put_key(&document->json, name);
        shale_json_put_string(&document->json, text);
        return true;
    }
    if (!print_scalar(&stored, bound, document->part, &printed))
        return false;
    shale_json_put_key(&document->json, name);
    shale_json_put_raw(&document->json, (struct shale_str){printed.text, printed.n});
    return true;
}

static bool put_leaf(struct document *document, struct shale_str name,
                     const struct shale_type *type)
{
    const struct shale_log_leaf *leaf = &document->leaves[document->next++];
    if (document->part != NULL_COUNT)
        return put_bound(document, name, type, leaf);
    shale_json_put_key(&document->json, name);
    shale_json_put_i64(&document->json, leaf->n_nulls);
    return true;
}

static bool put_node(struct document *document, struct shale_str name,
                     const struct shale_type *type)
{
    const struct shale_json_writer before = document->json;
    const size_t n_before = document->json.out->n_bytes;
    bool any = false;
    if (type->n_members == 0)
        return put_leaf(document, name, type);
    if (type->kind != SHALE_STRUCT) {
        document->next += count_leaves(type);
        return false;
    }
    shale_json_put_key(&document->json, name);
    shale_json_put_begin(&document->json, '{');
    for (size_t i = 0; i < type->n_members; i++)
        any = put_node(document, type->members[i].name, &type->members[i].type) || any;
    shale_json_put_end(&document->json, '}');
    if (!any && document->json.status == SHALE_OK) { /* as if it had never been begun */
        document->json = before;
        document->json.out->n_bytes = n_before;
    }
    return any;
}

static void put_part(struct document *document, const char *name, enum part part,
                     const struct shale_schema *schema)
{
    document->next = 0;
    document->part = part;
    shale_json_put_name(&document->json, name);
    shale_json_put_begin(&document->json, '{');
    for (size_t i = 0; i < schema->n_columns; i++)
        if (!schema->columns[i].partition_only)
            (void)put_node(document, schema->columns[i].name, &schema->columns[i].type);
    shale_json_put_end(&document->json, '}');
}

enum shale_status shale_log_stats_json(const struct shale_schema *schema,
                                       const struct shale_log_leaf *leaves, int64_t n_rows,
                                       struct shale_buf *out)
{
    struct document document = {.leaves = leaves};
    shale_json_writer_init(&document.json, out);
    shale_json_put_begin(&document.json, '{');
    shale_json_put_name(&document.json, "numRecords");
    shale_json_put_i64(&document.json, n_rows);
    put_part(&document, "minValues", MINIMUM, schema);
    put_part(&document, "maxValues", MAXIMUM, schema);
    put_part(&document, "nullCount", NULL_COUNT, schema);
    shale_json_put_end(&document.json, '}');
    return document.json.status;
}
