/* SPDX-License-Identifier: MIT */
/* The rows of the ledger: their columns, their order, and how one is made. */
#include "dataset/ledger.h"

#include "dataset/ledger_parts.h"

#define COLUMN(text, type_kind, how)                                                               \
    {                                                                                              \
        .name = {text, sizeof(text) - 1}, .type = {.kind = (type_kind)}, .encoding = (how)         \
    }
/* A row's key shares its beginning with the row before; tags and hashes share nothing. */
static const struct shale_column_def columns[SHALE_LEDGER_N_COLUMNS] = {
    [SHALE_LEDGER_SOURCE] = COLUMN("source", SHALE_STRING, SHALE_ENCODE_DICTIONARY),
    [SHALE_LEDGER_KEY] = COLUMN("key", SHALE_STRING, SHALE_ENCODE_DELTA_BYTE_ARRAY),
    [SHALE_LEDGER_TAG] = COLUMN("tag", SHALE_STRING, SHALE_ENCODE_PLAIN),
    [SHALE_LEDGER_STATE] = COLUMN("state", SHALE_STRING, SHALE_ENCODE_DICTIONARY),
    [SHALE_LEDGER_HASH] = COLUMN("hash", SHALE_STRING, SHALE_ENCODE_PLAIN),
    [SHALE_LEDGER_BYTES] = COLUMN("bytes", SHALE_INT64, SHALE_ENCODE_AUTO),
    [SHALE_LEDGER_READ] = COLUMN("read", SHALE_INT64, SHALE_ENCODE_AUTO),
    [SHALE_LEDGER_WRITTEN] = COLUMN("written", SHALE_INT64, SHALE_ENCODE_AUTO),
    [SHALE_LEDGER_REJECTED_EVENTS] = COLUMN("rejected", SHALE_INT64, SHALE_ENCODE_AUTO),
    [SHALE_LEDGER_FILTERED] = COLUMN("filtered", SHALE_INT64, SHALE_ENCODE_AUTO),
    [SHALE_LEDGER_DUPLICATES] = COLUMN("duplicates", SHALE_INT64, SHALE_ENCODE_AUTO),
    [SHALE_LEDGER_DEFINITION] = COLUMN("definition", SHALE_STRING, SHALE_ENCODE_DICTIONARY),
};
#undef COLUMN

const struct shale_schema shale_ledger_schema = {columns, SHALE_LEDGER_N_COLUMNS};

struct shale_str shale_ledger_state_text(enum shale_ledger_state state)
{
    return state == SHALE_LEDGER_DONE ? SHALE_STR("done") : SHALE_STR("rejected");
}

enum shale_status shale_ledger_append(struct shale_builder *builder,
                                      const struct shale_ledger_row *row)
{
    shale_builder_bytes(builder, SHALE_LEDGER_SOURCE, row->source);
    shale_builder_bytes(builder, SHALE_LEDGER_KEY, row->key);
    shale_builder_bytes(builder, SHALE_LEDGER_TAG, row->tag);
    shale_builder_bytes(builder, SHALE_LEDGER_STATE, shale_ledger_state_text(row->state));
    if (row->hash.n_bytes > 0)
        shale_builder_bytes(builder, SHALE_LEDGER_HASH, row->hash);
    else
        shale_builder_null(builder, SHALE_LEDGER_HASH);
    shale_builder_i64(builder, SHALE_LEDGER_BYTES, row->n_bytes);
    shale_builder_i64(builder, SHALE_LEDGER_READ, row->read);
    shale_builder_i64(builder, SHALE_LEDGER_WRITTEN, row->written);
    shale_builder_i64(builder, SHALE_LEDGER_REJECTED_EVENTS, row->rejected);
    shale_builder_i64(builder, SHALE_LEDGER_FILTERED, row->filtered);
    shale_builder_i64(builder, SHALE_LEDGER_DUPLICATES, row->duplicates);
    shale_builder_bytes(builder, SHALE_LEDGER_DEFINITION, row->definition);
    return shale_builder_row(builder);
}

int shale_ledger_compare(const struct shale_ledger_row *a, const struct shale_ledger_row *b)
{
    int order = shale_ledger_compare_keys(a->source, a->key, b->source, b->key);
    return order != 0 ? order : shale_str_compare(a->tag, b->tag);
}
