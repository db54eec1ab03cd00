/* SPDX-License-Identifier: MIT */
/* Hashes in order, and stretches of keys. */
#include "dataset/object_set.h"

#include <stdlib.h>

#include "base/buf.h"
#include "codec/content_hash.h"

enum { MOST_STRETCHES = 32768, MOST_TEXT_BYTES = 1 << 28 };

/* Keys that follow one another in the set: the first and the last, as places in 'texts'. */
struct stretch {
    size_t first_at, first_bytes, last_at, last_bytes;
};

struct shale_object_set {
    const struct shale_mem *mem;
    struct shale_buf hashes;    /* struct shale_content_hash128 */
    struct shale_buf stretches; /* struct stretch */
    struct shale_buf texts;
    int64_t per_stretch, n;
};

enum shale_status shale_object_set_new(const struct shale_mem *mem, int64_t n_most,
                                       struct shale_object_set **out)
{
    struct shale_object_set *set = shale_mem_zeroed(mem, 1, sizeof *set);
    *out = set;
    if (set == NULL)
        return SHALE_NOMEM;
    set->mem = mem;
    set->per_stretch = n_most / MOST_STRETCHES + 1;
    shale_buf_init(&set->hashes, mem, SIZE_MAX / 2);
    shale_buf_init(&set->stretches, mem, SIZE_MAX / 2);
    shale_buf_init(&set->texts, mem, MOST_TEXT_BYTES);
    return SHALE_OK;
}

void shale_object_set_free(struct shale_object_set *set)
{
    if (set == NULL)
        return;
    shale_buf_fini(&set->hashes);
    shale_buf_fini(&set->stretches);
    shale_buf_fini(&set->texts);
    shale_mem_free(set->mem, set);
}

static struct stretch *stretches_of(const struct shale_object_set *set)
{
    return (struct stretch *)(void *)set->stretches.data;
}

static size_t n_stretches(const struct shale_object_set *set)
{
    return set->stretches.n_bytes / sizeof(struct stretch);
}

/* The last key of the stretch under way is replaced: it is at the end of the texts, or the first
 * is. */
static enum shale_status move_last(struct shale_object_set *set, struct shale_str key)
{
    struct stretch *stretch = stretches_of(set) + n_stretches(set) - 1;
    if (stretch->last_at != stretch->first_at)
        set->texts.n_bytes = stretch->last_at;
    stretch->last_at = set->texts.n_bytes;
    stretch->last_bytes = key.n_bytes;
    return shale_buf_append_str(&set->texts, key);
}

enum shale_status shale_object_set_add(struct shale_object_set *set, struct shale_str key)
{
    struct shale_content_hash128 hash = shale_content_hash128(key);
    enum shale_status status = shale_buf_append(&set->hashes, &hash, sizeof hash);
    if (status != SHALE_OK)
        return status;
    if (set->n++ % set->per_stretch != 0)
        return move_last(set, key);
    {
        const struct stretch stretch = {set->texts.n_bytes, key.n_bytes, set->texts.n_bytes,
                                        key.n_bytes};
        status = shale_buf_append(&set->stretches, &stretch, sizeof stretch);
    }
    return status == SHALE_OK ? shale_buf_append_str(&set->texts, key) : status;
}

static int compare_hashes(const void *a, const void *b)
{
    const struct shale_content_hash128 *x = a, *y = b;
    if (x->high != y->high)
        return x->high < y->high ? -1 : 1;
    return (x->low > y->low) - (x->low < y->low);
}

void shale_object_set_end(struct shale_object_set *set)
{
    if (set->n > 1)
        qsort(set->hashes.data, (size_t)set->n, sizeof(struct shale_content_hash128),
              compare_hashes);
}

int64_t shale_object_set_n(const struct shale_object_set *set)
{
    return set->n;
}

bool shale_object_set_has(const struct shale_object_set *set, struct shale_str key)
{
    struct shale_content_hash128 hash = shale_content_hash128(key);
    return set->n > 0 &&
           bsearch(&hash, set->hashes.data, (size_t)set->n, sizeof hash, compare_hashes) != NULL;
}

bool shale_object_set_reaches(const struct shale_object_set *set, const struct shale_str *first,
                              const struct shale_str *last)
{
    const struct stretch *stretches = stretches_of(set);
    size_t low = 0, high = n_stretches(set);
    struct shale_str begin;
    /* The first stretch that does not end before 'first'. */
    while (first != NULL && low < high) {
        size_t middle = low + (high - low) / 2;
        const struct shale_str end = {set->texts.data + stretches[middle].last_at,
                                      stretches[middle].last_bytes};
        if (shale_str_compare(end, *first) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == n_stretches(set))
        return false;
    begin =
        (struct shale_str){set->texts.data + stretches[low].first_at, stretches[low].first_bytes};
    return last == NULL || shale_str_compare(begin, *last) <= 0;
}
