/* SPDX-License-Identifier: MIT */
/* Rows against one segment.
 *
 *     probes in order of hashes, row groups likewise:   which row groups can hold which probes
 *     the row group's filter:                           most of the others are told apart
 *     its hashes, then keys and times:                  what is a duplicate
 *
 * A filter is 16 further bits of each hash of the row group, in order, and where each of about half
 * as many equal parts of the range begins: one look in 30,000 finds a hash that is not there.  It
 * is made from the hashes when the row group is first met.  Filters stay in memory up to a limit;
 * those beyond it are kept in the spill file, always the same ones, so that going round and round
 * over all of them does not turn each away before it is met again. */
#include "dataset/keys_parts.h"

#include <string.h>

enum { BATCH_ROWS = 2048, PRINT_BITS = 16 };

struct shale_key_filter {
    int64_t least;
    uint32_t n_rows, n_parts; /* parts: a power of two, at least 2 */
    uint32_t shift;           /* of a hash's distance from 'least': its part */
    uint16_t data[];          /* n_parts + 1 begins, then n_rows prints */
};

struct match {
    int64_t row; /* of the row group */
    uint32_t candidate;
};

static size_t filter_bytes(uint32_t n_rows, uint32_t n_parts)
{
    return sizeof(struct shale_key_filter) + ((size_t)n_parts + 1 + n_rows) * sizeof(uint16_t);
}

enum shale_status shale_key_lookup_init(struct shale_key_lookup *lookup,
                                        const struct shale_mem *mem, struct shale_spill *spill,
                                        int64_t within_us, size_t memory_bytes)
{
    *lookup = (struct shale_key_lookup){
        .mem = mem, .spill = spill, .within_us = within_us, .memory_bytes = memory_bytes};
    shale_buf_init(&lookup->candidates, mem, SIZE_MAX / 2);
    shale_buf_init(&lookup->matches, mem, SIZE_MAX / 2);
    lookup->scratch =
        shale_mem_zeroed(mem, 1, filter_bytes(SHALE_KEYS_GROUP_ROWS, SHALE_KEYS_GROUP_ROWS));
    return lookup->scratch == NULL ? SHALE_NOMEM : SHALE_OK;
}

void shale_key_lookup_fini(struct shale_key_lookup *lookup)
{
    if (lookup->mem == NULL)
        return;
    shale_buf_fini(&lookup->candidates);
    shale_buf_fini(&lookup->matches);
    shale_mem_free(lookup->mem, lookup->scratch);
}

void shale_key_forget(struct shale_key_lookup *lookup, struct shale_keys_file *file)
{
    for (size_t i = 0; i < file->n_groups; i++) {
        struct shale_key_group *group = &file->groups[i];
        if (group->filter != NULL)
            lookup->used_bytes -= group->filter_bytes;
        else if (group->spilled_at >= 0)
            shale_spill_free(lookup->spill, group->spilled_at, group->filter_bytes);
        shale_mem_free(lookup->mem, group->filter);
        group->filter = NULL;
        group->spilled_at = -1;
    }
}

/* ---- Filters ----------------------------------------------------------------------------------
 */

static inline uint64_t distance(int64_t from, int64_t to)
{
    return (uint64_t)to - (uint64_t)from;
}

/* The bits below those that say the part. */
static inline uint16_t print_of(const struct shale_key_filter *filter, uint64_t from_least)
{
    return (uint16_t)(filter->shift > PRINT_BITS ? from_least >> (filter->shift - PRINT_BITS)
                                                 : from_least);
}

static void filter_begin(struct shale_key_filter *filter, const struct shale_key_group *group,
                         int64_t n_rows)
{
    uint64_t range = distance(group->least, group->greatest);
    filter->least = group->least;
    filter->n_rows = (uint32_t)n_rows;
    filter->n_parts = 2; /* of a range of 64 bits one part would be all of them: no shift says it */
    while (2 * filter->n_parts <= filter->n_rows / 2)
        filter->n_parts *= 2;
    filter->shift = 0;
    while (range >> filter->shift >= filter->n_parts)
        filter->shift++;
}

