/* SPDX-License-Identifier: MIT */
/* libyaml's events become a tree.  A stack of open collections instead of recursion, and aliases
 * are shared nodes whose expanded size is known when they are used: neither deep nesting nor a
 * "billion laughs" costs more than its caps.  (libyaml allocates by itself: a fixed allowance, as
 * the text is at most 1 MiB.) */
#include "schema/yaml.h"

#include <yaml.h>

struct anchor {
    const char *name;
    const struct shale_yaml_node *node;
    struct anchor *next; /* the newest first: a name may be given again */
};

struct open_collection {
    struct shale_yaml_node *node;
    const struct shale_yaml_node *key; /* MAPPING: read, and its value is not */
};

struct reader {
    struct shale_arena *arena;
    struct shale_err *err;
    yaml_mark_t mark; /* of the event at hand */
    struct open_collection stack[SHALE_YAML_MAX_DEPTH];
    size_t depth;
    struct anchor *anchors;
    size_t n_anchors;
    struct shale_yaml_node *root;
    bool ended; /* the document's end was seen */
};

static enum shale_status too_much(struct reader *reader, int limit, const char *what)
{
    return SHALE_ERR(reader->err, definition_too_much, limit, what);
}

/* Put a finished node where it belongs: as the root, a key, a value or an element. */
static enum shale_status attach(struct reader *reader, const struct shale_yaml_node *node)
{
    struct open_collection *top;
    struct shale_yaml_item *item;

    if (reader->depth == 0)
        return SHALE_OK;
    top = &reader->stack[reader->depth - 1];
    top->node->n_expanded += node->n_expanded;
    if (top->node->n_expanded > SHALE_YAML_MAX_NODES)
        return too_much(reader, SHALE_YAML_MAX_NODES, "YAML nodes (aliases expanded)");
    if (top->node->kind == SHALE_YAML_MAPPING && top->key == NULL) {
        top->key = node;
        return SHALE_OK;
    }
    item = shale_arena_zeroed(reader->arena, 1, sizeof *item);
    if (item == NULL)
        return SHALE_NOMEM;
    item->key = top->key;
    item->value = node;
    if (top->node->last == NULL)
        top->node->items = item;
    else
        top->node->last->next = item;
    top->node->last = item;
    top->node->n_items++;
    top->key = NULL;
    return SHALE_OK;
}

static enum shale_status remember(struct reader *reader, const yaml_char_t *name,
                                  const struct shale_yaml_node *node)
{
    struct anchor *anchor;
    if (name == NULL)
        return SHALE_OK;
    if (reader->n_anchors++ == SHALE_YAML_MAX_ANCHORS)
        return too_much(reader, SHALE_YAML_MAX_ANCHORS, "anchors");
    anchor = shale_arena_zeroed(reader->arena, 1, sizeof *anchor);
    if (anchor == NULL)
        return SHALE_NOMEM;
    anchor->name = shale_arena_copy(reader->arena, shale_str_of((const char *)name));
    if (anchor->name == NULL)
        return SHALE_NOMEM;
    anchor->node = node;
    anchor->next = reader->anchors;
    reader->anchors = anchor;
    return SHALE_OK;
}

static enum shale_status new_node(struct reader *reader, enum shale_yaml_kind kind,
                                  const yaml_char_t *anchor, const yaml_char_t *tag,
                                  struct shale_yaml_node **out)
{
    struct shale_yaml_node *node = NULL;
    if (tag != NULL)
        return SHALE_ERR(reader->err, definition_tag);
    node = shale_arena_zeroed(reader->arena, 1, sizeof *node);
    if (node == NULL)
        return SHALE_NOMEM;
    node->kind = kind;
    node->line = reader->mark.line + 1;
    node->column = reader->mark.column + 1;
    node->n_expanded = 1;
    if (reader->root == NULL)
        reader->root = node;
    *out = node;
    return remember(reader, anchor, node);
}

static enum shale_status begin(struct reader *reader, enum shale_yaml_kind kind,
                               const yaml_char_t *anchor, const yaml_char_t *tag)
{
    struct shale_yaml_node *node = NULL;
    enum shale_status status;
    if (reader->depth == SHALE_YAML_MAX_DEPTH)
        return too_much(reader, SHALE_YAML_MAX_DEPTH, "levels of nesting");
    status = new_node(reader, kind, anchor, tag, &node);
    if (status != SHALE_OK)
        return status;
    node->open = true;
    reader->stack[reader->depth++] = (struct open_collection){node, NULL};
    return SHALE_OK;
}

static enum shale_status end(struct reader *reader)
{
    struct shale_yaml_node *node = reader->stack[--reader->depth].node;
    node->open = false;
    return attach(reader, node);
}

