/* SPDX-License-Identifier: MIT */
/* dataset/manifest: what is written is read again, and nothing else is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "codec/content_hash.h"
#include "ledger_made.h"

static const struct shale_segment ledger[] = {
    {.path = {"_shale/ledger/a.parquet", 23},
     .n_rows = 17,
     .n_bytes = 4711,
     .first_source = {"s3://b/x", 8},
     .first_key = {"a \"key\"", 7},
     .last_source = {"s3://b/x", 8},
     .last_key = {"z\xc3\xa9\n", 4},
     .read = INT64_MAX,
     .written = 5,
     .rejected = 4,
     .filtered = 3,
     .duplicates = 2,
     .footer_hash = {"00112233445566778899aabbccddeeff", 32}},
    {.path = {"_shale/ledger/b.parquet", 23}, .footer_hash = {"", 0}},
};
static const struct shale_segment rejects[] = {
    {.path = {"_shale/rejects/r.parquet", 24}, .n_rows = 2, .n_bytes = 99}};
static const struct shale_str added[] = {{"_shale/ledger/b.parquet", 23},
                                         {"_shale/rejects/r.parquet", 24}};
static const struct shale_superseded superseded[] = {
    {{"_shale/ledger/old.parquet", 25}, 1700000000123}};
static const struct shale_manifest full = {.id = INT64_C(9007199254740991),
                                           .parent = 7,
                                           .version = 42,
                                           .ledger = ledger,
                                           .n_ledger = 2,
                                           .rejects = rejects,
                                           .n_rejects = 1,
                                           .added = added,
                                           .n_added = 2,
                                           .superseded = superseded,
                                           .n_superseded = 1};

/* With what format 2 brought. */
static const struct shale_segment keys[] = {{.path = {"_shale/keys/k.parquet", 21},
                                             .n_rows = 5,
                                             .n_bytes = 9,
                                             .footer_hash = {"ff", 2},
                                             .first_us = INT64_MIN,
                                             .last_us = INT64_MAX}};
static const struct shale_erasure erasures[] = {{{"mail", 4}, {"a\"b", 3}, false, false},
                                                {{"time", 4}, {"2024-01-01", 10}, true, true}};
static const struct shale_seal seals[] = {{{"s3://b/x", 8}, {"2024/", 5}, -3, 17}};
static struct shale_manifest full_of_2(void)
{
    struct shale_manifest manifest = full;
    manifest.rows_gone = -5;
    manifest.rejects_gone = INT64_MAX;
    manifest.taken = ledger;
    manifest.n_taken = 1;
    manifest.keys = keys;
    manifest.n_keys = 1;
    manifest.erasures = erasures;
    manifest.n_erasures = 2;
    manifest.seals = seals;
    manifest.n_seals = 1;
    return manifest;
}

static void check_segment(const struct shale_segment *a, const struct shale_segment *b)
{
    assert_true(shale_str_equal(a->path, b->path));
    assert_true(a->n_rows == b->n_rows && a->n_bytes == b->n_bytes);
    assert_true(shale_str_equal(a->first_source, b->first_source));
    assert_true(shale_str_equal(a->first_key, b->first_key));
    assert_true(shale_str_equal(a->last_source, b->last_source));
    assert_true(shale_str_equal(a->last_key, b->last_key));
    assert_true(a->read == b->read && a->written == b->written && a->rejected == b->rejected);
    assert_true(a->filtered == b->filtered && a->duplicates == b->duplicates);
    assert_true(shale_str_equal(a->footer_hash, b->footer_hash));
}

static void check_same(const struct shale_manifest *a, const struct shale_manifest *b)
{
    assert_true(a->id == b->id && a->parent == b->parent && a->version == b->version);
    assert_int_equal(a->n_ledger, b->n_ledger);
    for (size_t i = 0; i < a->n_ledger; i++)
        check_segment(&a->ledger[i], &b->ledger[i]);
    assert_int_equal(a->n_rejects, b->n_rejects);
    for (size_t i = 0; i < a->n_rejects; i++)
        check_segment(&a->rejects[i], &b->rejects[i]);
    assert_int_equal(a->n_added, b->n_added);
    for (size_t i = 0; i < a->n_added; i++)
        assert_true(shale_str_equal(a->added[i], b->added[i]));
    assert_int_equal(a->n_superseded, b->n_superseded);
    for (size_t i = 0; i < a->n_superseded; i++)
        assert_true(shale_str_equal(a->superseded[i].path, b->superseded[i].path) &&
                    a->superseded[i].since_ms == b->superseded[i].since_ms);
}