/* Read the hashes of a row group into lookup->scratch. */
static enum shale_status make_filter(struct shale_key_lookup *lookup, struct shale_keys_file *file,
                                     size_t number, struct shale_err *err)
{
    static const size_t columns[] = {SHALE_KEYS_HASH};
    const struct shale_scan_options options = {
        .columns = columns, .n_columns = 1, .first_row_group = number, .n_row_groups = 1};
    const struct shale_key_group *group = &file->groups[number];
    struct shale_key_filter *filter = lookup->scratch;
    int64_t n_rows = shale_reader_file(file->reader)->row_groups[number].n_rows, n = 0;
    int64_t before = group->least;
    uint64_t part = 0;
    uint16_t *prints;
    struct shale_scan *scan;
    const struct shale_rows *rows;
    enum shale_status status = shale_scan_new(file->reader, &options, &scan, err);
    filter_begin(filter, group, n_rows);
    prints = filter->data + filter->n_parts + 1;
    filter->data[0] = 0;
    while (status == SHALE_OK && (status = shale_scan_next(scan, &rows, err)) == SHALE_OK &&
           rows != NULL) {
        const int64_t *hashes = rows->columns[0].data;
        for (int64_t i = 0; i < rows->n_rows && status == SHALE_OK; i++) {
            uint64_t from_least = distance(group->least, hashes[i]);
            if (hashes[i] < before || hashes[i] > group->greatest || n == n_rows) {
                status = SHALE_ERR(err, keys_order, (long long)(rows->first_row + i));
                break;
            }
            before = hashes[i];
            while (part < from_least >> filter->shift)
                filter->data[++part] = (uint16_t)n;
            prints[n++] = print_of(filter, from_least);
        }
    }
    while (part < filter->n_parts)
        filter->data[++part] = (uint16_t)n;
    shale_scan_free(scan);
    return status;
}

/* The filter of a row group; good until the next call. */
static enum shale_status get_filter(struct shale_key_lookup *lookup, struct shale_keys_file *file,
                                    size_t number, const struct shale_key_filter **out,
                                    struct shale_err *err)
{
    struct shale_key_group *group = &file->groups[number];
    enum shale_status status;
    *out = group->filter;
    if (group->filter != NULL)
        return SHALE_OK;
    *out = lookup->scratch;
    if (group->spilled_at >= 0)
        return shale_spill_read(lookup->spill, group->spilled_at, lookup->scratch,
                                group->filter_bytes, err);
    status = make_filter(lookup, file, number, err);
    if (status != SHALE_OK)
        return status;
    group->filter_bytes = filter_bytes(lookup->scratch->n_rows, lookup->scratch->n_parts);
    if (lookup->used_bytes + group->filter_bytes > lookup->memory_bytes)
        return shale_spill_write(lookup->spill, lookup->scratch, group->filter_bytes,
                                 &group->spilled_at, err);
    group->filter = shale_mem_alloc(lookup->mem, group->filter_bytes);
    if (group->filter == NULL)
        return SHALE_ERR(err, no_memory);
    memcpy(group->filter, lookup->scratch, group->filter_bytes);
    lookup->used_bytes += group->filter_bytes;
    return SHALE_OK;
}

static bool may_hold(const struct shale_key_filter *filter, int64_t hash)
{
    uint64_t from_least = distance(filter->least, hash), part = from_least >> filter->shift;
    const uint16_t *prints = filter->data + filter->n_parts + 1;
    uint16_t print = print_of(filter, from_least);
    for (uint32_t i = filter->data[part]; i < filter->data[part + 1]; i++)
        if (prints[i] == print)
            return true;
    return false;
}

/* ---- What is there ----------------------------------------------------------------------------
 */

static const struct shale_key_probe *probe_at(const struct shale_key_rows *rows, size_t place)
{
    const uint32_t *order = (const void *)rows->order.data;
    return (const struct shale_key_probe *)(const void *)rows->probes.data + order[place];
}

