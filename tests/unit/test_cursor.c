/* SPDX-License-Identifier: MIT */
/* json/cursor: tokens, grammar, faults and their places, windows, passing over. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "json/cursor.h"
#include "json_walk.h"
#include "scratch.h"

/* The tokens of a text in short: { } [ ] n(name) s(string) 0(number) t f z(null) $ ! */
static const char letters[] = "{}[]ns0tfz$.!";

static char *tokens_of(const char *text, char *out)
{
    struct shale_json_cursor cursor;
    struct shale_json_item item;
    enum shale_json_step step;
    size_t n = 0;
    assert_int_equal(shale_json_cursor_init(&cursor, &shale_mem_libc), SHALE_OK);
    shale_json_begin(&cursor, text, strlen(text), 0, true);
    do {
        step = shale_json_next(&cursor, &item);
        out[n++] = letters[step];
    } while (step < SHALE_JSON_END);
    out[n] = '\0';
    assert_int_equal(shale_json_next(&cursor, &item), step); /* stays so */
    shale_json_cursor_fini(&cursor);
    return out;
}

static void test_hands_out_tokens(void **state)
{
    static const char *const cases[][2] = {
        {"", "$"},
        {" \t\r\n", "$"},
        {"{}", "{}$"},
        {"[]", "[]$"},
        {"\"a\"", "s$"},
        {"{\"a\":1}", "{n0}$"},
        {" { \"a\" : [ 1 , true,false ,null,\"\" ] , \"b\":{} } ", "{n[0tfzs]n{}}$"},
        {"[[[]],{}]", "[[[]]{}]$"},
        {"-0.5e+7", "0$"},
        {"{}{}[]", "{}{}[]$"},
        {"1\"a\"2[]3 4", "0s0[]00$"},
        {"\"a\"\"b\"", "ss$"},
        {"1x", "!"},
        {"[1 2]", "[0!"},
        {"[1,]", "[0!"},
        {"[,1]", "[!"},
        {"{\"a\"}", "{n!"},
        {"{\"a\":}", "{n!"},
        {"{\"a\":1,}", "{n0!"},
        {"{1:2}", "{!"},
        {"[}", "[!"},
        {"{]", "{!"},
        {"]", "!"},
        {",", "!"},
        {"{} ,", "{}!"},
        {"[1", "[0!"},
        {"nul", "!"},
        {"nulll", "!"},
        {"\v1", "!"},
        {"\xEF\xBB\xBF{}", "!"},
    };
    char out[64];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_string_equal(tokens_of(cases[i][0], out), cases[i][1]);
}

static void test_gives_the_place_of_each_token(void **state)
{
    static const char text[] = " {\"n\\u0061me\" : -12 , \"b\":\"x\"}";
    struct shale_json_cursor cursor;
    struct shale_json_item item;
    (void)state;
    assert_int_equal(shale_json_cursor_init(&cursor, &shale_mem_libc), SHALE_OK);
    shale_json_begin(&cursor, text, strlen(text), 0, true);
    assert_int_equal(shale_json_next(&cursor, &item), SHALE_JSON_OBJECT);
    assert_int_equal(item.begin, 1);
    assert_int_equal(item.end, 2);
    assert_int_equal(shale_json_position(&cursor), 2);
    assert_int_equal(shale_json_next(&cursor, &item), SHALE_JSON_NAME);
    assert_true(shale_str_is(shale_json_text(&cursor, &item), "n\\u0061me"));
    assert_true(item.escaped);
    assert_int_equal(shale_json_position(&cursor), 13);
    assert_int_equal(shale_json_next(&cursor, &item), SHALE_JSON_NUMBER);
    assert_true(shale_str_is(shale_json_text(&cursor, &item), "-12"));
    assert_false(item.escaped);
    assert_int_equal(shale_json_next(&cursor, &item), SHALE_JSON_NAME);
    assert_false(item.escaped);
    assert_int_equal(shale_json_next(&cursor, &item), SHALE_JSON_STRING);
    assert_true(shale_str_is(shale_json_text(&cursor, &item), "x"));
    assert_int_equal(shale_json_next(&cursor, &item), SHALE_JSON_OBJECT_END);
    assert_int_equal(shale_json_position(&cursor), strlen(text));
    assert_int_equal(shale_json_next(&cursor, &item), SHALE_JSON_END);
    shale_json_cursor_fini(&cursor);
}

