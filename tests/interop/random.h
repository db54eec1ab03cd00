/* SPDX-License-Identifier: MIT */
/* Random schemas and rows for tests of the file format: the same number gives the same case, on
 * every machine.  Rows go to a builder and, as tests/interop/values.py writes values, to a text. */
#ifndef SHALE_TESTS_RANDOM_H
#define SHALE_TESTS_RANDOM_H

#include <stdio.h>

#include "columns/builder.h"

enum {
    RANDOM_COLUMNS = 6,
    RANDOM_NODES = 96, /* of a schema, at most */
    RANDOM_DEPTH = 6,  /* levels of nesting, at most */
    RANDOM_NAME = 24,
};

struct random_bits {
    uint64_t state;
};

uint64_t random_next(struct random_bits *bits);
/* Below 'n' (> 0). */
uint64_t random_below(struct random_bits *bits, uint64_t n);
bool random_chance(struct random_bits *bits, unsigned percent);
/* A number of a number: the same for the same. */
uint64_t random_mix(uint64_t k);

struct random_schema {
    struct shale_schema schema;
    struct shale_column_def columns[RANDOM_COLUMNS];
    struct shale_type_member members[RANDOM_NODES];
    char names[RANDOM_NODES + RANDOM_COLUMNS][RANDOM_NAME];
    size_t n_members, n_names;
    bool wild; /* types that no definition has as well: int8 ... fixed, local timestamps */
};

/* 'to_depth': 0 for scalars alone, to RANDOM_DEPTH. */
void random_schema_make(struct random_schema *out, struct random_bits *bits, unsigned to_depth,
                        bool wild);

/* The types as JSON: [[name, type, encoding], ...], the encoding 0 where none was asked for, a type
 * {"kind": ..., its arguments, "members": [...]}. */
void random_schema_print(const struct random_schema *schema, FILE *file);

/* How the values of one case are distributed, by leaf in turn. */
struct random_rows {
    struct random_bits bits;
    struct shale_builder *builder;
    FILE *expected;        /* may be NULL */
    unsigned null_percent; /* 0 to 100 */
    unsigned distinct;     /* 0: any number */
    unsigned longest;      /* of lists and maps */
    bool ascending;        /* integers grow */
    uint64_t row;
};

/* Append one row of 'schema' and its line. */
void random_row(struct random_rows *rows, const struct shale_schema *schema);

/* Append the value 'k' of a scalar type: the same for the same, different for different ones as
 * far as there are that many. */
void random_scalar(struct random_rows *rows, size_t column, const struct shale_type *type,
                   uint64_t k);

#endif
