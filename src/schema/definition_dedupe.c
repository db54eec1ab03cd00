/* SPDX-License-Identifier: MIT */
/* output.dedupe: which events are the same one. */
#include "schema/definition_parts.h"
#include "schema/parse.h"

enum dedupe_key { DEDUPE_KEY, DEDUPE_TIME, DEDUPE_WITHIN, N_DEDUPE_KEYS };
enum { MAX_MEMBERS = 16 };

static const struct shale_def_key dedupe_keys[N_DEDUPE_KEYS] = {
    [DEDUPE_KEY] = {"key", false},
    [DEDUPE_TIME] = {"time", false},
    [DEDUPE_WITHIN] = {"within", false},
};

/* Why a field cannot be compared for being the same; NULL when it can. */
static const char *not_a_key(const struct shale_field *field)
{
    if (field->type.n_members > 0 || field->type.kind == SHALE_JSON)
        return "has no single value: it holds others, or is json";
    if (field->type.kind == SHALE_FLOAT64)
        return "is a float64, of which two that look the same may differ";
    for (size_t i = 0; i < field->n_from; i++)
        if (field->from[i].kind == SHALE_FROM_INDEX)
            return "is from $index, a number that says nothing of the event";
    return NULL;
}

static void read_key(struct shale_def *def, const struct shale_yaml_node *node)
{
    struct shale_def_walk walk = shale_def_walk(node);
    struct shale_dedupe *dedupe = &def->stream->dedupe;
    size_t *key = shale_def_zeroed(def, walk.n, sizeof *key);
    size_t n = 0;
    if (walk.n == 0)
        SHALE_DEF_ERROR(def, node, definition_expected, "key", "names of fields", "an empty list");
    while (key != NULL && (node = shale_def_next(&walk)) != NULL) {
        const struct shale_field *field;
        const char *wrong = NULL;
        size_t index;
        if (n == MAX_MEMBERS) {
            SHALE_DEF_ERROR(def, node, definition_too_much, MAX_MEMBERS, "fields in dedupe.key");
            break;
        }
        if (!shale_def_field(def, node, "key", &index))
            continue;
        field = &def->fields[index];
        for (size_t i = 0; i < n; i++)
            if (key[i] == index)
                wrong = "is given twice";
        if (wrong == NULL && def->infos[index].typed)
            wrong = not_a_key(field);
        if (wrong != NULL)
            SHALE_DEF_ERROR(def, node, definition_dedupe, "key", SHALE_DEF_SHOW(field->name),
                            wrong);
        else
            key[n++] = index;
    }
    dedupe->key = key;
    dedupe->n_key = n;
}

static void read_time(struct shale_def *def, const struct shale_yaml_node *node)
{
    const struct shale_field *field;
    size_t index;
    if (!shale_def_field(def, node, "time", &index))
        return;
    field = &def->fields[index];
    if (def->infos[index].typed && field->type.kind != SHALE_DATE &&
        (field->type.kind != SHALE_TIMESTAMP || field->type.unit == SHALE_NS))
        SHALE_DEF_ERROR(def, node, definition_dedupe, "time", SHALE_DEF_SHOW(field->name),
                        "is neither a date nor a timestamp of us or ms");
    else
        def->stream->dedupe.time = index;
}

static void read_within(struct shale_def *def, const struct shale_yaml_node *node)
{
    static const char expected[] = "a time such as 7d, 12h, 30m, 10s, 500ms or 0";
    char found[SHALE_DEF_FOUND_BYTES];
    if (node->kind != SHALE_YAML_SCALAR ||
        !shale_parse_duration(node->text, &def->stream->dedupe.within_us) ||
        def->stream->dedupe.within_us > SHALE_DEDUPE_MOST_US)
        SHALE_DEF_ERROR(def, node, definition_expected, "within", expected,
                        shale_def_found(node, found));
}

void shale_def_dedupe(struct shale_def *def, const struct shale_yaml_node *node)
{
    const struct shale_yaml_node *values[N_DEDUPE_KEYS];
    if (!shale_def_mapping(def, node, "dedupe", dedupe_keys, N_DEDUPE_KEYS, values))
        return;
    if (values[DEDUPE_KEY] != NULL)
        read_key(def, values[DEDUPE_KEY]);
    else
        SHALE_DEF_ERROR(def, node, definition_missing_key, "key", "dedupe", "names of fields");
    if (values[DEDUPE_TIME] != NULL)
        read_time(def, values[DEDUPE_TIME]);
    if (values[DEDUPE_WITHIN] != NULL)
        read_within(def, values[DEDUPE_WITHIN]);
    if (values[DEDUPE_TIME] == NULL && values[DEDUPE_WITHIN] != NULL)
        SHALE_DEF_ERROR(def, values[DEDUPE_WITHIN], definition_missing_key, "time", "dedupe",
                        "the field that 'within' is measured on");
    if (values[DEDUPE_TIME] != NULL && values[DEDUPE_WITHIN] == NULL)
        SHALE_DEF_WARNING(def, values[DEDUPE_TIME], definition_no_effect, "time",
                          "without 'within': an event is a duplicate for ever");
}
