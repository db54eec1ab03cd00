/* SPDX-License-Identifier: MIT */
/* The program: finds the command and its file. */
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "cli/cli.h"

static const struct {
    const char *name;
    int (*run)(struct terminal *terminal, int argc, char **argv);
} commands[] = {
    {"run", command_run},         {"convert", command_convert}, {"check", command_check},
    {"cat", command_cat},         {"inspect", command_inspect}, {"explain", command_explain},
    {"verify", command_verify},   {"rejects", command_rejects}, {"compact", command_compact},
    {"rebuild", command_rebuild}, {"expire", command_expire},   {"erase", command_erase},
};

/* Commands of the design that later versions bring. */
static const char *const later[] = {"plan",    "commit", "infer", "ddl",
                                    "enqueue", "worker", "lambda"};

static void usage(FILE *to)
{
    (void)fputs(
        "shale: event logs in, Parquet out\n"
        "\n"
        "  shale check STREAM.yaml                 validate a stream definition\n"
        "  shale run STREAM.yaml                   all objects of its source -> its output\n"
        "  shale convert IN... -o OUT.parquet --stream STREAM.yaml\n"
        "                                          files and directories -> one Parquet file\n"
        "  shale cat FILE... | TABLE               rows of Parquet files, of directories of them, "
        "or\n"
        "                                          of a table\n"
        "  shale inspect FILE | TABLE              what it says of itself: schema, row groups, "
        "sizes,\n"
        "                                          statistics   (--format json)\n"
        "  shale verify TABLE | FILE               is it all true? checksums, counts, statistics,\n"
        "                                          ledger   (--format json)\n"
        "  shale compact TABLE | FILE              merge small files, sort; --sweep deletes\n"
        "                                          what is not needed\n"
        "  shale rejects list TABLE | FILE         what was rejected, by rule, field, object, day\n"
        "  shale rebuild STREAM.yaml --from-date D --to-date D\n"
        "                                          what was read of those days, read again\n"
        "  shale expire TABLE | FILE --before D    rows older than that go, for good\n"
        "  shale erase TABLE | FILE --where C=V    rows with this value go, for good\n"
        "  shale rejects replay STREAM.yaml        try the rejects of its output again, with a\n"
        "                                          corrected definition\n"
        "  shale explain [RULE]                    what an error or a reject's rule means\n"
        "  shale --version\n"
        "\n"
        "Options of run and convert:\n"
        "  --source DIR        read from here instead of source.path           (run)\n"
        "  --output PATH, -o   write here instead of output.path\n"
        "  --stream FILE       the stream definition                           (convert)\n"
        "  --format FORMAT     json or ndjson: what the objects are, instead of source.format\n"
        "  --adopt             layout file: take over another tool's file      (run)\n"
        "  --consumed-before KEY|DAY  with --adopt: it holds the objects below it\n"
        "  --consumed none     with --adopt: it holds none of them\n"
        "  --dry-run           only say what would be done                     (run)\n"
        "  --from-date D, --to-date D  only keys whose {yyyy}{mm}{dd} lie there  (run)\n"
        "  --shard I/N         only every N-th object, by the hash of its key  (run)\n"
        "  --settle TIME       leave files alone that are younger than this, instead of\n"
        "                      source.settle (10s); 0: none                    (run)\n"
        "  --threads N         default: the cores\n"
        "  --memory SIZE       ceiling of resident memory, default 256MiB\n"
        "  --temp DIR          for rows that do not fit in memory; default $TMPDIR, else the\n"
        "                      output's directory\n"
        "  --log-format FORMAT json or text; default: text on a terminal\n"
        "\n"
        "Options of cat:\n"
        "  --format FORMAT     table (a terminal's default), ndjson (otherwise) or csv\n"
        "  --columns A,B       only these columns, in this order\n"
        "  --where COLUMN=VALUE  only rows with this value (null: without one); repeatable\n"
        "  --limit N           at most N rows\n"
        "  --offset N          pass over the first N rows\n"
        "  --memory SIZE       as above\n"
        "\n"
        "Options of compact:\n"
        "  --target SIZE       of the new files, default 512MiB; smaller ones are merged\n"
        "  --partition P       only this one, as its directory is named: year=2024/month=2\n"
        "  --stream STREAM.yaml  sorting, compression as it says; without: as the newest files\n"
        "  --memory SIZE, --temp DIR  as above\n"
        "  --sweep             delete what nobody needs any more\n"
        "  --retention TIME    what was taken out stays so long for readers, default 7d\n"
        "  --alone             nobody else uses the table: all goes that it does not name\n"
        "  --dry-run           only say what would be merged, or would go\n"
        "\n"
        "Options of verify:\n"
        "  --deep STREAM.yaml  read the table's sources again and compare; with --source, --temp,\n"
        "                      --threads as above\n"
        "\n"
        "The summary is JSON on stdout, logs are on stderr (LOG_LEVEL=debug|info|warn|error).\n"
        "Exit codes: 0 done, 1 failed, 2 usage or definition, 3 too many rejects, 4 denied,\n"
        "5 temporary, 130 interrupted.\n",
        to);
}

static int unknown_command(struct terminal *terminal, const char *name)
{
    struct shale_err err;
    shale_err_clear(&err);
    for (size_t i = 0; i < sizeof later / sizeof later[0]; i++)
        if (strcmp(name, later[i]) == 0) {
            (void)SHALE_ERR(&err, command_later, name);
            terminal_error(terminal, &err);
            return 2;
        }
    (void)SHALE_ERR(&err, command_unknown, name);
    terminal_error(terminal, &err);
    return 2;
}

int close_stdout(struct terminal *terminal, int code)
{
    struct shale_err err;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return code;
    shale_err_clear(&err);
    (void)SHALE_ERR(&err, stdout_failed, strerror(errno));
    terminal_error(terminal, &err);
    return code != 0 ? code : 1;
}

/* Segments that are being read stay open, beside the sources and the files in the making. */
static void raise_open_files(void)
{
    struct rlimit n;
    if (getrlimit(RLIMIT_NOFILE, &n) != 0)
        return;
    n.rlim_cur = n.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &n);
}

int main(int argc, char **argv)
{
    struct terminal terminal;
    (void)signal(SIGPIPE, SIG_IGN);
    /* One heap for all threads: freed memory is used again by whoever needs it, which is what the
     * ceiling counts on.  Threads allocate some buffers a slice, not some a row. */
    (void)mallopt(M_ARENA_MAX, 1);
    /* Batches are large and live out of order: in the heap they would leave holes, and resident
     * memory would creep up by some 4 MiB with each GB read (measured over 10 GB). */
    (void)mallopt(M_MMAP_THRESHOLD, 1024 * 1024);
    (void)mallopt(M_TRIM_THRESHOLD, 8 * 1024 * 1024);
    raise_open_files();
    terminal_init(&terminal);
    options_log_format(&terminal, argc, argv);
    if (argc < 2) {
        usage(stderr);
        return 2;
    }
    if (strcmp(argv[1], "--version") == 0) {
        (void)printf("shale %s (build %s)\n%s\n", SHALE_VERSION, SHALE_BUILD,
                     shale_codec_versions());
        return close_stdout(&terminal, 0);
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        usage(stdout);
        return close_stdout(&terminal, 0);
    }
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return close_stdout(&terminal, commands[i].run(&terminal, argc - 2, argv + 2));
    return unknown_command(&terminal, argv[1]);
}