static void check_same_of_2(const struct shale_manifest *a, const struct shale_manifest *b)
{
    assert_true(a->rows_gone == b->rows_gone && a->rejects_gone == b->rejects_gone);
    assert_int_equal(a->n_taken, b->n_taken);
    for (size_t i = 0; i < a->n_taken; i++)
        check_segment(&a->taken[i], &b->taken[i]);
    assert_int_equal(a->n_keys, b->n_keys);
    for (size_t i = 0; i < a->n_keys; i++) {
        check_segment(&a->keys[i], &b->keys[i]);
        assert_true(a->keys[i].first_us == b->keys[i].first_us);
        assert_true(a->keys[i].last_us == b->keys[i].last_us);
    }
    assert_int_equal(a->n_erasures, b->n_erasures);
    for (size_t i = 0; i < a->n_erasures; i++)
        assert_true(shale_str_equal(a->erasures[i].column, b->erasures[i].column) &&
                    shale_str_equal(a->erasures[i].value, b->erasures[i].value) &&
                    a->erasures[i].is_before == b->erasures[i].is_before &&
                    a->erasures[i].joined == b->erasures[i].joined);
    assert_int_equal(a->n_seals, b->n_seals);
    for (size_t i = 0; i < a->n_seals; i++)
        assert_true(shale_str_equal(a->seals[i].source, b->seals[i].source) &&
                    shale_str_equal(a->seals[i].key, b->seals[i].key) &&
                    a->seals[i].day == b->seals[i].day &&
                    a->seals[i].version == b->seals[i].version);
}

/* Write it, put it, read it. */
static enum shale_status write_and_read(struct made *made, const struct shale_manifest *manifest,
                                        struct shale_manifest *out)
{
    char name[SHALE_MANIFEST_NAME_BYTES];
    struct shale_buf text;
    enum shale_status status;
    shale_manifest_name(manifest->id, name);
    shale_buf_init(&text, made->env.mem, 1 << 20);
    status = shale_manifest_json(manifest, &text);
    if (status == SHALE_OK)
        status = shale_store_put(made->store, name, shale_buf_str(&text), NULL);
    shale_buf_fini(&text);
    if (status != SHALE_OK)
        return status;
    return shale_manifest_read(made->store, &made->arena, manifest->id, out, NULL);
}

static void test_round_trip(void **state)
{
    const struct shale_manifest empty = {.id = 0, .parent = -1, .version = 0};
    const struct shale_manifest other = full_of_2();
    struct shale_manifest read;
    struct made made;
    char name[SHALE_MANIFEST_NAME_BYTES];
    (void)state;
    shale_manifest_name(full.id, name);
    assert_string_equal(name, "_shale/manifest/9007199254740991.json");
    assert_true(made_init(&made, &shale_mem_libc));
    assert_int_equal(write_and_read(&made, &full, &read), SHALE_OK);
    check_same(&read, &full);
    assert_int_equal(write_and_read(&made, &empty, &read), SHALE_OK);
    check_same(&read, &empty);
    check_same_of_2(&read, &empty);
    assert_int_equal(write_and_read(&made, &other, &read), SHALE_OK);
    check_same(&read, &other);
    check_same_of_2(&read, &other);
    assert_int_equal(shale_manifest_read(made.store, &made.arena, 5, &read, NULL), SHALE_NOT_FOUND);
    made_fini(&made);
}

static void text_of(const struct shale_manifest *manifest, struct shale_buf *text)
{
    shale_buf_init(text, &shale_mem_libc, 1 << 20);
    assert_int_equal(shale_manifest_json(manifest, text), SHALE_OK);
}

