/* SPDX-License-Identifier: MIT */
/* The walk over one event.
 *
 * Events of a stream mostly have their members in the same order, so each object's names are
 * guessed from an earlier event: a comparison with the guess replaces the look into the table, for
 * members that are read and for those that are skipped.  A wrong guess costs time and changes
 * nothing else. */
#include "shred/walk.h"

#include <assert.h>
#include <string.h>

enum { MEMO_NAME_BYTES = 43, MAX_GUESSED = 64 };

struct shale_walk_memo {
    uint32_t child; /* what the name leads to, SHALE_PATH_NONE: nothing */
    uint8_t n_bytes;
    char name[MEMO_NAME_BYTES];
};

struct shale_walk_guess {
    struct shale_walk_memo *memos;
    uint32_t n, capacity;
};

struct shale_walk_frame {
    uint32_t path;
    uint32_t begin;
    uint32_t next_element; /* ARRAY */
    uint32_t guess;        /* OBJECT: the memo expected next */
    uint32_t n_right, n_wrong;
    bool is_array;
    bool learning;
};

static uint32_t n_guessed(const struct shale_path *path)
{
    uint32_t n = path->n_children == 0 ? 0 : path->n_children * 2 + 6;
    return n < MAX_GUESSED ? n : MAX_GUESSED;
}

enum shale_status shale_walk_init(struct shale_walk *walk, const struct shale_mem *mem,
                                  const struct shale_paths *paths, enum shale_unknown unknown)
{
    size_t n_memos = 0;
    *walk = (struct shale_walk){.mem = mem, .paths = paths, .unknown = unknown};
    shale_buf_init(&walk->members, mem,
                   (size_t)SHALE_MAX_UNKNOWN_MEMBERS * sizeof(struct shale_member));
    for (uint32_t i = 0; i < paths->n; i++)
        n_memos += n_guessed(&paths->path[i]);
    walk->slots = shale_mem_zeroed(mem, paths->n, sizeof walk->slots[0]);
    walk->frames = shale_mem_zeroed(mem, (size_t)paths->depth + 1, sizeof walk->frames[0]);
    walk->guesses = shale_mem_zeroed(mem, paths->n, sizeof walk->guesses[0]);
    walk->memos = shale_mem_zeroed(mem, n_memos + 1, sizeof walk->memos[0]);
    if (walk->slots == NULL || walk->frames == NULL || walk->guesses == NULL || walk->memos == NULL)
        return SHALE_NOMEM;
    n_memos = 0;
    for (uint32_t i = 0; i < paths->n; i++) {
        uint32_t capacity = n_guessed(&paths->path[i]);
        walk->guesses[i] = (struct shale_walk_guess){walk->memos + n_memos, 0, capacity};
        n_memos += capacity;
    }
    return SHALE_OK;
}

void shale_walk_fini(struct shale_walk *walk)
{
    shale_mem_free(walk->mem, walk->slots);
    shale_mem_free(walk->mem, walk->frames);
    shale_mem_free(walk->mem, walk->guesses);
    shale_mem_free(walk->mem, walk->memos);
    shale_buf_fini(&walk->members);
}

static bool is_memo(const struct shale_walk_guess *guess, uint32_t i, struct shale_str name)
{
    return i < guess->n && guess->memos[i].n_bytes == name.n_bytes &&
           memcmp(guess->memos[i].name, name.data, name.n_bytes) == 0;
}

static void learn(struct shale_walk_guess *guess, struct shale_str name, uint32_t child)
{
    if (guess->n == guess->capacity || name.n_bytes > MEMO_NAME_BYTES || name.n_bytes == 0)
        return;
    struct shale_walk_memo *memo = &guess->memos[guess->n++];
    memo->child = child;
    memo->n_bytes = (uint8_t)name.n_bytes;
    memcpy(memo->name, name.data, name.n_bytes);
}

