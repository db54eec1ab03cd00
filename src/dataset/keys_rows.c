/* SPDX-License-Identifier: MIT */
/* Keys of rows: what they hash to, where they may have been seen, and that in order. */
#include "dataset/keys_parts.h"

#include <string.h>

#include "codec/content_hash.h"

enum { STRETCH = 16, RADIX_BITS = 11, RADIX = 1 << RADIX_BITS, MOST_BYTES = INT32_MAX };

int64_t shale_key_width(int64_t within_us)
{
    return within_us < 0 ? 0 : STRETCH * (within_us + 1);
}

size_t shale_key_row_bytes(struct shale_key_rule rule)
{
    const int64_t probe = sizeof(struct shale_key_probe) + 2 * sizeof(uint32_t);
    int64_t n = (int64_t)sizeof(struct shale_key_row) + probe;
    if (rule.within_us > 0) /* sixteenths of a stretch */
        n += 2 * probe * (16 * rule.within_us / rule.width_us + 1) / 16;
    return (size_t)n;
}

int64_t shale_key_stretch(struct shale_key_rule rule, int64_t time_us)
{
    int64_t stretch;
    if (rule.within_us < 0)
        return 0;
    stretch = time_us / rule.width_us;
    return time_us % rule.width_us < 0 ? stretch - 1 : stretch;
}

/* The bits stand in files: of the key XXH3-64, of the stretch a mix that base/hash.h promises
 * nothing of, so it is written down here. */
int64_t shale_key_hash(struct shale_str key, int64_t stretch)
{
    uint64_t mixed = (uint64_t)stretch * UINT64_C(0x9e3779b97f4a7c15);
    uint64_t hash = shale_content_hash64(key);
    mixed ^= mixed >> 32;
    hash ^= mixed * UINT64_C(0xd6e8feb86659fd93);
    hash ^= hash >> 29;
    return (int64_t)(hash * UINT64_C(0xbf58476d1ce4e5b9));
}

void shale_key_rows_init(struct shale_key_rows *rows, const struct shale_mem *mem,
                         struct shale_key_rule rule)
{
    *rows = (struct shale_key_rows){.mem = mem, .rule = rule};
    shale_buf_init(&rows->rows, mem, MOST_BYTES);
    shale_buf_init(&rows->probes, mem, MOST_BYTES);
    shale_buf_init(&rows->bytes, mem, MOST_BYTES);
    shale_buf_init(&rows->order, mem, MOST_BYTES);
}

void shale_key_rows_fini(struct shale_key_rows *rows)
{
    shale_buf_fini(&rows->rows);
    shale_buf_fini(&rows->probes);
    shale_buf_fini(&rows->bytes);
    shale_buf_fini(&rows->order);
}

void shale_key_rows_reset(struct shale_key_rows *rows)
{
    shale_buf_reset(&rows->rows);
    shale_buf_reset(&rows->probes);
    shale_buf_reset(&rows->bytes);
    shale_buf_reset(&rows->order);
    rows->n_rows = rows->n_probes = 0;
}

size_t shale_key_rows_n_bytes(const struct shale_key_rows *rows)
{
    return rows->rows.capacity + rows->probes.capacity + rows->bytes.capacity +
           rows->order.capacity;
}

static enum shale_status add_probes(struct shale_key_rows *rows, struct shale_str key,
                                    int64_t time_us)
{
    struct shale_key_rule rule = rows->rule;
    int64_t from = 0, to = 0;
    if (rule.within_us >= 0) {
        from = shale_key_stretch(rule, time_us - rule.within_us);
        to = shale_key_stretch(rule, time_us + rule.within_us);
    }
    for (int64_t stretch = from; stretch <= to; stretch++) {
        struct shale_key_probe probe;
        enum shale_status status;
        memset(&probe, 0, sizeof probe);
        probe.hash = shale_key_hash(key, stretch);
        probe.row = (uint32_t)rows->n_rows;
        status = shale_buf_append(&rows->probes, &probe, sizeof probe);
        if (status != SHALE_OK)
            return status;
        rows->n_probes++;
    }
    return SHALE_OK;
}

enum shale_status shale_key_rows_add(struct shale_key_rows *rows, const struct shale_str *key,
                                     int64_t time_us)
{
    struct shale_key_row row;
    enum shale_status status;
    memset(&row, 0, sizeof row);
    if (key != NULL) {
        row.has_key = true;
        row.time_us = rows->rule.within_us < 0 ? 0 : time_us;
        row.hash = shale_key_hash(*key, shale_key_stretch(rows->rule, time_us));
        row.at = (uint32_t)rows->bytes.n_bytes;
        row.n_bytes = (uint32_t)key->n_bytes;
        status = shale_buf_append_str(&rows->bytes, *key);
        if (status == SHALE_OK)
            status = add_probes(rows, *key, time_us);
        if (status != SHALE_OK)
            return status;
    }
    status = shale_buf_append(&rows->rows, &row, sizeof row);
    rows->n_rows += status == SHALE_OK;
    return status;
}

/* Least significant digit first: stable, and linear whatever the hashes are. */
void shale_key_sort(const struct shale_key_probe *probes, uint32_t *order, uint32_t *scratch,
                    size_t n)
{
    uint32_t *from = order, *to = scratch;
    for (unsigned shift = 0; shift < 64; shift += RADIX_BITS) {
        uint32_t begins[RADIX + 1] = {0}, *swap;
        for (size_t i = 0; i < n; i++) {
            uint64_t hash = (uint64_t)probes[from[i]].hash ^ UINT64_C(1) << 63;
            begins[(hash >> shift & (RADIX - 1)) + 1]++;
        }
        for (size_t i = 0; i < RADIX; i++)
            begins[i + 1] += begins[i];
        for (size_t i = 0; i < n; i++) {
            uint64_t hash = (uint64_t)probes[from[i]].hash ^ UINT64_C(1) << 63;
            to[begins[hash >> shift & (RADIX - 1)]++] = from[i];
        }
        swap = from;
        from = to;
        to = swap;
    }
    _Static_assert((64 + RADIX_BITS - 1) / RADIX_BITS % 2 == 0, "the last pass ends in 'order'");
}

enum shale_status shale_key_rows_sort(struct shale_key_rows *rows)
{
    size_t n_bytes = rows->n_probes * sizeof(uint32_t);
    uint32_t *order, *scratch = shale_mem_alloc(rows->mem, n_bytes + 1);
    enum shale_status status;
    shale_buf_reset(&rows->order);
    status = scratch == NULL ? SHALE_NOMEM : shale_buf_reserve(&rows->order, n_bytes + 1);
    if (status == SHALE_OK) {
        rows->order.n_bytes = n_bytes;
        order = (uint32_t *)(void *)rows->order.data;
        for (size_t i = 0; i < rows->n_probes; i++)
            order[i] = (uint32_t)i;
        shale_key_sort((const void *)rows->probes.data, order, scratch, rows->n_probes);
    }
    shale_mem_free(rows->mem, scratch);
    return status;
}
