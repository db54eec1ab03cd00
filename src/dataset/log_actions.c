/* SPDX-License-Identifier: MIT */
/* What the actions of a table log are made of (PROTOCOL.md, Actions). */
#include "dataset/log_actions.h"

#include <stddef.h>

#define AT(member) offsetof(struct shale_log_action, member)
#define TEXT(text, must, place)                                                                    \
    {                                                                                              \
        text, SHALE_SHAPE_TEXT, must, AT(place), 0, NULL, 0                                        \
    }
#define NUMBER(text, must, place)                                                                  \
    {                                                                                              \
        text, SHALE_SHAPE_NUMBER, must, AT(place), 0, NULL, 0                                      \
    }
#define FLAG(text, place)                                                                          \
    {                                                                                              \
        text, SHALE_SHAPE_FLAG, false, AT(place), 0, NULL, 0                                       \
    }
#define ARRAY(text, kind, place, number)                                                           \
    {                                                                                              \
        text, SHALE_SHAPE_##kind, false, AT(place), AT(number), NULL, 0                            \
    }
#define GROUP(text, members)                                                                       \
    {                                                                                              \
        text, SHALE_SHAPE_GROUP, false, 0, 0, members, sizeof(members) / sizeof *(members)         \
    }

static const struct shale_log_member add_members[] = {
    TEXT("path", true, add.url),
    ARRAY("partitionValues", VALUES, add.partition_values, add.n_partition_values),
    NUMBER("size", true, add.n_bytes),
    NUMBER("modificationTime", false, add.modified_ms),
    FLAG("dataChange", add.data_change),
    TEXT("stats", false, add.stats),
    ARRAY("tags", PAIRS, add.tags, add.n_tags),
    {"deletionVector", SHALE_SHAPE_PRESENT, false, AT(has_vector), 0, NULL, 0},
};

static const struct shale_log_member remove_members[] = {
    TEXT("path", true, remove.url),
    NUMBER("deletionTimestamp", false, remove.deleted_ms),
    FLAG("dataChange", remove.data_change),
};

static const struct shale_log_member txn_members[] = {
    TEXT("appId", true, txn.app_id),
    NUMBER("version", true, txn.version),
    NUMBER("lastUpdated", false, txn.updated_ms),
};

static const struct shale_log_member format_members[] = {
    TEXT("provider", false, metadata.provider),
    ARRAY("options", PAIRS, metadata.options, metadata.n_options),
};

static const struct shale_log_member metadata_members[] = {
    TEXT("id", true, metadata.id),
    TEXT("name", false, metadata.name),
    TEXT("description", false, metadata.description),
    GROUP("format", format_members),
    TEXT("schemaString", false, metadata.schema_json),
    ARRAY("partitionColumns", TEXTS, metadata.partition_columns, metadata.n_partition_columns),
    ARRAY("configuration", PAIRS, metadata.configuration, metadata.n_configuration),
    NUMBER("createdTime", false, metadata.created_ms),
};

static const struct shale_log_member protocol_members[] = {
    NUMBER("minReaderVersion", true, protocol.reader),
    NUMBER("minWriterVersion", true, protocol.writer),
    ARRAY("readerFeatures", TEXTS, protocol.reader_features, protocol.n_reader_features),
    ARRAY("writerFeatures", TEXTS, protocol.writer_features, protocol.n_writer_features),
};

static const struct shale_log_member info_members[] = {
    TEXT("operation", false, info.operation),
    ARRAY("operationParameters", RAWS, info.parameters, info.n_parameters),
    ARRAY("operationMetrics", PAIRS, info.metrics, info.n_metrics),
    FLAG("isBlindAppend", info.is_blind_append),
    NUMBER("timestamp", false, info.timestamp_ms),
    TEXT("engineInfo", false, info.engine),
    TEXT("txnId", false, info.txn_id),
};

#define KIND(text, members)                                                                        \
    {                                                                                              \
        text, members, sizeof(members) / sizeof *(members)                                         \
    }