/* Only what an older version cannot know is hidden from it. */
static void test_format(void **state)
{
    const struct shale_manifest other = full_of_2();
    struct shale_buf text;
    (void)state;
    text_of(&full, &text);
    assert_memory_equal(text.data, "{\"format\":1,", 12);
    shale_buf_fini(&text);
    for (int i = 0; i < 6; i++) {
        struct shale_manifest manifest = full;
        manifest.rows_gone = i == 0;
        manifest.rejects_gone = i == 1 ? -1 : 0;
        manifest.taken = other.taken;
        manifest.n_taken = i == 2;
        manifest.keys = other.keys;
        manifest.n_keys = i == 3;
        manifest.erasures = other.erasures;
        manifest.n_erasures = i == 4;
        manifest.seals = other.seals;
        manifest.n_seals = i == 5;
        text_of(&manifest, &text);
        assert_memory_equal(text.data, "{\"format\":2,", 12);
        shale_buf_fini(&text);
    }
}

static enum shale_status parse(struct shale_str text, int64_t id, struct shale_err *err)
{
    struct shale_arena arena;
    struct shale_manifest manifest;
    enum shale_status status;
    shale_err_clear(err);
    shale_arena_init(&arena, &shale_mem_libc, 1 << 20);
    status = shale_manifest_parse(&shale_mem_libc, &arena, id, text, &manifest, err);
    if (status == SHALE_OK)
        assert_int_equal(manifest.id, id);
    shale_arena_fini(&arena);
    return status;
}

/* Every bit and every length. */
static void test_damage(void **state)
{
    const struct shale_manifest manifest = full_of_2();
    struct shale_buf text;
    struct shale_err err;
    char name[SHALE_MANIFEST_NAME_BYTES];
    (void)state;
    text_of(&manifest, &text);
    shale_manifest_name(full.id, name);
    assert_int_equal(parse(shale_buf_str(&text), full.id, &err), SHALE_OK);
    assert_int_equal(parse(shale_buf_str(&text), 8, &err), SHALE_CORRUPT); /* another's */
    for (size_t i = 0; i < 8 * text.n_bytes; i++) {
        text.data[i / 8] = (char)(text.data[i / 8] ^ 1 << i % 8);
        assert_int_equal(parse(shale_buf_str(&text), full.id, &err), SHALE_CORRUPT);
        assert_string_equal(err.object, name);
        text.data[i / 8] = (char)(text.data[i / 8] ^ 1 << i % 8);
    }
    for (size_t n = 0; n < text.n_bytes; n++)
        assert_int_equal(parse((struct shale_str){text.data, n}, full.id, &err), SHALE_CORRUPT);
    shale_buf_fini(&text);
}

/* 'body' as a manifest whose hash is right. */
static enum shale_status parse_body(const char *body, struct shale_err *err)
{
    char text[2000], hash[SHALE_CONTENT_HASH_CHARS + 1];
    shale_content_hash(shale_str_of(body), hash);
    (void)snprintf(text, sizeof text, "%s,\"hash\":\"%s\"}\n", body, hash);
    return parse(shale_str_of(text), 3, err);
}

#define REST                                                                                       \
    "\"id\":3,\"parent\":-1,\"version\":0,\"ledger\":[],\"rejects\":[],\"added\":[],"              \
    "\"superseded\":[]"

#define OF_2                                                                                       \
    ",\"rows_gone\":-1,\"rejects_gone\":0,\"taken\":[],\"keys\":[],\"erasures\":[],\"seals\":[]"
#define ERASED(before)                                                                             \
    ",\"rows_gone\":-1,\"rejects_gone\":0,\"taken\":[],\"keys\":[],\"erasures\":[{\"column\":"     \
    "\"c\","                                                                                       \
    "\"value\":\"v\",\"joined\":false,\"before\":" before "}],\"seals\":[]"