static enum shale_status scalar(struct reader *reader, const yaml_event_t *event)
{
    struct shale_str text = {(const char *)event->data.scalar.value, event->data.scalar.length};
    struct shale_yaml_node *node = NULL;
    enum shale_status status = new_node(reader, SHALE_YAML_SCALAR, event->data.scalar.anchor,
                                        event->data.scalar.tag, &node);
    if (status != SHALE_OK)
        return status;
    node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    node->text.data = shale_arena_copy(reader->arena, text);
    node->text.n_bytes = text.n_bytes;
    return node->text.data == NULL ? SHALE_NOMEM : attach(reader, node);
}

static enum shale_status alias(struct reader *reader, const char *name)
{
    const struct anchor *anchor = reader->anchors;
    while (anchor != NULL && strcmp(anchor->name, name) != 0)
        anchor = anchor->next;
    if (anchor == NULL)
        return SHALE_ERR(reader->err, definition_alias, name, "has no anchor before it");
    if (anchor->node->open)
        return SHALE_ERR(reader->err, definition_alias, name, "stands inside its own anchor");
    return attach(reader, anchor->node);
}

static enum shale_status take(struct reader *reader, const yaml_event_t *event)
{
    reader->mark = event->start_mark;
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        return reader->ended ? SHALE_ERR(reader->err, definition_documents) : SHALE_OK;
    case YAML_DOCUMENT_END_EVENT:
        reader->ended = true;
        return SHALE_OK;
    case YAML_ALIAS_EVENT:
        return alias(reader, (const char *)event->data.alias.anchor);
    case YAML_SCALAR_EVENT:
        return scalar(reader, event);
    case YAML_SEQUENCE_START_EVENT:
        return begin(reader, SHALE_YAML_SEQUENCE, event->data.sequence_start.anchor,
                     event->data.sequence_start.tag);
    case YAML_MAPPING_START_EVENT:
        return begin(reader, SHALE_YAML_MAPPING, event->data.mapping_start.anchor,
                     event->data.mapping_start.tag);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        return end(reader);
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_STREAM_END_EVENT:
        break;
    }
    return SHALE_OK;
}

/* libyaml says where bytes are no UTF-8 only by their offset. */
static yaml_mark_t mark_of_offset(struct shale_str text, size_t offset)
{
    yaml_mark_t mark = {offset, 0, 0};
    for (size_t i = 0; i < offset && i < text.n_bytes; i++) {
        if (text.data[i] == '\n') {
            mark.line++;
            mark.column = 0;
        } else if (((unsigned char)text.data[i] & 0xc0u) != 0x80u) {
            mark.column++;
        }
    }
    return mark;
}

static enum shale_status parser_fault(struct reader *reader, const yaml_parser_t *parser,
                                      struct shale_str text)
{
    const char *context = parser->context == NULL ? "" : parser->context;
    const char *problem = parser->problem == NULL ? "not readable" : parser->problem;
    if (parser->error == YAML_MEMORY_ERROR)
        return SHALE_NOMEM;
    reader->mark = parser->error == YAML_READER_ERROR ? mark_of_offset(text, parser->problem_offset)
                                                      : parser->problem_mark;
    return SHALE_ERR(reader->err, definition_yaml, problem, context[0] == '\0' ? "" : ", ",
                     context);
}

enum shale_status shale_yaml_read(struct shale_arena *arena, struct shale_str text,
                                  const struct shale_yaml_node **root, size_t *line, size_t *column,
                                  struct shale_err *err)
{
    struct reader reader = {.arena = arena, .err = err};
    enum shale_status status = SHALE_OK;
    yaml_parser_t parser;
    bool more = true;

    /* libyaml would count a byte-order mark as a column, and so read the first line as indented. */
    if (text.n_bytes >= 3 && memcmp(text.data, "\xef\xbb\xbf", 3) == 0)
        text = (struct shale_str){text.data + 3, text.n_bytes - 3};
    if (yaml_parser_initialize(&parser) == 0)
        return SHALE_NOMEM;
    /* UTF-8 and nothing else: a UTF-16 file is an error, not a guess. */
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text.data, text.n_bytes);
    while (more && status == SHALE_OK) {
        yaml_event_t event;
        if (yaml_parser_parse(&parser, &event) == 0) {
            status = parser_fault(&reader, &parser, text);
            break;
        }
        more = event.type != YAML_STREAM_END_EVENT;
        status = take(&reader, &event);
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    *root = reader.root;
    *line = reader.mark.line + 1;
    *column = reader.mark.column + 1;
    return status;
}
