/* SPDX-License-Identifier: MIT */
/* Conditions: those of keep and of rules. */
#include "shred/numbers.h"
#include "shred/shredder.h"

/* Is the value this literal?  Strings by their text, numbers by value. */
static bool is_literal(const struct shale_found *found, const struct shale_literal *literal)
{
    if (found->kind != literal->kind || found->broken)
        return false;
    switch (literal->kind) {
    case SHALE_KIND_NULL:
        return true;
    case SHALE_KIND_NUMBER:
        return shale_numbers_equal(found->text, literal->text);
    default:
        return shale_str_equal(found->text, literal->text);
    }
}

enum shale_status shale_condition_matches(struct shale_shredder *shredder,
                                          const struct shale_condition *condition, uint32_t path,
                                          bool *out)
{
    bool listed = false, escaped = false;
    struct shale_found found = shale_found_at(shredder, &condition->from, path);
    if (condition->kind == SHALE_WHEN_PRESENT) {
        *out = (found.kind != SHALE_KIND_NULL) == condition->present;
        return SHALE_OK;
    }
    if (condition->from.kind == SHALE_FROM_POINTER)
        escaped = shale_walk_slot(&shredder->walk, path)->escaped;
    shale_buf_reset(&shredder->temp);
    enum shale_status status =
        shale_found_decode(&found, escaped, condition->trim, &shredder->temp);
    for (size_t i = 0; status == SHALE_OK && i < condition->n_values && !listed; i++)
        listed = is_literal(&found, &condition->values[i]);
    *out = listed == (condition->kind == SHALE_WHEN_IN);
    return status;
}
