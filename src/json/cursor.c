/* SPDX-License-Identifier: MIT */
/* The cursor: a table says what each kind of token does in each state of the grammar.
 *
 *     VALUE        --{-->  FIRST_NAME      --[-->  FIRST_ELEMENT     --scalar--> AFTER
 *     FIRST_NAME   --"-->  COLON  --:-->  MEMBER  --value--> AFTER   --}--> AFTER, one level up
 *     AFTER        in an object:  --,--> NAME     --}-->             at level 0 it is VALUE again
 *                  in an array:   --,--> ELEMENT  --]-->
 *
 * Only punctuation without meaning of its own (: and ,) is consumed before the next token is
 * seen. */
#include "json/cursor.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "json/chars.h"
#include "json/scan.h"

enum expect {
    EXPECT_VALUE, /* outside all values */
    EXPECT_FIRST_NAME,
    EXPECT_NAME,
    EXPECT_COLON,
    EXPECT_MEMBER,
    EXPECT_AFTER_MEMBER,
    EXPECT_FIRST_ELEMENT,
    EXPECT_ELEMENT,
    EXPECT_AFTER_ELEMENT,
    N_EXPECT,
};

enum action {
    ACTION_REFUSE,
    ACTION_OPEN_OBJECT,
    ACTION_OPEN_ARRAY,
    ACTION_CLOSE,
    ACTION_NAME,
    ACTION_STRING,
    ACTION_NUMBER,
    ACTION_LITERAL,
    ACTION_GO_ON, /* : and , */
};

#define A_VALUE                                                                                    \
    [SHALE_JSON_KIND_OPEN_OBJECT] = ACTION_OPEN_OBJECT,                                            \
    [SHALE_JSON_KIND_OPEN_ARRAY] = ACTION_OPEN_ARRAY, [SHALE_JSON_KIND_QUOTE] = ACTION_STRING,     \
    [SHALE_JSON_KIND_NUMBER] = ACTION_NUMBER, [SHALE_JSON_KIND_TRUE] = ACTION_LITERAL,             \
    [SHALE_JSON_KIND_FALSE] = ACTION_LITERAL, [SHALE_JSON_KIND_NULL] = ACTION_LITERAL

static const struct rule {
    const char *words; /* what is expected here */
    uint8_t actions[SHALE_JSON_N_KINDS];
    uint8_t then; /* the state behind a ':' or ',' */
} grammar[N_EXPECT] = {
    [EXPECT_VALUE] = {"a value", {A_VALUE}, 0},
    [EXPECT_FIRST_NAME] =
        {"a name or '}'",
         {[SHALE_JSON_KIND_QUOTE] = ACTION_NAME, [SHALE_JSON_KIND_CLOSE_OBJECT] = ACTION_CLOSE},
         0},
    [EXPECT_NAME] = {"a name", {[SHALE_JSON_KIND_QUOTE] = ACTION_NAME}, 0},
    [EXPECT_COLON] = {"':'", {[SHALE_JSON_KIND_COLON] = ACTION_GO_ON}, EXPECT_MEMBER},
    [EXPECT_MEMBER] = {"a value", {A_VALUE}, 0},
    [EXPECT_AFTER_MEMBER] =
        {"',' or '}'",
         {[SHALE_JSON_KIND_COMMA] = ACTION_GO_ON, [SHALE_JSON_KIND_CLOSE_OBJECT] = ACTION_CLOSE},
         EXPECT_NAME},
    [EXPECT_FIRST_ELEMENT] = {"a value or ']'",
                              {A_VALUE, [SHALE_JSON_KIND_CLOSE_ARRAY] = ACTION_CLOSE},
                              0},
    [EXPECT_ELEMENT] = {"a value", {A_VALUE}, 0},
    [EXPECT_AFTER_ELEMENT] =
        {"',' or ']'",
         {[SHALE_JSON_KIND_COMMA] = ACTION_GO_ON, [SHALE_JSON_KIND_CLOSE_ARRAY] = ACTION_CLOSE},
         EXPECT_ELEMENT},
};

enum shale_status shale_json_cursor_init(struct shale_json_cursor *cursor,
                                         const struct shale_mem *mem)
{
    *cursor = (struct shale_json_cursor){.error = SHALE_E_none};
    return shale_json_index_init(&cursor->index, mem);
}

void shale_json_cursor_fini(struct shale_json_cursor *cursor)
{
    shale_json_index_fini(&cursor->index);
}

