/* SPDX-License-Identifier: MIT */
/* Random schemas. */
#include "random.h"

#include <inttypes.h>
#include <string.h>

uint64_t random_mix(uint64_t k)
{
    k = (k + 0x9e3779b97f4a7c15u) * 0xbf58476d1ce4e5b9u;
    k = (k ^ k >> 31) * 0x94d049bb133111ebu;
    return k ^ k >> 29;
}

uint64_t random_next(struct random_bits *bits)
{
    return random_mix(bits->state++);
}

uint64_t random_below(struct random_bits *bits, uint64_t n)
{
    return random_next(bits) % n;
}

bool random_chance(struct random_bits *bits, unsigned percent)
{
    return random_below(bits, 100) < percent;
}

/* ---- Making ------------------------------------------------------------------------------------
 */

enum { N_DEFINED = 12, N_WILD = 8 };

static const enum shale_kind scalar_kinds[N_DEFINED + N_WILD] = {
    SHALE_STRING,  SHALE_BOOL,   SHALE_INT32,  SHALE_INT64,     SHALE_FLOAT64,
    SHALE_DECIMAL, SHALE_DATE,   SHALE_TIME,   SHALE_TIMESTAMP, SHALE_UUID,
    SHALE_BINARY,  SHALE_JSON,   SHALE_INT8,   SHALE_INT16,     SHALE_UINT8,
    SHALE_UINT16,  SHALE_UINT32, SHALE_UINT64, SHALE_FLOAT32,   SHALE_FIXED,
};

static void make_scalar(struct random_schema *out, struct random_bits *bits,
                        struct shale_type *type)
{
    uint64_t n = out->wild ? N_DEFINED + N_WILD : N_DEFINED;
    *type = (struct shale_type){.kind = scalar_kinds[random_below(bits, n)]};
    switch (type->kind) {
    case SHALE_DECIMAL:
        type->precision = (uint8_t)(1 + random_below(bits, 38));
        type->scale = (uint8_t)random_below(bits, type->precision + 1u);
        break;
    case SHALE_TIME:
        type->unit = out->wild ? (enum shale_unit)random_below(bits, 3) : SHALE_US;
        break;
    case SHALE_TIMESTAMP:
        type->unit = (enum shale_unit)random_below(bits, 3);
        type->int96 = random_chance(bits, 15);
        type->local = out->wild && !type->int96 && random_chance(bits, 30);
        break;
    case SHALE_JSON:
    case SHALE_UUID:
        type->annotate = random_chance(bits, 50);
        break;
    case SHALE_FIXED:
        type->width = (int32_t)(1 + random_below(bits, 20));
        break;
    default:
        break;
    }
}

/* Keys that every reader takes: mostly texts. */
static void make_key(struct random_bits *bits, struct shale_type *type)
{
    static const enum shale_kind kinds[] = {SHALE_STRING, SHALE_STRING, SHALE_STRING, SHALE_STRING,
                                            SHALE_INT32,  SHALE_INT64,  SHALE_DATE,   SHALE_BINARY,
                                            SHALE_UUID,   SHALE_DECIMAL};
    *type = (struct shale_type){.kind = kinds[random_below(bits, 10)]};
    if (type->kind == SHALE_DECIMAL)
        *type = (struct shale_type){.kind = SHALE_DECIMAL, .precision = 12, .scale = 3};
}

/* Names of all sorts, each once in a schema. */
static struct shale_str make_name(struct random_schema *out, struct random_bits *bits)
{
    static const char *const stems[] = {"f", "value", "Zeit ", "\xc3\xa4", "A_", "select", "\""};
    char *name = out->names[out->n_names];
    const char *stem = stems[random_chance(bits, 70) ? 0 : random_below(bits, 7)];
    snprintf(name, RANDOM_NAME, "%s%zu", stem, out->n_names++);
    return shale_str_of(name);
}