/* The path of a member, by the guess, by the next one (a member may be missing), or by search. */
static uint32_t member_path(struct shale_walk *walk, struct shale_walk_frame *frame,
                            struct shale_str name, bool escaped)
{
    struct shale_walk_guess *guess = &walk->guesses[frame->path];
    for (uint32_t i = frame->guess; i < frame->guess + 2 && !escaped; i++) {
        if (is_memo(guess, i, name)) {
            frame->guess = i + 1;
            frame->n_right++;
            return guess->memos[i].child;
        }
    }
    uint32_t child = shale_paths_member(walk->paths, frame->path, name, escaped);
    frame->n_wrong++;
    if (frame->learning && !escaped) {
        learn(guess, name, child);
        frame->guess = guess->n;
    }
    return child;
}

static void push(struct shale_walk *walk, uint32_t path, enum shale_json_step step,
                 const struct shale_json_item *item)
{
    assert(walk->n_frames <= walk->paths->depth);
    walk->frames[walk->n_frames++] =
        (struct shale_walk_frame){.path = path,
                                  .begin = item->begin,
                                  .is_array = step == SHALE_JSON_ARRAY,
                                  .learning = walk->guesses[path].n == 0};
}

static void note(struct shale_walk *walk, uint32_t path, enum shale_json_kind kind, uint32_t begin,
                 uint32_t end, bool escaped)
{
    struct shale_slot *slot = &walk->slots[walk->paths->path[path].slot];
    slot->begin = begin;
    slot->end = end;
    slot->kind = (uint8_t)kind;
    slot->escaped = escaped;
}

/* An object or array has ended. */
static void pop(struct shale_walk *walk, uint32_t end)
{
    const struct shale_walk_frame *frame = &walk->frames[--walk->n_frames];
    if (walk->paths->path[frame->path].read)
        note(walk, frame->path, frame->is_array ? SHALE_KIND_ARRAY : SHALE_KIND_OBJECT,
             frame->begin, end, false);
    if (!frame->learning && frame->n_wrong > frame->n_right)
        walk->guesses[frame->path].n = 0; /* the order has changed: learn the next one's */
}

static enum shale_json_kind kind_of(enum shale_json_step step)
{
    switch (step) {
    case SHALE_JSON_OBJECT:
        return SHALE_KIND_OBJECT;
    case SHALE_JSON_ARRAY:
        return SHALE_KIND_ARRAY;
    case SHALE_JSON_STRING:
        return SHALE_KIND_STRING;
    case SHALE_JSON_NUMBER:
        return SHALE_KIND_NUMBER;
    case SHALE_JSON_TRUE:
    case SHALE_JSON_FALSE:
        return SHALE_KIND_BOOL;
    default:
        return SHALE_KIND_NULL;
    }
}

/* Is it the first token of a value? */
static bool is_value(enum shale_json_step step)
{
    return step == SHALE_JSON_NULL || kind_of(step) != SHALE_KIND_NULL;
}

/* Take the value that began with 'step' at a path (SHALE_PATH_NONE: nobody's): note it, skip it, or
 * open it.  Returns 'step', or MORE or ERROR. */
static enum shale_json_step take_value(struct shale_walk *walk, struct shale_json_cursor *cursor,
                                       uint32_t path, enum shale_json_step step,
                                       struct shale_json_item *item)
{
    if (path == SHALE_PATH_NONE)
        return shale_json_skip(cursor, step, item);
    const struct shale_path *at = &walk->paths->path[path];
    struct shale_slot *slot = &walk->slots[at->slot];
    if (slot->visited) /* the last of one name wins, with everything inside it */
        memset(slot, 0, (at->slot_end - at->slot) * sizeof *slot);
    slot->visited = true;
    bool opened = (step == SHALE_JSON_OBJECT && at->n_children > 0) ||
                  (step == SHALE_JSON_ARRAY && at->n_elements > 0 && path != 0);
    if (opened) {
        push(walk, path, step, item);
        return step;
    }
    step = shale_json_skip(cursor, step, item);
    if (at->read && is_value(step))
        note(walk, path, kind_of(step), item->begin, item->end, item->escaped);
    return step;
}

