/* SPDX-License-Identifier: MIT */
/* Where values come from: the event's text, or its lineage. */
#include "json/text.h"
#include "shred/shredder.h"

static struct shale_found nothing(const struct shale_shredder *shredder,
                                  const struct shale_from *from)
{
    return (struct shale_found){.kind = SHALE_KIND_NULL, .from = from, .at = shredder->walk.begin};
}

static struct shale_found of_slot(const struct shale_shredder *shredder,
                                  const struct shale_from *from, const struct shale_slot *slot)
{
    bool quotes = slot->kind == SHALE_KIND_STRING;
    if (slot->kind == SHALE_KIND_NULL)
        return nothing(shredder, from);
    return (struct shale_found){
        .kind = slot->kind,
        .text = {shredder->text + slot->begin, slot->end - slot->begin},
        .from = from,
        .at = slot->begin - quotes,
    };
}

/* The text that the key's template has for a placeholder, data NULL for none. */
static struct shale_str placeholder(const struct shale_lineage *lineage, struct shale_str name)
{
    const struct shale_template *matched = lineage->matched;
    for (size_t i = 0; matched != NULL && i < matched->n_names; i++)
        if (shale_str_equal(matched->names[i], name))
            return lineage->values[i];
    return (struct shale_str){NULL, 0};
}

struct shale_found shale_found_at(const struct shale_shredder *shredder,
                                  const struct shale_from *from, uint32_t path)
{
    struct shale_found found = nothing(shredder, from);
    switch (from->kind) {
    case SHALE_FROM_POINTER:
        return of_slot(shredder, from, shale_walk_slot(&shredder->walk, path));
    case SHALE_FROM_KEY:
        found.text = shredder->lineage->key;
        break;
    case SHALE_FROM_BUCKET:
        found.text = shredder->lineage->bucket;
        break;
    case SHALE_FROM_PLACEHOLDER:
        found.text = placeholder(shredder->lineage, from->name);
        break;
    case SHALE_FROM_INDEX:
        found.text = shale_str_of(shredder->number);
        found.kind = SHALE_KIND_NUMBER;
        break;
    }
    found.lineage = true;
    if (found.text.data != NULL && found.kind == SHALE_KIND_NULL)
        found.kind = SHALE_KIND_STRING;
    return found;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct shale_str trimmed(struct shale_str text)
{
    while (text.n_bytes > 0 && is_space(text.data[0])) {
        text.data++;
        text.n_bytes--;
    }
    while (text.n_bytes > 0 && is_space(text.data[text.n_bytes - 1]))
        text.n_bytes--;
    return text;
}

enum shale_status shale_found_decode(struct shale_found *found, bool escaped, bool trim,
                                     struct shale_buf *out)
{
    if (found->kind != SHALE_KIND_STRING)
        return SHALE_OK;
    if (escaped) {
        size_t before = out->n_bytes;
        enum shale_status status = shale_json_unescape(found->text, out, &found->broken);
        if (status != SHALE_OK || found->broken)
            return status;
        found->text = (struct shale_str){out->data + before, out->n_bytes - before};
        found->decoded = true;
    }
    if (trim)
        found->text = trimmed(found->text);
    if (found->decoded)
        found->offset = (size_t)(found->text.data - out->data);
    return SHALE_OK;
}