struct fault_case {
    const char *text;
    enum shale_error error;
    size_t at;
    const char *message;
};

/* NUL stands in no case: texts are C strings. */
static const struct fault_case faults[] = {
    {"[1 x]", SHALE_E_json_syntax, 3, "expected ',' or ']', found 'x'"},
    {"{\"a\" 1}", SHALE_E_json_syntax, 5, "expected ':', found '1'"},
    {"{\"a\":1,}", SHALE_E_json_syntax, 7, "expected a name, found '}'"},
    {"[nuls]", SHALE_E_json_syntax, 4, "expected \"null\", found 's'"},
    {"[nullx]", SHALE_E_json_syntax, 5, "expected \"null\", found 'x'"},
    {"fals", SHALE_E_json_syntax, 4, "expected \"false\", found the end"},
    {"[\xFF]", SHALE_E_json_syntax, 1, "expected a value or ']', found byte 0xFF"},
    {"01", SHALE_E_json_number, 1, "not a JSON number: unexpected '1'"},
    {"[-]", SHALE_E_json_number, 2, "not a JSON number: unexpected ']'"},
    {"1.", SHALE_E_json_number, 2, "not a JSON number: unexpected the end"},
    {"[1e+]", SHALE_E_json_number, 4, "not a JSON number: unexpected ']'"},
    {"1x", SHALE_E_json_number, 1, "not a JSON number: unexpected 'x'"},
    {"[\"a\xC3(\"]", SHALE_E_json_utf8, 3, "a string is not valid UTF-8: found byte 0xC3"},
    {"\"\xED\xA0\x80\"", SHALE_E_json_utf8, 1, "a string is not valid UTF-8: found byte 0xED"},
    {"\"\xF4\x90\x80\x80\"", SHALE_E_json_utf8, 1, "a string is not valid UTF-8: found byte 0xF4"},
    {"\"\xE2\x82", SHALE_E_json_utf8, 1, "a string is not valid UTF-8: found byte 0xE2"},
    {"\"abcdefghi\nj\"", SHALE_E_json_control_character, 10,
     "unescaped control character in a string: byte 0x0A"},
    {"[\"a\\x\"]", SHALE_E_json_escape, 3, "bad escape in a string"},
    {"\"\\u12g4\"", SHALE_E_json_escape, 1, "bad escape in a string"},
    {"\"abc", SHALE_E_json_unterminated, 4, "the text ends inside a string"},
    {"\"abc\\", SHALE_E_json_unterminated, 5, "the text ends inside a string"},
    {"\"abc\\u00", SHALE_E_json_unterminated, 8, "the text ends inside a string"},
    {"\"", SHALE_E_json_unterminated, 1, "the text ends inside a string"},
    {"[{}", SHALE_E_json_unterminated, 3, "the text ends inside an array"},
    {"{\"a\":[] ", SHALE_E_json_unterminated, 8, "the text ends inside an object"},
    {"{\"a\"", SHALE_E_json_unterminated, 4, "the text ends inside an object"},
};

