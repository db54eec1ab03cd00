/* SPDX-License-Identifier: MIT */
/* Manifests as JSON:
 *
 *     {"format":1,"id":..,"parent":..,"version":..,
 *      "ledger":[{"path":..,"rows":..,"bytes":..,"first_source":.., ...}, ...],"rejects":[...],
 *      "added":["path", ...],"superseded":[{"path":..,"since_ms":..}, ...],"hash":"<32 hex>"}
 *
 * Format 2 has all that and what operations on rows that are there need; it is written only where
 * one of these members says something, so that plain tables stay readable to older versions:
 *
 *      "rows_gone":..,"rejects_gone":..,"taken":[a ledger segment, ...],
 *      "keys":[{"path":.., ...,"first_us":..,"last_us":..}, ...],
 *      "erasures":[{"column":..,"value":..,"before":..,"joined":..}, ...],
 *      "seals":[{"source":..,"key":..,"day":..,"version":..}, ...]
 *
 * "hash" is the last member in every format: XXH3-128 of the text before its comma, so that no bit
 * of a manifest changes unseen.  Other members that are not known are passed over. */
#include <inttypes.h>
#include <stdio.h>

#include "codec/content_hash.h"
#include "dataset/ledger.h"
#include "json/cursor.h"
#include "json/number.h"
#include "json/text.h"
#include "json/writer.h"

enum { FIRST_FORMAT = 1, LAST_FORMAT = 2, MOST_BYTES = 256 << 20 };

/* The end of a text: HASH_BEGIN, the hash, HASH_END. */
#define HASH_BEGIN ",\"hash\":\""
#define HASH_END "\"}\n"
enum { HASH_TAIL_BYTES = sizeof HASH_BEGIN - 1 + SHALE_CONTENT_HASH_CHARS + sizeof HASH_END - 1 };

/* ---- What an object's members are -------------------------------------------------------------
 */

enum member_kind {
    TEXT,
    NUMBER,
    FLAG, /* the last that is no array */
    SEGMENTS,
    TEXTS,
    SUPERSEDED,
    KEY_SEGMENTS,
    ERASURES,
    SEALS,
};

struct member {
    const char *name;
    size_t offset;         /* in the struct, of its value or of the array's pointer */
    size_t n_offset;       /* arrays: of its length */
    int64_t least;         /* NUMBER: none below this is believed */
    enum member_kind kind; /* how it is written and read */
};

#define TEXT_OF(type, field, text)                                                                 \
    {                                                                                              \
        .name = (text), .offset = offsetof(struct type, field), .kind = TEXT                       \
    }
#define NUMBER_OF(type, field, text, at_least)                                                     \
    {                                                                                              \
        .name = (text), .offset = offsetof(struct type, field), .least = (at_least),               \
        .kind = NUMBER                                                                             \
    }
#define FLAG_OF(type, field, text)                                                                 \
    {                                                                                              \
        .name = (text), .offset = offsetof(struct type, field), .kind = FLAG                       \
    }