static const struct shale_key_row *row_at(const struct shale_key_rows *rows, uint32_t row)
{
    return (const struct shale_key_row *)(const void *)rows->rows.data + row;
}

static enum shale_status add_match(struct shale_key_lookup *lookup, int64_t row, uint32_t candidate)
{
    struct match match;
    memset(&match, 0, sizeof match);
    match.row = row;
    match.candidate = candidate;
    return shale_buf_append(&lookup->matches, &match, sizeof match);
}

/* Candidates whose hash is really in the row group, with each row that has it, by rows. */
static enum shale_status find_matches(struct shale_key_lookup *lookup,
                                      const struct shale_keys_file *file, size_t number,
                                      const struct shale_key_rows *rows, struct shale_err *err)
{
    static const size_t columns[] = {SHALE_KEYS_HASH};
    const struct shale_scan_options options = {
        .columns = columns, .n_columns = 1, .first_row_group = number, .n_row_groups = 1};
    const uint32_t *candidates = (const void *)lookup->candidates.data;
    size_t n = lookup->candidates.n_bytes / sizeof *candidates, first = 0;
    struct shale_scan *scan;
    const struct shale_rows *batch;
    int64_t base = 0;
    enum shale_status status = shale_scan_new(file->reader, &options, &scan, err);
    while (status == SHALE_OK && first < n &&
           (status = shale_scan_next(scan, &batch, err)) == SHALE_OK && batch != NULL) {
        const int64_t *hashes = batch->columns[0].data;
        for (int64_t i = 0; i < batch->n_rows && status == SHALE_OK; i++) {
            while (first < n && probe_at(rows, candidates[first])->hash < hashes[i])
                first++;
            for (size_t c = first;
                 status == SHALE_OK && c < n && probe_at(rows, candidates[c])->hash == hashes[i];
                 c++)
                if (add_match(lookup, base + i, candidates[c]) != SHALE_OK)
                    status = SHALE_ERR(err, no_memory);
        }
        base += batch->n_rows;
    }
    shale_scan_free(scan);
    return status;
}

static void compare(const struct shale_key_lookup *lookup, const struct shale_rows *batch,
                    int64_t at, const struct shale_key_rows *rows, uint32_t row_number, bool *drop)
{
    const struct shale_key_row *row = row_at(rows, row_number);
    const struct shale_str key = {rows->bytes.data + row->at, row->n_bytes};
    int64_t time_us = ((const int64_t *)batch->columns[1].data)[at];
    if (shale_str_equal(shale_keys_text(&batch->columns[0], at), key) &&
        shale_key_in_reach(lookup->within_us, time_us, row->time_us))
        drop[row_number] = true;
}

/* Read the rows that match. */
static enum shale_status judge_matches(struct shale_key_lookup *lookup,
                                       const struct shale_keys_file *file, size_t number,
                                       const struct shale_key_rows *rows, bool *drop,
                                       struct shale_err *err)
{
    static const size_t columns[] = {SHALE_KEYS_KEY, SHALE_KEYS_TIME};
    const struct shale_scan_options options = {.columns = columns,
                                               .n_columns = 2,
                                               .first_row_group = number,
                                               .n_row_groups = 1,
                                               .batch_rows = BATCH_ROWS};
    const struct match *matches = (const void *)lookup->matches.data;
    size_t n = lookup->matches.n_bytes / sizeof *matches;
    struct shale_scan *scan;
    const struct shale_rows *batch = NULL;
    int64_t begin = 0, end = 0; /* of the batch */
    int64_t group_first = shale_reader_file(file->reader)->row_groups[number].first_row;
    enum shale_status status = shale_scan_new(file->reader, &options, &scan, err);
    for (size_t i = 0; i < n && status == SHALE_OK; i++) {
        uint32_t row = probe_at(rows, matches[i].candidate)->row;
        if (drop[row])
            continue;
        if (matches[i].row >= end) {
            status = shale_scan_skip(scan, matches[i].row - end, err);
            if (status == SHALE_OK)
                status = shale_scan_next(scan, &batch, err);
            if (status != SHALE_OK || batch == NULL)
                break;
            begin = batch->first_row - group_first;
            end = begin + batch->n_rows;
        }
        compare(lookup, batch, matches[i].row - begin, rows, row, drop);
    }
    shale_scan_free(scan);
    return status;
}

