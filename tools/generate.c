/* SPDX-License-Identifier: MIT */
/* generate: made-up event logs for the demo, the tests and the benchmark.  The same arguments give
 * the same bytes; each file or event follows from the seed and its number alone. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>

#include "cloudtrail.h"
#include "output.h"
#include "visits.h"

static const char usage[] =
    "usage: generate SHAPE PATH [--option N]...\n"
    "\n"
    "  cloudtrail-tree DIR   a trail as S3 delivers it: small *.json.gz by account, region and "
    "day\n"
    "  ndjson FILE           CloudTrail events, one a line\n"
    "  gz FILE               the same in one gzip member\n"
    "  records FILE          one {\"Records\":[...]} document\n"
    "  partitions FILE       ndjson whose recipientAccountId takes --accounts (1000) values\n"
    "  visits DIR            one small visit event a file\n"
    "\n"
    "  --files N      (tree, visits: 1000)      --events N  (files: 10000)\n"
    "  --bytes N      at least so much text     --seed N    (1)\n"
    "  --accounts N   (4)                       --days N    (10)\n"
    "  --bad N        about one event of N is broken: a value, or outside documents the text too\n"
    "  --digests N    N files beside the tree's that are no event logs\n"
    "  --spoil 1      gz: spoil the checksum at the end\n"
    "\n"
    "What was made is printed as JSON.\n";

struct settings {
    const char *path;
    int64_t files, events, bytes, seed, accounts, days, bad, digests, spoil;
};

struct totals {
    int64_t files, events, bad, bytes, stored_bytes;
};

static const struct option {
    const char *name;
    size_t offset;
    int64_t least;
} options[] = {
    {"--files", offsetof(struct settings, files), 1},
    {"--events", offsetof(struct settings, events), 1},
    {"--bytes", offsetof(struct settings, bytes), 1},
    {"--seed", offsetof(struct settings, seed), 0},
    {"--accounts", offsetof(struct settings, accounts), 1},
    {"--days", offsetof(struct settings, days), 1},
    {"--bad", offsetof(struct settings, bad), 2},
    {"--digests", offsetof(struct settings, digests), 0},
    {"--spoil", offsetof(struct settings, spoil), 0},
};

enum { TEXT_BYTES = 8 << 20, FLUSH_BYTES = 1 << 20 };
static const int64_t first_time_s = 1709251200; /* 2024-03-01 */

static struct text new_text(size_t capacity)
{
    struct text text = {malloc(capacity), 0, capacity, false};
    if (text.data == NULL)
        output_die("malloc", "memory");
    return text;
}

static enum cloudtrail_fault pick_fault(struct chance *chance, const struct settings *settings,
                                        enum cloudtrail_fault end, struct totals *totals)
{
    if (settings->bad == 0 || chance_below(chance, (uint32_t)settings->bad) != 0)
        return FAULT_NONE;
    totals->bad++;
    return (enum cloudtrail_fault)(1 + chance_below(chance, (uint32_t)end - 1));
}

/* One long file of events, with 'before', 'between' and 'after' around them. */
static void make_stream(const struct settings *settings, const char *const around[3], bool gzip,
                        enum cloudtrail_fault faults, struct totals *totals)
{
    struct text text = new_text(TEXT_BYTES);
    struct output output;
    const int64_t span_s = settings->days * 86400;
    output_open(&output, settings->path, gzip);
    text_puts(&text, around[0]);
    for (int64_t i = 0;
         settings->bytes > 0 ? output.n_bytes + (int64_t)text.n_bytes < settings->bytes
                             : i < settings->events;
         i++) {
        struct chance chance = chance_of((uint64_t)settings->seed, (uint64_t)i);
        struct cloudtrail_place place = {0};
        place.account = chance_below(&chance, (uint32_t)settings->accounts);
        place.region = chance_below(&chance, CLOUDTRAIL_REGIONS);
        /* About in the order of time, as a queue delivers. */
        place.time_s = first_time_s +
                       i * span_s / (settings->bytes > 0 ? 600000 : settings->events) +
                       (int64_t)chance_below(&chance, 60);
        if (i > 0)
            text_puts(&text, around[1]);
        cloudtrail_put_event(&text, &chance, &place, pick_fault(&chance, settings, faults, totals));
        totals->events++;
        if (text.n_bytes >= FLUSH_BYTES) {
            output_write(&output, text.data, text.n_bytes);
            text.n_bytes = 0;
        }
    }
    text_puts(&text, around[2]);
    output_write(&output, text.data, text.n_bytes);
    totals->bytes = output.n_bytes;
    totals->stored_bytes = output_close(&output);
    totals->files = 1;
    free(text.data);
    if (gzip && settings->spoil > 0)
        output_spoil_checksum(settings->path);
}