#define ARRAY_OF(field, elements)                                                                  \
    {                                                                                              \
        .name = #field, .offset = offsetof(struct shale_manifest, field),                          \
        .n_offset = offsetof(struct shale_manifest, n_##field), .kind = (elements)                 \
    }

static const struct member segment_members[] = {
    TEXT_OF(shale_segment, path, "path"),
    NUMBER_OF(shale_segment, n_rows, "rows", 0),
    NUMBER_OF(shale_segment, n_bytes, "bytes", 0),
    TEXT_OF(shale_segment, first_source, "first_source"),
    TEXT_OF(shale_segment, first_key, "first_key"),
    TEXT_OF(shale_segment, last_source, "last_source"),
    TEXT_OF(shale_segment, last_key, "last_key"),
    NUMBER_OF(shale_segment, read, "read", 0),
    NUMBER_OF(shale_segment, written, "written", 0),
    NUMBER_OF(shale_segment, rejected, "rejected", 0),
    NUMBER_OF(shale_segment, filtered, "filtered", 0),
    NUMBER_OF(shale_segment, duplicates, "duplicates", 0),
    TEXT_OF(shale_segment, footer_hash, "footer_hash"),
    /* Of key segments alone. */
    NUMBER_OF(shale_segment, first_us, "first_us", INT64_MIN),
    NUMBER_OF(shale_segment, last_us, "last_us", INT64_MIN),
};

static const struct member superseded_members[] = {
    TEXT_OF(shale_superseded, path, "path"),
    NUMBER_OF(shale_superseded, since_ms, "since_ms", 0),
};

static const struct member erasure_members[] = {
    TEXT_OF(shale_erasure, column, "column"),
    TEXT_OF(shale_erasure, value, "value"),
    FLAG_OF(shale_erasure, is_before, "before"),
    FLAG_OF(shale_erasure, joined, "joined"),
};

static const struct member seal_members[] = {
    TEXT_OF(shale_seal, source, "source"),
    TEXT_OF(shale_seal, key, "key"),
    NUMBER_OF(shale_seal, day, "day", INT64_MIN),
    NUMBER_OF(shale_seal, version, "version", -1),
};

static const struct member manifest_members[] = {
    NUMBER_OF(shale_manifest, id, "id", 0),
    NUMBER_OF(shale_manifest, parent, "parent", -1),
    NUMBER_OF(shale_manifest, version, "version", 0),
    ARRAY_OF(ledger, SEGMENTS),
    ARRAY_OF(rejects, SEGMENTS),
    ARRAY_OF(added, TEXTS),
    ARRAY_OF(superseded, SUPERSEDED),
    /* From format 2 on. */
    NUMBER_OF(shale_manifest, rows_gone, "rows_gone", INT64_MIN),
    NUMBER_OF(shale_manifest, rejects_gone, "rejects_gone", INT64_MIN),
    ARRAY_OF(taken, SEGMENTS),
    ARRAY_OF(keys, KEY_SEGMENTS),
    ARRAY_OF(erasures, ERASURES),
    ARRAY_OF(seals, SEALS),
};

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

enum {
    N_KEY_SEGMENT_MEMBERS = LENGTH(segment_members),
    N_SEGMENT_MEMBERS = N_KEY_SEGMENT_MEMBERS - 2,
    N_MEMBERS_OF_2 = LENGTH(manifest_members),
    N_MEMBERS_OF_1 = 7,
};

/* What the elements of an array are: TEXTS have no members. */
static const struct element {
    size_t n_bytes;
    const struct member *members;
    size_t n_members;
} elements[] = {
    [SEGMENTS] = {sizeof(struct shale_segment), segment_members, N_SEGMENT_MEMBERS},
    [TEXTS] = {sizeof(struct shale_str), NULL, 0},
    [SUPERSEDED] = {sizeof(struct shale_superseded), superseded_members,
                    LENGTH(superseded_members)},
    [KEY_SEGMENTS] = {sizeof(struct shale_segment), segment_members, N_KEY_SEGMENT_MEMBERS},
    [ERASURES] = {sizeof(struct shale_erasure), erasure_members, LENGTH(erasure_members)},
    [SEALS] = {sizeof(struct shale_seal), seal_members, LENGTH(seal_members)},
};

static int64_t format_of(const struct shale_manifest *manifest)
{
    bool is_plain = manifest->rows_gone == 0 && manifest->rejects_gone == 0 &&
                    manifest->n_taken == 0 && manifest->n_keys == 0 && manifest->n_erasures == 0 &&
                    manifest->n_seals == 0;
    return is_plain ? FIRST_FORMAT : LAST_FORMAT;
}

static size_t n_members_of(int64_t format)
{
    return format == FIRST_FORMAT ? N_MEMBERS_OF_1 : N_MEMBERS_OF_2;
}

void shale_manifest_name(int64_t id, char out[SHALE_MANIFEST_NAME_BYTES])
{
    (void)snprintf(out, SHALE_MANIFEST_NAME_BYTES, "_shale/manifest/%" PRId64 ".json", id);
}

/* ---- Writing ----------------------------------------------------------------------------------
 */

static void put_scalars(struct shale_json_writer *writer, const struct member *members, size_t n,
                        const void *object)
{
    for (size_t i = 0; i < n; i++) {
        const char *at = (const char *)object + members[i].offset;
        if (members[i].kind > FLAG)
            continue;
        shale_json_put_name(writer, members[i].name);
        if (members[i].kind == TEXT)
            shale_json_put_string(writer, *(const struct shale_str *)(const void *)at);
        else if (members[i].kind == FLAG)
            shale_json_put_bool(writer, *(const bool *)at);
        else
            shale_json_put_i64(writer, *(const int64_t *)(const void *)at);
    }
}

static void put_array(struct shale_json_writer *writer, const struct member *member,
                      const struct shale_manifest *manifest)
{
    const struct element *element = &elements[member->kind];
    const char *at = *(const char *const *)(const void *)((const char *)manifest + member->offset);
    size_t n = *(const size_t *)(const void *)((const char *)manifest + member->n_offset);
    shale_json_put_name(writer, member->name);
    shale_json_put_begin(writer, '[');
    for (size_t i = 0; i < n; i++, at += element->n_bytes) {
        if (element->members == NULL) {
            shale_json_put_string(writer, *(const struct shale_str *)(const void *)at);
            continue;
        }
        shale_json_put_begin(writer, '{');
        put_scalars(writer, element->members, element->n_members, at);
        shale_json_put_end(writer, '}');
    }
    shale_json_put_end(writer, ']');
}

enum shale_status shale_manifest_json(const struct shale_manifest *manifest, struct shale_buf *out)
{
    struct shale_json_writer writer;
    char hash[SHALE_CONTENT_HASH_CHARS + 1];
    size_t begin = out->n_bytes, n = n_members_of(format_of(manifest));
    shale_json_writer_init(&writer, out);
    shale_json_put_begin(&writer, '{');
    shale_json_put_name(&writer, "format");
    shale_json_put_i64(&writer, format_of(manifest));
    put_scalars(&writer, manifest_members, n, manifest);
    for (size_t i = 0; i < n; i++)
        if (manifest_members[i].kind > FLAG)
            put_array(&writer, &manifest_members[i], manifest);
    if (writer.status != SHALE_OK)
        return writer.status;
    shale_content_hash((struct shale_str){out->data + begin, out->n_bytes - begin}, hash);
    return shale_buf_printf(out, HASH_BEGIN "%s" HASH_END, hash);
}

/* ---- Reading ----------------------------------------------------------------------------------
 */

struct parser {
    struct shale_json_cursor cursor;
    struct shale_arena *arena;
    struct shale_buf scratch; /* a string's characters */
    struct shale_err *err;
};

static enum shale_status damaged(struct parser *parser, const char *how)
{
    return SHALE_ERR(parser->err, manifest_damaged, how);
}

static enum shale_status take_text(struct parser *parser, const struct shale_json_item *item,
                                   struct shale_str *out)
{
    bool lone = false;
    shale_buf_reset(&parser->scratch);
    if (shale_json_unescape(shale_json_text(&parser->cursor, item), &parser->scratch, &lone) !=
        SHALE_OK)
        return SHALE_ERR(parser->err, no_memory);
    if (lone)
        return damaged(parser, "a text is no UTF-8");
    out->n_bytes = parser->scratch.n_bytes;
    out->data = shale_arena_copy(parser->arena, shale_buf_str(&parser->scratch));
    return out->data == NULL ? SHALE_ERR(parser->err, no_memory) : SHALE_OK;
}

/* The value of a member that is known, whose first token is 'item'. */
static enum shale_status take_scalar(struct parser *parser, const struct member *member,
                                     enum shale_json_step step, const struct shale_json_item *item,
                                     void *object)
{
    void *at = (char *)object + member->offset;
    int64_t *number = at;
    if (member->kind == TEXT) {
        if (step != SHALE_JSON_STRING)
            return damaged(parser, member->name);
        return take_text(parser, item, at);
    }
    if (member->kind == FLAG) {
        if (step != SHALE_JSON_TRUE && step != SHALE_JSON_FALSE)
            return damaged(parser, member->name);
        *(bool *)at = step == SHALE_JSON_TRUE;
        return SHALE_OK;
    }
    if (step != SHALE_JSON_NUMBER ||
        shale_number_i64(shale_json_text(&parser->cursor, item), number) != SHALE_NUMBER_OK ||
        *number < member->least)
        return damaged(parser, member->name);
    return SHALE_OK;
}

/* The number of a member's name among some; SIZE_MAX: it is not known. */
static size_t find_member(const struct parser *parser, const struct shale_json_item *item,
                          const struct member *members, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (shale_json_string_is(shale_json_text(&parser->cursor, item), item->escaped,
                                 shale_str_of(members[i].name)))
            return i;
    return SIZE_MAX;
}

typedef enum shale_status (*take_fn)(struct parser *parser, const struct member *member,
                                     enum shale_json_step step, const struct shale_json_item *item,
                                     void *object);

/* The members of an object that has begun: each that is known once. */
static enum shale_status take_object(struct parser *parser, const struct member *members, size_t n,
                                     take_fn take, void *object)
{
    uint64_t seen = 0;
    struct shale_json_item item;
    enum shale_json_step step;
    while ((step = shale_json_next(&parser->cursor, &item)) == SHALE_JSON_NAME) {
        size_t i = find_member(parser, &item, members, n);
        enum shale_status status = SHALE_OK;
        step = shale_json_next(&parser->cursor, &item);
        if (step == SHALE_JSON_ERROR)
            break;
        if (i == SIZE_MAX) {
            step = shale_json_skip(&parser->cursor, step, &item);
        } else if (seen >> i & 1) {
            return damaged(parser, members[i].name);
        } else {
            seen |= UINT64_C(1) << i;
            status = take(parser, &members[i], step, &item, object);
        }
        if (status != SHALE_OK)
            return status;
    }
    if (step != SHALE_JSON_OBJECT_END)
        return damaged(parser, "it is no JSON");
    for (size_t i = 0; i < n; i++)
        if (!(seen >> i & 1))
            return damaged(parser, members[i].name);
    return SHALE_OK;
}

/* The elements of an array that has begun, into 'all'. */
static enum shale_status take_elements(struct parser *parser, const struct element *element,
                                       struct shale_buf *all)
{
    union {
        struct shale_segment segment;
        struct shale_superseded superseded;
        struct shale_erasure erasure;
        struct shale_seal seal;
        struct shale_str text;
    } one;
    struct shale_json_item item;
    enum shale_json_step step;
    while ((step = shale_json_next(&parser->cursor, &item)) != SHALE_JSON_ARRAY_END) {
        enum shale_status status;
        memset(&one, 0, sizeof one);
        if (element->members == NULL && step == SHALE_JSON_STRING)
            status = take_text(parser, &item, &one.text);
        else if (element->members != NULL && step == SHALE_JSON_OBJECT)
            status = take_object(parser, element->members, element->n_members, take_scalar, &one);
        else
            status = damaged(parser, "an element is of another kind");
        if (status == SHALE_OK && shale_buf_append(all, &one, element->n_bytes) != SHALE_OK)
            status = SHALE_ERR(parser->err, no_memory);
        if (status != SHALE_OK)
            return status;
    }
    return SHALE_OK;
}

static enum shale_status take_member(struct parser *parser, const struct member *member,
                                     enum shale_json_step step, const struct shale_json_item *item,
                                     void *object)
{
    struct shale_buf all;
    enum shale_status status;
    char *copy;
    if (member->kind <= FLAG)
        return take_scalar(parser, member, step, item, object);
    if (step != SHALE_JSON_ARRAY)
        return damaged(parser, member->name);
    shale_buf_init(&all, parser->scratch.mem, SIZE_MAX / 2);
    status = take_elements(parser, &elements[member->kind], &all);
    if (status == SHALE_OK && all.n_bytes > 0) {
        copy = shale_arena_zeroed(parser->arena, all.n_bytes, 1);
        if (copy == NULL)
            status = SHALE_ERR(parser->err, no_memory);
        else
            memcpy(copy, all.data, all.n_bytes);
        memcpy((char *)object + member->offset, &copy, sizeof copy);
        *(size_t *)(void *)((char *)object + member->n_offset) =
            all.n_bytes / elements[member->kind].n_bytes;
    }
    shale_buf_fini(&all);
    return status;
}

static bool hash_is_right(struct shale_str text)
{
    char hash[SHALE_CONTENT_HASH_CHARS + 1], tail[HASH_TAIL_BYTES + 1];
    if (text.n_bytes < HASH_TAIL_BYTES)
        return false;
    text.n_bytes -= HASH_TAIL_BYTES;
    shale_content_hash(text, hash);
    (void)snprintf(tail, sizeof tail, HASH_BEGIN "%s" HASH_END, hash);
    return memcmp(text.data + text.n_bytes, tail, HASH_TAIL_BYTES) == 0;
}

/* The first member of all formats, before anything else is understood. */
static enum shale_status take_format(struct parser *parser, int64_t *number)
{
    static const struct member format = {.name = "format"};
    static const enum shale_json_step begin[] = {SHALE_JSON_OBJECT, SHALE_JSON_NAME,
                                                 SHALE_JSON_NUMBER};
    struct shale_json_item item = {.begin = 0};
    bool fits = true;
    *number = 0;
    for (size_t i = 0; i < sizeof begin / sizeof begin[0] && fits; i++) {
        fits = shale_json_next(&parser->cursor, &item) == begin[i];
        if (fits && begin[i] == SHALE_JSON_NAME)
            fits = find_member(parser, &item, &format, 1) == 0;
    }
    if (!fits ||
        shale_number_i64(shale_json_text(&parser->cursor, &item), number) != SHALE_NUMBER_OK)
        return damaged(parser, "it does not begin with its format");
    if (*number < FIRST_FORMAT || *number > LAST_FORMAT)
        return SHALE_ERR(parser->err, manifest_format, (long long)*number);
    return SHALE_OK;
}

static enum shale_status parse(struct parser *parser, int64_t id, struct shale_manifest *out)
{
    struct shale_json_item item;
    int64_t format;
    enum shale_status status = take_format(parser, &format);
    if (status == SHALE_OK)
        status = take_object(parser, manifest_members, n_members_of(format), take_member, out);
    if (status != SHALE_OK)
        return status;
    if (shale_json_next(&parser->cursor, &item) != SHALE_JSON_END)
        return damaged(parser, "something follows it");
    return out->id == id ? SHALE_OK : damaged(parser, "it is another one's");
}

enum shale_status shale_manifest_parse(const struct shale_mem *mem, struct shale_arena *arena,
                                       int64_t id, struct shale_str text,
                                       struct shale_manifest *out, struct shale_err *err)
{
    struct parser parser = {.arena = arena, .err = err};
    struct shale_buf padded;
    char name[SHALE_MANIFEST_NAME_BYTES];
    enum shale_status status = SHALE_OK;
    memset(out, 0, sizeof *out);
    shale_manifest_name(id, name);
    shale_buf_init(&padded, mem, MOST_BYTES + SHALE_JSON_PADDING);
    shale_buf_init(&parser.scratch, mem, MOST_BYTES);
    if (!hash_is_right(text))
        status = damaged(&parser, "its hash is not that of its text");
    else if (shale_buf_append_str(&padded, text) != SHALE_OK ||
             shale_buf_reserve(&padded, SHALE_JSON_PADDING) != SHALE_OK ||
             shale_json_cursor_init(&parser.cursor, mem) != SHALE_OK)
        status = SHALE_ERR(err, no_memory);
    if (status == SHALE_OK) {
        memset(padded.data + padded.n_bytes, 0, SHALE_JSON_PADDING);
        shale_json_begin(&parser.cursor, padded.data, padded.n_bytes, 0, true);
        status = parse(&parser, id, out);
        shale_json_cursor_fini(&parser.cursor);
    }
    shale_buf_fini(&parser.scratch);
    shale_buf_fini(&padded);
    if (status != SHALE_OK)
        shale_err_at(err, name, -1, -1);
    return status;
}

enum shale_status shale_manifest_read(struct shale_store *store, struct shale_arena *arena,
                                      int64_t id, struct shale_manifest *out, struct shale_err *err)
{
    char name[SHALE_MANIFEST_NAME_BYTES];
    struct shale_buf text;
    enum shale_status status;
    memset(out, 0, sizeof *out);
    shale_manifest_name(id, name);
    shale_buf_init(&text, store->env->mem, MOST_BYTES);
    status = shale_store_read(store, name, &text, err);
    if (status == SHALE_OK)
        status = shale_manifest_parse(store->env->mem, arena, id, shale_buf_str(&text), out, err);
    shale_buf_fini(&text);
    return status;
}
