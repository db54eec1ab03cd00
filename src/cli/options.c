/* SPDX-License-Identifier: MIT */
/* Options of the command line. */
#include <ctype.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "json/number.h"

enum kind { TEXT, TEXTS, SIZE, COUNT, ROWS, FLAG, LATER };

#define AT(member) offsetof(struct options, member)
static const struct option {
    const char *name;
    enum kind kind;
    size_t at;
} table[] = {
    {"source", TEXT, AT(source)},       {"output", TEXT, AT(output)},
    {"stream", TEXT, AT(stream)},       {"format", TEXT, AT(format)},
    {"temp", TEXT, AT(temp)},           {"deep", TEXT, AT(deep)},
    {"columns", TEXT, AT(columns)},     {"where", TEXTS, AT(where)},
    {"limit", ROWS, AT(limit)},         {"offset", ROWS, AT(offset)},
    {"memory", SIZE, AT(memory_bytes)}, {"threads", COUNT, AT(n_threads)},
    {"replace", FLAG, AT(replace)},     {"log-format", TEXT, SIZE_MAX},
    {"from-date", TEXT, AT(from_date)}, {"to-date", TEXT, AT(to_date)},
    {"shard", TEXT, AT(shard)},         {"dry-run", FLAG, AT(dry_run)},
    {"settle", TEXT, AT(settle)},       {"part", LATER, 0},
    {"sweep", FLAG, AT(sweep)},         {"alone", FLAG, AT(alone)},
    {"retention", TEXT, AT(retention)}, {"rule", TEXTS, AT(rules)},
    {"field", TEXT, AT(field)},         {"object", TEXT, AT(object)},
    {"counts", FLAG, AT(counts)},       {"before", TEXT, AT(before)},
    {"column", TEXT, AT(column)},       {"adopt", FLAG, AT(adopt)},
    {"consumed", TEXT, AT(consumed)},   {"consumed-before", TEXT, AT(consumed_before)},
    {"partition", TEXT, AT(partition)}, {"target", SIZE, AT(target_bytes)},
};
#undef AT

enum { MAX_THREADS = 256 };

static bool fail(struct terminal *terminal, struct shale_err *err)
{
    terminal_error(terminal, err);
    return false;
}

/* "64MiB", "1G", "1000000": bytes; K M G T with or without i are powers of 1024 with B or i, of
 * 1000 as KB MB GB TB. */
static bool parse_size(const char *text, int64_t *out)
{
    static const char units[] = "KMGT";
    const char *unit;
    char *end;
    double value;
    double scale = 1, factor = 1024;
    if (!isdigit((unsigned char)text[0]))
        return false;
    value = strtod(text, &end);
    while (*end == ' ')
        end++;
    unit = *end == '\0' ? NULL : strchr(units, toupper((unsigned char)*end));
    if (unit != NULL) {
        end++;
        if (*end == 'i')
            end++;
        else if (*end == 'B' || *end == 'b')
            factor = 1000;
        for (const char *u = units; u <= unit; u++)
            scale *= factor;
    }
    if (*end == 'B' || *end == 'b')
        end++;
    value *= scale;
    if (*end != '\0' || !(value >= 1) || value > 9e18)
        return false;
    *out = (int64_t)value;
    return true;
}

static bool parse_count(const char *text, unsigned *out)
{
    char *end;
    unsigned long value;
    if (!isdigit((unsigned char)text[0]))
        return false;
    value = strtoul(text, &end, 10);
    *out = (unsigned)value;
    return *end == '\0' && value >= 1 && value <= MAX_THREADS;
}

/* A number of rows, from 0 on. */
static bool parse_rows(const char *text, int64_t *out)
{
    return shale_number_valid(shale_str_of(text)) &&
           shale_number_i64(shale_str_of(text), out) == SHALE_NUMBER_OK && *out >= 0;
}