static void test_says_what_is_wrong_and_where(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        const struct fault_case *c = &faults[i];
        size_t n = strlen(c->text);
        struct walk whole = walk_windows(c->text, n, n, WALK_NEXT);
        assert_int_equal(whole.error, c->error);
        assert_int_equal(whole.error_at, c->at);
        assert_string_equal(whole.message, c->message);
        for (size_t window = 1; window <= n; window++) {
            struct walk cut = walk_windows(c->text, n, window, WALK_NEXT);
            struct walk passed = walk_windows(c->text, n, window, WALK_PASS);
            assert_int_equal(cut.error, c->error);
            assert_int_equal(cut.error_at, c->at);
            assert_string_equal(cut.message, c->message);
            assert_int_equal(passed.error, c->error);
            assert_int_equal(passed.error_at, c->at);
        }
    }
}

static void test_limits_nesting(void **state)
{
    char text[2 * SHALE_JSON_MAX_DEPTH + 3];
    struct walk walk;
    (void)state;
    for (size_t depth = SHALE_JSON_MAX_DEPTH - 1; depth <= SHALE_JSON_MAX_DEPTH + 1; depth++) {
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        walk = walk_windows(text, 2 * depth, 2 * depth, WALK_NEXT);
        if (depth <= SHALE_JSON_MAX_DEPTH) {
            assert_int_equal(walk.error, SHALE_E_none);
            assert_int_equal(walk.n_values, 1);
        } else {
            assert_int_equal(walk.error, SHALE_E_json_depth);
            assert_int_equal(walk.error_at, SHALE_JSON_MAX_DEPTH);
            assert_string_equal(walk.message, "nested deeper than 1024");
        }
    }
}

/* Levels of both kinds across the words of the bit set. */
static void test_remembers_the_kind_of_each_level(void **state)
{
    char text[8 * SHALE_JSON_MAX_DEPTH], ends[SHALE_JSON_MAX_DEPTH];
    size_t n = 0, depth = 0;
    struct walk walk;
    (void)state;
    for (; depth < SHALE_JSON_MAX_DEPTH; depth++) {
        bool object = (depth * 2654435761u >> 7 & 1) != 0;
        memcpy(text + n, object ? "{\"\":" : "[", object ? 4 : 1);
        n += object ? 4 : 1;
        ends[depth] = object ? '}' : ']';
    }
    text[n++] = '0';
    while (depth > 0)
        text[n++] = ends[--depth];
    walk = walk_windows(text, n, n, WALK_NEXT);
    assert_int_equal(walk.error, SHALE_E_none);
    assert_int_equal(walk.n_values, 1);
    for (size_t i = 0; i < SHALE_JSON_MAX_DEPTH; i++) {
        size_t at = n - 1 - i;
        text[at] = text[at] == '}' ? ']' : '}';
        walk = walk_windows(text, n, n, WALK_NEXT);
        assert_int_equal(walk.error, SHALE_E_json_syntax);
        assert_int_equal(walk.error_at, at);
        text[at] = ends[i];
    }
}

/* A fault ahead does not keep back what stands before it, and a new beginning behind it works. */
static void test_stands_again_behind_a_fault(void **state)
{
    static const char text[] = "{\"a\":\"b\nc\"}\n[1]\n";
    struct shale_json_cursor cursor;
    struct shale_json_item item;
    (void)state;
    assert_int_equal(shale_json_cursor_init(&cursor, &shale_mem_libc), SHALE_OK);
    shale_json_begin(&cursor, text, strlen(text), 0, true);
    assert_int_equal(shale_json_next(&cursor, &item), SHALE_JSON_OBJECT);
    assert_int_equal(shale_json_next(&cursor, &item), SHALE_JSON_NAME);
    assert_int_equal(shale_json_next(&cursor, &item), SHALE_JSON_ERROR);
    assert_int_equal(cursor.error_at, 7);
    assert_int_equal(shale_json_next(&cursor, &item), SHALE_JSON_ERROR);
    shale_json_begin(&cursor, text, strlen(text), 12, true);
    assert_int_equal(shale_json_next(&cursor, &item), SHALE_JSON_ARRAY);
    assert_int_equal(item.begin, 12);
    assert_int_equal(shale_json_skip(&cursor, SHALE_JSON_ARRAY, &item), SHALE_JSON_ARRAY);
    assert_int_equal(item.end, 15);
    assert_int_equal(shale_json_next(&cursor, &item), SHALE_JSON_END);
    shale_json_cursor_fini(&cursor);
}