/* ---- One row group after the other ------------------------------------------------------------
 */

/* The first place from 'from' on whose hash is not below (with 'above': is above) 'hash'. */
static size_t find_place(const struct shale_key_rows *rows, size_t from, int64_t hash, bool above)
{
    size_t low = from, high = rows->n_probes;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int64_t at = probe_at(rows, middle)->hash;
        if (at < hash || (above && at == hash))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The first row group from 'from' on that reaches up to 'hash'. */
static size_t find_group(const struct shale_keys_file *file, size_t from, int64_t hash)
{
    size_t low = from, high = file->n_groups;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (file->groups[middle].greatest < hash)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* May anything in the file be within reach of the row? */
static bool reaches(const struct shale_key_lookup *lookup, const struct shale_keys_file *file,
                    const struct shale_key_row *row)
{
    return lookup->within_us < 0 || (row->time_us + lookup->within_us >= file->segment.first_us &&
                                     row->time_us - lookup->within_us <= file->segment.last_us);
}

/* The probes from 'from' to 'to' in a row group that may hold them. */
static enum shale_status look_in_group(struct shale_key_lookup *lookup,
                                       struct shale_keys_file *file, size_t number,
                                       const struct shale_key_rows *rows, size_t from, size_t to,
                                       bool *drop, struct shale_err *err)
{
    const struct shale_key_filter *filter = NULL;
    enum shale_status status = SHALE_OK;
    shale_buf_reset(&lookup->candidates);
    shale_buf_reset(&lookup->matches);
    for (size_t place = from; place < to && status == SHALE_OK; place++) {
        const struct shale_key_probe *probe = probe_at(rows, place);
        uint32_t candidate = (uint32_t)place;
        if (drop[probe->row] || !reaches(lookup, file, row_at(rows, probe->row)))
            continue;
        if (filter == NULL)
            status = get_filter(lookup, file, number, &filter, err);
        if (status == SHALE_OK && may_hold(filter, probe->hash) &&
            shale_buf_append(&lookup->candidates, &candidate, sizeof candidate) != SHALE_OK)
            status = SHALE_ERR(err, no_memory);
    }
    if (status == SHALE_OK && lookup->candidates.n_bytes > 0)
        status = find_matches(lookup, file, number, rows, err);
    if (status == SHALE_OK && lookup->matches.n_bytes > 0)
        status = judge_matches(lookup, file, number, rows, drop, err);
    return status;
}

enum shale_status shale_key_look(struct shale_key_lookup *lookup, struct shale_keys_file *file,
                                 const struct shale_key_rows *rows, bool *drop,
                                 struct shale_err *err)
{
    size_t place = 0, group = 0;
    enum shale_status status = SHALE_OK;
    while (place < rows->n_probes && status == SHALE_OK) {
        const struct shale_key_group *bounds;
        size_t end;
        group = find_group(file, group, probe_at(rows, place)->hash);
        if (group == file->n_groups)
            break;
        bounds = &file->groups[group];
        place = find_place(rows, place, bounds->least, false);
        end = find_place(rows, place, bounds->greatest, true);
        if (end > place)
            status = look_in_group(lookup, file, group, rows, place, end, drop, err);
        /* The next row group may begin with the hash that this one ends with. */
        place = find_place(rows, place, bounds->greatest, false);
        group++;
        if (group < file->n_groups && file->groups[group].least > bounds->greatest)
            place = end;
    }
    return status == SHALE_OK ? SHALE_OK : shale_keys_failed(file, status, err);
}