static bool set_option(struct terminal *terminal, const struct option *option, const char *value,
                       struct options *out)
{
    struct shale_err err;
    char *at = option->at == SIZE_MAX ? NULL : (char *)out + option->at;
    shale_err_clear(&err);
    switch (option->kind) {
    case TEXT:
        if (at != NULL) {
            memcpy(at, &value, sizeof value);
            return true;
        }
        if (strcmp(value, "json") == 0 || strcmp(value, "text") == 0)
            return true;
        (void)SHALE_ERR(&err, option_log_format, value);
        return fail(terminal, &err);
    case TEXTS:
        if (option->at == offsetof(struct options, rules))
            out->rules[out->n_rules++] = value;
        else
            out->where[out->n_where++] = value;
        return true;
    case ROWS:
        if (parse_rows(value, (int64_t *)(void *)at))
            return true;
        (void)SHALE_ERR(&err, option_rows, option->name, value);
        return fail(terminal, &err);
    case SIZE:
        if (parse_size(value, (int64_t *)(void *)at))
            return true;
        (void)SHALE_ERR(&err, option_size, option->name, value);
        return fail(terminal, &err);
    case COUNT:
        if (parse_count(value, (unsigned *)(void *)at))
            return true;
        (void)SHALE_ERR(&err, option_count, option->name, MAX_THREADS, value);
        return fail(terminal, &err);
    case FLAG:
        *(bool *)at = true;
        return true;
    case LATER:
        break;
    }
    (void)SHALE_ERR(&err, option_later, option->name);
    return fail(terminal, &err);
}

static const struct option *find_option(const char *name, size_t n)
{
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (strlen(table[i].name) == n && strncmp(table[i].name, name, n) == 0)
            return &table[i];
    return NULL;
}

static bool is_allowed(const char *const *allowed, const struct option *option)
{
    if (option->at == SIZE_MAX || option->kind == LATER)
        return true;
    for (; *allowed != NULL; allowed++)
        if (strcmp(*allowed, option->name) == 0)
            return true;
    return false;
}

/* One option at argv[*i]; moves '*i' over its value. */
static bool take_option(struct terminal *terminal, const char *command, const char *const *allowed,
                        int argc, char **argv, int *i, struct options *out)
{
    const char *word = argv[*i], *equals = strchr(word, '='), *value;
    const struct option *option;
    struct shale_err err;
    shale_err_clear(&err);
    if (strcmp(word, "-o") == 0)
        option = find_option("output", 6);
    else
        option = strncmp(word, "--", 2) != 0
                     ? NULL
                     : find_option(word + 2,
                                   equals != NULL ? (size_t)(equals - word - 2) : strlen(word + 2));
    if (option == NULL || !is_allowed(allowed, option)) {
        (void)SHALE_ERR(&err, option_unknown, command, word);
        return fail(terminal, &err);
    }
    if (option->kind == FLAG && equals != NULL) {
        (void)SHALE_ERR(&err, option_no_value, option->name, word);
        return fail(terminal, &err);
    }
    if (option->kind == FLAG || option->kind == LATER)
        return set_option(terminal, option, "", out);
    value = equals != NULL ? equals + 1 : *i + 1 < argc ? argv[++*i] : NULL;
    if (value == NULL || value[0] == '\0') {
        (void)SHALE_ERR(&err, option_value, word);
        return fail(terminal, &err);
    }
    return set_option(terminal, option, value, out);
}

bool options_parse(struct terminal *terminal, const char *command, const char *const *allowed,
                   int argc, char **argv, struct options *out)
{
    bool only_names = false;
    memset(out, 0, sizeof *out);
    out->limit = out->offset = -1;
    out->names = calloc((size_t)argc + 1, sizeof *out->names);
    out->where = calloc((size_t)argc + 1, sizeof *out->where);
    out->rules = calloc((size_t)argc + 1, sizeof *out->rules);
    if (out->names == NULL || out->where == NULL || out->rules == NULL)
        return false;
    for (int i = 0; i < argc; i++) {
        if (!only_names && strcmp(argv[i], "--") == 0)
            only_names = true;
        else if (only_names || argv[i][0] != '-' || argv[i][1] == '\0')
            out->names[out->n_names++] = argv[i];
        else if (!take_option(terminal, command, allowed, argc, argv, &i, out))
            return false;
    }
    return true;
}

void options_free(struct options *options)
{
    free(options->names);
    free(options->where);
    free(options->rules);
}

void options_log_format(struct terminal *terminal, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *value = NULL;
        if (strncmp(argv[i], "--log-format=", 13) == 0)
            value = argv[i] + 13;
        else if (strcmp(argv[i], "--log-format") == 0 && i + 1 < argc)
            value = argv[i + 1];
        if (value != NULL)
            terminal->json = strcmp(value, "json") == 0;
    }
}