/* A hash is no proof of sense: other programs can make one. */
static void test_other_texts(void **state)
{
    static const struct {
        const char *body;
        enum shale_status status;
    } cases[] = {
        {"{\"format\":1," REST, SHALE_OK},
        {"{\"format\":1,\"later\":{\"a\":[1]}," REST ",\"more\":null", SHALE_OK},
        {"{\"format\":1," REST ",\"rows_gone\":\"x\"", SHALE_OK}, /* not known in 1 */
        {"{\"format\":2," REST, SHALE_CORRUPT},
        {"{\"format\":2," REST OF_2, SHALE_OK},
        {"{\"format\":2," REST OF_2 ",\"later\":{\"a\":[1]}", SHALE_OK},
        {"{\"format\":2," REST OF_2 ",\"taken\":[]", SHALE_CORRUPT},
        {"{\"format\":2," REST ERASED("1"), SHALE_CORRUPT},
        {"{\"format\":2," REST ERASED("true"), SHALE_OK},
        {"{\"format\":3,\"what\":\"ever\"", SHALE_SCHEMA},
        {"{\"format\":0," REST, SHALE_SCHEMA},
        {"{" REST ",\"format\":1", SHALE_CORRUPT},
        {"{\"format\":1.5," REST, SHALE_CORRUPT},
        {"[1", SHALE_CORRUPT},
        {"{\"format\":1," REST ",\"id\":3", SHALE_CORRUPT}, /* twice */
        {"{\"format\":1,\"id\":3,\"parent\":-1,\"version\":0,\"ledger\":[],\"rejects\":[],"
         "\"added\":[]",
         SHALE_CORRUPT}, /* no superseded */
        {"{\"format\":1,\"id\":3,\"parent\":-2,\"version\":0,\"ledger\":[],\"rejects\":[],"
         "\"added\":[],\"superseded\":[]",
         SHALE_CORRUPT},
        {"{\"format\":1,\"id\":3,\"parent\":-1,\"version\":1e30,\"ledger\":[],\"rejects\":[],"
         "\"added\":[],\"superseded\":[]",
         SHALE_CORRUPT},
        {"{\"format\":1,\"id\":3,\"parent\":-1,\"version\":0,\"ledger\":{},\"rejects\":[],"
         "\"added\":[],\"superseded\":[]",
         SHALE_CORRUPT},
        {"{\"format\":1,\"id\":3,\"parent\":-1,\"version\":0,\"ledger\":[{}],\"rejects\":[],"
         "\"added\":[],\"superseded\":[]",
         SHALE_CORRUPT},
        {"{\"format\":1,\"id\":3,\"parent\":-1,\"version\":0,\"ledger\":[],\"rejects\":[],"
         "\"added\":[7],\"superseded\":[]",
         SHALE_CORRUPT},
        {"{\"format\":1,\"id\":3,\"parent\":-1,\"version\":0,\"ledger\":[],\"rejects\":[],"
         "\"added\":[\"\\ud800\"],\"superseded\":[]",
         SHALE_CORRUPT},
        {"{\"format\":1,\"id\":3,\"parent\":-1,\"version\":0,\"ledger\":[],\"rejects\":[],"
         "\"added\":[],\"superseded\":[{\"path\":\"a\",\"since_ms\":true}]",
         SHALE_CORRUPT},
        {"{\"format\":1," REST "}{\"x\":1", SHALE_CORRUPT},
    };
    struct shale_err err;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(parse_body(cases[i].body, &err), cases[i].status);
}

static void test_without_memory(void **state)
{
    const struct shale_manifest manifest = full_of_2();
    enum shale_status status = SHALE_NOMEM;
    int n = 0;
    (void)state;
    while (status == SHALE_NOMEM) {
        struct failing_mem failing;
        struct made made;
        struct shale_manifest read;
        failing_mem_init(&failing, ++n);
        status =
            made_init(&made, &failing.mem) ? write_and_read(&made, &manifest, &read) : SHALE_NOMEM;
        if (status == SHALE_OK)
            check_same(&read, &full);
        made_fini(&made);
    }
    assert_int_equal(status, SHALE_OK);
    assert_true(n > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),     cmocka_unit_test(test_format),
        cmocka_unit_test(test_damage),         cmocka_unit_test(test_other_texts),
        cmocka_unit_test(test_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
