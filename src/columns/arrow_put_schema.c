/* SPDX-License-Identifier: MIT */
/* Types as an Arrow schema. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "columns/arrow.h"
#include "columns/blocks.h"

enum { FORMAT_BYTES = 32 };

static void release(struct ArrowSchema *schema)
{
    for (int64_t i = 0; i < schema->n_children; i++)
        if (schema->children[i]->release != NULL)
            schema->children[i]->release(schema->children[i]);
    shale_blocks_release(schema->private_data);
    schema->release = NULL;
}

/* Formats without parameters. */
static const char *plain_format(const struct shale_type *type)
{
    static const char *const formats[] = {
        [SHALE_STRING] = "u",  [SHALE_BOOL] = "b",   [SHALE_INT32] = "i",   [SHALE_INT64] = "l",
        [SHALE_FLOAT64] = "g", [SHALE_DATE] = "tdD", [SHALE_BINARY] = "z",  [SHALE_JSON] = "u",
        [SHALE_LIST] = "+l",   [SHALE_MAP] = "+m",   [SHALE_STRUCT] = "+s", [SHALE_INT8] = "c",
        [SHALE_INT16] = "s",   [SHALE_UINT8] = "C",  [SHALE_UINT16] = "S",  [SHALE_UINT32] = "I",
        [SHALE_UINT64] = "L",  [SHALE_FLOAT32] = "f"};
    return formats[type->kind];
}

static void put_format(const struct shale_type *type, char out[FORMAT_BYTES])
{
    static const char units[] = {[SHALE_MS] = 'm', [SHALE_US] = 'u', [SHALE_NS] = 'n'};
    const char *plain;
    switch (type->kind) {
    case SHALE_DECIMAL:
        (void)snprintf(out, FORMAT_BYTES, "d:%u,%u", (unsigned)type->precision,
                       (unsigned)type->scale);
        return;
    case SHALE_TIME:
        (void)snprintf(out, FORMAT_BYTES, "tt%c", units[type->unit]);
        return;
    case SHALE_TIMESTAMP:
        (void)snprintf(out, FORMAT_BYTES, "ts%c:%s", units[type->unit], type->local ? "" : "UTC");
        return;
    case SHALE_UUID:
        (void)snprintf(out, FORMAT_BYTES, "%s", type->annotate ? "w:16" : "u");
        return;
    case SHALE_FIXED:
        (void)snprintf(out, FORMAT_BYTES, "w:%d", (int)type->width);
        return;
    default:
        plain = plain_format(type);
        assert(plain != NULL);
        (void)snprintf(out, FORMAT_BYTES, "%s", plain);
    }
}

/* The interface's form: the pairs' number, then each text's length in 4 bytes and the text. */
static const char *extension_metadata(struct shale_blocks *blocks, const char *name)
{
    static const char keys[2][24] = {"ARROW:extension:name", "ARROW:extension:metadata"};
    static const int32_t lengths[2] = {20, 24};
    int32_t two = 2, n = (int32_t)strlen(name), none = 0;
    char *out = shale_blocks_alloc(blocks, 128, 1), *at = out;
    if (out == NULL)
        return NULL;
    memcpy(at, &two, 4);
    memcpy(at += 4, &lengths[0], 4);
    memcpy(at += 4, keys[0], (size_t)lengths[0]);
    memcpy(at += lengths[0], &n, 4);
    memcpy(at += 4, name, (size_t)n);
    memcpy(at += n, &lengths[1], 4);
    memcpy(at += 4, keys[1], (size_t)lengths[1]);
    memcpy(at + lengths[1], &none, 4);
    return out;
}

static bool make_children(struct shale_blocks *blocks, struct ArrowSchema *schema, size_t n)
{
    struct ArrowSchema *children = shale_blocks_zeroed(blocks, n, sizeof *children);
    schema->children = shale_blocks_zeroed(blocks, n, sizeof(struct ArrowSchema *));
    if (children == NULL || schema->children == NULL)
        return false;
    for (size_t i = 0; i < n; i++)
        schema->children[i] = &children[i];
    schema->n_children = (int64_t)n;
    return true;
}

/* Fill a node without its children; false without memory. */
static bool put_node(struct shale_blocks *blocks, struct shale_str name, const char *format,
                     struct ArrowSchema *out)
{
    char *texts = shale_blocks_alloc(blocks, name.n_bytes + 1 + FORMAT_BYTES, 1);
    if (texts == NULL)
        return false;
    memcpy(texts, format, strlen(format) + 1);
    if (name.n_bytes > 0)
        memcpy(texts + FORMAT_BYTES, name.data, name.n_bytes);
    texts[FORMAT_BYTES + name.n_bytes] = '\0';
    *out = (struct ArrowSchema){.format = texts,
                                .name = texts + FORMAT_BYTES,
                                .flags = ARROW_FLAG_NULLABLE,
                                .release = release,
                                .private_data = blocks};
    shale_blocks_share(blocks);
    return true;
}

static bool put_type(struct shale_blocks *blocks, struct shale_str name,
                     const struct shale_type *type, struct ArrowSchema *out)
{
    struct ArrowSchema *parent = out;
    char format[FORMAT_BYTES];
    put_format(type, format);
    if (!put_node(blocks, name, format, out))
        return false;
    if (type->kind == SHALE_JSON || (type->kind == SHALE_UUID && type->annotate)) {
        out->metadata =
            extension_metadata(blocks, type->kind == SHALE_JSON ? "arrow.json" : "arrow.uuid");
        return out->metadata != NULL;
    }
    if (type->n_members == 0)
        return true;
    if (type->kind == SHALE_MAP) { /* a struct of the keys and values stands between */
        if (!make_children(blocks, out, 1) ||
            !put_node(blocks, SHALE_STR("entries"), "+s", out->children[0]))
            return false;
        parent = out->children[0];
        parent->flags = 0;
    }
    if (!make_children(blocks, parent, type->n_members))
        return false;
    for (size_t i = 0; i < type->n_members; i++) {
        if (!put_type(blocks, type->members[i].name, &type->members[i].type, parent->children[i]))
            return false;
        if (type->kind == SHALE_MAP && i == 0)
            parent->children[i]->flags = 0;
    }
    return true;
}

enum shale_status shale_arrow_put_schema(const struct shale_mem *mem,
                                         const struct shale_column_def *defs, size_t n_columns,
                                         struct ArrowSchema *out)
{
    struct shale_blocks *blocks = shale_blocks_new(mem);
    bool good;
    *out = (struct ArrowSchema){0};
    if (blocks == NULL)
        return SHALE_NOMEM;
    good = put_node(blocks, SHALE_STR(""), "+s", out);
    if (good) {
        out->flags = 0;
        good = make_children(blocks, out, n_columns);
    }
    for (size_t i = 0; i < n_columns && good; i++)
        good = put_type(blocks, defs[i].name, &defs[i].type, out->children[i]);
    if (!good && out->release != NULL)
        out->release(out);
    shale_blocks_release(blocks);
    return good ? SHALE_OK : SHALE_NOMEM;
}
