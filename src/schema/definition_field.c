/* SPDX-License-Identifier: MIT */
/* The definition's fields: name, from, type; and finding a field by its name. */
#include "schema/definition_parts.h"

#include <stdio.h>
#include <stdlib.h>

static const struct shale_def_key field_keys[SHALE_DEF_N_FIELD_KEYS] = {
    [SHALE_DEF_NAME] = {"name", false},
    [SHALE_DEF_FROM] = {"from", false},
    [SHALE_DEF_TYPE] = {"type", false},
    [SHALE_DEF_ANNOTATE] = {"annotate", false},
    [SHALE_DEF_ENCODING] = {"encoding", false},
    [SHALE_DEF_BLOOM] = {"bloom", false},
    [SHALE_DEF_REQUIRED] = {"required", false},
    [SHALE_DEF_COERCE] = {"coerce", false},
    [SHALE_DEF_TRIM] = {"trim", false},
    [SHALE_DEF_NULL_VALUES] = {"null_values", false},
    [SHALE_DEF_ENUM] = {"enum", false},
    [SHALE_DEF_PATTERN] = {"pattern", false},
    [SHALE_DEF_FORMAT] = {"format", false},
    [SHALE_DEF_MIN_LENGTH] = {"min_length", false},
    [SHALE_DEF_MAX_LENGTH] = {"max_length", false},
    [SHALE_DEF_MINIMUM] = {"minimum", false},
    [SHALE_DEF_MAXIMUM] = {"maximum", false},
    [SHALE_DEF_DEFAULT] = {"default", false},
    [SHALE_DEF_JQ] = {"jq", true},
    [SHALE_DEF_PLUGIN] = {"plugin", true},
};

/* ---- Name, type ----------------------------------------------------------------------------- */

/* C1 is U+0080 to U+009F, as UTF-8. */
bool shale_def_has_control(struct shale_str text)
{
    for (size_t i = 0; i < text.n_bytes; i++) {
        unsigned char c = (unsigned char)text.data[i];
        unsigned char before = i == 0 ? 0 : (unsigned char)text.data[i - 1];
        if (c < 0x20 || c == 0x7f || (before == 0xc2 && c < 0xa0))
            return true;
    }
    return false;
}

static void read_name(struct shale_def *def, const struct shale_yaml_node *node,
                      struct shale_field *field, struct shale_def_field *info)
{
    static const char expected[] = "a name of 1 to 256 bytes without control characters";
    char found[SHALE_DEF_FOUND_BYTES];
    struct shale_str text;
    if (!shale_def_text(def, node, "name", expected, &text))
        return;
    if (text.n_bytes == 0 || text.n_bytes > 256 || shale_def_has_control(text)) {
        SHALE_DEF_ERROR(def, node, definition_expected, "name", expected,
                        shale_def_found(node, found));
        return;
    }
    field->name = shale_def_copy(def, text);
    info->name = node;
    info->named = true;
}

/* Annotate each leaf of 'kind'; members are copied, as they may be shared.  Returns how many. */
static size_t annotate(struct shale_def *def, struct shale_type *type, enum shale_kind kind)
{
    struct shale_type_member *members;
    size_t n = 0;
    type->annotate = type->annotate || type->kind == kind;
    if (type->n_members == 0)
        return type->kind == kind;
    members = shale_def_zeroed(def, type->n_members, sizeof *members);
    if (members == NULL)
        return 1;
    memcpy(members, type->members, type->n_members * sizeof *members);
    for (size_t i = 0; i < type->n_members; i++)
        n += annotate(def, &members[i].type, kind);
    type->members = members;
    return n;
}

/* annotate: json or uuid, on that type and wherever it is inside another. */
static void read_annotate(struct shale_def *def, const struct shale_yaml_node *node,
                          struct shale_field *field)
{
    static const struct shale_def_key choices[] = {{"json", false}, {"uuid", false}};
    static const enum shale_kind kinds[] = {SHALE_JSON, SHALE_UUID};
    static const char *const hints[] = {"annotate: json is for json, also inside other types",
                                        "annotate: uuid is for uuid, also inside other types"};
    char name[SHALE_TYPE_TEXT_BYTES];
    size_t i;

    if (shale_def_choice(def, node, "annotate", choices, 2, &i) &&
        annotate(def, &field->type, kinds[i]) == 0)
        SHALE_DEF_ERROR(def, node, definition_applies, "annotate",
                        shale_type_text(&field->type, name, sizeof name), hints[i]);
}

/* ---- from ----------------------------------------------------------------------------------- */

/* A key, a bucket and a placeholder are texts without JSON around them: every type that can be
 * read from a text takes one, by the lax rules. */
