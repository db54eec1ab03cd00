/* SPDX-License-Identifier: MIT */
/* An Arrow schema as types. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "columns/arrow_node.h"

enum { ARENA_BYTES = 64 * 1024 * 1024, MOST_CHILDREN = 1 << 20 };

/* What is known of the place while one column is read. */
struct place {
    struct shale_arena *arena;
    const char *column;
    struct shale_err *err;
};

static enum shale_status no_memory(const struct place *place)
{
    return SHALE_ERR(place->err, no_memory);
}

static enum shale_status unsupported(const struct place *place, const char *format)
{
    return SHALE_ERR(place->err, arrow_type, place->column, format);
}

static enum shale_status broken(const struct place *place, const char *what)
{
    return SHALE_ERR(place->err, arrow_schema, place->column, what);
}

/* ---- Formats without children -----------------------------------------------------------------
 */

static const struct simple {
    const char *format;
    enum shale_kind kind;
    enum shale_arrow_form form;
    size_t width;
    bool is_signed;
    enum shale_unit unit;
    int32_t times, over;
} simple[] = {
    {"b", SHALE_BOOL, SHALE_ARROW_BOOL, 0, false, SHALE_MS, 1, 1},
    {"c", SHALE_INT8, SHALE_ARROW_INT, 1, true, SHALE_MS, 1, 1},
    {"C", SHALE_UINT8, SHALE_ARROW_INT, 1, false, SHALE_MS, 1, 1},
    {"s", SHALE_INT16, SHALE_ARROW_INT, 2, true, SHALE_MS, 1, 1},
    {"S", SHALE_UINT16, SHALE_ARROW_INT, 2, false, SHALE_MS, 1, 1},
    {"i", SHALE_INT32, SHALE_ARROW_SAME, 4, true, SHALE_MS, 1, 1},
    {"I", SHALE_UINT32, SHALE_ARROW_SAME, 4, false, SHALE_MS, 1, 1},
    {"l", SHALE_INT64, SHALE_ARROW_SAME, 8, true, SHALE_MS, 1, 1},
    {"L", SHALE_UINT64, SHALE_ARROW_SAME, 8, false, SHALE_MS, 1, 1},
    {"f", SHALE_FLOAT32, SHALE_ARROW_SAME, 4, true, SHALE_MS, 1, 1},
    {"g", SHALE_FLOAT64, SHALE_ARROW_SAME, 8, true, SHALE_MS, 1, 1},
    {"u", SHALE_STRING, SHALE_ARROW_BYTES, 4, false, SHALE_MS, 1, 1},
    {"U", SHALE_STRING, SHALE_ARROW_BYTES, 8, false, SHALE_MS, 1, 1},
    {"vu", SHALE_STRING, SHALE_ARROW_VIEWS, 16, false, SHALE_MS, 1, 1},
    {"z", SHALE_BINARY, SHALE_ARROW_BYTES, 4, false, SHALE_MS, 1, 1},
    {"Z", SHALE_BINARY, SHALE_ARROW_BYTES, 8, false, SHALE_MS, 1, 1},
    {"vz", SHALE_BINARY, SHALE_ARROW_VIEWS, 16, false, SHALE_MS, 1, 1},
    {"tdD", SHALE_DATE, SHALE_ARROW_SAME, 4, true, SHALE_MS, 1, 1},
    {"tdm", SHALE_DATE, SHALE_ARROW_INT, 8, true, SHALE_MS, 1, 86400000},
    {"tts", SHALE_TIME, SHALE_ARROW_INT, 4, true, SHALE_MS, 1000, 1},
    {"ttm", SHALE_TIME, SHALE_ARROW_INT, 4, true, SHALE_MS, 1, 1},
    {"ttu", SHALE_TIME, SHALE_ARROW_SAME, 8, true, SHALE_US, 1, 1},
    {"ttn", SHALE_TIME, SHALE_ARROW_SAME, 8, true, SHALE_NS, 1, 1},
};