void shale_json_begin(struct shale_json_cursor *cursor, const char *text, size_t n_bytes,
                      size_t from, bool last)
{
    shale_json_index_begin(&cursor->index, text, n_bytes, from, last);
    cursor->next = cursor->depth = 0;
    cursor->used = from;
    cursor->expect = EXPECT_VALUE;
    cursor->half = false;
    cursor->error = SHALE_E_none;
    cursor->error_at = 0;
    cursor->expected = "";
}

void shale_json_resume(struct shale_json_cursor *cursor, const char *text, size_t n_bytes,
                       size_t from, bool last)
{
    bool escaped = cursor->index.escaped;
    shale_json_index_begin(&cursor->index, text, n_bytes, from, last);
    if (cursor->half) {
        cursor->index.in_string = true;
        cursor->index.escaped = escaped;
    }
    cursor->next = 0;
    cursor->used = from;
}

size_t shale_json_position(const struct shale_json_cursor *cursor)
{
    return cursor->used;
}

static enum shale_json_step fail(struct shale_json_cursor *cursor, enum shale_error error,
                                 size_t at, const char *expected)
{
    cursor->error = error;
    cursor->error_at = at;
    cursor->expected = expected;
    return SHALE_JSON_ERROR;
}

/* The state behind a value at the present depth. */
static uint8_t after_value(const struct shale_json_cursor *cursor)
{
    size_t level = cursor->depth - 1;
    if (cursor->depth == 0)
        return EXPECT_VALUE;
    return cursor->is_object[level / 64] >> level % 64 & 1 ? EXPECT_AFTER_MEMBER
                                                           : EXPECT_AFTER_ELEMENT;
}

/* There is no further entry: why? */
static enum shale_json_step no_entry(struct shale_json_cursor *cursor)
{
    const struct shale_json_index *index = &cursor->index;
    cursor->used = index->scanned; /* only white space, or the string that pass() goes through */
    if (index->fault != SHALE_E_none)
        return fail(cursor, index->fault, index->fault_at, "a string");
    if (!index->last)
        return SHALE_JSON_MORE;
    if (cursor->depth == 0)
        return SHALE_JSON_END;
    return fail(cursor, SHALE_E_json_unterminated, index->n_bytes,
                after_value(cursor) == EXPECT_AFTER_MEMBER ? "an object" : "an array");
}

static enum shale_json_step open_level(struct shale_json_cursor *cursor, size_t at, bool is_object)
{
    size_t level = cursor->depth;
    uint64_t bit = (uint64_t)1 << level % 64;
    if (level == SHALE_JSON_MAX_DEPTH)
        return fail(cursor, SHALE_E_json_depth, at, "");
    if (is_object)
        cursor->is_object[level / 64] |= bit;
    else
        cursor->is_object[level / 64] &= ~bit;
    cursor->depth = level + 1;
    cursor->expect = is_object ? EXPECT_FIRST_NAME : EXPECT_FIRST_ELEMENT;
    cursor->next++;
    return is_object ? SHALE_JSON_OBJECT : SHALE_JSON_ARRAY;
}

static enum shale_json_step close_level(struct shale_json_cursor *cursor)
{
    bool is_object = after_value(cursor) == EXPECT_AFTER_MEMBER;
    cursor->depth--;
    cursor->expect = after_value(cursor);
    cursor->next++;
    return is_object ? SHALE_JSON_OBJECT_END : SHALE_JSON_ARRAY_END;
}

/* The closing quote of a string that began at item->begin is the next entry. */
static enum shale_json_step close_string(struct shale_json_cursor *cursor,
                                         struct shale_json_item *item)
{
    uint32_t entry = cursor->index.at[cursor->next++];
    bool is_name = cursor->expect == EXPECT_FIRST_NAME || cursor->expect == EXPECT_NAME;
    item->end = entry & ~SHALE_JSON_ESCAPED;
    item->escaped = (entry & SHALE_JSON_ESCAPED) != 0;
    cursor->used = item->end + (size_t)1;
    cursor->expect = is_name ? EXPECT_COLON : after_value(cursor);
    return is_name ? SHALE_JSON_NAME : SHALE_JSON_STRING;
}