static void check_text_source(struct shale_def *def, const struct shale_yaml_node *node,
                              const struct shale_field *field)
{
    char name[SHALE_TYPE_TEXT_BYTES];
    if (field->type.kind == SHALE_JSON || field->type.n_members > 0)
        SHALE_DEF_ERROR(def, node, definition_lineage, SHALE_DEF_SHOW(node->text),
                        shale_type_text(&field->type, name, sizeof name));
}

static void check_index(struct shale_def *def, const struct shale_yaml_node *node,
                        const struct shale_field *field,
                        const struct shale_yaml_node *const *values)
{
    if (field->type.kind != SHALE_INT32 && field->type.kind != SHALE_INT64)
        SHALE_DEF_ERROR(def, node, definition_index, "is of type int32 or int64");
    for (size_t i = SHALE_DEF_REQUIRED; i <= SHALE_DEF_DEFAULT; i++) {
        if (values[i] != NULL && i != SHALE_DEF_REQUIRED)
            SHALE_DEF_ERROR(def, values[i], definition_index,
                            "has no constraints: it is always there");
    }
}

static void read_from(struct shale_def *def, const struct shale_yaml_node *node,
                      struct shale_field *field, const struct shale_def_field *info,
                      const struct shale_yaml_node *const *values)
{
    struct shale_def_walk walk = shale_def_walk(node);
    struct shale_from *from = shale_def_zeroed(def, walk.n, sizeof *from);
    size_t n = 0;

    if (from == NULL)
        return;
    if (walk.n == 0)
        SHALE_DEF_ERROR(def, node, definition_expected, "from", "a JSON pointer or a list of them",
                        "an empty list");
    while ((node = shale_def_next(&walk)) != NULL) {
        if (!shale_def_from(def, node, &from[n]))
            continue;
        if (from[n].kind == SHALE_FROM_INDEX && walk.n > 1)
            SHALE_DEF_ERROR(def, node, definition_index, "has no other place in its list");
        if (info->typed && from[n].kind == SHALE_FROM_INDEX)
            check_index(def, node, field, values);
        else if (info->typed && from[n].kind != SHALE_FROM_POINTER)
            check_text_source(def, node, field);
        n++;
    }
    field->from = from;
    field->n_from = n;
}

/* ---- A field -------------------------------------------------------------------------------- */

static void missing(struct shale_def *def, const struct shale_yaml_node *node, const char *key,
                    const char *expected)
{
    SHALE_DEF_ERROR(def, node, definition_missing_key, key, "a field", expected);
}

static void read_field(struct shale_def *def, const struct shale_yaml_node *node,
                       struct shale_field *field, struct shale_def_field *info)
{
    static const struct shale_def_key coerce[] = {{"strict", false}, {"lax", false}};
    const struct shale_yaml_node *values[SHALE_DEF_N_FIELD_KEYS];
    size_t choice = 0;

    info->node = node;
    if (!shale_def_mapping(def, node, "a field", field_keys, SHALE_DEF_N_FIELD_KEYS, values))
        return;
    info->from = values[SHALE_DEF_FROM];
    if (values[SHALE_DEF_NAME] == NULL)
        missing(def, node, "name", "the column's name");
    else
        read_name(def, values[SHALE_DEF_NAME], field, info);
    if (values[SHALE_DEF_TYPE] == NULL)
        missing(def, node, "type", "a type such as string or timestamp");
    else
        info->typed = shale_def_type(def, values[SHALE_DEF_TYPE], &field->type);
    if (info->typed && values[SHALE_DEF_ANNOTATE] != NULL)
        read_annotate(def, values[SHALE_DEF_ANNOTATE], field);
    if (info->typed)
        shale_def_storage(def, field, info, values);
    if (values[SHALE_DEF_COERCE] != NULL &&
        shale_def_choice(def, values[SHALE_DEF_COERCE], "coerce", coerce, 2, &choice))
        field->lax = choice == 1;
    if (values[SHALE_DEF_FROM] != NULL)
        read_from(def, values[SHALE_DEF_FROM], field, info, values);
    else if (values[SHALE_DEF_JQ] == NULL && values[SHALE_DEF_PLUGIN] == NULL)
        missing(def, node, "from", "a JSON pointer such as /user/id");
    shale_def_constraints(def, field, info, values);
}

/* ---- By name -------------------------------------------------------------------------------- */