/* Timestamps, by the letter of the unit. */
static const struct simple timestamps[] = {
    {"s", SHALE_TIMESTAMP, SHALE_ARROW_INT, 8, true, SHALE_MS, 1000, 1},
    {"m", SHALE_TIMESTAMP, SHALE_ARROW_SAME, 8, true, SHALE_MS, 1, 1},
    {"u", SHALE_TIMESTAMP, SHALE_ARROW_SAME, 8, true, SHALE_US, 1, 1},
    {"n", SHALE_TIMESTAMP, SHALE_ARROW_SAME, 8, true, SHALE_NS, 1, 1},
};

static void set_simple(const struct simple *from, struct shale_arrow_node *out)
{
    out->form = from->form;
    out->type.kind = from->kind;
    out->type.unit = from->unit;
    out->width = from->width;
    out->is_signed = from->is_signed;
    out->times = from->times;
    out->over = from->over;
}

static bool find_simple(const char *format, struct shale_arrow_node *out)
{
    for (size_t i = 0; i < sizeof simple / sizeof simple[0]; i++)
        if (strcmp(format, simple[i].format) == 0) {
            set_simple(&simple[i], out);
            return true;
        }
    if (strncmp(format, "ts", 2) != 0 || format[2] == '\0' || format[3] != ':')
        return false;
    for (size_t i = 0; i < sizeof timestamps / sizeof timestamps[0]; i++)
        if (format[2] == timestamps[i].format[0]) {
            set_simple(&timestamps[i], out);
            out->type.local = format[4] == '\0';
            return true;
        }
    return false;
}

/* A number of the format, from '*text' on, up to 'most'; moves behind it. */
static bool take_number(const char **text, long most, long *out)
{
    char *end;
    if (**text < '0' || **text > '9')
        return false;
    *out = strtol(*text, &end, 10);
    *text = end;
    return *out <= most;
}

/* d:precision,scale[,bits] */
static bool find_decimal(const char *format, struct shale_arrow_node *out)
{
    const char *at = format + 2;
    long precision, scale, bits = 128;
    if (strncmp(format, "d:", 2) != 0 || !take_number(&at, 38, &precision) || *at++ != ',' ||
        !take_number(&at, precision, &scale))
        return false;
    if (*at == ',') {
        at++;
        if (!take_number(&at, 128, &bits))
            return false;
    }
    if (*at != '\0' || precision < 1 || (bits != 32 && bits != 64 && bits != 128))
        return false;
    out->form = SHALE_ARROW_DECIMAL;
    out->type.kind = SHALE_DECIMAL;
    out->type.precision = (uint8_t)precision;
    out->type.scale = (uint8_t)scale;
    out->width = (size_t)bits / 8;
    return true;
}

/* w:bytes */
static bool find_fixed(const char *format, struct shale_arrow_node *out)
{
    const char *at = format + 2;
    long width;
    if (strncmp(format, "w:", 2) != 0 || !take_number(&at, INT_MAX, &width) || *at != '\0' ||
        width < 1)
        return false;
    out->form = SHALE_ARROW_FIXED;
    out->type.kind = SHALE_FIXED;
    out->type.width = (int32_t)width;
    out->width = (size_t)width;
    return true;
}

/* ---- Extensions -------------------------------------------------------------------------------
 */

/* The value of a key in the interface's metadata, or nothing. */
static struct shale_str find_metadata(const char *metadata, struct shale_str wanted)
{
    int32_t n_pairs = 0, n;
    if (metadata == NULL)
        return (struct shale_str){NULL, 0};
    memcpy(&n_pairs, metadata, sizeof n_pairs);
    metadata += sizeof n_pairs;
    for (int32_t i = 0; i < n_pairs; i++) {
        struct shale_str key, value;
        memcpy(&n, metadata, sizeof n);
        if (n < 0)
            break;
        key = (struct shale_str){metadata + sizeof n, (size_t)n};
        metadata += sizeof n + (size_t)n;
        memcpy(&n, metadata, sizeof n);
        if (n < 0)
            break;
        value = (struct shale_str){metadata + sizeof n, (size_t)n};
        metadata += sizeof n + (size_t)n;
        if (shale_str_equal(key, wanted))
            return value;
    }
    return (struct shale_str){NULL, 0};
}

