/* SPDX-License-Identifier: MIT */
/* Constraints on one typed value. */
#include "schema/constraint.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "json/text.h"

enum {
    /* What one match may cost: enough for any pattern that is not written to explode, and some
     * tens of milliseconds for one that is. */
    MATCH_LIMIT = 1000000,
    HEAP_LIMIT_KIB = 8 * 1024,
    JIT_STACK_MIN = 32 * 1024,
    JIT_STACK_MAX = 512 * 1024,
};

struct shale_matcher {
    const struct shale_mem *mem;
    pcre2_general_context *general;
    pcre2_match_context *context;
    pcre2_match_data *data;
    pcre2_jit_stack *stack;
};

static void *pcre_alloc(size_t n_bytes, void *mem)
{
    return shale_mem_alloc(mem, n_bytes);
}

static void pcre_free(void *ptr, void *mem)
{
    shale_mem_free(mem, ptr);
}

/* PCRE2 hands the context back as it is; the hook is not written through it. */
static void *unconst(const struct shale_mem *mem)
{
    union {
        const void *in;
        void *out;
    } as = {mem};
    return as.out;
}

enum shale_status shale_matcher_new(const struct shale_mem *mem, struct shale_matcher **out)
{
    struct shale_matcher *matcher = shale_mem_zeroed(mem, 1, sizeof *matcher);
    if (matcher == NULL)
        return SHALE_NOMEM;
    matcher->mem = mem;
    matcher->general = pcre2_general_context_create(pcre_alloc, pcre_free, unconst(mem));
    if (matcher->general != NULL) {
        matcher->context = pcre2_match_context_create(matcher->general);
        matcher->data = pcre2_match_data_create(1, matcher->general);
        matcher->stack = pcre2_jit_stack_create(JIT_STACK_MIN, JIT_STACK_MAX, matcher->general);
    }
    if (matcher->context == NULL || matcher->data == NULL || matcher->stack == NULL) {
        shale_matcher_free(matcher);
        return SHALE_NOMEM;
    }
    pcre2_set_match_limit(matcher->context, MATCH_LIMIT);
    pcre2_set_depth_limit(matcher->context, MATCH_LIMIT);
    pcre2_set_heap_limit(matcher->context, HEAP_LIMIT_KIB);
    pcre2_jit_stack_assign(matcher->context, NULL, matcher->stack);
    *out = matcher;
    return SHALE_OK;
}

void shale_matcher_free(struct shale_matcher *matcher)
{
    if (matcher == NULL)
        return;
    pcre2_jit_stack_free(matcher->stack);
    pcre2_match_data_free(matcher->data);
    pcre2_match_context_free(matcher->context);
    pcre2_general_context_free(matcher->general);
    shale_mem_free(matcher->mem, matcher);
}

/* A value's text for a message. */
static const char *shown(const struct shale_matcher *matcher, const struct shale_type *type,
                         const struct shale_value *value, struct shale_quoted *out)
{
    struct shale_buf text;
    bool quotes = type->kind != SHALE_JSON && shale_type_layout(type) == SHALE_LAYOUT_BYTES;
    shale_buf_init(&text, matcher->mem, SIZE_MAX);
    struct shale_str written = SHALE_STR("a value");
    if (quotes && type->kind != SHALE_BINARY)
        written = value->as.bytes;
    else if (shale_value_format(type, value, &text) == SHALE_OK)
        written = shale_buf_str(&text);
    shale_value_quote(quotes ? SHALE_KIND_STRING : SHALE_KIND_NUMBER, written, out);
    shale_buf_fini(&text);
    return out->text;
}

static bool is_listed(const struct shale_field *field, const struct shale_type *type,
                      const struct shale_value *value)
{
    for (size_t i = 0; i < field->n_enum_values; i++)
        if (shale_value_compare(type, &field->enum_values[i], value) == 0)
            return true;
    return field->n_enum_values == 0;
}

