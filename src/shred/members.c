/* SPDX-License-Identifier: MIT */
/* The members of an object, each name once.  Names come from the input: they are compared in pairs
 * where there are few of them and sorted where there are many, by hash first; names that all have
 * one hash are sorted all the same, so that no choice of names makes it slow. */
#include "shred/members.h"

#include "base/hash.h"
#include "json/text.h"

enum { MAX_IN_PAIRS = 16 };

void shale_members_init(struct shale_members *members, const struct shale_mem *mem,
                        size_t max_bytes)
{
    *members = (struct shale_members){.status = SHALE_OK};
    shale_buf_init(&members->entries, mem, max_bytes);
    shale_buf_init(&members->order, mem, max_bytes);
    shale_buf_init(&members->name[0], mem, max_bytes);
    shale_buf_init(&members->name[1], mem, max_bytes);
}

void shale_members_fini(struct shale_members *members)
{
    shale_buf_fini(&members->entries);
    shale_buf_fini(&members->order);
    shale_buf_fini(&members->name[0]);
    shale_buf_fini(&members->name[1]);
}

size_t shale_members_n(const struct shale_members *members)
{
    return members->entries.n_bytes / sizeof(struct shale_entry);
}

void shale_members_drop(struct shale_members *members, size_t begin)
{
    members->entries.n_bytes = begin * sizeof(struct shale_entry);
}

enum shale_status shale_name_decode(const struct shale_element *name, struct shale_buf *out,
                                    struct shale_str *plain, bool *broken)
{
    struct shale_str raw = {name->text.data + 1, name->text.n_bytes - 2};
    *plain = raw;
    *broken = false;
    if (!name->escaped)
        return SHALE_OK;
    shale_buf_reset(out);
    enum shale_status status = shale_json_unescape(raw, out, broken);
    if (status == SHALE_OK && !*broken)
        *plain = shale_buf_str(out);
    return status;
}

enum shale_status shale_members_add(struct shale_members *members, const struct shale_element *name,
                                    const char *value)
{
    struct shale_str plain;
    bool broken;
    enum shale_status status = shale_name_decode(name, &members->name[0], &plain, &broken);
    if (status != SHALE_OK)
        return status;
    const struct shale_entry entry = {
        .name_at = (uint32_t)(name->text.data - members->text),
        .value_at = (uint32_t)(value - members->text),
        .hash = (uint32_t)shale_hash(plain.data, plain.n_bytes, 0) & 0x7FFFFFFF,
    };
    return shale_buf_append(&members->entries, &entry, sizeof entry);
}

enum shale_status shale_members_add_object(struct shale_members *members,
                                           struct shale_elements *values)
{
    struct shale_elements inside = {values->at + 1, values->end};
    struct shale_element name, value;
    enum shale_status status = SHALE_OK;
    while (status == SHALE_OK && shale_elements_name(&inside, &name)) {
        status = shale_members_add(members, &name, inside.at);
        (void)shale_elements_next(&inside, &value); /* each name has one */
    }
    values->at = inside.at + 1;
    return status;
}

struct shale_elements shale_members_value(const struct shale_members *members, size_t i)
{
    return (struct shale_elements){members->text + shale_members_at(members, i)->value_at,
                                   members->text_end};
}

struct shale_element shale_members_name(const struct shale_members *members, size_t i)
{
    struct shale_elements at = {members->text + shale_members_at(members, i)->name_at,
                                members->text_end};
    struct shale_element name;
    (void)shale_elements_next(&at, &name);
    return name;
}

/* A name with half a surrogate pair has no text; as written it is equal to itself only. */
static int compare_names(struct shale_members *members, size_t a, size_t b)
{
    const struct shale_element names[2] = {shale_members_name(members, a),
                                           shale_members_name(members, b)};
    struct shale_str plain[2];
    bool broken[2];
    for (int i = 0; i < 2; i++) {
        enum shale_status status =
            shale_name_decode(&names[i], &members->name[i], &plain[i], &broken[i]);
        if (status != SHALE_OK) {
            members->status = status;
            return 0;
        }
    }
    if (broken[0] != broken[1])
        return broken[0] ? 1 : -1;
    return shale_str_compare(plain[0], plain[1]);
}

