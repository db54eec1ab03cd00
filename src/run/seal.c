/* SPDX-License-Identifier: MIT */
/* The sealed past (source.seal_after): keys of days long consumed are not listed any more.
 *
 * A seal is made by a commit whose run has listed all that is not sealed, to its end, and has
 * decided each of these objects: what lies on a sealed day is in the ledger.  Every 100th commit,
 * and whenever the seal is not one of the templates as they are, the plan is made in full. */
#include "run/private.h"

#include <string.h>

enum { FULL_EVERY = 100 };

/* Nothing that is UTF-8 is behind it: no key of the period is above the period's text and this. */
#define LAST_CHARACTER "\xf4\x8f\xbf\xbf"

static const int64_t day_us = INT64_C(86400) * 1000000;

static const struct shale_seal *find_seal(const struct run *run)
{
    const struct shale_manifest *manifest = &run->table->base.manifest;
    for (size_t i = 0; i < manifest->n_seals; i++)
        if (shale_str_equal(manifest->seals[i].source, run->table->source))
            return &manifest->seals[i];
    return NULL;
}

enum shale_status seal_key(const struct run *run, int32_t day, struct shale_buf *out)
{
    enum shale_status status;
    shale_buf_reset(out);
    status = shale_template_period_text(&run->stream->keys[0], day, out);
    return status == SHALE_OK ? shale_buf_append_str(out, SHALE_STR(LAST_CHARACTER)) : status;
}

bool seal_sorts(const struct run *run)
{
    const struct shale_stream *stream = run->stream;
    bool sorts = stream->n_keys > 0 && shale_template_period(&stream->keys[0]) != SHALE_PERIOD_NONE;
    for (size_t i = 1; i < stream->n_keys && sorts; i++)
        sorts = shale_template_same_period(&stream->keys[0], &stream->keys[i]);
    return sorts;
}

static bool is_day(int64_t day)
{
    int32_t first = 0, last = 0;
    (void)shale_days_from_civil(0, 1, 1, &first);
    (void)shale_days_from_civil(9999, 12, 31, &last);
    return day >= first && day < last;
}

/* The key of a seal of that day, in table->sealing.key.  Which objects were taken is the templates'
 * to say, so that their hash is in it, behind a character that no key of the period has there. */
static enum shale_status make_key(struct run *run, int32_t day)
{
    struct shale_buf *key = &run->table->sealing.key;
    char text[SHALE_CONTENT_HASH_CHARS + 1];
    struct shale_content_hash hash;
    enum shale_status status = seal_key(run, day, key);
    shale_content_hash_init(&hash);
    for (size_t i = 0; i < run->stream->n_keys; i++) {
        struct shale_str one = run->stream->keys[i].text;
        shale_content_hash_update(&hash, one.data, one.n_bytes);
        shale_content_hash_update(&hash, "", 1);
    }
    shale_content_hash_finish(&hash, text);
    return status == SHALE_OK ? shale_buf_append_str(key, shale_str_of(text)) : status;
}

/* Is it a seal of the templates as they are now?  Uses table->sealing.key. */
static enum shale_status fits(struct run *run, const struct shale_seal *seal, bool *out)
{
    struct sealing *sealing = &run->table->sealing;
    enum shale_status status = SHALE_OK;
    *out = seal != NULL && is_day(seal->day);
    if (*out)
        status = make_key(run, (int32_t)seal->day);
    *out = *out && status == SHALE_OK && shale_str_equal(seal->key, shale_buf_str(&sealing->key));
    return status;
}

static bool is_in_use(const struct run *run)
{
    return run->stream->seal_after_days > 0 && run->n_roots == 1 && !run->roots[0].is_file;
}

enum shale_status seal_begin(struct run *run, struct shale_err *err)
{
    struct table *table = run->table;
    struct sealing *sealing = &table->sealing;
    const struct shale_seal *seal;
    bool use;
    if (!is_in_use(run) || run->plan.next_root > 0) /* a listing goes on as it began */
        return SHALE_OK;
    shale_buf_reset(&sealing->from);
    seal = find_seal(run);
    if (fits(run, seal, &use) != SHALE_OK)
        return SHALE_ERR(err, no_memory);
    use = use && table->base.log->version - seal->version < FULL_EVERY &&
          (!run->options->has_dates || run->options->first_day > seal->day);
    sealing->is_full = !use && (!table->has_after || sealing->is_full);
    if (use && shale_buf_append_str(&sealing->from, seal->key) != SHALE_OK)
        return SHALE_ERR(err, no_memory);
    /* For the list, which wants a C string. */
    return shale_buf_append_byte(&sealing->from, '\0') == SHALE_OK ? SHALE_OK
                                                                   : SHALE_ERR(err, no_memory);
}

const char *seal_from(const struct run *run)
{
    const struct table *table = run->table;
    return table == NULL || table->sealing.from.n_bytes == 0 ? "" : table->sealing.from.data;
}

void seal_note(struct run *run, int32_t day, bool is_settled)
{
    struct sealing *sealing;
    if (run->table == NULL)
        return;
    sealing = &run->table->sealing;
    if (!is_settled && (!sealing->has_open || day < sealing->open_day)) {
        sealing->has_open = true;
        sealing->open_day = day;
    }
    if (is_settled && (!sealing->has_newest || day > sealing->newest_day)) {
        sealing->has_newest = true;
        sealing->newest_day = day;
    }
}

/* Up to which day may be sealed: counted from the earlier of the clock and the newest date
 * consumed, and never what was left alone for being young. */
static int64_t last_day(const struct run *run)
{
    const struct sealing *sealing = &run->table->sealing;
    int64_t day = run->began_wall_us / day_us;
    if (day > sealing->newest_day)
        day = sealing->newest_day;
    day -= run->stream->seal_after_days;
    if (sealing->has_open && day >= sealing->open_day)
        day = (int64_t)sealing->open_day - 1;
    return is_day(day) ? shale_template_period_end(&run->stream->keys[0], (int32_t)day) : INT64_MIN;
}

enum shale_status seal_make(struct run *run, struct shale_seal *out, bool *any)
{
    struct table *table = run->table;
    struct sealing *sealing = &table->sealing;
    const struct shale_seal *old = find_seal(run);
    bool has_old;
    int64_t day;
    enum shale_status status;
    *any = is_in_use(run) && !run->plan.more && run->options->n_shards < 2 &&
           !run->options->has_dates && run->seq.sums.unread == SHALE_OK && sealing->has_newest;
    if (!*any)
        return SHALE_OK;
    status = fits(run, old, &has_old);
    if (status != SHALE_OK)
        return status;
    day = last_day(run);
    if (has_old && day < old->day)
        day = old->day;
    *any = is_day(day) && (!has_old || day > old->day || sealing->is_full);
    if (!*any)
        return SHALE_OK;
    status = make_key(run, (int32_t)day);
    *out = (struct shale_seal){
        .source = table->source,
        .key = shale_buf_str(&sealing->key),
        .day = day,
        .version = sealing->is_full || !has_old ? table->base.log->version + 1 : old->version};
    return status;
}
