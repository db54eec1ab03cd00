/* SPDX-License-Identifier: MIT */
/* The definition's conditions: source.keep and rules. */
#include "schema/definition_parts.h"

enum condition_key { WHEN_FROM, WHEN_IN, WHEN_NOT_IN, WHEN_PRESENT, N_WHEN_KEYS };

static const struct shale_def_key condition_keys[N_WHEN_KEYS] = {
    [WHEN_FROM] = {"from", false},
    [WHEN_IN] = {"in", false},
    [WHEN_NOT_IN] = {"not_in", false},
    [WHEN_PRESENT] = {"present", false},
};

enum rule_key { RULE_WHEN, RULE_REQUIRE, RULE_FORBID, N_RULE_KEYS };

static const struct shale_def_key rule_keys[N_RULE_KEYS] = {
    [RULE_WHEN] = {"when", false},
    [RULE_REQUIRE] = {"require", false},
    [RULE_FORBID] = {"forbid", false},
};

/* Conditions are tried one by one for each event. */
enum { MAX_CONDITIONS = 1000 };

static void read_values(struct shale_def *def, const struct shale_yaml_node *node, const char *key,
                        struct shale_condition *out)
{
    struct shale_def_walk walk = shale_def_walk(node);
    struct shale_literal *values = shale_def_zeroed(def, walk.n, sizeof *values);
    size_t n = 0;

    if (values == NULL)
        return;
    if (walk.n == 0)
        SHALE_DEF_ERROR(def, node, definition_expected, key, "a list of values", "an empty list");
    while ((node = shale_def_next(&walk)) != NULL) {
        if (!shale_def_literal(def, node, key, &values[n]))
            continue;
        values[n].text = shale_def_copy(def, values[n].text);
        n++;
    }
    out->values = values;
    out->n_values = n;
}

/* Does a field that trims read the same place? */
static bool is_trimmed(const struct shale_def *def, const struct shale_pointer *pointer)
{
    for (size_t i = 0; i < def->stream->n_fields; i++) {
        const struct shale_field *field = &def->fields[i];
        for (size_t k = 0; field->trim && k < field->n_from; k++) {
            if (field->from[k].kind == SHALE_FROM_POINTER &&
                shale_str_equal(field->from[k].pointer.text, pointer->text))
                return true;
        }
    }
    return false;
}

static void read_condition(struct shale_def *def, const struct shale_yaml_node *node,
                           const char *what, struct shale_condition *out)
{
    const struct shale_yaml_node *values[N_WHEN_KEYS];
    int n;

    if (!shale_def_mapping(def, node, what, condition_keys, N_WHEN_KEYS, values))
        return;
    if (values[WHEN_FROM] == NULL) {
        SHALE_DEF_ERROR(def, node, definition_missing_key, "from", what,
                        "a JSON pointer such as /eventType");
    } else if (shale_def_from(def, values[WHEN_FROM], &out->from)) {
        if (out->from.kind == SHALE_FROM_INDEX)
            SHALE_DEF_ERROR(def, values[WHEN_FROM], definition_index,
                            "only: a condition cannot use it");
        out->trim = out->from.kind == SHALE_FROM_POINTER && is_trimmed(def, &out->from.pointer);
    }
    n = (values[WHEN_IN] != NULL) + (values[WHEN_NOT_IN] != NULL) + (values[WHEN_PRESENT] != NULL);
    if (n != 1) {
        SHALE_DEF_ERROR(def, node, definition_condition, what, n);
    } else if (values[WHEN_PRESENT] != NULL) {
        out->kind = SHALE_WHEN_PRESENT;
        (void)shale_def_bool(def, values[WHEN_PRESENT], "present", &out->present);
    } else if (values[WHEN_IN] != NULL) {
        out->kind = SHALE_WHEN_IN;
        read_values(def, values[WHEN_IN], "in", out);
    } else {
        out->kind = SHALE_WHEN_NOT_IN;
        read_values(def, values[WHEN_NOT_IN], "not_in", out);
    }
}

/* A list of mappings, or NULL and reported. */
static bool is_list(struct shale_def *def, const struct shale_yaml_node *node, const char *key,
                    const char *expected)
{
    char found[SHALE_DEF_FOUND_BYTES];
    if (node->kind != SHALE_YAML_SEQUENCE) {
        SHALE_DEF_ERROR(def, node, definition_expected, key, expected,
                        shale_def_found(node, found));
        return false;
    }
    if (node->n_items > MAX_CONDITIONS) {
        SHALE_DEF_ERROR(def, node, definition_too_much, MAX_CONDITIONS, "conditions");
        return false;
    }
    return true;
}

void shale_def_keep(struct shale_def *def, const struct shale_yaml_node *node)
{
    struct shale_condition *keep;
    size_t i = 0;

    if (node == NULL || !is_list(def, node, "keep", "a list of conditions ({from: /a, in: [x]})"))
        return;
    keep = shale_def_zeroed(def, node->n_items, sizeof *keep);
    if (keep == NULL)
        return;
    for (const struct shale_yaml_item *item = node->items; item != NULL; item = item->next)
        read_condition(def, item->value, "a condition of keep", &keep[i++]);
    def->stream->keep = keep;
    def->stream->n_keep = node->n_items;
}

static void check_contradiction(struct shale_def *def, const struct shale_yaml_node *node,
                                const struct shale_rule *rule)
{
    for (size_t i = 0; i < rule->n_require; i++) {
        for (size_t k = 0; k < rule->n_forbid; k++) {
            struct shale_str name = def->fields[rule->require[i]].name;
            if (rule->require[i] == rule->forbid[k]) {
                SHALE_DEF_ERROR(def, node, definition_contradiction, SHALE_DEF_SHOW(name));
                return;
            }
        }
    }
}

static void read_rule(struct shale_def *def, const struct shale_yaml_node *node,
                      struct shale_rule *out)
{
    const struct shale_yaml_node *values[N_RULE_KEYS];

    if (!shale_def_mapping(def, node, "a rule", rule_keys, N_RULE_KEYS, values))
        return;
    if (values[RULE_WHEN] == NULL)
        SHALE_DEF_ERROR(def, node, definition_missing_key, "when", "a rule",
                        "a condition ({from: /a, in: [x]})");
    else
        read_condition(def, values[RULE_WHEN], "when", &out->when);
    if (values[RULE_REQUIRE] == NULL && values[RULE_FORBID] == NULL)
        SHALE_DEF_ERROR(def, node, definition_missing_key, "require", "a rule",
                        "require or forbid with names of fields");
    if (values[RULE_REQUIRE] != NULL)
        out->require = shale_def_field_list(def, values[RULE_REQUIRE], "require", &out->n_require);
    if (values[RULE_FORBID] != NULL)
        out->forbid = shale_def_field_list(def, values[RULE_FORBID], "forbid", &out->n_forbid);
    if (def->status == SHALE_OK)
        check_contradiction(def, node, out);
}

void shale_def_rules(struct shale_def *def, const struct shale_yaml_node *node)
{
    struct shale_rule *rules;
    size_t i = 0;

    if (node == NULL ||
        !is_list(def, node, "rules", "a list of rules ({when: {...}, require: [...]})"))
        return;
    rules = shale_def_zeroed(def, node->n_items, sizeof *rules);
    if (rules == NULL)
        return;
    for (const struct shale_yaml_item *item = node->items; item != NULL && def->status == SHALE_OK;
         item = item->next)
        read_rule(def, item->value, &rules[i++]);
    def->stream->rules = rules;
    def->stream->n_rules = node->n_items;
}
