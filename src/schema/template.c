/* SPDX-License-Identifier: MIT */
/* Key templates.  Matching is a table, not a search: from the last part to the first, one bit a
 * position of the key says whether the parts from here on match the rest.  A walk forwards then
 * takes the shortest text that leaves a match, and never has to go back. */
#include "schema/template_parts.h"

#include <stdint.h>

#include "schema/time.h"

static const struct {
    const char *name;
    enum digits_kind kind;
    size_t width;
} date_placeholders[] = {
    {"yyyy", DIGITS_YEAR, 4}, {"mm", DIGITS_MONTH, 2},      {"dd", DIGITS_DAY, 2},
    {"hh", DIGITS_HOUR, 2},   {"yyyymmdd", DIGITS_DATE, 8}, {"hhmmss", DIGITS_TIME, 6},
};
enum { N_DATE_PLACEHOLDERS = sizeof date_placeholders / sizeof date_placeholders[0] };

/* The table below is 128 rows of 4,097 bits: 66 kB of stack.  S3 keys have at most 1,024 bytes,
 * paths of Linux 4,096. */
enum { MAX_PARTS = 128, MAX_KEY_BYTES = 4096, ROW_WORDS = MAX_KEY_BYTES / 64 + 1 };

/* ---- Parsing -------------------------------------------------------------------------------- */

struct parser {
    struct shale_str text;
    size_t at;
    struct shale_template_part parts[MAX_PARTS];
    size_t n_parts;
    struct shale_template *out;
    struct shale_err *err;
};

static enum shale_status fault(struct parser *parser, size_t at, const char *what)
{
    return SHALE_ERR(parser->err, definition_template, what, at + 1);
}

static bool name_byte(char c, bool first)
{
    return (c >= 'a' && c <= 'z') || (!first && ((c >= '0' && c <= '9') || c == '_'));
}

/* Reads "name}" behind the bracket. */
static enum shale_status read_placeholder(struct parser *parser, struct shale_template_part *part)
{
    struct shale_template *out = parser->out;
    size_t start = parser->at + 1, end = start;
    struct shale_str name;

    while (end < parser->text.n_bytes && name_byte(parser->text.data[end], end == start))
        end++;
    if (end == parser->text.n_bytes)
        return fault(parser, parser->at, "'{' without its '}'");
    if (end == start || parser->text.data[end] != '}')
        return fault(parser, end, "expected a placeholder such as {account}: [a-z][a-z0-9_]*");
    name = (struct shale_str){parser->text.data + start, end - start};
    for (size_t i = 0; i < out->n_names; i++) {
        if (shale_str_equal(out->names[i], name))
            return fault(parser, parser->at, "the same placeholder a second time");
    }
    if (out->n_names == SHALE_TEMPLATE_MAX_PLACEHOLDERS)
        return fault(parser, parser->at, "more than 32 placeholders");
    part->kind = PART_NAMED;
    part->name = out->n_names;
    for (size_t i = 0; i < N_DATE_PLACEHOLDERS; i++) {
        if (shale_str_is(name, date_placeholders[i].name)) {
            part->kind = PART_DIGITS;
            part->digits = date_placeholders[i].kind;
        }
    }
    out->names[out->n_names++] = name;
    parser->at = end + 1;
    return SHALE_OK;
}

static enum shale_status read_stars(struct parser *parser, struct shale_template_part *part)
{
    struct shale_str text = parser->text;
    size_t start = parser->at, end = start;

    while (end < text.n_bytes && text.data[end] == '*')
        end++;
    if (end - start > 2)
        return fault(parser, start, "more than two stars in a row");
    part->kind = end - start == 1 ? PART_STAR : PART_STARS;
    if (part->kind == PART_STARS && (start == 0 || text.data[start - 1] == '/') &&
        end < text.n_bytes && text.data[end] == '/') {
        part->kind = PART_STARS_DIR;
        end++;
    }
    parser->at = end;
    return SHALE_OK;
}

static enum shale_status read_part(struct parser *parser, struct shale_template_part *part)
{
    struct shale_str text = parser->text;
    size_t start = parser->at;

    if (text.data[start] == '{')
        return read_placeholder(parser, part);
    if (text.data[start] == '*')
        return read_stars(parser, part);
    while (parser->at < text.n_bytes && text.data[parser->at] != '{' &&
           text.data[parser->at] != '*') {
        if (text.data[parser->at] == '}')
            return fault(parser, parser->at, "'}' without its '{'");
        parser->at++;
    }
    part->kind = PART_LITERAL;
    part->text = (struct shale_str){text.data + start, parser->at - start};
    return SHALE_OK;
}