static void make_type(struct random_schema *out, struct random_bits *bits, unsigned to_depth,
                      struct shale_type *type)
{
    static const enum shale_kind kinds[] = {SHALE_LIST, SHALE_LIST, SHALE_STRUCT, SHALE_STRUCT,
                                            SHALE_MAP};
    enum { MOST_MEMBERS = 4 };
    struct shale_type_member *members = out->members + out->n_members;
    size_t n;
    if (to_depth == 0 || out->n_members + MOST_MEMBERS > RANDOM_NODES || random_chance(bits, 25)) {
        make_scalar(out, bits, type);
        return;
    }
    *type = (struct shale_type){.kind = kinds[random_below(bits, 5)], .members = members};
    n = type->kind == SHALE_LIST ? 1 : type->kind == SHALE_MAP ? 2 : 1 + random_below(bits, 4);
    type->n_members = n;
    out->n_members += n;
    for (size_t i = 0; i < n; i++) {
        if (type->kind == SHALE_MAP && i == 0) {
            members[i].name = SHALE_STR("key");
            make_key(bits, &members[i].type);
            continue;
        }
        members[i].name = type->kind == SHALE_LIST  ? SHALE_STR("element")
                          : type->kind == SHALE_MAP ? SHALE_STR("value")
                                                    : make_name(out, bits);
        make_type(out, bits, to_depth - 1, &members[i].type);
    }
}

void random_schema_make(struct random_schema *out, struct random_bits *bits, unsigned to_depth,
                        bool wild)
{
    size_t n = 1 + random_below(bits, RANDOM_COLUMNS);
    *out = (struct random_schema){.wild = wild};
    for (size_t i = 0; i < n; i++) {
        out->columns[i].name = make_name(out, bits);
        make_type(out, bits, to_depth == 0 ? 0 : (unsigned)random_below(bits, to_depth + 1u),
                  &out->columns[i].type);
    }
    out->schema = (struct shale_schema){out->columns, n};
}

/* ---- Printing ----------------------------------------------------------------------------------
 */

static void print_name(struct shale_str name, FILE *file)
{
    fputc('"', file);
    for (size_t i = 0; i < name.n_bytes; i++)
        fprintf(file, name.data[i] == '"' ? "\\%c" : "%c", name.data[i]);
    fputc('"', file);
}

static void print_type(const struct shale_type *type, FILE *file)
{
    static const char *const kinds[] = {
        [SHALE_STRING] = "string",   [SHALE_BOOL] = "bool",
        [SHALE_INT32] = "int",       [SHALE_INT64] = "int",
        [SHALE_INT8] = "int",        [SHALE_INT16] = "int",
        [SHALE_UINT8] = "int",       [SHALE_UINT16] = "int",
        [SHALE_UINT32] = "int",      [SHALE_UINT64] = "int",
        [SHALE_FLOAT64] = "float64", [SHALE_FLOAT32] = "float32",
        [SHALE_DECIMAL] = "decimal", [SHALE_DATE] = "date",
        [SHALE_TIME] = "time",       [SHALE_TIMESTAMP] = "timestamp",
        [SHALE_UUID] = "uuid",       [SHALE_BINARY] = "binary",
        [SHALE_FIXED] = "binary",    [SHALE_JSON] = "json",
        [SHALE_LIST] = "list",       [SHALE_MAP] = "map",
        [SHALE_STRUCT] = "struct",
    };
    static const char *const units[] = {[SHALE_MS] = "ms", [SHALE_US] = "us", [SHALE_NS] = "ns"};
    fprintf(file, "{\"kind\":\"%s\",\"scale\":%u,\"precision\":%u,\"unit\":\"%s\"",
            kinds[type->kind], type->scale, type->precision, units[type->unit]);
    fprintf(file, ",\"int96\":%d,\"annotate\":%d,\"local\":%d,\"members\":[", type->int96,
            type->annotate, type->local);
    for (size_t i = 0; i < type->n_members; i++) {
        fputs(i > 0 ? ",[" : "[", file);
        print_name(type->members[i].name, file);
        fputc(',', file);
        print_type(&type->members[i].type, file);
        fputc(']', file);
    }
    fputs("]}", file);
}

void random_schema_print(const struct random_schema *schema, FILE *file)
{
    fputc('[', file);
    for (size_t i = 0; i < schema->schema.n_columns; i++) {
        fputs(i > 0 ? ",[" : "[", file);
        print_name(schema->columns[i].name, file);
        fputc(',', file);
        print_type(&schema->columns[i].type, file);
        fprintf(file, ",%d]", (int)schema->columns[i].encoding);
    }
    fputs("]\n", file);
}