const struct shale_log_kind_def shale_log_kinds[SHALE_ACTION_N_KINDS] = {
    [SHALE_ACTION_OTHER] = {"", NULL, 0},
    [SHALE_ACTION_ADD] = KIND("add", add_members),
    [SHALE_ACTION_REMOVE] = KIND("remove", remove_members),
    [SHALE_ACTION_TXN] = KIND("txn", txn_members),
    [SHALE_ACTION_METADATA] = KIND("metaData", metadata_members),
    [SHALE_ACTION_PROTOCOL] = KIND("protocol", protocol_members),
    [SHALE_ACTION_INFO] = KIND("commitInfo", info_members),
    [SHALE_ACTION_SIDECAR] = {"sidecar", NULL, 0},
};

/* ---- From members to an action ----------------------------------------------------------------
 */

enum { NOT_SAID = -1 }; /* no number of the log is negative but by mistake */

static void forget_numbers(struct shale_log_action *out, const struct shale_log_member *members,
                           size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (members[i].shape == SHALE_SHAPE_NUMBER)
            *(int64_t *)(void *)((char *)out + members[i].at) = NOT_SAID;
}

void shale_log_action_begin(struct shale_log_action *out, enum shale_log_kind kind)
{
    *out = (struct shale_log_action){.kind = kind};
    out->add.data_change = true;
    out->remove.data_change = true;
    forget_numbers(out, shale_log_kinds[kind].members, shale_log_kinds[kind].n_members);
}

static enum shale_status check_members(const struct shale_log_action *action, struct shale_err *err)
{
    const struct shale_log_kind_def *kind = &shale_log_kinds[action->kind];
    for (size_t i = 0; i < kind->n_members; i++) {
        const struct shale_log_member *member = &kind->members[i];
        const void *at = (const char *)action + member->at;
        bool is_missing =
            (member->shape == SHALE_SHAPE_TEXT && ((const struct shale_str *)at)->data == NULL) ||
            (member->shape == SHALE_SHAPE_NUMBER && *(const int64_t *)at == NOT_SAID);
        if (member->required && is_missing)
            return SHALE_ERR(err, log_member_missing, kind->name, member->name);
    }
    return SHALE_OK;
}

enum shale_status shale_log_action_end(struct shale_arena *arena, struct shale_log_action *action,
                                       struct shale_err *err)
{
    enum shale_status status = check_members(action, err);
    if (status != SHALE_OK)
        return status;
    if (action->kind == SHALE_ACTION_ADD) {
        if (action->add.n_bytes < 0)
            return SHALE_ERR(err, log_number, "add.size", (long long)action->add.n_bytes);
        if (action->has_vector)
            return SHALE_ERR(err, log_vector, SHALE_STR_ARG(action->add.url));
        action->add.n_rows = -1;
        return shale_log_path_decode(arena, action->add.url, &action->add.path, err);
    }
    if (action->kind == SHALE_ACTION_REMOVE)
        return shale_log_path_decode(arena, action->remove.url, &action->remove.path, err);
    if (action->kind == SHALE_ACTION_TXN && action->txn.version < 0)
        return SHALE_ERR(err, log_number, "txn.version", (long long)action->txn.version);
    if (action->kind == SHALE_ACTION_PROTOCOL &&
        (action->protocol.reader < 1 || action->protocol.writer < 1))
        return SHALE_ERR(err, log_number, "protocol",
                         (long long)(action->protocol.reader < 1 ? action->protocol.reader
                                                                 : action->protocol.writer));
    return SHALE_OK;
}

enum shale_status shale_log_copy(struct shale_arena *arena, struct shale_str text,
                                 struct shale_str *out, struct shale_err *err)
{
    char *copy = shale_arena_copy(arena, text);
    if (copy == NULL)
        return SHALE_ERR(err, no_memory);
    *out = (struct shale_str){copy, text.n_bytes};
    return SHALE_OK;
}