/* The extensions that types of ours stand for; others are their storage. */
static void set_extension(const struct ArrowSchema *in, struct shale_arrow_node *out)
{
    struct shale_str name = find_metadata(in->metadata, SHALE_STR("ARROW:extension:name"));
    if (shale_str_is(name, "arrow.json") && out->type.kind == SHALE_STRING) {
        out->type.kind = SHALE_JSON;
        out->type.annotate = true;
    } else if (shale_str_is(name, "arrow.uuid") && out->form == SHALE_ARROW_FIXED &&
               out->width == 16) {
        out->type.kind = SHALE_UUID;
        out->type.annotate = true;
        out->form = SHALE_ARROW_SAME;
    }
}

/* ---- Nested -----------------------------------------------------------------------------------
 */

static enum shale_status take_node(const struct place *place, const struct ArrowSchema *in,
                                   unsigned depth, struct shale_arrow_node *out);

/* 'n' children become the members and nodes of 'out'.  'names': NULL keeps their own. */
static enum shale_status take_children(const struct place *place, const struct ArrowSchema *in,
                                       size_t n, const char *const *names, unsigned depth,
                                       struct shale_arrow_node *out)
{
    struct shale_arrow_node *nodes;
    struct shale_type_member *members;
    if (in->n_children != (int64_t)n || in->children == NULL)
        return broken(place, "the number of children is not that of its format");
    nodes = shale_arena_zeroed(place->arena, n, sizeof *nodes);
    members = shale_arena_zeroed(place->arena, n, sizeof *members);
    if (nodes == NULL || members == NULL)
        return no_memory(place);
    for (size_t i = 0; i < n; i++) {
        const char *name = names != NULL ? names[i] : in->children[i]->name;
        struct shale_str text = name == NULL ? SHALE_STR("") : shale_str_of(name);
        enum shale_status status = take_node(place, in->children[i], depth, &nodes[i]);
        if (status != SHALE_OK)
            return status;
        members[i].name = (struct shale_str){shale_arena_copy(place->arena, text), text.n_bytes};
        members[i].type = nodes[i].type;
        if (members[i].name.data == NULL)
            return no_memory(place);
    }
    out->children = nodes;
    out->type.members = members;
    out->type.n_members = n;
    return SHALE_OK;
}

static enum shale_status take_struct(const struct place *place, const struct ArrowSchema *in,
                                     unsigned depth, struct shale_arrow_node *out)
{
    out->form = SHALE_ARROW_STRUCT;
    out->type.kind = SHALE_STRUCT;
    if (in->n_children < 1)
        return unsupported(place, "+s without children");
    if (in->n_children > MOST_CHILDREN)
        return broken(place, "there are too many children");
    return take_children(place, in, (size_t)in->n_children, NULL, depth, out);
}

static enum shale_status take_list(const struct place *place, const struct ArrowSchema *in,
                                   unsigned depth, struct shale_arrow_node *out)
{
    static const char *const names[] = {"element"};
    const char *at = in->format + 3;
    long n = 0;
    out->form = SHALE_ARROW_LIST;
    out->type.kind = SHALE_LIST;
    out->width = in->format[1] == 'L' ? 8 : 4;
    if (in->format[1] == 'w') {
        if (!take_number(&at, INT_MAX, &n) || *at != '\0')
            return unsupported(place, in->format);
        out->form = SHALE_ARROW_FIXED_LIST;
        out->width = (size_t)n;
    }
    return take_children(place, in, 1, names, depth, out);
}

static enum shale_status take_map(const struct place *place, const struct ArrowSchema *in,
                                  unsigned depth, struct shale_arrow_node *out)
{
    static const char *const names[] = {"key", "value"};
    out->form = SHALE_ARROW_LIST;
    out->type.kind = SHALE_MAP;
    out->width = 4;
    if (in->n_children != 1 || in->children == NULL || in->children[0]->format == NULL ||
        strcmp(in->children[0]->format, "+s") != 0)
        return broken(place, "a map's child is no struct");
    return take_children(place, in->children[0], 2, names, depth, out);
}

/* The node is the indexes; type and metadata are those of the values. */
static enum shale_status take_dictionary(const struct place *place, const struct ArrowSchema *in,
                                         unsigned depth, struct shale_arrow_node *out)
{
    struct shale_arrow_node *values = shale_arena_zeroed(place->arena, 1, sizeof *values);
    enum shale_status status;
    if (values == NULL)
        return no_memory(place);
    if (!find_simple(in->format, out) || strchr("cCsSiIlL", in->format[0]) == NULL)
        return broken(place, "a dictionary's indexes are no integers");
    status = take_node(place, in->dictionary, depth, values);
    if (status != SHALE_OK)
        return status;
    set_extension(in, values);
    if (values->type.n_members > 0)
        return unsupported(place, "a dictionary of nested values");
    out->values = values;
    out->type = values->type;
    return SHALE_OK;
}