/* By hash, then by name. */
static int compare(struct shale_members *members, size_t a, size_t b)
{
    uint32_t x = shale_members_at(members, a)->hash, y = shale_members_at(members, b)->hash;
    return x != y ? (x < y ? -1 : 1) : compare_names(members, a, b);
}

/* 'later' has the name of 'earlier', and no entry between them has it. */
static void unite(struct shale_members *members, size_t first, size_t earlier, size_t later,
                  enum shale_members_keep keep)
{
    if (keep == SHALE_MEMBERS_FIRST) {
        shale_members_at(members, first)->value_at = shale_members_at(members, later)->value_at;
        shale_members_at(members, later)->passed_over = true;
    } else {
        shale_members_at(members, earlier)->passed_over = true;
    }
}

static void unite_in_pairs(struct shale_members *members, size_t begin,
                           enum shale_members_keep keep)
{
    size_t n = shale_members_n(members);
    for (size_t i = begin; i < n; i++) {
        if (shale_members_at(members, i)->passed_over)
            continue;
        for (size_t j = i + 1; j < n; j++) {
            if (compare(members, i, j) != 0)
                continue;
            unite(members, i, i, j, keep);
            if (keep == SHALE_MEMBERS_LAST)
                break;
        }
    }
}

/* By name, one name's by their place in the object. */
static bool is_before(struct shale_members *members, uint32_t a, uint32_t b)
{
    int order = compare(members, a, b);
    return order != 0 ? order < 0 : a < b;
}

/* Heapsort: the C library's qsort() may allocate. */
static void sift(struct shale_members *members, uint32_t *numbers, size_t i, size_t n)
{
    for (size_t child; (child = 2 * i + 1) < n; i = child) {
        uint32_t above = numbers[i];
        if (child + 1 < n && is_before(members, numbers[child], numbers[child + 1]))
            child++;
        if (!is_before(members, above, numbers[child]))
            return;
        numbers[i] = numbers[child];
        numbers[child] = above;
    }
}

static enum shale_status unite_sorted(struct shale_members *members, size_t begin,
                                      enum shale_members_keep keep)
{
    size_t n = shale_members_n(members) - begin;
    shale_buf_reset(&members->order);
    enum shale_status status = shale_buf_reserve(&members->order, n * sizeof(uint32_t));
    if (status != SHALE_OK)
        return status;
    uint32_t *numbers = (void *)members->order.data;
    for (size_t i = 0; i < n; i++)
        numbers[i] = (uint32_t)(begin + i);
    for (size_t i = n / 2; i-- > 0;)
        sift(members, numbers, i, n);
    for (size_t end = n; end-- > 1;) {
        uint32_t last = numbers[end];
        numbers[end] = numbers[0];
        numbers[0] = last;
        sift(members, numbers, 0, end);
    }
    size_t first = 0;
    for (size_t i = 1; i < n; i++) {
        if (compare(members, numbers[i - 1], numbers[i]) == 0)
            unite(members, numbers[first], numbers[i - 1], numbers[i], keep);
        else
            first = i;
    }
    return SHALE_OK;
}

enum shale_status shale_members_unique(struct shale_members *members, size_t begin,
                                       enum shale_members_keep keep)
{
    size_t n = shale_members_n(members) - begin;
    enum shale_status status = SHALE_OK;
    members->status = SHALE_OK;
    if (n > MAX_IN_PAIRS)
        status = unite_sorted(members, begin, keep);
    else
        unite_in_pairs(members, begin, keep);
    return status == SHALE_OK ? members->status : status;
}
