/* SPDX-License-Identifier: MIT */
/* Key templates: "{account}/CloudTrail/{region}/{yyyy}/{mm}/{dd}/" and wildcards, matched against
 * a key below the source.  Immutable after parsing, shared by threads.
 *
 * {yyyy} {mm} {dd} {hh} match 4, 2, 2, 2 digits, {yyyymmdd} {hhmmss} 8 and 6, of real dates and
 * times; any other {name} the shortest non-empty text without '/'; '*' any text without '/', '**'
 * any text, and a part that is only two stars and its slash also nothing. */
#ifndef SHALE_SCHEMA_TEMPLATE_H
#define SHALE_SCHEMA_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

enum { SHALE_TEMPLATE_MAX_PLACEHOLDERS = 32 };

struct shale_template_part; /* private */

struct shale_template {
    struct shale_str text;
    const struct shale_template_part *parts;
    size_t n_parts;
    struct shale_str names[SHALE_TEMPLATE_MAX_PLACEHOLDERS]; /* of its placeholders, in order */
    size_t n_names;
};

/* Parse; memory from 'arena'.  A text that is no template fills 'err' (no position).
 * Returns SHALE_OK, SHALE_NOMEM or SHALE_SCHEMA. */
SHALE_MUST_USE enum shale_status shale_template_parse(struct shale_arena *arena,
                                                      struct shale_str text,
                                                      struct shale_template *out,
                                                      struct shale_err *err);

/* Does the whole of 'key' match?  Then values[i] is what names[i] matched (views into 'key').
 * Where more than one way matches, each part in turn takes the shortest text that leaves a match.
 * Together {yyyy}, {mm} and {dd} must be a real date.  A key over 4,096 bytes matches nothing.
 * Time is bounded: at most 128 steps a key byte.  Uses 66 kB of stack. */
bool shale_template_match(const struct shale_template *tmpl, struct shale_str key,
                          struct shale_str values[SHALE_TEMPLATE_MAX_PLACEHOLDERS]);

/* Has it {yyyy} or {yyyymmdd}? */
bool shale_template_has_year(const struct shale_template *tmpl);

/* The days that such a key may hold, as far as its date placeholders say: one, a month's, a year's.
 * False: the template has no year. */
bool shale_template_days(const struct shale_template *tmpl, const struct shale_str *values,
                         int32_t *first, int32_t *last);

/* How far keys of a template sort by date: they begin with fixed text and {yyyy}, {mm}, {dd} in
 * this order, or {yyyymmdd}.  NONE: with anything else, so that their order says nothing of dates.
 */
enum shale_template_period {
    SHALE_PERIOD_NONE,
    SHALE_PERIOD_YEAR,
    SHALE_PERIOD_MONTH,
    SHALE_PERIOD_DAY,
};

enum shale_template_period shale_template_period(const struct shale_template *tmpl);

/* Do keys of both sort by date together: is their beginning the same? */
bool shale_template_same_period(const struct shale_template *a, const struct shale_template *b);

/* What the keys of the period begin with in which 'day' (since 1970-01-01) lies, behind what 'out'
 * holds; of a template with a period.  SHALE_NOMEM or SHALE_LIMIT. */
SHALE_MUST_USE enum shale_status shale_template_period_text(const struct shale_template *tmpl,
                                                            int32_t day, struct shale_buf *out);

/* The last day of the last period that ends on 'day' or before it. */
int32_t shale_template_period_end(const struct shale_template *tmpl, int32_t day);

#endif
