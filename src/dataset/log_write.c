/* SPDX-License-Identifier: MIT */
/* An entry as JSON (PROTOCOL.md, Actions): commitInfo, protocol, metaData, txn, remove, add. */
#include "dataset/log_actions.h"
#include "json/writer.h"

enum { TEXT_BYTES = 256 * 1024 * 1024 };

struct line {
    struct shale_json_writer json;
    struct shale_buf scratch; /* of a text that is made before it is quoted */
};

/* {"NAME":{ ... */
static void begin_line(struct line *line, const char *name)
{
    enum shale_status status = line->json.status;
    shale_json_writer_init(&line->json, line->json.out);
    line->json.status = status;
    shale_json_put_begin(&line->json, '{');
    shale_json_put_name(&line->json, name);
    shale_json_put_begin(&line->json, '{');
}

static void end_line(struct line *line)
{
    shale_json_put_end(&line->json, '}');
    shale_json_put_end(&line->json, '}');
    if (line->json.status == SHALE_OK)
        line->json.status = shale_buf_append_byte(line->json.out, '\n');
}

static void put_text(struct line *line, const char *name, struct shale_str text)
{
    shale_json_put_name(&line->json, name);
    shale_json_put_string(&line->json, text);
}

static void put_number(struct line *line, const char *name, int64_t value)
{
    shale_json_put_name(&line->json, name);
    shale_json_put_i64(&line->json, value);
}

static void put_flag(struct line *line, const char *name, bool value)
{
    shale_json_put_name(&line->json, name);
    shale_json_put_bool(&line->json, value);
}

static void put_pairs(struct line *line, const char *name, const struct shale_log_pair *pairs,
                      size_t n, bool raw)
{
    shale_json_put_name(&line->json, name);
    shale_json_put_begin(&line->json, '{');
    for (size_t i = 0; i < n; i++) {
        shale_json_put_key(&line->json, pairs[i].key);
        if (raw)
            shale_json_put_raw(&line->json, pairs[i].value);
        else
            shale_json_put_string(&line->json, pairs[i].value);
    }
    shale_json_put_end(&line->json, '}');
}

/* The text with which a file is, or was, added. */
static void put_path(struct line *line, struct shale_str path, struct shale_str url)
{
    if (url.n_bytes == 0) {
        shale_buf_reset(&line->scratch);
        if (line->json.status == SHALE_OK)
            line->json.status = shale_log_path_encode(path, &line->scratch);
        url = shale_buf_str(&line->scratch);
    }
    put_text(line, "path", url);
}

/* ---- Actions ----------------------------------------------------------------------------------
 */

static void put_info(struct line *line, const struct shale_log_entry *entry)
{
    const struct shale_log_info *info = &entry->info;
    struct shale_str txn_id = info->txn_id;
    if (txn_id.n_bytes == 0 && entry->manifest_id >= 0) {
        shale_buf_reset(&line->scratch);
        if (line->json.status == SHALE_OK)
            line->json.status =
                shale_buf_printf(&line->scratch, "%lld", (long long)entry->manifest_id);
        txn_id = shale_buf_str(&line->scratch);
    }
    begin_line(line, "commitInfo");
    put_number(line, "timestamp", info->timestamp_ms);
    put_text(line, "operation", info->operation);
    put_pairs(line, "operationParameters", info->parameters, info->n_parameters, true);
    put_flag(line, "isBlindAppend", info->is_blind_append);
    put_pairs(line, "operationMetrics", info->metrics, info->n_metrics, false);
    put_text(line, "engineInfo",
             info->engine.n_bytes > 0 ? info->engine : SHALE_STR("Shale/" SHALE_VERSION));
    if (txn_id.n_bytes > 0)
        put_text(line, "txnId", txn_id);
    end_line(line);
}

static void put_protocol(struct line *line)
{
    begin_line(line, "protocol");
    put_number(line, "minReaderVersion", 1);
    put_number(line, "minWriterVersion", 2);
    end_line(line);
}