/* A member's value begins: note it when it is unknown.  Its end comes with close_member(). */
static enum shale_status open_member(struct shale_walk *walk, uint32_t path,
                                     const struct shale_json_item *name,
                                     const struct shale_json_item *value)
{
    const struct shale_member member = {name->begin, name->end, value->begin, value->end,
                                        name->escaped};
    bool keep = walk->unknown == SHALE_UNKNOWN_KEEP;
    uint8_t marks = path == SHALE_PATH_NONE ? 0 : walk->paths->path[path].marks;
    if (walk->n_frames != 1 || walk->unknown == SHALE_UNKNOWN_IGNORE ||
        (keep ? marks & SHALE_PATH_FIELD : marks) != 0)
        return SHALE_OK;
    walk->n_unknown++;
    if (walk->n_unknown > (keep ? SHALE_MAX_UNKNOWN_MEMBERS : 1))
        return SHALE_OK;
    walk->member_open = true;
    return shale_buf_append(&walk->members, &member, sizeof member);
}

/* A value of the event itself that began with 'step' has ended. */
static void close_member(struct shale_walk *walk, enum shale_json_step step, uint32_t end)
{
    struct shale_member member;
    if (!walk->member_open || walk->n_frames != 1)
        return;
    walk->member_open = false;
    char *last = walk->members.data + walk->members.n_bytes - sizeof member;
    memcpy(&member, last, sizeof member);
    bool quotes = step == SHALE_JSON_STRING;
    member.begin -= quotes;
    member.end = end + quotes;
    memcpy(last, &member, sizeof member);
}

/* The next member or element of the innermost open value.  Returns the step, which is an end when
 * there is none. */
static enum shale_json_step next_value(struct shale_walk *walk, struct shale_json_cursor *cursor,
                                       struct shale_json_item *name, struct shale_json_item *item,
                                       uint32_t *path)
{
    struct shale_walk_frame *frame = &walk->frames[walk->n_frames - 1];
    enum shale_json_step step = shale_json_next(cursor, item);
    *path = SHALE_PATH_NONE;
    if (frame->is_array) {
        if (is_value(step))
            *path = shale_paths_element(walk->paths, frame->path, frame->next_element++);
        return step;
    }
    if (step != SHALE_JSON_NAME)
        return step;
    *name = *item;
    *path = member_path(walk, frame, shale_json_text(cursor, name), name->escaped);
    return shale_json_next(cursor, item);
}

/* The next value, after leaving what has ended.  END: that was the event itself. */
static enum shale_json_step leave(struct shale_walk *walk, struct shale_json_cursor *cursor,
                                  struct shale_json_item *name, struct shale_json_item *item,
                                  uint32_t *path)
{
    while (walk->n_frames > 0) {
        enum shale_json_step step = next_value(walk, cursor, name, item, path);
        if (step != SHALE_JSON_OBJECT_END && step != SHALE_JSON_ARRAY_END)
            return step;
        pop(walk, item->end);
        close_member(walk, step, item->end);
    }
    return SHALE_JSON_END;
}

static void reset(struct shale_walk *walk)
{
    memset(walk->slots, 0, walk->paths->n * sizeof walk->slots[0]);
    shale_buf_reset(&walk->members);
    walk->member_open = false;
    walk->n_frames = 0;
    walk->n_unknown = 0;
}

enum shale_status shale_walk_event(struct shale_walk *walk, struct shale_json_cursor *cursor,
                                   bool records, enum shale_walked *out)
{
    struct shale_json_item item = {0}, name = {0};
    uint32_t path = 0;
    reset(walk);
    enum shale_json_step step = shale_json_next(cursor, &item);
    walk->begin = item.begin - (step == SHALE_JSON_STRING);
    while (is_value(step)) {
        enum shale_status status = open_member(walk, path, &name, &item);
        if (status != SHALE_OK)
            return status;
        if (records && path != SHALE_PATH_NONE && walk->paths->path[path].records &&
            step != SHALE_JSON_NULL) {
            *out = SHALE_WALKED_ENVELOPE;
            return SHALE_OK;
        }
        enum shale_json_step taken = take_value(walk, cursor, path, step, &item);
        if (is_value(taken)) {
            close_member(walk, step, item.end);
            step = leave(walk, cursor, &name, &item, &path);
        } else {
            step = taken;
        }
    }
    *out = step == SHALE_JSON_END    ? SHALE_WALKED
           : step == SHALE_JSON_MORE ? SHALE_WALKED_MORE
                                     : SHALE_WALKED_BROKEN;
    return SHALE_OK;
}