static void test_asks_for_more(void **state)
{
    /* The text up to where more is needed, tokens before that. */
    static const char *const cases[][2] = {
        {"", "."},        {" ", "."},          {"[", "[."},        {"1", "."},
        {"[12", "[."},    {"[1,", "[0."},      {"[1 ", "[0."},     {"tru", "."},
        {"true", "."},    {"true ", "t."},     {"\"abc", "."},     {"\"abc\"", "s."},
        {"{\"a\\", "{."}, {"{\"a\"", "{n."},   {"{\"a\":", "{n."}, {"{\"a\":{}", "{n{}."},
        {"{}", "{}."},    {"\"\xE2\x82", "."}, {"\"\\u12", "."},   {"-", "."},
        {"1e", "."},      {"1x", "!"},         {"-x", "!"},        {"trx", "!"},
        {"\"\xE2(", "!"}, {"\"\\u1x", "!"},    {"1\"", "0."},      {"1{", "0{."},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct shale_json_cursor cursor;
        struct shale_json_item item;
        const char *text = cases[i][0];
        assert_int_equal(shale_json_cursor_init(&cursor, &shale_mem_libc), SHALE_OK);
        shale_json_begin(&cursor, text, strlen(text), 0, false);
        for (const char *expected = cases[i][1]; *expected != '\0'; expected++)
            assert_int_equal(letters[shale_json_next(&cursor, &item)], *expected);
        if (cursor.error == SHALE_E_none)
            assert_int_equal(shale_json_next(&cursor, &item), SHALE_JSON_MORE);
        shale_json_cursor_fini(&cursor);
    }
}

static void test_skips_whole_values(void **state)
{
    static const char *const values[] = {
        "{}",
        "[]",
        "{\"a\":[1,{\"b\":\"]}\\\"\"}]}",
        "[[[[]]],\"x\"]",
        "\"a\\\"b\"",
        "12e5",
        "nul",
        "null",
        "[1,2}",
        "[1 2]",
        "{\"a\":}",
        "[01]",
    };
    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        size_t n = strlen(values[i]);
        struct walk read = walk_windows(values[i], n, n, WALK_NEXT);
        struct walk skipped = walk_windows(values[i], n, n, WALK_SKIP);
        assert_int_equal(read.error, skipped.error);
        assert_int_equal(read.error_at, skipped.error_at);
        assert_int_equal(read.n_values, skipped.n_values);
        assert_int_equal(read.end, skipped.end);
    }
}

/* More than one block of the index, with tokens and strings across their borders. */
static void test_agrees_across_blocks(void **state)
{
    enum { N = 400 * 1024 };
    char *text = malloc(N + 64);
    size_t n = 0, i = 0;
    struct walk whole, other;
    (void)state;
    assert_non_null(text);
    text[n++] = '[';
    while (n < N - 200) {
        int printed = sprintf(text + n, "{\"name%zu\":\"%.*s\\n\xE2\x82\xAC\",\"x\" : %zu.5e1},\n",
                              i, (int)(i % 71),
                              "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmno"
                              "pqrstuvwxyz",
                              i * 7919);
        n += (size_t)printed;
        i++;
    }
    memcpy(text + n, "null]", 5);
    n += 5;
    whole = walk_windows(text, n, n, WALK_NEXT);
    assert_int_equal(whole.error, SHALE_E_none);
    assert_int_equal(whole.n_values, 1);
    assert_int_equal(whole.n_tokens, 6 * i + 3);
    for (size_t window = 50; window < N; window = window * 3 + 1) {
        other = walk_windows(text, n, window, WALK_NEXT);
        assert_int_equal(other.error, SHALE_E_none);
        assert_int_equal(other.hash, whole.hash);
        other = walk_windows(text, n, window, WALK_PASS);
        assert_int_equal(other.n_tokens, whole.n_tokens);
    }
    other = walk_windows(text, n, n, WALK_SKIP);
    assert_int_equal(other.end, n);
    text[n - 7] = '\x01';
    other = walk_windows(text, n, n, WALK_SKIP);
    assert_int_equal(other.error_at, n - 7);
    free(text);
}