enum shale_status shale_template_parse(struct shale_arena *arena, struct shale_str text,
                                       struct shale_template *out, struct shale_err *err)
{
    struct parser parser = {.out = out, .err = err};
    struct shale_template_part *parts;
    char *copy = shale_arena_copy(arena, text);

    *out = (struct shale_template){0};
    if (copy == NULL)
        return SHALE_NOMEM;
    parser.text = (struct shale_str){copy, text.n_bytes};
    if (text.n_bytes == 0)
        return fault(&parser, 0, "it is empty");
    if (text.data[0] == '/')
        return fault(&parser, 0, "it begins with '/', and keys below the source do not");
    while (parser.at < text.n_bytes) {
        enum shale_status status;
        if (parser.n_parts == MAX_PARTS)
            return fault(&parser, parser.at, "more than 128 parts");
        status = read_part(&parser, &parser.parts[parser.n_parts]);
        if (status != SHALE_OK)
            return status;
        parser.n_parts++;
    }
    parts = shale_arena_zeroed(arena, parser.n_parts, sizeof *parts);
    if (parts == NULL)
        return SHALE_NOMEM;
    memcpy(parts, parser.parts, parser.n_parts * sizeof *parts);
    out->text = parser.text;
    out->parts = parts;
    out->n_parts = parser.n_parts;
    return SHALE_OK;
}

/* ---- Matching ------------------------------------------------------------------------------- */

typedef uint64_t row_bits[ROW_WORDS];

static bool bit(const uint64_t *row, size_t i)
{
    return (row[i / 64] >> (i % 64) & 1) != 0;
}

static void set_bit(uint64_t *row, size_t i)
{
    row[i / 64] |= (uint64_t)1 << (i % 64);
}

static size_t digits_width(enum digits_kind kind)
{
    for (size_t i = 0; i < N_DATE_PLACEHOLDERS; i++) {
        if (date_placeholders[i].kind == kind)
            return date_placeholders[i].width;
    }
    return 0;
}

/* The number that 'n' digits at 'at' make, or -1. */
static int64_t number_at(struct shale_str key, size_t at, size_t n)
{
    int64_t value = 0;
    if (n > key.n_bytes - at)
        return -1;
    for (size_t i = 0; i < n; i++) {
        char c = key.data[at + i];
        if (c < '0' || c > '9')
            return -1;
        value = value * 10 + (c - '0');
    }
    return value;
}

static bool digits_at(enum digits_kind kind, struct shale_str key, size_t at)
{
    int64_t n = number_at(key, at, digits_width(kind));
    int32_t days;
    if (n < 0)
        return false;
    switch (kind) {
    case DIGITS_YEAR:
        return true;
    case DIGITS_MONTH:
        return n >= 1 && n <= 12;
    case DIGITS_DAY:
        return n >= 1 && n <= 31;
    case DIGITS_HOUR:
        return n <= 23;
    case DIGITS_DATE:
        return shale_days_from_civil(n / 10000, (unsigned)(n / 100 % 100), (unsigned)(n % 100),
                                     &days);
    case DIGITS_TIME:
        return n / 10000 <= 23 && n / 100 % 100 <= 59 && n % 100 <= 59;
    }
    return false;
}

static bool literal_at(struct shale_str literal, struct shale_str key, size_t at)
{
    return literal.n_bytes <= key.n_bytes - at &&
           memcmp(literal.data, key.data + at, literal.n_bytes) == 0;
}

/* Fill 'row': from where does 'part' and then the rest (whose row is 'next') match?  'open': the
 * part may end at the next byte or later, all bytes up to there being allowed in it. */
static void fill_row(const struct shale_template_part *part, struct shale_str key,
                     const uint64_t *next, uint64_t *row)
{
    bool open = false;
    for (size_t i = key.n_bytes + 1; i-- > 0;) {
        bool inside = i < key.n_bytes, slash = inside && key.data[i] == '/', ok = false;
        switch (part->kind) {
        case PART_LITERAL:
            ok = literal_at(part->text, key, i) && bit(next, i + part->text.n_bytes);
            break;
        case PART_DIGITS:
            ok = digits_at(part->digits, key, i) && bit(next, i + digits_width(part->digits));
            break;
        case PART_NAMED:
            open = inside && !slash && (bit(next, i + 1) || open);
            ok = open;
            break;
        case PART_STAR:
            open = bit(next, i) || (open && !slash);
            ok = open;
            break;
        case PART_STARS:
            open = open || bit(next, i);
            ok = open;
            break;
        case PART_STARS_DIR:
            open = open || (slash && bit(next, i + 1));
            ok = open || bit(next, i);
            break;
        }
        if (ok)
            set_bit(row, i);
    }
}