/* How many events a file of a trail holds, so that 44 % of the files take less than 1,000 bytes
 * and the mean is 4.7. */
static uint32_t events_of_file(struct chance *chance)
{
    static const struct {
        uint32_t per_mille, least, most;
    } sizes[] = {{645, 1, 1}, {150, 2, 3}, {110, 4, 12}, {63, 13, 30}, {32, 31, 60}};
    uint32_t dice = chance_below(chance, 1000);
    size_t i = 0;
    while (dice >= sizes[i].per_mille)
        dice -= sizes[i++].per_mille;
    return sizes[i].least + chance_below(chance, sizes[i].most - sizes[i].least + 1);
}

static void put_trail_key(struct text *path, const struct settings *settings, const char *kind,
                          const struct cloudtrail_place *place, struct chance *chance)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789Zz";
    path->n_bytes = 0;
    text_puts(path, settings->path);
    text_puts(path, "/AWSLogs/o-abc123/");
    cloudtrail_put_account(path, place->account);
    text_putc(path, '/');
    text_puts(path, kind);
    text_putc(path, '/');
    text_puts(path, cloudtrail_region(place->region));
    text_putc(path, '/');
    cloudtrail_put_date(path, place->time_s, '/');
    text_putc(path, '/');
    cloudtrail_put_account(path, place->account);
    text_putc(path, '_');
    text_puts(path, kind);
    text_putc(path, '_');
    text_puts(path, cloudtrail_region(place->region));
    text_putc(path, '_');
    cloudtrail_put_time(path, place->time_s, true);
    text_putc(path, '_');
    text_put_random(path, chance, letters, 6, 16);
    text_puts(path, ".json.gz");
    text_putc(path, '\0');
}

static void write_file(const struct text *path, const struct text *text, bool gzip,
                       struct totals *totals)
{
    if (path->full || text->full) {
        errno = EOVERFLOW;
        output_die("the file or its name is too long", path->data);
    }
    totals->stored_bytes += output_file(path->data, text->data, text->n_bytes, gzip);
    totals->bytes += (int64_t)text->n_bytes;
    totals->files++;
}

static void make_trail_file(const struct settings *settings, uint64_t number, struct text *path,
                            struct text *text, struct totals *totals)
{
    struct chance chance = chance_of((uint64_t)settings->seed, number);
    struct cloudtrail_place place = {0};
    const uint32_t n_events = events_of_file(&chance);
    place.account = chance_below(&chance, (uint32_t)settings->accounts);
    place.region = chance_below(&chance, CLOUDTRAIL_REGIONS);
    place.time_s = first_time_s + (int64_t)chance_below(&chance, (uint32_t)settings->days) * 86400 +
                   (int64_t)chance_below(&chance, 24 * 12 - 1) * 300 + 300;
    put_trail_key(path, settings, "CloudTrail", &place, &chance);
    text->n_bytes = 0;
    text_puts(text, "{\"Records\":[");
    for (uint32_t i = 0; i < n_events; i++) {
        struct cloudtrail_place event = place;
        event.time_s -= (int64_t)chance_below(&chance, 300);
        if (i > 0)
            text_putc(text, ',');
        cloudtrail_put_event(text, &chance, &event,
                             pick_fault(&chance, settings, FAULT_VALUES, totals));
    }
    text_puts(text, "]}");
    totals->events += n_events;
    write_file(path, text, true, totals);
}

