/* SPDX-License-Identifier: MIT */
/* Templates whose keys sort by date: byte order is the order of time as far as fixed text and
 * numbers of a fixed width go on, the larger unit first. */
#include "schema/template_parts.h"

#include "schema/time.h"

/* The parts at the beginning up to the last date placeholder that sorts, and what they make. */
static size_t sorted_parts(const struct shale_template *tmpl, enum shale_template_period *period)
{
    static const enum shale_template_period makes[] = {
        [DIGITS_YEAR] = SHALE_PERIOD_YEAR,
        [DIGITS_MONTH] = SHALE_PERIOD_MONTH,
        [DIGITS_DAY] = SHALE_PERIOD_DAY,
    };
    size_t n = 0;
    *period = SHALE_PERIOD_NONE;
    for (size_t i = 0; i < tmpl->n_parts && *period != SHALE_PERIOD_DAY; i++) {
        const struct shale_template_part *part = &tmpl->parts[i];
        if (part->kind == PART_LITERAL)
            continue;
        if (part->kind != PART_DIGITS)
            break;
        if (part->digits == DIGITS_DATE && *period == SHALE_PERIOD_NONE)
            *period = SHALE_PERIOD_DAY;
        else if (part->digits <= DIGITS_DAY && makes[part->digits] == *period + 1)
            *period = makes[part->digits];
        else
            break;
        n = i + 1;
    }
    return n;
}

enum shale_template_period shale_template_period(const struct shale_template *tmpl)
{
    enum shale_template_period period;
    (void)sorted_parts(tmpl, &period);
    return period;
}

bool shale_template_same_period(const struct shale_template *a, const struct shale_template *b)
{
    enum shale_template_period period_a, period_b;
    size_t n = sorted_parts(a, &period_a);
    if (sorted_parts(b, &period_b) != n || period_a != period_b)
        return false;
    for (size_t i = 0; i < n; i++) {
        const struct shale_template_part *left = &a->parts[i], *right = &b->parts[i];
        if (left->kind != right->kind)
            return false;
        if (left->kind == PART_LITERAL ? !shale_str_equal(left->text, right->text)
                                       : left->digits != right->digits)
            return false;
    }
    return true;
}

enum shale_status shale_template_period_text(const struct shale_template *tmpl, int32_t day,
                                             struct shale_buf *out)
{
    enum shale_template_period period;
    size_t n = sorted_parts(tmpl, &period);
    enum shale_status status = SHALE_OK;
    int64_t year;
    unsigned month, month_day;
    shale_civil_from_days(day, &year, &month, &month_day);
    for (size_t i = 0; i < n && status == SHALE_OK; i++) {
        const struct shale_template_part *part = &tmpl->parts[i];
        if (part->kind == PART_LITERAL)
            status = shale_buf_append_str(out, part->text);
        else if (part->digits == DIGITS_DATE)
            status = shale_buf_printf(out, "%04d%02u%02u", (int)year, month, month_day);
        else if (part->digits == DIGITS_YEAR)
            status = shale_buf_printf(out, "%04d", (int)year);
        else
            status =
                shale_buf_printf(out, "%02u", part->digits == DIGITS_MONTH ? month : month_day);
    }
    return status;
}

int32_t shale_template_period_end(const struct shale_template *tmpl, int32_t day)
{
    enum shale_template_period period = shale_template_period(tmpl);
    int64_t year;
    unsigned month, month_day;
    int32_t next = day + 1, first = next;
    if (period == SHALE_PERIOD_DAY)
        return day;
    /* The period of the next day is not over: the one before it is. */
    shale_civil_from_days(next, &year, &month, &month_day);
    (void)shale_days_from_civil(year, period == SHALE_PERIOD_YEAR ? 1 : month, 1, &first);
    return first - 1;
}
