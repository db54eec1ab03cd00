/* SPDX-License-Identifier: MIT */
/* Private to schema: a YAML document as a tree whose nodes know where they stand. */
#ifndef SHALE_SCHEMA_YAML_H
#define SHALE_SCHEMA_YAML_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

enum shale_yaml_kind { SHALE_YAML_SCALAR, SHALE_YAML_SEQUENCE, SHALE_YAML_MAPPING };

/* An element of a sequence ('key' NULL) or an entry of a mapping.  An alias makes a second item
 * with the same node, so a node may stand in several places, but never inside itself. */
struct shale_yaml_item {
    const struct shale_yaml_node *key;
    const struct shale_yaml_node *value;
    struct shale_yaml_item *next;
};

struct shale_yaml_node {
    enum shale_yaml_kind kind;
    bool plain;            /* SCALAR: not quoted and no block */
    bool open;             /* only while reading: its end was not seen yet */
    size_t line, column;   /* of its first character, from 1 */
    struct shale_str text; /* SCALAR: UTF-8, NUL-terminated; may hold NULs and controls */
    struct shale_yaml_item *items, *last;
    size_t n_items;
    size_t n_expanded; /* nodes of it, each alias counted as what it stands for */
};

enum {
    SHALE_YAML_MAX_NODES = 100000, /* with aliases expanded */
    SHALE_YAML_MAX_DEPTH = 32,
    SHALE_YAML_MAX_ANCHORS = 1000,
};

/* Read the one document of 'text' into 'arena'; '*root' is NULL when there is none.  On
 * SHALE_SCHEMA '*line' and '*column' say where 'err' happened.
 * Returns SHALE_OK, SHALE_SCHEMA or SHALE_NOMEM. */
SHALE_MUST_USE enum shale_status shale_yaml_read(struct shale_arena *arena, struct shale_str text,
                                                 const struct shale_yaml_node **root, size_t *line,
                                                 size_t *column, struct shale_err *err);

#endif
