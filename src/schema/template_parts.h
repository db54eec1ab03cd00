/* SPDX-License-Identifier: MIT */
/* Private to schema: the parts of a key template. */
#ifndef SHALE_SCHEMA_TEMPLATE_PARTS_H
#define SHALE_SCHEMA_TEMPLATE_PARTS_H

#include "schema/template.h"

enum part_kind {
    PART_LITERAL,
    PART_DIGITS,    /* a date placeholder */
    PART_NAMED,     /* any other: the shortest non-empty text without '/' */
    PART_STAR,      /* any text without '/' */
    PART_STARS,     /* any text */
    PART_STARS_DIR, /* "**" and '/' as a whole part of the path: also nothing */
};

enum digits_kind { DIGITS_YEAR, DIGITS_MONTH, DIGITS_DAY, DIGITS_HOUR, DIGITS_DATE, DIGITS_TIME };

struct shale_template_part {
    enum part_kind kind;
    enum digits_kind digits; /* PART_DIGITS */
    struct shale_str text;   /* PART_LITERAL */
    size_t name;             /* PART_DIGITS, PART_NAMED: index of the placeholder */
};

#endif
