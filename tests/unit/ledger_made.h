/* SPDX-License-Identifier: MIT */
/* For tests of the ledger: a store in memory, made-up rows, segments of them. */
#ifndef SHALE_TESTS_LEDGER_MADE_H
#define SHALE_TESTS_LEDGER_MADE_H

#include "dataset/ledger.h"
#include "scratch.h"

struct made {
    struct shale_env env;
    struct shale_store *store;
    struct shale_arena arena; /* of segments */
    uint64_t random;
};

static inline bool made_init(struct made *made, const struct shale_mem *mem)
{
    memset(made, 0, sizeof *made);
    made->random = 1;
    made->env = (struct shale_env){.mem = mem, .random_u64 = scratch_random, .ctx = &made->random};
    shale_arena_init(&made->arena, mem, 64 << 20);
    return shale_store_memory(&made->env, &made->store, NULL) == SHALE_OK;
}

static inline void made_fini(struct made *made)
{
    shale_store_free(made->store);
    shale_arena_fini(&made->arena);
}

static inline unsigned made_draw(struct made *made, unsigned below)
{
    return (unsigned)(scratch_random(&made->random) >> 33) % below;
}

/* The texts of a row, with room for them. */
struct made_row {
    struct shale_ledger_row row;
    char source[16], key[160], tag[40], hash[SHALE_HASH_BYTES + 1], definition[33];
};

/* Row 'key' (a number, in the order of the keys) with tag 'tag'. */
static inline void made_row_set(struct made_row *made, int source, int key, int tag, bool done)
{
    struct shale_ledger_row *row = &made->row;
    (void)snprintf(made->source, sizeof made->source, "s%d", source);
    (void)snprintf(made->key, sizeof made->key,
                   "AWSLogs/o-abc123/%012d/CloudTrail/eu-west-1/2024/02/%02d/file-%09d.json.gz",
                   key / 1000, key / 100 % 10, key);
    (void)snprintf(made->tag, sizeof made->tag, "%d-%018d", 1000 + key % 77, tag);
    (void)snprintf(made->hash, sizeof made->hash, "%08x%08x%08x%08x", (unsigned)key * 2654435761u,
                   (unsigned)tag * 40503u, (unsigned)source, (unsigned)(key ^ tag) * 97u);
    (void)snprintf(made->definition, sizeof made->definition, "%032d", key % 3);
    row->source = shale_str_of(made->source);
    row->key = shale_str_of(made->key);
    row->tag = shale_str_of(made->tag);
    row->state = done ? SHALE_LEDGER_DONE : SHALE_LEDGER_REJECTED;
    row->n_bytes = 1000 + key % 77;
    row->hash = done ? shale_str_of(made->hash) : SHALE_STR("");
    row->read = key % 10;
    row->written = done ? key % 10 : 0;
    row->rejected = done ? 0 : key % 10;
    row->filtered = 0;
    row->duplicates = 0;
    row->definition = shale_str_of(made->definition);
}

static inline bool made_same(const struct shale_ledger_row *a, const struct shale_ledger_row *b,
                             bool identity_only)
{
    if (shale_ledger_compare(a, b) != 0 || a->state != b->state ||
        !shale_str_equal(a->hash, b->hash))
        return false;
    return identity_only ||
           (a->n_bytes == b->n_bytes && a->read == b->read && a->written == b->written &&
            a->rejected == b->rejected && a->filtered == b->filtered &&
            a->duplicates == b->duplicates && shale_str_equal(a->definition, b->definition));
}

/* Write rows[from], rows[from + step] ... to a segment. */
static inline enum shale_status made_segment(struct made *made, const char *path,
                                             const struct made_row *rows, size_t n, size_t from,
                                             size_t step, struct shale_segment *out)
{
    struct shale_ledger_writer *writer;
    enum shale_status status = shale_ledger_writer_new(made->store, path, &writer, NULL);
    for (size_t i = from; i < n && status == SHALE_OK; i += step)
        status = shale_ledger_writer_add(writer, &rows[i].row, NULL);
    if (status == SHALE_OK)
        status = shale_ledger_writer_finish(writer, &made->arena, out, NULL);
    shale_ledger_writer_free(writer);
    return status;
}

static inline struct made_row *made_rows(size_t n)
{
    struct made_row *rows = calloc(n + 1, sizeof *rows);
    if (rows == NULL)
        abort();
    return rows;
}

/* Some keys with one to three tags, of up to three sources; returns how many rows. */
static inline size_t random_rows(struct made *made, struct made_row *rows, size_t most)
{
    size_t n = 0;
    for (int source = 0; source < 3; source++)
        for (int key = 0; key < 60 && n + 3 < most; key++)
            for (unsigned tag = made_draw(made, 4); tag > 0; tag--)
                made_row_set(&rows[n++], source, key, 9 - (int)tag, made_draw(made, 3) > 0);
    return n;
}

/* Distribute rows over up to 'most' segments. */
static inline size_t random_segments(struct made *made, const struct made_row *rows, size_t n,
                                     struct shale_segment *segments, size_t most)
{
    struct made_row *part = made_rows(n);
    size_t n_segments = 1 + made_draw(made, (unsigned)most);
    uint8_t *to = malloc(n + 1);
    if (to == NULL)
        abort();
    for (size_t i = 0; i < n; i++)
        to[i] = (uint8_t)made_draw(made, (unsigned)n_segments);
    for (size_t s = 0; s < n_segments; s++) {
        char path[32];
        size_t n_part = 0;
        (void)snprintf(path, sizeof path, "segment-%u", made_draw(made, 1u << 30));
        for (size_t i = 0; i < n; i++)
            if (to[i] == s) {
                part[n_part].row = rows[i].row;
                n_part++;
            }
        if (made_segment(made, path, part, n_part, 0, 1, &segments[s]) != SHALE_OK)
            abort();
    }
    free(part);
    free(to);
    return n_segments;
}

#endif