static enum shale_status check_pattern(struct shale_matcher *matcher,
                                       const struct shale_field *field, struct shale_str text,
                                       struct shale_err *err)
{
    struct shale_quoted found, pattern;
    const char *begin = text.n_bytes == 0 ? "" : text.data;
    int result = pcre2_match(field->pattern_code, (PCRE2_SPTR)begin, text.n_bytes, 0,
                             PCRE2_NO_UTF_CHECK, matcher->data, matcher->context);
    if (result >= 0)
        return SHALE_OK;
    if (result == PCRE2_ERROR_NOMEMORY)
        return SHALE_NOMEM;
    shale_value_quote(SHALE_KIND_STRING, text, &found);
    shale_value_quote(SHALE_KIND_NUMBER, field->pattern, &pattern);
    if (result == PCRE2_ERROR_NOMATCH)
        return SHALE_ERR(err, pattern, pattern.text, found.text);
    return SHALE_ERR(err, pattern_limit, pattern.text, found.text);
}

static enum shale_status check_length(const struct shale_field *field, size_t length,
                                      struct shale_err *err)
{
    long long found = (long long)length;
    if (field->has_min_length && found < field->min_length)
        return SHALE_ERR(err, min_length, (long long)field->min_length, found);
    if (field->has_max_length && found > field->max_length)
        return SHALE_ERR(err, max_length, (long long)field->max_length, found);
    return SHALE_OK;
}

enum shale_status shale_constraint_check_list(const struct shale_field *field, size_t n_elements,
                                              struct shale_err *err)
{
    return check_length(field, n_elements, err);
}

static enum shale_status check_bounds(const struct shale_matcher *matcher,
                                      const struct shale_field *field,
                                      const struct shale_type *type,
                                      const struct shale_value *value, struct shale_err *err)
{
    struct shale_quoted bound, found;
    if (field->has_minimum && shale_value_compare(type, value, &field->minimum) < 0)
        return SHALE_ERR(err, minimum, shown(matcher, type, &field->minimum, &bound),
                         shown(matcher, type, value, &found));
    if (field->has_maximum && shale_value_compare(type, value, &field->maximum) > 0)
        return SHALE_ERR(err, maximum, shown(matcher, type, &field->maximum, &bound),
                         shown(matcher, type, value, &found));
    return SHALE_OK;
}

enum shale_status shale_constraint_check(struct shale_matcher *matcher,
                                         const struct shale_field *field,
                                         const struct shale_type *type,
                                         const struct shale_value *value, struct shale_err *err)
{
    static const char *const names[] = {
        [SHALE_FORMAT_NONE] = "a value",
        [SHALE_FORMAT_EMAIL] = "an email address",
        [SHALE_FORMAT_IPV4] = "an IPv4 address",
        [SHALE_FORMAT_IPV6] = "an IPv6 address",
        [SHALE_FORMAT_HOSTNAME] = "a host name",
        [SHALE_FORMAT_URI] = "a URI with its scheme",
        [SHALE_FORMAT_UUID] = "a UUID (8-4-4-4-12)",
    };
    enum shale_status status = SHALE_OK;
    bool is_bytes = shale_type_layout(type) == SHALE_LAYOUT_BYTES;
    bool own_length =
        field->type.n_members == 0 && (field->has_min_length || field->has_max_length);
    struct shale_quoted found;
    if (!is_listed(field, type, value))
        return SHALE_ERR(err, enum, shown(matcher, type, value, &found));
    if (field->pattern_code != NULL && is_bytes)
        status = check_pattern(matcher, field, value->as.bytes, err);
    if (status == SHALE_OK && own_length && is_bytes)
        status = check_length(field,
                              type->kind == SHALE_BINARY ? value->as.bytes.n_bytes
                                                         : shale_utf8_length(value->as.bytes),
                              err);
    if (status == SHALE_OK)
        status = check_bounds(matcher, field, type, value, err);
    if (status != SHALE_OK)
        return status;
    if (field->format != SHALE_FORMAT_NONE && is_bytes &&
        !shale_format_matches(field->format, value->as.bytes))
        return SHALE_ERR(err, format, names[field->format], shown(matcher, type, value, &found));
    return SHALE_OK;
}
