/* SPDX-License-Identifier: MIT */
/* The elements of an array, the members of an object.  Their grammar was checked when they were
 * walked over, so it is enough to find where each ends. */
#include "shred/elements.h"

static bool is_between(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == ',';
}

/* Behind the closing quote of the string that begins at 'at'. */
static const char *string_end(const char *at, const char *end, bool *escaped)
{
    for (at++; at < end && *at != '"'; at++) {
        if (*at == '\\') {
            *escaped = true;
            at++;
        }
    }
    return at < end ? at + 1 : end;
}

/* Behind the bracket that closes the object or array that begins at 'at'. */
static const char *nested_end(const char *at, const char *end)
{
    bool escaped = false;
    size_t depth = 0;
    while (at < end) {
        if (*at == '"') {
            at = string_end(at, end, &escaped);
            continue;
        }
        if (*at == '{' || *at == '[')
            depth++;
        else if ((*at == '}' || *at == ']') && --depth == 0)
            return at + 1;
        at++;
    }
    return end;
}

bool shale_elements_more(struct shale_elements *elements)
{
    const char *at = elements->at;
    while (at < elements->end && is_between(*at))
        at++;
    elements->at = at;
    return at < elements->end && *at != ']' && *at != '}';
}

bool shale_elements_next(struct shale_elements *elements, struct shale_element *out)
{
    if (!shale_elements_more(elements))
        return false;
    const char *begin = elements->at, *at = begin, *end = elements->end;
    out->escaped = false;
    switch (*at) {
    case '"':
        out->kind = SHALE_KIND_STRING;
        at = string_end(at, end, &out->escaped);
        break;
    case '{':
    case '[':
        out->kind = *at == '{' ? SHALE_KIND_OBJECT : SHALE_KIND_ARRAY;
        at = nested_end(at, end);
        break;
    default:
        out->kind = *at == 'n'                 ? SHALE_KIND_NULL
                    : *at == 't' || *at == 'f' ? SHALE_KIND_BOOL
                                               : SHALE_KIND_NUMBER;
        while (at < end && !is_between(*at) && *at != ']' && *at != '}')
            at++;
        break;
    }
    out->text = (struct shale_str){begin, (size_t)(at - begin)};
    elements->at = at;
    return true;
}

bool shale_elements_name(struct shale_elements *elements, struct shale_element *out)
{
    if (!shale_elements_next(elements, out))
        return false;
    const char *at = elements->at;
    while (at < elements->end && (is_between(*at) || *at == ':'))
        at++;
    elements->at = at;
    return true;
}
