/* SPDX-License-Identifier: MIT */
/* The definition's output section. */
#include "schema/definition_parts.h"
#include "schema/parse.h"

#include <stdio.h>

enum output_key {
    OUTPUT_PATH,
    OUTPUT_LAYOUT,
    OUTPUT_PARTITION_BY,
    OUTPUT_SORT_BY,
    OUTPUT_COMPRESSION,
    OUTPUT_COMPAT,
    OUTPUT_ROW_GROUP,
    OUTPUT_MAX_WAITING,
    OUTPUT_COMMIT_EVERY,
    OUTPUT_DEDUPE,
    OUTPUT_COMPACT,
    N_OUTPUT_KEYS,
};

static const struct shale_def_key output_keys[N_OUTPUT_KEYS] = {
    [OUTPUT_PATH] = {"path", false},
    [OUTPUT_LAYOUT] = {"layout", false},
    [OUTPUT_PARTITION_BY] = {"partition_by", false},
    [OUTPUT_SORT_BY] = {"sort_by", false},
    [OUTPUT_COMPRESSION] = {"compression", false},
    [OUTPUT_COMPAT] = {"compat", false},
    [OUTPUT_ROW_GROUP] = {"row_group", false},
    [OUTPUT_MAX_WAITING] = {"max_waiting", false},
    [OUTPUT_COMMIT_EVERY] = {"commit_every", false},
    [OUTPUT_DEDUPE] = {"dedupe", false},
    [OUTPUT_COMPACT] = {"compact", false},
};

static const struct shale_def_key transforms[] = {
    [SHALE_PART_IDENTITY] = {"identity", false}, [SHALE_PART_YEAR] = {"year", false},
    [SHALE_PART_MONTH] = {"month", false},       [SHALE_PART_DAY] = {"day", false},
    [SHALE_PART_HOUR] = {"hour", false},
};
enum { N_TRANSFORMS = sizeof transforms / sizeof transforms[0], MAX_PARTITIONS = 16 };
enum { COMMIT_EVERY_OBJECTS = 100000, COMMIT_MOST_OBJECTS = 1000000000 };
enum { COMPACT_MOST_FILES = 32, COMPACT_MOST_MOST = 100000 };

/* ---- Layout, compression -------------------------------------------------------------------- */

static bool ends_in(struct shale_str text, struct shale_str end)
{
    return text.n_bytes >= end.n_bytes &&
           memcmp(text.data + text.n_bytes - end.n_bytes, end.data, end.n_bytes) == 0;
}

static void read_layout(struct shale_def *def, const struct shale_yaml_node *node, bool partitioned)
{
    static const struct shale_def_key layouts[] = {[SHALE_OUTPUT_TABLE] = {"table", false},
                                                   [SHALE_OUTPUT_FILE] = {"file", false},
                                                   {"ndjson", true}};
    struct shale_stream *stream = def->stream;
    size_t i;
    stream->layout = !partitioned && ends_in(stream->output_path, SHALE_STR(".parquet"))
                         ? SHALE_OUTPUT_FILE
                         : SHALE_OUTPUT_TABLE;
    stream->layout_given = node != NULL || partitioned;
    if (node != NULL && shale_def_choice(def, node, "layout", layouts, 3, &i))
        stream->layout = (enum shale_output_layout)i;
    if (partitioned && stream->layout == SHALE_OUTPUT_FILE)
        SHALE_DEF_ERROR(def, node, definition_partition,
                        "a file has no partitions; expected layout: table");
}

bool shale_parse_compression(struct shale_str text, enum shale_codec *codec, int *level)
{
    static const struct {
        const char *name;
        enum shale_codec codec;
        int most; /* level; 0: it has none */
    } codecs[] = {
        {"zstd", SHALE_CODEC_ZSTD, 19},    {"gzip", SHALE_CODEC_GZIP, 9},
        {"snappy", SHALE_CODEC_SNAPPY, 0}, {"lz4", SHALE_CODEC_LZ4, 12},
        {"none", SHALE_CODEC_NONE, 0},
    };
    const char *colon = memchr(text.data, ':', text.n_bytes);
    struct shale_str name = {text.data, colon == NULL ? text.n_bytes : (size_t)(colon - text.data)};
    struct shale_str digits = {text.data + name.n_bytes + 1, text.n_bytes - name.n_bytes - 1};
    int value = 0;

    for (size_t i = 0; colon != NULL && i < digits.n_bytes; i++) {
        if (digits.data[i] < '0' || digits.data[i] > '9' || i == 2)
            return false;
        value = value * 10 + (digits.data[i] - '0');
    }
    for (size_t i = 0; i < sizeof codecs / sizeof codecs[0]; i++) {
        if (!shale_str_is(name, codecs[i].name))
            continue;
        *codec = codecs[i].codec;
        *level = value;
        return colon == NULL || (value >= 1 && value <= codecs[i].most);
    }
    return false;
}