/* A string or name whose opening quote is the next entry, at 'at'. */
static enum shale_json_step string(struct shale_json_cursor *cursor, size_t at, bool pass,
                                   struct shale_json_item *item)
{
    struct shale_json_index *index = &cursor->index;
    item->begin = (uint32_t)at + 1;
    if (cursor->next + 1 < index->n) {
        cursor->next++;
        return close_string(cursor, item);
    }
    if (shale_json_index_next(index)) {
        cursor->next = 0;
        return close_string(cursor, item);
    }
    /* The opening quote is still the next entry: asked again, the answer is the same. */
    if (index->fault != SHALE_E_none)
        return fail(cursor, index->fault, index->fault_at, "a string");
    cursor->used = at;
    if (pass) {
        cursor->half = true;
        cursor->next = index->n;
        cursor->used = index->scanned;
    }
    return SHALE_JSON_MORE;
}

/* The rest of a string that pass() has begun. */
static enum shale_json_step other_half(struct shale_json_cursor *cursor,
                                       struct shale_json_item *item)
{
    if (cursor->next == cursor->index.n) {
        if (!shale_json_index_next(&cursor->index))
            return no_entry(cursor);
        cursor->next = 0;
    }
    cursor->half = false;
    item->begin = cursor->index.at[cursor->next] & ~SHALE_JSON_ESCAPED;
    return close_string(cursor, item);
}

/* A number or literal at 'at' that follows its grammar up to 'end'; 'whole': and is one. */
static enum shale_json_step scalar(struct shale_json_cursor *cursor, enum shale_json_step step,
                                   struct shale_json_item *item, bool whole, const char *expected)
{
    const struct shale_json_index *index = &cursor->index;
    size_t end = item->end;
    if (end == index->n_bytes && !index->last) {
        cursor->used = item->begin;
        return SHALE_JSON_MORE;
    }
    if (end < index->n_bytes &&
        shale_json_is_scalar(shale_json_chars[(unsigned char)index->text[end]]))
        whole = false;
    if (!whole)
        return fail(cursor, step == SHALE_JSON_NUMBER ? SHALE_E_json_number : SHALE_E_json_syntax,
                    end, expected);
    cursor->used = end;
    cursor->expect = after_value(cursor);
    cursor->next++;
    item->escaped = false;
    return step;
}

static enum shale_json_step number(struct shale_json_cursor *cursor, size_t at,
                                   struct shale_json_item *item)
{
    const struct shale_json_index *index = &cursor->index;
    bool whole;
    item->begin = (uint32_t)at;
    item->end = (uint32_t)(at + shale_number_scan(index->text + at, index->n_bytes - at, &whole));
    return scalar(cursor, SHALE_JSON_NUMBER, item, whole, "");
}

static enum shale_json_step literal(struct shale_json_cursor *cursor, size_t at,
                                    struct shale_json_item *item)
{
    static const struct {
        const char *text, *expected;
        size_t n_bytes;
        enum shale_json_step step;
    } literals[] = {{"true", "\"true\"", 4, SHALE_JSON_TRUE},
                    {"false", "\"false\"", 5, SHALE_JSON_FALSE},
                    {"null", "\"null\"", 4, SHALE_JSON_NULL}};
    const struct shale_json_index *index = &cursor->index;
    const char *text = index->text + at;
    size_t which = *text == 't' ? 0 : *text == 'f' ? 1 : 2, n = 1, left = index->n_bytes - at;
    while (n < literals[which].n_bytes && n < left && text[n] == literals[which].text[n])
        n++;
    item->begin = (uint32_t)at;
    item->end = (uint32_t)(at + n);
    return scalar(cursor, literals[which].step, item, n == literals[which].n_bytes,
                  literals[which].expected);
}

static inline enum shale_json_step step_on(struct shale_json_cursor *cursor, bool pass,
                                           struct shale_json_item *item)
{
    struct shale_json_index *index = &cursor->index;
    if (cursor->error != SHALE_E_none)
        return SHALE_JSON_ERROR;
    if (cursor->half)
        return other_half(cursor, item);
    for (;;) {
        const struct rule *rule = &grammar[cursor->expect];
        size_t at;
        enum action action;
        if (cursor->next >= index->n) {
            if (!shale_json_index_next(index))
                return no_entry(cursor);
            cursor->next = 0;
        }
        at = index->at[cursor->next];
        action =
            rule->actions[shale_json_chars[(unsigned char)index->text[at]] & SHALE_JSON_KIND_MASK];
        if (action == ACTION_GO_ON) {
            cursor->used = at + 1;
            cursor->expect = rule->then;
            cursor->next++;
            continue;
        }
        if (action == ACTION_NAME || action == ACTION_STRING)
            return string(cursor, at, pass, item);
        if (action == ACTION_NUMBER)
            return number(cursor, at, item);
        if (action == ACTION_LITERAL)
            return literal(cursor, at, item);
        if (action == ACTION_REFUSE)
            return fail(cursor, SHALE_E_json_syntax, at, rule->words);
        *item = (struct shale_json_item){(uint32_t)at, (uint32_t)at + 1, false};
        cursor->used = at + 1;
        if (action == ACTION_CLOSE)
            return close_level(cursor);
        return open_level(cursor, at, action == ACTION_OPEN_OBJECT);
    }
}