static void test_passes_over_long_strings(void **state)
{
    enum { N = 5 * 1024 * 1024 };
    static const size_t windows[] = {1, 3, 64, 65536};
    char *text = malloc(N);
    (void)state;
    assert_non_null(text);
    memset(text, 'x', N);
    memcpy(text, "{\"", 2);
    for (size_t i = 10; i + 16 < N; i += 997)
        memcpy(text + i, "\\u20AC\xE2\x82\xAC\\\"", 11);
    memcpy(text + N / 2, "\":\"", 3);
    memcpy(text + N - 2, "\"}", 2);
    for (size_t i = 0; i < sizeof windows / sizeof windows[0]; i++) {
        struct walk walk = walk_windows(text, N, windows[i], WALK_PASS);
        assert_int_equal(walk.error, SHALE_E_none);
        assert_int_equal(walk.n_tokens, 4);
        assert_int_equal(walk.n_values, 1);
        assert_true(walk.max_held <= windows[i] + 6); /* an escape is not cut */
    }
    free(text);
}

static void test_passes_over_deep_nesting(void **state)
{
    static const size_t windows[] = {1, 3, 64};
    char text[6 * SHALE_JSON_MAX_DEPTH];
    size_t n = 0;
    (void)state;
    for (size_t i = 0; i < SHALE_JSON_MAX_DEPTH / 2; i++) {
        memcpy(text + n, "[{\"\": ", 6);
        n += 6;
    }
    text[n - 1] = '1';
    for (size_t i = 0; i < SHALE_JSON_MAX_DEPTH / 2; i++) {
        memcpy(text + n, "}]", 2);
        n += 2;
    }
    for (size_t i = 0; i < sizeof windows / sizeof windows[0]; i++) {
        struct walk walk = walk_windows(text, n, windows[i], WALK_PASS);
        assert_int_equal(walk.error, SHALE_E_none);
        assert_int_equal(walk.n_values, 1);
        assert_int_equal(walk.n_tokens, 5 * SHALE_JSON_MAX_DEPTH / 2 + 1);
    }
}

static void test_fails_without_memory(void **state)
{
    enum shale_status status = SHALE_NOMEM;
    int n = 0;
    (void)state;
    while (status != SHALE_OK) {
        struct failing_mem failing;
        struct shale_json_cursor cursor;
        failing_mem_init(&failing, ++n);
        status = shale_json_cursor_init(&cursor, &failing.mem);
        assert_true(status == SHALE_OK || status == SHALE_NOMEM);
        shale_json_cursor_fini(&cursor);
    }
    assert_int_equal(n, 2);
}

/* ---- Corpora of others, optional ------------------------------------------------------------- */

static void expect_same_in_windows(const char *text, size_t n, const struct walk *whole)
{
    for (size_t window = 1; window <= 64; window++) {
        struct walk cut = walk_windows(text, n, window, WALK_NEXT);
        struct walk passed = walk_windows(text, n, window, WALK_PASS);
        assert_int_equal(cut.error, whole->error);
        assert_int_equal(cut.error_at, whole->error_at);
        assert_int_equal(cut.hash, whole->hash);
        assert_int_equal(passed.error, whole->error);
        assert_int_equal(passed.error_at, whole->error_at);
        assert_int_equal(passed.n_values, whole->n_values);
    }
}