static void read_compression(struct shale_def *def, const struct shale_yaml_node *node)
{
    static const char expected[] =
        "zstd, zstd:1 to zstd:19, gzip, gzip:1 to gzip:9, snappy, lz4, lz4:1 to lz4:12 or none";
    struct shale_stream *stream = def->stream;
    char found[SHALE_DEF_FOUND_BYTES];
    struct shale_str text;

    if (!shale_def_text(def, node, "compression", expected, &text))
        return;
    if (!shale_parse_compression(text, &stream->compression, &stream->compression_level))
        SHALE_DEF_ERROR(def, node, definition_expected, "compression", expected,
                        shale_def_found(node, found));
    else if (stream->compression == SHALE_CODEC_LZ4 && !stream->modern)
        SHALE_DEF_ERROR(def, node, definition_modern, "compression", "lz4");
    else if (stream->compression == SHALE_CODEC_LZ4)
        SHALE_DEF_WARNING(def, node, definition_output_reader, "compression",
                          "lz4 (LZ4_RAW): Spark before 3.5 and Hive cannot read it");
}

static void read_compat(struct shale_def *def, const struct shale_yaml_node *node)
{
    static const struct shale_def_key compats[] = {{"wide", false}, {"modern", false}};
    size_t i;
    if (!shale_def_choice(def, node, "compat", compats, 2, &i))
        return;
    def->stream->modern = i == 1;
    if (def->stream->modern)
        SHALE_DEF_WARNING(def, node, definition_output_reader, "compat",
                          "modern: Spark before 3.3 and Hive cannot read its encodings");
}

/* ---- Partitions ----------------------------------------------------------------------------- */

static bool can_partition(enum shale_transform transform, enum shale_kind kind)
{
    switch (transform) {
    case SHALE_PART_IDENTITY:
        return kind == SHALE_STRING || kind == SHALE_INT32 || kind == SHALE_INT64 ||
               kind == SHALE_BOOL || kind == SHALE_DATE;
    case SHALE_PART_YEAR:
    case SHALE_PART_MONTH:
    case SHALE_PART_DAY:
        return kind == SHALE_DATE || kind == SHALE_TIMESTAMP;
    case SHALE_PART_HOUR:
        return kind == SHALE_TIMESTAMP;
    }
    return false;
}

/* "name" or {year: name}: how, and the node with the field's name; false when reported. */
static bool read_transform(struct shale_def *def, const struct shale_yaml_node *node,
                           enum shale_transform *transform, const struct shale_yaml_node **name)
{
    const struct shale_yaml_node *values[N_TRANSFORMS];
    *transform = SHALE_PART_IDENTITY;
    *name = node;
    if (node->kind != SHALE_YAML_MAPPING)
        return true;
    if (!shale_def_mapping(def, node, "partition_by", transforms, N_TRANSFORMS, values))
        return false;
    if (node->n_items != 1) {
        SHALE_DEF_ERROR(def, node, definition_partition,
                        "expected one key an entry: year, month, day or hour");
        return false;
    }
    for (size_t i = 0; i < N_TRANSFORMS; i++) {
        if (values[i] != NULL) {
            *transform = (enum shale_transform)i;
            *name = values[i];
            return true;
        }
    }
    return false; /* an unknown key was reported */
}

static void read_partition(struct shale_def *def, const struct shale_yaml_node *node,
                           struct shale_partition_def *out, size_t *n)
{
    char words[160], type[SHALE_TYPE_TEXT_BYTES];
    const struct shale_yaml_node *name;
    struct shale_field *field;

    if (!read_transform(def, node, &out->transform, &name) ||
        !shale_def_field(def, name, "partition_by", &out->field))
        return;
    field = &def->fields[out->field];
    if (!def->infos[out->field].typed)
        return;
    if (!can_partition(out->transform, field->type.kind)) {
        (void)snprintf(words, sizeof words, "%s does not apply to a field of type %s",
                       transforms[out->transform].name,
                       shale_type_text(&field->type, type, sizeof type));
        SHALE_DEF_ERROR(def, node, definition_partition, words);
        return;
    }
    if (field->n_from > 0 && field->from[0].kind == SHALE_FROM_INDEX) {
        SHALE_DEF_ERROR(def, node, definition_index, "is no partition: it numbers the events");
        return;
    }
    if (out->transform == SHALE_PART_IDENTITY) {
        field->partition_identity = true;
        out->name = field->name;
    } else {
        out->name = shale_str_of(transforms[out->transform].name);
    }
    (*n)++;
}