static unsigned char fold(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

int shale_def_compare_folded(struct shale_str a, struct shale_str b)
{
    size_t n = a.n_bytes < b.n_bytes ? a.n_bytes : b.n_bytes;
    for (size_t i = 0; i < n; i++) {
        int order = fold(a.data[i]) - fold(b.data[i]);
        if (order != 0)
            return order;
    }
    return (a.n_bytes > b.n_bytes) - (a.n_bytes < b.n_bytes);
}

/* Without case first, so that names which differ only by it are neighbours. */
static int compare_names(struct shale_str a, struct shale_str b)
{
    int order = shale_def_compare_folded(a, b);
    return order != 0 ? order : shale_str_compare(a, b);
}

static int compare_fields(const void *a, const void *b, void *ctx)
{
    const struct shale_def *def = ctx;
    size_t left = *(const size_t *)a, right = *(const size_t *)b;
    int order = compare_names(def->fields[left].name, def->fields[right].name);
    return order != 0 ? order : (left > right) - (left < right);
}

static void sort_names(struct shale_def *def)
{
    size_t n_fields = def->stream->n_fields, n = 0, first = 0;
    size_t *by_name = shale_def_zeroed(def, n_fields, sizeof *by_name);
    if (by_name == NULL)
        return;
    for (size_t i = 0; i < n_fields; i++) {
        if (def->infos[i].named)
            by_name[n++] = i;
    }
    qsort_r(by_name, n, sizeof *by_name, compare_fields, def);
    def->by_name = by_name;
    def->n_by_name = n;
    for (size_t i = 1; i < n; i++) {
        const struct shale_field *field = &def->fields[by_name[i]];
        if (!shale_str_equal(field->name, def->fields[by_name[first]].name))
            first = i;
        else
            SHALE_DEF_ERROR(def, def->infos[by_name[i]].name, definition_duplicate_name, "field",
                            SHALE_DEF_SHOW(field->name), def->infos[by_name[first]].name->line);
    }
}

bool shale_def_field(struct shale_def *def, const struct shale_yaml_node *node, const char *key,
                     size_t *out)
{
    size_t low = 0, high = def->n_by_name;
    struct shale_str text;
    char hint[80] = "";

    if (!shale_def_text(def, node, key, "the name of a field", &text))
        return false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        struct shale_str name = def->fields[def->by_name[middle]].name;
        int order = compare_names(text, name);
        if (order == 0) {
            *out = def->by_name[middle];
            return true;
        }
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
        if (shale_def_compare_folded(text, name) == 0)
            (void)snprintf(hint, sizeof hint, "; did you mean '%.*s'?",
                           name.n_bytes > 50 ? 50 : (int)name.n_bytes, name.data);
    }
    SHALE_DEF_ERROR(def, node, definition_no_field, key, SHALE_DEF_SHOW(text), hint);
    return false;
}

const size_t *shale_def_field_list(struct shale_def *def, const struct shale_yaml_node *node,
                                   const char *key, size_t *n)
{
    struct shale_def_walk walk = shale_def_walk(node);
    size_t *list = shale_def_zeroed(def, walk.n, sizeof *list);

    *n = 0;
    if (list == NULL)
        return NULL;
    if (walk.n > SHALE_DEF_MAX_FIELDS) {
        SHALE_DEF_ERROR(def, node, definition_too_much, SHALE_DEF_MAX_FIELDS, "names of fields");
        return NULL;
    }
    if (walk.n == 0)
        SHALE_DEF_ERROR(def, node, definition_expected, key, "the names of fields",
                        "an empty list");
    while ((node = shale_def_next(&walk)) != NULL) {
        if (shale_def_field(def, node, key, &list[*n]))
            (*n)++;
    }
    return list;
}

/* ---- The section ---------------------------------------------------------------------------- */

void shale_def_fields(struct shale_def *def, const struct shale_yaml_node *node)
{
    char found[SHALE_DEF_FOUND_BYTES];
    size_t i = 0;
    if (node->kind != SHALE_YAML_SEQUENCE || node->n_items == 0) {
        SHALE_DEF_ERROR(def, node, definition_expected, "fields",
                        "a list of at least one field ({name: ..., from: ..., type: ...})",
                        node->kind == SHALE_YAML_SEQUENCE ? "an empty list"
                                                          : shale_def_found(node, found));
        return;
    }
    if (node->n_items > SHALE_DEF_MAX_FIELDS) {
        SHALE_DEF_ERROR(def, node, definition_too_much, SHALE_DEF_MAX_FIELDS, "fields");
        return;
    }
    def->fields = shale_def_zeroed(def, node->n_items, sizeof *def->fields);
    def->infos = shale_def_zeroed(def, node->n_items, sizeof *def->infos);
    if (def->fields == NULL || def->infos == NULL)
        return;
    def->stream->fields = def->fields;
    def->stream->n_fields = node->n_items;
    for (const struct shale_yaml_item *item = node->items; item != NULL && def->status == SHALE_OK;
         item = item->next, i++)
        read_field(def, item->value, &def->fields[i], &def->infos[i]);
    if (def->status == SHALE_OK)
        sort_names(def);
}