static void test_judges_the_test_suite(void **state)
{
    size_t n_seen[3] = {0};
    char folder[1024], path[2048];
    struct dirent *entry;
    DIR *dir;
    (void)state;
    (void)snprintf(folder, sizeof folder, "%s/../shared/corpora/json/JSONTestSuite/test_parsing",
                   getenv("SHALE_ROOT") == NULL ? "." : getenv("SHALE_ROOT"));
    dir = opendir(folder);
    if (dir == NULL) {
        print_message("JSONTestSuite is not there: skipped\n");
        skip();
    }
    while ((entry = readdir(dir)) != NULL) {
        const char *rule = strchr("yni", entry->d_name[0]);
        size_t n;
        char *text;
        struct walk walk, skipped;
        bool accepted;
        if (rule == NULL || entry->d_name[1] != '_')
            continue;
        (void)snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        text = read_whole(path, &n);
        assert_non_null(text);
        walk = walk_windows(text, n, n, WALK_NEXT);
        accepted = walk.error == SHALE_E_none && walk.n_values == 1;
        if ((*rule == 'y' && !accepted) || (*rule == 'n' && accepted))
            fail_msg("%s: %s", entry->d_name, walk.message);
        skipped = walk_windows(text, n, n, WALK_SKIP);
        assert_int_equal(skipped.error, walk.error);
        assert_int_equal(skipped.error_at, walk.error_at);
        if (n < 4096)
            expect_same_in_windows(text, n, &walk);
        n_seen[*rule == 'y' ? 0 : *rule == 'n' ? 1 : 2]++;
        free(text);
    }
    (void)closedir(dir);
    assert_int_equal(n_seen[0], 95);
    assert_int_equal(n_seen[1], 188);
    assert_true(n_seen[2] > 30);
}

static void test_accepts_real_files(void **state)
{
    static const char *const files[] = {
        "simdjson-ndjson/citm_catalog.json", "simdjson-ndjson/example_config.json",
        "simdjson-ndjson/twitter.json",      "simdjson-ndjson/amazon_cellphones.ndjson",
        "misc/roundtrip/roundtrip01.json",
    };
    char path[2048];
    size_t n_read = 0;
    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        struct walk whole, other;
        size_t n;
        char *text;
        (void)snprintf(path, sizeof path, "%s/../shared/corpora/json/%s",
                       getenv("SHALE_ROOT") == NULL ? "." : getenv("SHALE_ROOT"), files[i]);
        text = read_whole(path, &n);
        if (text == NULL)
            continue;
        n_read++;
        whole = walk_windows(text, n, n, WALK_NEXT);
        if (whole.error != SHALE_E_none)
            fail_msg("%s: byte %zu: %s", files[i], whole.error_at, whole.message);
        other = walk_windows(text, n, 4001, WALK_NEXT);
        assert_int_equal(other.hash, whole.hash);
        other = walk_windows(text, n, 97, WALK_PASS);
        assert_int_equal(other.n_tokens, whole.n_tokens);
        other = walk_windows(text, n, n, WALK_SKIP);
        assert_int_equal(other.end, whole.end);
        assert_int_equal(other.n_values, whole.n_values);
        free(text);
    }
    if (n_read == 0) {
        print_message("the corpora are not there: skipped\n");
        skip();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hands_out_tokens),
        cmocka_unit_test(test_gives_the_place_of_each_token),
        cmocka_unit_test(test_says_what_is_wrong_and_where),
        cmocka_unit_test(test_limits_nesting),
        cmocka_unit_test(test_remembers_the_kind_of_each_level),
        cmocka_unit_test(test_stands_again_behind_a_fault),
        cmocka_unit_test(test_asks_for_more),
        cmocka_unit_test(test_skips_whole_values),
        cmocka_unit_test(test_agrees_across_blocks),
        cmocka_unit_test(test_passes_over_long_strings),
        cmocka_unit_test(test_passes_over_deep_nesting),
        cmocka_unit_test(test_fails_without_memory),
        cmocka_unit_test(test_judges_the_test_suite),
        cmocka_unit_test(test_accepts_real_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