/* Directories' names are columns too: unique, and no other field's. */
static void check_partition_name(struct shale_def *def, const struct shale_yaml_node *node,
                                 const struct shale_partition_def *partitions, size_t n)
{
    const struct shale_partition_def *last = &partitions[n - 1];
    char words[160];
    for (size_t i = 0; i + 1 < n; i++) {
        if (shale_def_compare_folded(partitions[i].name, last->name) != 0)
            continue;
        (void)snprintf(words, sizeof words, "two partitions are named '%.*s'",
                       SHALE_DEF_SHOW(last->name));
        SHALE_DEF_ERROR(def, node, definition_partition, words);
        return;
    }
    for (size_t i = 0; i < def->stream->n_fields; i++) {
        if ((last->transform == SHALE_PART_IDENTITY && last->field == i) || !def->infos[i].named ||
            shale_def_compare_folded(def->fields[i].name, last->name) != 0)
            continue;
        (void)snprintf(words, sizeof words, "the partition '%.*s' has the name of a field",
                       SHALE_DEF_SHOW(last->name));
        SHALE_DEF_ERROR(def, node, definition_partition, words);
        return;
    }
}

static void read_partitions(struct shale_def *def, const struct shale_yaml_node *node)
{
    struct shale_def_walk walk = shale_def_walk(node);
    struct shale_partition_def *partitions;
    size_t n = 0, identities = 0;

    if (walk.n > MAX_PARTITIONS) {
        SHALE_DEF_ERROR(def, node, definition_too_much, MAX_PARTITIONS, "partition columns");
        return;
    }
    partitions = shale_def_zeroed(def, walk.n, sizeof *partitions);
    if (partitions == NULL)
        return;
    for (const struct shale_yaml_node *entry; (entry = shale_def_next(&walk)) != NULL;) {
        size_t before = n;
        read_partition(def, entry, &partitions[n], &n);
        if (n > before)
            check_partition_name(def, entry, partitions, n);
    }
    for (size_t i = 0; i < def->stream->n_fields; i++)
        identities += def->fields[i].partition_identity;
    if (identities > 0 && identities == def->stream->n_fields &&
        def->stream->unknown_fields != SHALE_UNKNOWN_KEEP)
        SHALE_DEF_ERROR(def, node, definition_partition,
                        "every field is a partition; expected one at least in the files");
    def->stream->partitions = partitions;
    def->stream->n_partitions = n;
}

/* ---- Order ---------------------------------------------------------------------------------- */

static void read_sort(struct shale_def *def, const struct shale_yaml_node *node)
{
    struct shale_def_walk walk = shale_def_walk(node);
    size_t *sort_by = shale_def_zeroed(def, walk.n, sizeof *sort_by);
    size_t n = 0;

    while (sort_by != NULL && (node = shale_def_next(&walk)) != NULL) {
        const struct shale_field *field;
        const char *wrong = NULL;
        size_t index;
        if (n == MAX_PARTITIONS) {
            SHALE_DEF_ERROR(def, node, definition_too_much, MAX_PARTITIONS, "fields in sort_by");
            break;
        }
        if (!shale_def_field(def, node, "sort_by", &index))
            continue;
        field = &def->fields[index];
        for (size_t i = 0; i < n; i++) {
            if (sort_by[i] == index)
                wrong = "is given twice";
        }
        if (def->infos[index].typed &&
            (field->type.n_members > 0 || field->type.kind == SHALE_JSON))
            wrong = "has no order: it holds others, or is json";
        if (field->partition_identity)
            wrong = "is a partition column, the same in all rows of a file";
        if (wrong != NULL)
            SHALE_DEF_ERROR(def, node, definition_sort, SHALE_DEF_SHOW(field->name), wrong);
        else
            sort_by[n++] = index;
    }
    def->stream->sort_by = sort_by;
    def->stream->n_sort_by = n;
}

/* ---- The section ---------------------------------------------------------------------------- */

static void read_sizes(struct shale_def *def, const struct shale_yaml_node *row_group,
                       const struct shale_yaml_node *max_waiting)
{
    struct shale_stream *stream = def->stream;
    if (row_group != NULL)
        (void)shale_def_size(def, row_group, "row_group", (int64_t)1 << 20, (int64_t)1 << 30,
                             &stream->row_group_bytes);
    if (max_waiting != NULL)
        (void)shale_def_size(def, max_waiting, "max_waiting", stream->row_group_bytes,
                             (int64_t)1 << 50, &stream->max_waiting_bytes);
}

