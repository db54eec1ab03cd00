/* SPDX-License-Identifier: MIT */
/* Members of an event that the definition does not name. */
#include <string.h>

#include "json/text.h"
#include "shred/shredder.h"

/* A member and its name as it is compared. */
struct entry {
    size_t name; /* of shredder->temp, or of the window ... */
    uint32_t n_bytes;
    uint32_t number; /* of the member */
    uint8_t place;   /* enum place */
};

/* A name with half a surrogate pair has no text; as written it is equal to itself only. */
enum place { IN_WINDOW, IN_TEMP, AS_WRITTEN };

static struct shale_member member_at(const struct shale_shredder *shredder, size_t i)
{
    struct shale_member member;
    memcpy(&member, shredder->walk.members.data + i * sizeof member, sizeof member);
    return member;
}

static struct shale_str window(const struct shale_shredder *shredder, uint32_t begin, uint32_t end)
{
    return (struct shale_str){shredder->text + begin, end - begin};
}

/* The member's name behind what 'temp' holds, or where it stands when it has no escapes. */
static enum shale_status read_name(struct shale_shredder *shredder, uint32_t number,
                                   struct entry *out)
{
    struct shale_member member = member_at(shredder, number);
    struct shale_str raw = window(shredder, member.name_begin, member.name_end);
    struct shale_buf *temp = &shredder->temp;
    size_t before = temp->n_bytes;
    bool broken = false;
    *out = (struct entry){member.name_begin, (uint32_t)raw.n_bytes, number, IN_WINDOW};
    if (!member.escaped)
        return SHALE_OK;
    enum shale_status status = shale_json_unescape(raw, temp, &broken);
    if (status != SHALE_OK)
        return status;
    if (broken) {
        temp->n_bytes = before;
        out->place = AS_WRITTEN;
    } else {
        *out = (struct entry){before, (uint32_t)(temp->n_bytes - before), number, IN_TEMP};
    }
    return SHALE_OK;
}

static struct shale_str name_of(const struct shale_shredder *shredder, const struct entry *entry)
{
    const char *base = entry->place == IN_TEMP ? shredder->temp.data : shredder->text;
    return (struct shale_str){base + entry->name, entry->n_bytes};
}

/* By name, one name's by their place in the event. */
static int compare(const struct shale_shredder *shredder, const struct entry *a,
                   const struct entry *b, bool by_number)
{
    bool a_written = a->place == AS_WRITTEN, b_written = b->place == AS_WRITTEN;
    if (a_written != b_written)
        return a_written ? 1 : -1;
    int order = shale_str_compare(name_of(shredder, a), name_of(shredder, b));
    if (order != 0 || !by_number)
        return order;
    return (a->number > b->number) - (a->number < b->number);
}

/* Heapsort: the C library's qsort() may allocate, and names come from the input. */
static void sift(const struct shale_shredder *shredder, struct entry *entries, size_t i, size_t n)
{
    for (size_t child; (child = 2 * i + 1) < n; i = child) {
        struct entry above = entries[i];
        if (child + 1 < n && compare(shredder, &entries[child], &entries[child + 1], true) < 0)
            child++;
        if (compare(shredder, &above, &entries[child], true) >= 0)
            return;
        entries[i] = entries[child];
        entries[child] = above;
    }
}

static void sort(const struct shale_shredder *shredder, struct entry *entries, size_t n)
{
    for (size_t i = n / 2; i-- > 0;)
        sift(shredder, entries, i, n);
    for (size_t end = n; end-- > 1;) {
        struct entry last = entries[end];
        entries[end] = entries[0];
        entries[0] = last;
        sift(shredder, entries, 0, end);
    }
}

/* Of members with one name all but the last lose their value (end 0). */
static enum shale_status drop_duplicates(struct shale_shredder *shredder, size_t n)
{
    struct shale_buf *order = &shredder->order;
    shale_buf_reset(order);
    shale_buf_reset(&shredder->temp);
    enum shale_status status = shale_buf_reserve(order, n * sizeof(struct entry));
    if (status != SHALE_OK)
        return status;
    struct entry *entries = (void *)order->data;
    for (size_t i = 0; i < n; i++) {
        status = read_name(shredder, (uint32_t)i, &entries[i]);
        if (status != SHALE_OK)
            return status;
    }
    sort(shredder, entries, n);
    for (size_t i = 0; i + 1 < n; i++) {
        if (compare(shredder, &entries[i], &entries[i + 1], false) != 0)
            continue;
        struct shale_member member = member_at(shredder, entries[i].number);
        member.end = 0;
        memcpy(shredder->walk.members.data + entries[i].number * sizeof member, &member,
               sizeof member);
    }
    return SHALE_OK;
}

static enum shale_status write_member(struct shale_shredder *shredder,
                                      const struct shale_member *member, struct shale_buf *out)
{
    struct shale_str name = window(shredder, member->name_begin - 1, member->name_end + 1);
    enum shale_status status = shale_buf_append_byte(out, out->n_bytes == 0 ? '{' : ',');
    if (status == SHALE_OK)
        status = shale_buf_append_str(out, name);
    if (status == SHALE_OK)
        status = shale_buf_append_byte(out, ':');
    if (status == SHALE_OK)
        status = shale_json_minify(window(shredder, member->begin, member->end), out);
    return status;
}

enum shale_status shale_unknown_keep(struct shale_shredder *shredder, struct shale_err *err)
{
    size_t n = shredder->walk.n_unknown;
    enum shale_status status = SHALE_OK;
    shale_buf_reset(&shredder->unknown);
    if (n > SHALE_MAX_UNKNOWN_MEMBERS)
        return SHALE_ERR(err, unknown_limit, (int)SHALE_MAX_UNKNOWN_MEMBERS);
    if (n > 1)
        status = drop_duplicates(shredder, n);
    for (size_t i = 0; status == SHALE_OK && i < n; i++) {
        struct shale_member member = member_at(shredder, i);
        if (member.end != 0)
            status = write_member(shredder, &member, &shredder->unknown);
    }
    if (status == SHALE_OK && n > 0)
        status = shale_buf_append_byte(&shredder->unknown, '}');
    return status;
}

enum shale_status shale_unknown_reject(struct shale_shredder *shredder, struct shale_reject *reject,
                                       struct shale_err *err)
{
    struct shale_buf *pointer = &shredder->pointer;
    struct shale_quoted shown;
    struct entry entry;
    shale_buf_reset(&shredder->temp);
    shale_buf_reset(pointer);
    enum shale_status status = read_name(shredder, 0, &entry);
    if (status != SHALE_OK)
        return status;
    struct shale_str name = name_of(shredder, &entry);
    status = shale_buf_append_byte(pointer, '/');
    for (size_t i = 0; status == SHALE_OK && i < name.n_bytes; i++) { /* RFC 6901 section 3 */
        char c = name.data[i];
        if (c == '~' || c == '/')
            status = shale_buf_append_str(pointer, c == '~' ? SHALE_STR("~0") : SHALE_STR("~1"));
        else
            status = shale_buf_append_byte(pointer, c);
    }
    if (status != SHALE_OK)
        return status;
    reject->pointer = shale_buf_str(pointer);
    reject->at = member_at(shredder, 0).name_begin - 1;
    return SHALE_ERR(err, unknown_field, shale_value_quote(SHALE_KIND_STRING, name, &shown));
}