/* Where the part that begins at 'at' ends, at the earliest, so that the rest matches. */
static size_t part_end(const struct shale_template_part *part, struct shale_str key,
                       const uint64_t *next, size_t at)
{
    size_t end = at;
    if (part->kind == PART_LITERAL)
        return at + part->text.n_bytes;
    if (part->kind == PART_DIGITS)
        return at + digits_width(part->digits);
    if (part->kind == PART_NAMED)
        end++;
    while (!bit(next, end) ||
           (part->kind == PART_STARS_DIR && end > at && key.data[end - 1] != '/'))
        end++;
    return end;
}

/* {yyyy} {mm} {dd}, when a template has all three, are a real date. */
static bool real_date(const struct shale_template *tmpl, const struct shale_str *values)
{
    int64_t date[3] = {-1, -1, -1};
    int32_t days;
    for (size_t i = 0; i < tmpl->n_parts; i++) {
        const struct shale_template_part *part = &tmpl->parts[i];
        if (part->kind == PART_DIGITS && part->digits <= DIGITS_DAY)
            date[part->digits] = number_at(values[part->name], 0, values[part->name].n_bytes);
    }
    return date[0] < 0 || date[1] < 0 || date[2] < 0 ||
           shale_days_from_civil(date[0], (unsigned)date[1], (unsigned)date[2], &days);
}

bool shale_template_match(const struct shale_template *tmpl, struct shale_str key,
                          struct shale_str values[SHALE_TEMPLATE_MAX_PLACEHOLDERS])
{
    row_bits rows[MAX_PARTS + 1];
    size_t n_words = key.n_bytes / 64 + 1, at = 0;

    if (key.n_bytes > MAX_KEY_BYTES)
        return false;
    for (size_t i = 0; i <= tmpl->n_parts; i++)
        memset(rows[i], 0, n_words * sizeof rows[i][0]);
    set_bit(rows[tmpl->n_parts], key.n_bytes);
    for (size_t i = tmpl->n_parts; i-- > 0;)
        fill_row(&tmpl->parts[i], key, rows[i + 1], rows[i]);
    if (!bit(rows[0], 0))
        return false;
    for (size_t i = 0; i < tmpl->n_parts; i++) {
        const struct shale_template_part *part = &tmpl->parts[i];
        size_t end = part_end(part, key, rows[i + 1], at);
        if (part->kind == PART_DIGITS || part->kind == PART_NAMED)
            values[part->name] = (struct shale_str){key.data + at, end - at};
        at = end;
    }
    return real_date(tmpl, values);
}

bool shale_template_has_year(const struct shale_template *tmpl)
{
    for (size_t i = 0; i < tmpl->n_parts; i++)
        if (tmpl->parts[i].kind == PART_DIGITS &&
            (tmpl->parts[i].digits == DIGITS_YEAR || tmpl->parts[i].digits == DIGITS_DATE))
            return true;
    return false;
}

static int32_t days_of(int64_t year, int64_t month, int64_t day)
{
    int32_t days = 0;
    (void)shale_days_from_civil(year, (unsigned)month, (unsigned)day, &days); /* was checked */
    return days;
}

bool shale_template_days(const struct shale_template *tmpl, const struct shale_str *values,
                         int32_t *first, int32_t *last)
{
    int64_t date[3] = {-1, -1, -1}; /* year, month, day: as DIGITS_ counts them */
    for (size_t i = 0; i < tmpl->n_parts; i++) {
        const struct shale_template_part *part = &tmpl->parts[i];
        int64_t n = part->kind == PART_DIGITS
                        ? number_at(values[part->name], 0, values[part->name].n_bytes)
                        : -1;
        if (part->kind == PART_DIGITS && part->digits == DIGITS_DATE) {
            *first = *last = days_of(n / 10000, n / 100 % 100, n % 100);
            return true;
        }
        if (part->kind == PART_DIGITS && part->digits <= DIGITS_DAY)
            date[part->digits] = n;
    }
    if (date[DIGITS_YEAR] < 0)
        return false;
    if (date[DIGITS_MONTH] < 0) {
        *first = days_of(date[DIGITS_YEAR], 1, 1);
        *last = days_of(date[DIGITS_YEAR], 12, 31);
    } else if (date[DIGITS_DAY] < 0) {
        int64_t month = date[DIGITS_MONTH];
        *first = days_of(date[DIGITS_YEAR], month, 1);
        *last = month == 12 ? *first + 30 : days_of(date[DIGITS_YEAR], month + 1, 1) - 1;
    } else {
        *first = *last = days_of(date[DIGITS_YEAR], date[DIGITS_MONTH], date[DIGITS_DAY]);
    }
    return true;
}
