/* SPDX-License-Identifier: MIT */
/* The keys that a run took last: a table in memory, until they are so many that they go to the
 * temporary file as a sorted run. */
#include "dataset/keys_recent.h"

#include <string.h>

enum { FIRST_SLOTS = 1024 };

void shale_recent_init(struct shale_recent *recent, const struct shale_mem *mem, int64_t within_us)
{
    *recent = (struct shale_recent){.mem = mem, .within_us = within_us};
    shale_buf_init(&recent->rows, mem, INT32_MAX);
    shale_buf_init(&recent->bytes, mem, INT32_MAX);
}

void shale_recent_fini(struct shale_recent *recent)
{
    shale_buf_fini(&recent->rows);
    shale_buf_fini(&recent->bytes);
    shale_mem_free(recent->mem, recent->slots);
}

size_t shale_recent_n_bytes(const struct shale_recent *recent)
{
    return recent->rows.n_bytes + recent->bytes.n_bytes + recent->n_slots * sizeof *recent->slots;
}

static struct shale_key_row *row_at(const struct shale_recent *recent, size_t i)
{
    return (struct shale_key_row *)(void *)recent->rows.data + i;
}

static struct shale_str key_of(const struct shale_recent *recent, const struct shale_key_row *row)
{
    return (struct shale_str){recent->bytes.data + row->at, row->n_bytes};
}

static size_t first_slot(const struct shale_recent *recent, int64_t hash)
{
    return ((uint64_t)hash >> 17 ^ (uint64_t)hash) & (recent->n_slots - 1);
}

bool shale_recent_holds(const struct shale_recent *recent, int64_t hash, struct shale_str key,
                        int64_t time_us)
{
    if (recent->n_rows == 0)
        return false;
    for (size_t slot = first_slot(recent, hash); recent->slots[slot] != 0;
         slot = (slot + 1) & (recent->n_slots - 1)) {
        const struct shale_key_row *row = row_at(recent, recent->slots[slot] - 1);
        if (row->hash == hash && shale_key_in_reach(recent->within_us, row->time_us, time_us) &&
            shale_str_equal(key_of(recent, row), key))
            return true;
    }
    return false;
}

static void put_slot(struct shale_recent *recent, size_t row)
{
    size_t slot = first_slot(recent, row_at(recent, row)->hash);
    while (recent->slots[slot] != 0)
        slot = (slot + 1) & (recent->n_slots - 1);
    recent->slots[slot] = (uint32_t)row + 1;
}

static void fill_slots(struct shale_recent *recent)
{
    if (recent->slots != NULL)
        memset(recent->slots, 0, recent->n_slots * sizeof *recent->slots);
    for (size_t i = 0; i < recent->n_rows; i++)
        put_slot(recent, i);
}

static enum shale_status grow_slots(struct shale_recent *recent)
{
    size_t n = recent->n_slots == 0 ? FIRST_SLOTS : 2 * recent->n_slots;
    uint32_t *slots = shale_mem_zeroed(recent->mem, n, sizeof *slots);
    if (slots == NULL)
        return SHALE_NOMEM;
    shale_mem_free(recent->mem, recent->slots);
    recent->slots = slots;
    recent->n_slots = n;
    fill_slots(recent);
    return SHALE_OK;
}

enum shale_status shale_recent_add(struct shale_recent *recent, int64_t hash, struct shale_str key,
                                   int64_t time_us)
{
    struct shale_key_row row;
    enum shale_status status = SHALE_OK;
    if (2 * (recent->n_rows + 1) > recent->n_slots)
        status = grow_slots(recent);
    memset(&row, 0, sizeof row);
    row.hash = hash;
    row.time_us = time_us;
    row.at = (uint32_t)recent->bytes.n_bytes;
    row.n_bytes = (uint32_t)key.n_bytes;
    row.has_key = true;
    if (status == SHALE_OK)
        status = shale_buf_append_str(&recent->bytes, key);
    if (status == SHALE_OK)
        status = shale_buf_append(&recent->rows, &row, sizeof row);
    if (status == SHALE_OK)
        put_slot(recent, recent->n_rows++);
    return status;
}

void shale_recent_forget(struct shale_recent *recent, size_t from, size_t to)
{
    struct shale_key_row *rows = row_at(recent, 0);
    size_t n_after = recent->n_rows - to;
    uint32_t begin, end, gap;
    if (from == to)
        return;
    begin = rows[from].at;
    end = n_after > 0 ? rows[to].at : (uint32_t)recent->bytes.n_bytes;
    gap = end - begin;
    if (recent->bytes.n_bytes > end)
        memmove(recent->bytes.data + begin, recent->bytes.data + end, recent->bytes.n_bytes - end);
    memmove(rows + from, rows + to, n_after * sizeof *rows);
    for (size_t i = from; i < from + n_after; i++)
        rows[i].at -= gap;
    recent->n_rows = from + n_after;
    recent->rows.n_bytes = recent->n_rows * sizeof *rows;
    recent->bytes.n_bytes -= gap;
    fill_slots(recent);
}

/* ---- In order ---------------------------------------------------------------------------------
 */

static void get_entry(const struct shale_recent *recent, uint32_t i, struct shale_key_entry *out)
{
    const struct shale_key_row *row = row_at(recent, i);
    *out = (struct shale_key_entry){row->hash, row->time_us, key_of(recent, row)};
}

static enum shale_status source_next(struct shale_keys_source *base,
                                     const struct shale_key_entry **out, struct shale_err *err)
{
    struct shale_recent_source *source = (struct shale_recent_source *)(void *)base;
    (void)err;
    *out = NULL;
    if (source->next == source->n)
        return SHALE_OK;
    get_entry(source->recent, source->order[source->next++], &source->entry);
    *out = &source->entry;
    return SHALE_OK;
}

/* Within one hash there are only a few rows: they are inserted one by one. */
static void order_equals(const struct shale_recent *recent, uint32_t *order, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        struct shale_key_entry entry, before;
        uint32_t row = order[i];
        size_t to = i;
        get_entry(recent, row, &entry);
        for (; to > 0; to--) {
            if (row_at(recent, order[to - 1])->hash != entry.hash)
                break;
            get_entry(recent, order[to - 1], &before);
            if (shale_key_compare(&before, &entry) <= 0)
                break;
            order[to] = order[to - 1];
        }
        order[to] = row;
    }
}

enum shale_status shale_recent_sort(const struct shale_recent *recent, size_t n,
                                    struct shale_recent_source *out)
{
    const struct shale_mem *mem = recent->mem;
    struct shale_key_probe *probes = shale_mem_zeroed(mem, n + 1, sizeof *probes);
    uint32_t *scratch = shale_mem_zeroed(mem, n + 1, sizeof *scratch);
    enum shale_status status = SHALE_NOMEM;
    *out = (struct shale_recent_source){.source = {source_next}, .recent = recent, .n = n};
    out->order = shale_mem_zeroed(mem, n + 1, sizeof *out->order);
    if (probes != NULL && scratch != NULL && out->order != NULL) {
        for (size_t i = 0; i < n; i++) {
            probes[i].hash = row_at(recent, i)->hash;
            out->order[i] = (uint32_t)i;
        }
        shale_key_sort(probes, out->order, scratch, n);
        order_equals(recent, out->order, n);
        status = SHALE_OK;
    }
    shale_mem_free(mem, probes);
    shale_mem_free(mem, scratch);
    return status;
}

void shale_recent_source_fini(struct shale_recent_source *source)
{
    shale_mem_free(source->recent->mem, source->order);
    source->order = NULL;
}
