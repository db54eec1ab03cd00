/* SPDX-License-Identifier: MIT */
/* The constraints of a field: do they apply to its type, and are their values of it? */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "schema/definition_parts.h"

#include <pcre2.h>

#include "json/writer.h"

#define KIND(kind) (1u << SHALE_##kind)

enum {
    INTEGERS = KIND(INT32) | KIND(INT64),
    NUMBERS = INTEGERS | KIND(FLOAT64) | KIND(DECIMAL),
    TIMES = KIND(DATE) | KIND(TIME) | KIND(TIMESTAMP),
    TEXTS = KIND(STRING) | KIND(UUID) | KIND(BINARY),
    SCALARS = NUMBERS | TIMES | TEXTS | KIND(BOOL) | KIND(JSON),
    LENGTHS = KIND(STRING) | KIND(BINARY) | KIND(LIST) | KIND(MAP),
};

/* To which kinds a constraint applies.  Of a list the element's kind counts, and LIST or MAP where
 * the constraint is on the field's own value ('whole': only that). */
static const struct {
    enum shale_def_field_key key;
    const char *name;
    unsigned kinds;
    bool whole;
    const char *hint;
} applicable[] = {
    {SHALE_DEF_TRIM, "trim", TEXTS | TIMES, false, "it is for types that are read from texts"},
    {SHALE_DEF_NULL_VALUES, "null_values", SCALARS, false, "it is for scalars and lists of them"},
    {SHALE_DEF_ENUM, "enum", SCALARS & ~(unsigned)KIND(JSON), false, "it is for scalars but json"},
    {SHALE_DEF_PATTERN, "pattern", KIND(STRING), false, "it is for string and list<string>"},
    {SHALE_DEF_FORMAT, "format", KIND(STRING), false, "it is for string and list<string>"},
    {SHALE_DEF_MIN_LENGTH, "min_length", LENGTHS, true, "it is for string, binary, lists and maps"},
    {SHALE_DEF_MAX_LENGTH, "max_length", LENGTHS, true, "it is for string, binary, lists and maps"},
    {SHALE_DEF_MINIMUM, "minimum", NUMBERS | TIMES, false, "it is for numbers, dates and times"},
    {SHALE_DEF_MAXIMUM, "maximum", NUMBERS | TIMES, false, "it is for numbers, dates and times"},
    {SHALE_DEF_DEFAULT, "default", SCALARS, true, "only scalars have one"},
};

/* What is being read, for the functions below. */
struct part {
    struct shale_def *def;
    struct shale_field *field;
    const struct shale_type *scalar; /* the field's type, or its element's; constraints on values
                                      * are read only when it is one */
    const struct shale_yaml_node *values[SHALE_DEF_N_FIELD_KEYS]; /* NULL: absent or refused */
};

static void drop_inapplicable(struct part *part)
{
    char name[SHALE_TYPE_TEXT_BYTES];
    unsigned own = 1u << part->field->type.kind, element = 1u << part->scalar->kind;
    for (size_t i = 0; i < sizeof applicable / sizeof applicable[0]; i++) {
        const struct shale_yaml_node **node = &part->values[applicable[i].key];
        unsigned kinds = applicable[i].kinds;
        if (applicable[i].key == SHALE_DEF_TRIM && part->field->lax)
            kinds |= NUMBERS | KIND(BOOL);
        if (*node == NULL || (kinds & own) != 0 || (!applicable[i].whole && (kinds & element) != 0))
            continue;
        SHALE_DEF_ERROR(part->def, *node, definition_applies, applicable[i].name,
                        shale_type_text(&part->field->type, name, sizeof name), applicable[i].hint);
        *node = NULL;
    }
}

/* ---- Values --------------------------------------------------------------------------------- */

/* A json default as JSON text: a scalar, {} or []. */
static bool json_literal(struct shale_def *def, const struct shale_yaml_node *node,
                         struct shale_literal *out)
{
    struct shale_json_writer writer;
    if (node->kind != SHALE_YAML_SCALAR && node->n_items == 0) {
        bool list = node->kind == SHALE_YAML_SEQUENCE;
        out->kind = list ? SHALE_KIND_ARRAY : SHALE_KIND_OBJECT;
        out->text = list ? SHALE_STR("[]") : SHALE_STR("{}");
        return true;
    }
    if (!shale_def_literal(def, node, "default", out))
        return false;
    if (out->kind != SHALE_KIND_STRING)
        return true;
    shale_buf_reset(&def->scratch);
    shale_json_writer_init(&writer, &def->scratch);
    shale_json_put_string(&writer, out->text);
    if (writer.status != SHALE_OK) {
        def->status = SHALE_NOMEM;
        return false;
    }
    out->text = shale_def_copy(def, shale_buf_str(&def->scratch));
    return def->status == SHALE_OK;
}