/* A size is bytes, a number without a unit is objects; a list may have one of each. */
static void read_commit_every(struct shale_def *def, const struct shale_yaml_node *node)
{
    struct shale_def_walk walk = shale_def_walk(node);
    struct shale_stream *stream = def->stream;
    bool bytes = false, objects = false;
    while ((node = shale_def_next(&walk)) != NULL) {
        bool plain = node->kind == SHALE_YAML_SCALAR && node->text.n_bytes > 0;
        bool *seen = &bytes;
        for (size_t i = 0; plain && i < node->text.n_bytes; i++)
            plain = node->text.data[i] >= '0' && node->text.data[i] <= '9';
        if (plain) {
            seen = &objects;
            (void)shale_def_int(def, node, "commit_every", 1, COMMIT_MOST_OBJECTS,
                                &stream->commit_every_objects);
        } else {
            (void)shale_def_size(def, node, "commit_every", (int64_t)1 << 20, (int64_t)1 << 50,
                                 &stream->commit_every_bytes);
        }
        if (*seen)
            SHALE_DEF_ERROR(def, node, definition_expected, "commit_every",
                            "a size such as 16GiB, a number of objects, or one of each",
                            plain ? "two numbers" : "two sizes");
        *seen = true;
    }
}

/* compact: auto, or {auto: N}. */
static void read_compact(struct shale_def *def, const struct shale_yaml_node *node)
{
    static const struct shale_def_key keys[] = {{"auto", false}};
    const struct shale_yaml_node *most;
    size_t i;
    if (node->kind == SHALE_YAML_SCALAR) {
        if (shale_def_choice(def, node, "compact", keys, 1, &i))
            def->stream->compact_most_files = COMPACT_MOST_FILES;
    } else if (shale_def_mapping(def, node, "compact", keys, 1, &most) && most != NULL) {
        (void)shale_def_int(def, most, "auto", 2, COMPACT_MOST_MOST,
                            &def->stream->compact_most_files);
    }
}

static void set_defaults(struct shale_stream *stream)
{
    stream->output_path = SHALE_STR("");
    stream->compression = SHALE_CODEC_ZSTD;
    stream->modern = false;
    stream->row_group_bytes = (int64_t)32 << 20;
    stream->max_waiting_bytes = (int64_t)4 << 30;
    stream->commit_every_bytes = (int64_t)16 << 30;
    stream->commit_every_objects = COMMIT_EVERY_OBJECTS;
    stream->layout = SHALE_OUTPUT_TABLE;
    stream->dedupe = (struct shale_dedupe){.time = SIZE_MAX, .within_us = -1};
}

/* 'only': it is the one that counts; of others just what they say of themselves is checked. */
static void read_output(struct shale_def *def, const struct shale_yaml_node *node, bool only)
{
    const struct shale_yaml_node *values[N_OUTPUT_KEYS];
    const struct shale_yaml_node *parts;
    struct shale_stream *stream = def->stream;

    set_defaults(stream);
    if (!shale_def_mapping(def, node, "output", output_keys, N_OUTPUT_KEYS, values))
        return;
    parts = values[OUTPUT_PARTITION_BY];
    if (parts != NULL && parts->kind == SHALE_YAML_SEQUENCE && parts->n_items == 0)
        parts = NULL;
    if (values[OUTPUT_PATH] != NULL)
        shale_def_path(def, values[OUTPUT_PATH], "path", &stream->output_path);
    read_layout(def, values[OUTPUT_LAYOUT], parts != NULL);
    def->as_table = only && stream->layout == SHALE_OUTPUT_TABLE;
    stream->table_checked = def->as_table;
    if (only && parts != NULL)
        read_partitions(def, parts);
    if (only && values[OUTPUT_SORT_BY] != NULL)
        read_sort(def, values[OUTPUT_SORT_BY]);
    if (only && values[OUTPUT_DEDUPE] != NULL)
        shale_def_dedupe(def, values[OUTPUT_DEDUPE]);
    if (values[OUTPUT_COMPAT] != NULL)
        read_compat(def, values[OUTPUT_COMPAT]);
    if (values[OUTPUT_COMPRESSION] != NULL)
        read_compression(def, values[OUTPUT_COMPRESSION]);
    read_sizes(def, values[OUTPUT_ROW_GROUP], values[OUTPUT_MAX_WAITING]);
    if (values[OUTPUT_COMMIT_EVERY] != NULL)
        read_commit_every(def, values[OUTPUT_COMMIT_EVERY]);
    if (values[OUTPUT_COMPACT] != NULL)
        read_compact(def, values[OUTPUT_COMPACT]);
}

void shale_def_output(struct shale_def *def, const struct shale_yaml_node *node)
{
    set_defaults(def->stream);
    if (node == NULL)
        return;
    if (node->kind != SHALE_YAML_SEQUENCE) {
        read_output(def, node, true);
        return;
    }
    if (node->n_items == 0)
        SHALE_DEF_ERROR(def, node, definition_expected, "output", "a mapping (key: value)",
                        "an empty list");
    if (node->n_items > 1)
        SHALE_DEF_ERROR(def, node->items->next->value, definition_unsupported, "output",
                        "a list of several outputs");
    for (const struct shale_yaml_item *item = node->items; item != NULL; item = item->next)
        read_output(def, item->value, node->n_items == 1);
}