static void put_metadata(struct line *line, const struct shale_log_entry *entry)
{
    const struct shale_log_state *base = entry->base;
    begin_line(line, "metaData");
    put_text(line, "id", entry->table_id);
    if (base != NULL && base->name.n_bytes > 0)
        put_text(line, "name", base->name);
    if (base != NULL && base->description.n_bytes > 0)
        put_text(line, "description", base->description);
    shale_json_put_name(&line->json, "format");
    shale_json_put_begin(&line->json, '{');
    put_text(line, "provider", SHALE_STR("parquet"));
    put_pairs(line, "options", base != NULL ? base->format_options : NULL,
              base != NULL ? base->n_format_options : 0, false);
    shale_json_put_end(&line->json, '}');
    shale_buf_reset(&line->scratch);
    if (line->json.status == SHALE_OK)
        line->json.status = shale_log_schema_json(entry->schema, base, &line->scratch);
    put_text(line, "schemaString", shale_buf_str(&line->scratch));
    shale_json_put_name(&line->json, "partitionColumns");
    shale_json_put_begin(&line->json, '[');
    for (size_t i = 0; i < entry->n_partition_columns; i++)
        shale_json_put_string(&line->json, entry->partition_columns[i]);
    shale_json_put_end(&line->json, ']');
    put_pairs(line, "configuration", entry->configuration, entry->n_configuration, false);
    if (entry->created_ms >= 0)
        put_number(line, "createdTime", entry->created_ms);
    end_line(line);
}

static void put_txn(struct line *line, const struct shale_log_entry *entry)
{
    begin_line(line, "txn");
    put_text(line, "appId", SHALE_STR("shale"));
    put_number(line, "version", entry->manifest_id);
    put_number(line, "lastUpdated", entry->info.timestamp_ms);
    end_line(line);
}

static void put_add(struct line *line, const struct shale_log_add *add)
{
    begin_line(line, "add");
    put_path(line, add->path, add->url);
    shale_json_put_name(&line->json, "partitionValues");
    shale_json_put_begin(&line->json, '{');
    for (size_t i = 0; i < add->n_partition_values; i++) {
        const struct shale_log_partition_value *value = &add->partition_values[i];
        shale_json_put_key(&line->json, value->name);
        if (value->is_null)
            shale_json_put_null(&line->json);
        else
            shale_json_put_string(&line->json, value->value);
    }
    shale_json_put_end(&line->json, '}');
    put_number(line, "size", add->n_bytes);
    put_number(line, "modificationTime", add->modified_ms < 0 ? 0 : add->modified_ms);
    put_flag(line, "dataChange", add->data_change);
    if (add->stats.n_bytes > 0)
        put_text(line, "stats", add->stats);
    if (add->n_tags > 0)
        put_pairs(line, "tags", add->tags, add->n_tags, false);
    end_line(line);
}

static void put_remove(struct line *line, const struct shale_log_remove *remove)
{
    begin_line(line, "remove");
    put_path(line, remove->path, remove->url);
    if (remove->deleted_ms >= 0)
        put_number(line, "deletionTimestamp", remove->deleted_ms);
    put_flag(line, "dataChange", remove->data_change);
    end_line(line);
}

enum shale_status shale_log_entry_json(const struct shale_log_entry *entry, struct shale_buf *out)
{
    struct line line;
    shale_json_writer_init(&line.json, out);
    shale_buf_init(&line.scratch, out->mem, TEXT_BYTES);
    put_info(&line, entry);
    if (entry->has_protocol)
        put_protocol(&line);
    if (entry->has_metadata)
        put_metadata(&line, entry);
    if (entry->manifest_id >= 0)
        put_txn(&line, entry);
    for (size_t i = 0; i < entry->n_removes; i++)
        put_remove(&line, &entry->removes[i]);
    for (size_t i = 0; i < entry->n_adds; i++)
        put_add(&line, &entry->adds[i]);
    shale_buf_fini(&line.scratch);
    return line.json.status;
}