static void report_value(struct part *part, const struct shale_yaml_node *node, const char *key,
                         enum shale_json_kind kind, const struct shale_err *why)
{
    char found[SHALE_DEF_FOUND_BYTES], name[SHALE_TYPE_TEXT_BYTES];
    unsigned bit = 1u << part->scalar->kind;
    const char *text = shale_def_found(node, found);
    shale_type_text(part->scalar, name, sizeof name);
    if (kind != SHALE_KIND_STRING && (bit & (TEXTS | TIMES)) != 0)
        SHALE_DEF_ERROR(part->def, node, definition_quote, key, text,
                        kind == SHALE_KIND_BOOL ? "bool" : "number", name);
    else
        SHALE_DEF_ERROR(part->def, node, definition_value, key, text, name, why->message);
}

/* A node as a value of the scalar type; bytes are copied to the stream's arena. */
static bool read_value(struct part *part, const struct shale_yaml_node *node, const char *key,
                       struct shale_value *out)
{
    struct shale_def *def = part->def;
    struct shale_literal literal;
    struct shale_err why;
    enum shale_status status;
    bool ok = part->scalar->kind == SHALE_JSON ? json_literal(def, node, &literal)
                                               : shale_def_literal(def, node, key, &literal);
    if (!ok)
        return false;
    if (literal.kind == SHALE_KIND_NULL) {
        SHALE_DEF_ERROR(def, node, definition_expected, key, "a value (quote it if it is a text)",
                        "null");
        return false;
    }
    shale_err_clear(&why);
    shale_buf_reset(&def->scratch);
    status = shale_value_convert(part->scalar, false, literal.kind, literal.text, &def->scratch,
                                 out, &why);
    if (status == SHALE_NOMEM || status == SHALE_LIMIT) {
        def->status = SHALE_NOMEM;
        return false;
    }
    if (status != SHALE_OK) {
        report_value(part, node, key, literal.kind, &why);
        return false;
    }
    if (shale_type_layout(part->scalar) == SHALE_LAYOUT_BYTES)
        out->as.bytes = shale_def_copy(def, out->as.bytes);
    return def->status == SHALE_OK;
}

static void read_enum(struct part *part)
{
    const struct shale_yaml_node *node = part->values[SHALE_DEF_ENUM];
    struct shale_def_walk walk;
    struct shale_value *values;
    size_t n = 0;

    if (node == NULL)
        return;
    if (node->kind != SHALE_YAML_SEQUENCE || node->n_items == 0) {
        SHALE_DEF_ERROR(part->def, node, definition_expected, "enum", "a list of values",
                        node->kind == SHALE_YAML_SEQUENCE ? "an empty list" : "no list");
        return;
    }
    walk = shale_def_walk(node);
    values = shale_def_zeroed(part->def, walk.n, sizeof *values);
    while (values != NULL && (node = shale_def_next(&walk)) != NULL) {
        if (read_value(part, node, "enum", &values[n]))
            n++;
    }
    part->field->enum_values = values;
    part->field->n_enum_values = n;
}

static void read_bounds(struct part *part)
{
    const struct shale_yaml_node *low = part->values[SHALE_DEF_MINIMUM];
    const struct shale_yaml_node *high = part->values[SHALE_DEF_MAXIMUM];
    struct shale_field *field = part->field;

    if (low != NULL)
        field->has_minimum = read_value(part, low, "minimum", &field->minimum);
    if (high != NULL)
        field->has_maximum = read_value(part, high, "maximum", &field->maximum);
    if (field->has_minimum && field->has_maximum &&
        shale_value_compare(part->scalar, &field->minimum, &field->maximum) > 0)
        SHALE_DEF_ERROR(part->def, low, definition_bounds, "minimum", "maximum", high->line);
}

static void read_lengths(struct part *part)
{
    const struct shale_yaml_node *low = part->values[SHALE_DEF_MIN_LENGTH];
    const struct shale_yaml_node *high = part->values[SHALE_DEF_MAX_LENGTH];
    struct shale_field *field = part->field;

    if (low != NULL)
        field->has_min_length =
            shale_def_int(part->def, low, "min_length", 0, INT32_MAX, &field->min_length);
    if (high != NULL)
        field->has_max_length =
            shale_def_int(part->def, high, "max_length", 0, INT32_MAX, &field->max_length);
    if (field->has_min_length && field->has_max_length && field->min_length > field->max_length)
        SHALE_DEF_ERROR(part->def, low, definition_bounds, "min_length", "max_length", high->line);
}

static void read_null_values(struct part *part)
{
    const struct shale_yaml_node *node = part->values[SHALE_DEF_NULL_VALUES];
    struct shale_def_walk walk;
    struct shale_str *texts;
    size_t n = 0;

    if (node == NULL)
        return;
    walk = shale_def_walk(node);
    texts = shale_def_zeroed(part->def, walk.n, sizeof *texts);
    while (texts != NULL && (node = shale_def_next(&walk)) != NULL) {
        struct shale_str text;
        if (shale_def_text(part->def, node, "null_values", "a text (null itself: quote the word)",
                           &text))
            texts[n++] = shale_def_copy(part->def, text);
    }
    part->field->null_values = texts;
    part->field->n_null_values = n;
}