static void make_trail(const struct settings *settings, struct totals *totals)
{
    struct text path = new_text(PATH_MAX), text = new_text(TEXT_BYTES);
    for (int64_t i = 0; i < settings->files; i++)
        make_trail_file(settings, (uint64_t)i, &path, &text, totals);
    for (int64_t i = 0; i < settings->digests; i++) {
        struct chance chance = chance_of((uint64_t)settings->seed + 1, (uint64_t)i);
        struct cloudtrail_place place = {0, 0, first_time_s + i * 3600};
        put_trail_key(&path, settings, "CloudTrail-Digest", &place, &chance);
        text.n_bytes = 0;
        text_puts(&text, "{\"digestStartTime\":\"");
        cloudtrail_put_time(&text, place.time_s, false);
        text_puts(&text, "\",\"logFiles\":[]}");
        write_file(&path, &text, true, totals);
    }
    free(path.data);
    free(text.data);
}

static void make_visits(const struct settings *settings, struct totals *totals)
{
    struct text path = new_text(PATH_MAX), text = new_text(4096);
    for (int64_t i = 0; i < settings->files; i++) {
        path.n_bytes = text.n_bytes = 0;
        text_puts(&path, settings->path);
        text_putc(&path, '/');
        visits_put(&text, &path, (uint64_t)settings->seed, (uint64_t)i);
        write_file(&path, &text, false, totals);
        totals->events++;
    }
    free(path.data);
    free(text.data);
}

static bool read_options(struct settings *settings, int argc, char **argv)
{
    for (int i = 0; i + 1 < argc; i += 2) {
        const struct option *option = options, *end = option + sizeof options / sizeof options[0];
        char *rest;
        int64_t value;
        while (option < end && strcmp(option->name, argv[i]) != 0)
            option++;
        errno = 0;
        value = strtoll(argv[i + 1], &rest, 10);
        if (option == end || errno != 0 || *rest != '\0' || rest == argv[i + 1] ||
            value < option->least) {
            fprintf(stderr, "generate: not an option with a good number: %s %s\n", argv[i],
                    argv[i + 1]);
            return false;
        }
        memcpy((char *)settings + option->offset, &value, sizeof value);
    }
    return argc % 2 == 0;
}

/* Returns false when there is no such shape. */
static bool make(const char *shape, const struct settings *settings, struct totals *totals)
{
    static const char *const lines[3] = {"", "\n", "\n"};
    static const char *const document[3] = {"{\"Records\":[", ",", "]}"};
    struct settings many = *settings;
    if (strcmp(shape, "cloudtrail-tree") == 0)
        make_trail(settings, totals);
    else if (strcmp(shape, "visits") == 0)
        make_visits(settings, totals);
    else if (strcmp(shape, "records") == 0)
        make_stream(settings, document, false, FAULT_VALUES, totals);
    else if (strcmp(shape, "ndjson") == 0 || strcmp(shape, "gz") == 0)
        make_stream(settings, lines, strcmp(shape, "gz") == 0, FAULT_ALL, totals);
    else if (strcmp(shape, "partitions") == 0) {
        if (many.accounts == 0)
            many.accounts = 1000;
        make_stream(&many, lines, false, FAULT_ALL, totals);
    } else
        return false;
    return true;
}

int main(int argc, char **argv)
{
    struct settings settings = {.files = 1000, .events = 10000, .seed = 1, .days = 10};
    struct totals totals = {0};
    if (argc < 3 || !read_options(&settings, argc - 3, argv + 3)) {
        fputs(usage, stderr);
        return 2;
    }
    settings.path = argv[2];
    if (settings.accounts == 0 && strcmp(argv[1], "partitions") != 0)
        settings.accounts = 4;
    if (!make(argv[1], &settings, &totals)) {
        fputs(usage, stderr);
        return 2;
    }
    printf("{\"files\":%" PRId64 ",\"events\":%" PRId64 ",\"bad\":%" PRId64 ",\"bytes\":%" PRId64
           ",\"stored_bytes\":%" PRId64 "}\n",
           totals.files, totals.events, totals.bad, totals.bytes, totals.stored_bytes);
    return fflush(stdout) == 0 ? 0 : 1;
}