enum shale_json_step shale_json_next(struct shale_json_cursor *cursor, struct shale_json_item *item)
{
    return step_on(cursor, false, item);
}

enum shale_json_step shale_json_pass(struct shale_json_cursor *cursor, struct shale_json_item *item)
{
    return step_on(cursor, true, item);
}

/* Go over names, strings, ':' and ',' that stand whole in the present block: most of any value, and
 * the index alone says where they end. */
static void skip_simple(struct shale_json_cursor *cursor)
{
    const struct shale_json_index *index = &cursor->index;
    size_t next = cursor->next;
    uint8_t expect = cursor->expect, after = after_value(cursor);
    while (next + 1 < index->n) {
        unsigned char c = (unsigned char)index->text[index->at[next]];
        const struct rule *rule = &grammar[expect];
        uint8_t action = rule->actions[shale_json_chars[c] & SHALE_JSON_KIND_MASK];
        if (action == ACTION_GO_ON)
            expect = rule->then;
        else if (action == ACTION_NAME)
            expect = EXPECT_COLON;
        else if (action == ACTION_STRING)
            expect = after;
        else
            break;
        next += action == ACTION_GO_ON ? 1 : 2;
    }
    if (next != cursor->next)
        cursor->used = (index->at[next - 1] & ~SHALE_JSON_ESCAPED) + (size_t)1;
    cursor->next = next;
    cursor->expect = expect;
}

enum shale_json_step shale_json_skip(struct shale_json_cursor *cursor, enum shale_json_step step,
                                     struct shale_json_item *item)
{
    struct shale_json_item inner = {0, 0, false};
    size_t depth = cursor->depth;
    if (step != SHALE_JSON_OBJECT && step != SHALE_JSON_ARRAY)
        return step;
    while (cursor->depth >= depth) {
        enum shale_json_step within;
        skip_simple(cursor);
        within = step_on(cursor, false, &inner);
        if (within >= SHALE_JSON_END)
            return within;
    }
    item->end = inner.end;
    return step;
}

/* Words for the byte at 'at', or for the end of the text. */
static const char *found(const struct shale_json_index *index, size_t at, char *out, size_t n_bytes)
{
    unsigned c;
    if (at >= index->n_bytes)
        return "the end";
    c = (unsigned char)index->text[at];
    if (c > 0x20 && c < 0x7F)
        (void)snprintf(out, n_bytes, "'%c'", (int)c);
    else
        (void)snprintf(out, n_bytes, "byte 0x%02X", c);
    return out;
}

enum shale_status shale_json_error(const struct shale_json_cursor *cursor, struct shale_err *err)
{
    char words[16];
    const char *here = found(&cursor->index, cursor->error_at, words, sizeof words);
    enum shale_status status = SHALE_CORRUPT;
    switch (cursor->error) {
    case SHALE_E_json_number:
        status = SHALE_ERR(err, json_number, here);
        break;
    case SHALE_E_json_utf8:
        status = SHALE_ERR(err, json_utf8, here);
        break;
    case SHALE_E_json_control_character:
        status = SHALE_ERR(err, json_control_character, here);
        break;
    case SHALE_E_json_escape:
        status = SHALE_ERR(err, json_escape);
        break;
    case SHALE_E_json_unterminated:
        status = SHALE_ERR(err, json_unterminated, cursor->expected);
        break;
    case SHALE_E_json_depth:
        status = SHALE_ERR(err, json_depth, (int)SHALE_JSON_MAX_DEPTH);
        break;
    default:
        assert(cursor->error == SHALE_E_json_syntax);
        status = SHALE_ERR(err, json_syntax, cursor->expected, here);
        break;
    }
    shale_err_at(err, NULL, -1, (int64_t)cursor->error_at);
    return status;
}