static void read_format(struct part *part)
{
    static const struct shale_def_key formats[] = {
        {"email", false},    {"ipv4", false}, {"ipv6", false},
        {"hostname", false}, {"uri", false},  {"uuid", false},
    };
    const struct shale_yaml_node *node = part->values[SHALE_DEF_FORMAT];
    size_t i;
    if (node != NULL && shale_def_choice(part->def, node, "format", formats,
                                         sizeof formats / sizeof formats[0], &i))
        part->field->format = (enum shale_format_rule)(i + SHALE_FORMAT_EMAIL);
}

/* ---- Patterns ------------------------------------------------------------------------------- */

static void *pcre_alloc(size_t n_bytes, void *mem)
{
    return shale_mem_alloc(mem, n_bytes);
}

static void pcre_free(void *ptr, void *mem)
{
    shale_mem_free(mem, ptr);
}

static void report_pattern(struct shale_def *def, const struct shale_yaml_node *node, int code,
                           size_t at)
{
    PCRE2_UCHAR words[160];
    if (code == PCRE2_ERROR_NOMEMORY || code == PCRE2_ERROR_HEAP_FAILED) {
        def->status = SHALE_NOMEM;
        return;
    }
    if (pcre2_get_error_message(code, words, sizeof words) < 0)
        words[0] = '\0';
    SHALE_DEF_ERROR(def, node, definition_pattern, (const char *)words, at + 1);
}

/* The hook takes no const context, and PCRE2 only hands it back. */
static pcre2_compile_context *new_context(const struct shale_mem *mem)
{
    union {
        const struct shale_mem *in;
        void *out;
    } ctx = {mem};
    pcre2_general_context *general = pcre2_general_context_create(pcre_alloc, pcre_free, ctx.out);
    pcre2_compile_context *compile;
    if (general == NULL)
        return NULL;
    compile = pcre2_compile_context_create(general);
    pcre2_general_context_free(general);
    return compile;
}

static void read_pattern(struct part *part)
{
    const struct shale_yaml_node *node = part->values[SHALE_DEF_PATTERN];
    struct shale_def *def = part->def;
    pcre2_compile_context *context;
    pcre2_code *code;
    struct shale_str text;
    PCRE2_SIZE at;
    int error;

    if (node == NULL || !shale_def_text(def, node, "pattern", "a regular expression", &text))
        return;
    context = new_context(def->mem);
    if (context == NULL) {
        def->status = SHALE_NOMEM;
        return;
    }
    code = pcre2_compile((PCRE2_SPTR)text.data, text.n_bytes,
                         PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_BACKSLASH_C, &error, &at,
                         context);
    pcre2_compile_context_free(context);
    if (code == NULL) {
        report_pattern(def, node, error, at);
        return;
    }
    /* Without JIT (or without memory for it) the interpreter gives the same answers. */
    (void)pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);
    part->field->pattern = shale_def_copy(def, text);
    part->field->pattern_code = code;
}

/* ---- All ------------------------------------------------------------------------------------ */

/* A default that the field's own constraints refuse would make rows that no value could. */
static void read_default(struct part *part)
{
    const struct shale_yaml_node *node = part->values[SHALE_DEF_DEFAULT];
    struct shale_field *field = part->field;
    struct shale_err why;
    enum shale_status status;

    if (node == NULL)
        return;
    field->has_default = read_value(part, node, "default", &field->default_value);
    if (field->required)
        SHALE_DEF_WARNING(part->def, part->values[SHALE_DEF_REQUIRED], definition_no_effect,
                          "required", "beside default");
    if (!field->has_default || part->def->matcher == NULL)
        return;
    shale_err_clear(&why);
    status = shale_constraint_check(part->def->matcher, field, part->scalar, &field->default_value,
                                    &why);
    if (status == SHALE_NOMEM)
        part->def->status = SHALE_NOMEM;
    else if (status != SHALE_OK)
        SHALE_DEF_ERROR(part->def, node, definition_default, why.message);
}

void shale_def_constraints(struct shale_def *def, struct shale_field *field,
                           const struct shale_def_field *info,
                           const struct shale_yaml_node *const *values)
{
    struct part part = {.def = def, .field = field, .scalar = &field->type};
    if (values[SHALE_DEF_REQUIRED] != NULL)
        (void)shale_def_bool(def, values[SHALE_DEF_REQUIRED], "required", &field->required);
    if (!info->typed)
        return;
    if (field->type.kind == SHALE_LIST)
        part.scalar = shale_type_element(&field->type);
    memcpy(part.values, values, sizeof part.values);
    drop_inapplicable(&part);
    if (part.values[SHALE_DEF_TRIM] != NULL)
        (void)shale_def_bool(def, part.values[SHALE_DEF_TRIM], "trim", &field->trim);
    read_null_values(&part);
    read_enum(&part);
    read_pattern(&part);
    read_format(&part);
    read_lengths(&part);
    read_bounds(&part);
    read_default(&part);
}