static enum shale_status take_node(const struct place *place, const struct ArrowSchema *in,
                                   unsigned depth, struct shale_arrow_node *out)
{
    enum shale_status status;
    if (in == NULL || in->release == NULL || in->format == NULL)
        return broken(place, "it has been released");
    if (depth == SHALE_TYPE_DEPTH)
        return unsupported(place, "nesting deeper than 64");
    if (in->dictionary != NULL)
        return take_dictionary(place, in, depth + 1, out);
    if (strcmp(in->format, "+s") == 0)
        return take_struct(place, in, depth + 1, out);
    if (strcmp(in->format, "+m") == 0)
        return take_map(place, in, depth + 1, out);
    if (strcmp(in->format, "+l") == 0 || strcmp(in->format, "+L") == 0 ||
        strncmp(in->format, "+w:", 3) == 0)
        return take_list(place, in, depth + 1, out);
    status =
        find_simple(in->format, out) || find_decimal(in->format, out) || find_fixed(in->format, out)
            ? SHALE_OK
            : unsupported(place, in->format);
    if (status == SHALE_OK)
        set_extension(in, out);
    return status;
}

/* ---- The whole --------------------------------------------------------------------------------
 */

static enum shale_status take_columns(struct shale_arrow_schema *schema,
                                      const struct ArrowSchema *in, struct shale_err *err)
{
    size_t n = (size_t)in->n_children;
    struct shale_column_def *defs = shale_arena_zeroed(&schema->arena, n, sizeof *defs);
    schema->nodes = shale_arena_zeroed(&schema->arena, n, sizeof *schema->nodes);
    if (defs == NULL || schema->nodes == NULL)
        return SHALE_ERR(err, no_memory);
    for (size_t i = 0; i < n; i++) {
        const struct ArrowSchema *child = in->children[i];
        const char *name = child == NULL || child->name == NULL ? "" : child->name;
        const struct place place = {&schema->arena, name, err};
        enum shale_status status = take_node(&place, child, 0, &schema->nodes[i]);
        if (status != SHALE_OK)
            return status;
        defs[i].name =
            (struct shale_str){shale_arena_copy(&schema->arena, shale_str_of(name)), strlen(name)};
        defs[i].type = schema->nodes[i].type;
        if (defs[i].name.data == NULL)
            return no_memory(&place);
    }
    schema->schema = (struct shale_schema){defs, n};
    return SHALE_OK;
}

enum shale_status shale_arrow_take_schema(const struct shale_mem *mem, const struct ArrowSchema *in,
                                          struct shale_arrow_schema **out, struct shale_err *err)
{
    const struct place whole = {NULL, "", err};
    struct shale_arrow_schema *schema;
    enum shale_status status;
    *out = NULL;
    if (in->release == NULL || in->format == NULL)
        return broken(&whole, "it has been released");
    if (strcmp(in->format, "+s") != 0 || in->n_children < 1 || in->n_children > MOST_CHILDREN ||
        in->children == NULL)
        return broken(&whole, "it is no struct of columns");
    schema = shale_mem_zeroed(mem, 1, sizeof *schema);
    if (schema == NULL)
        return SHALE_ERR(err, no_memory);
    schema->mem = mem;
    shale_arena_init(&schema->arena, mem, ARENA_BYTES);
    status = take_columns(schema, in, err);
    if (status != SHALE_OK) {
        shale_arrow_schema_free(schema);
        return status;
    }
    *out = schema;
    return SHALE_OK;
}

void shale_arrow_schema_free(struct shale_arrow_schema *schema)
{
    if (schema == NULL)
        return;
    shale_arena_fini(&schema->arena);
    shale_mem_free(schema->mem, schema);
}

const struct shale_schema *shale_arrow_schema_columns(const struct shale_arrow_schema *schema)
{
    return &schema->schema;
}
