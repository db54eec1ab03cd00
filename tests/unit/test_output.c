/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "dataset/footer_hash.h"
#include "dataset/output.h"
#include "dataset/rejects.h"
#include "scratch.h"
#include "store/local.h"

struct place {
    char root[64], path[80];
    uint64_t random;
    struct shale_env env;
    struct shale_output_options options;
    struct shale_err err;
};

static void begin(struct place *p, const char *name, enum shale_output_layout layout)
{
    memset(p, 0, sizeof *p);
    scratch_make(p->root);
    (void)snprintf(p->path, sizeof p->path, "%s/%s", p->root, name);
    p->random = 1;
    p->env =
        (struct shale_env){.mem = &shale_mem_libc, .random_u64 = scratch_random, .ctx = &p->random};
    p->options = (struct shale_output_options){
        .path = p->path, .layout = layout, .schema = &shale_rejects_schema, .created_by = "test"};
}

static void end(struct place *p)
{
    assert_int_equal(shale_dir_remove(p->root, NULL), SHALE_OK);
}

static struct shale_output *opened(struct place *p)
{
    struct shale_output *output;
    assert_int_equal(shale_output_open(&p->env, &p->options, &output, &p->err), SHALE_OK);
    return output;
}

static void assert_refused(struct place *p, const char *name)
{
    struct shale_output *output;
    shale_err_clear(&p->err);
    assert_int_equal(shale_output_open(&p->env, &p->options, &output, &p->err), SHALE_USAGE);
    assert_string_equal(shale_error_name(p->err.code), name);
    assert_null(output);
}

/* An output with one empty file, in 'partition' of a table; with rejects when 'rejected'. */
static void publish(struct place *p, const char *partition, bool rejected)
{
    struct shale_output *output = opened(p);
    struct shale_file *file, *rejects = NULL;
    assert_int_equal(shale_output_data(output, shale_str_of(partition), &file, NULL), SHALE_OK);
    assert_int_equal(shale_file_finish(file, SHALE_STR(""), NULL), SHALE_OK);
    if (rejected) {
        assert_int_equal(shale_output_rejects(output, &rejects, NULL), SHALE_OK);
        assert_int_equal(shale_file_finish(rejects, SHALE_STR("x"), NULL), SHALE_OK);
    }
    assert_int_equal(shale_output_publish(output, &file, 1, rejects, NULL), SHALE_OK);
    shale_file_free(file);
    shale_file_free(rejects);
    shale_output_free(output);
}

static int count_files(const struct place *p)
{
    struct shale_list *list;
    struct shale_listed listed;
    bool is_end = false;
    int n = 0;
    assert_int_equal(shale_list_new(&shale_mem_libc, p->root, &list, NULL), SHALE_OK);
    while (shale_list_next(list, &listed, &is_end, NULL) == SHALE_OK && !is_end)
        n++;
    shale_list_free(list);
    return n;
}

static void test_file(void **state)
{
    struct place p;
    (void)state;
    begin(&p, "new/dir/out.parquet", SHALE_OUTPUT_FILE);
    publish(&p, "", true);
    assert_true(scratch_exists(p.root, "new/dir/out.parquet"));
    assert_true(scratch_exists(p.root, "new/dir/out.rejects.parquet"));
    assert_refused(&p, "output_exists");
    p.options.replace = true;
    publish(&p, "", false);
    assert_false(scratch_exists(p.root, "new/dir/out.rejects.parquet"));
    assert_int_equal(count_files(&p), 1);
    end(&p);
}

static void test_file_is_refused(void **state)
{
    struct place p;
    (void)state;
    begin(&p, "out.parquet", SHALE_OUTPUT_FILE);
    scratch_write(p.root, "out.rejects.parquet", "");
    assert_refused(&p, "output_exists");
    p.options.replace = true;
    scratch_write(p.root, "out.parquet", "{\"not\": \"parquet\"}");
    assert_refused(&p, "output_not_parquet");
    assert_int_equal(unlink(p.path), 0);
    assert_int_equal(mkdir(p.path, 0777), 0);
    assert_refused(&p, "output_not_file");
    p.options.path = "..";
    assert_refused(&p, "output_name");
    p.options.path = "///";
    assert_refused(&p, "output_name");
    end(&p);
}

static void test_table(void **state)
{
    struct place p;
    (void)state;
    begin(&p, "out/", SHALE_OUTPUT_TABLE);
    assert_int_equal(mkdir(p.path, 0777), 0); /* an empty directory is a free place */
    publish(&p, "y=1/m=2", true);
    assert_true(scratch_exists(p.root, "out/y=1/m=2"));
    assert_true(scratch_exists(p.root, "out/_shale/rejects"));
    publish(&p, "y=3", false); /* a first run that did not commit is no obstacle */
    assert_int_equal(count_files(&p), 3);
    assert_int_equal(rmdir(scratch_path(p.root, "out/_shale/new")), 0);
    assert_refused(&p, "output_no_log");
    /* Another's first commit has come since the log was looked for. */
    assert_int_equal(mkdir(scratch_path(p.root, "out/_delta_log"), 0777), 0);
    assert_refused(&p, "output_no_log");
    scratch_write(p.root, "out/_delta_log/0.json", "");
    shale_output_free(opened(&p));
    assert_int_equal(unlink(scratch_path(p.root, "out/_delta_log/0.json")), 0);
    p.options.has_log = true;
    publish(&p, "y=3", false);
    assert_int_equal(count_files(&p), 4);
    assert_false(scratch_exists(p.root, "out/_shale/new"));
    end(&p);
}

static void test_table_is_refused(void **state)
{
    struct place p;
    (void)state;
    begin(&p, "out", SHALE_OUTPUT_TABLE);
    scratch_write(p.root, "out", "");
    assert_refused(&p, "output_not_directory");
    assert_int_equal(unlink(p.path), 0);
    assert_int_equal(mkdir(p.path, 0777), 0);
    scratch_write(p.root, "out/mine", "precious");
    assert_refused(&p, "output_not_empty");
    scratch_write(p.root, "out/z.parquet", "precious");
    assert_refused(&p, "output_no_log");
    assert_string_equal(scratch_read(p.root, "out/mine"), "precious");
    end(&p);
}

/* What one file says of itself in a log: where it is, which bytes its footer has. */
static void test_what_a_table_knows_of_a_file(void **state)
{
    struct place p;
    struct shale_output *output;
    struct shale_file *file;
    char hash[SHALE_CONTENT_HASH_CHARS + 1];
    struct shale_local local;
    (void)state;
    begin(&p, "out//", SHALE_OUTPUT_TABLE);
    output = opened(&p);
    assert_int_equal(shale_output_data(output, SHALE_STR("y=1"), &file, NULL), SHALE_OK);
    assert_int_equal(shale_file_finish(file, SHALE_STR("[\"a\",\"b\",\"c\"]"), NULL), SHALE_OK);
    assert_int_equal(shale_output_publish(output, &file, 1, NULL, NULL), SHALE_OK);
    assert_memory_equal(file->put.path + file->n_base, "y=1/part-", 9);
    assert_int_equal(shale_local_open(&local, file->put.path, NULL), SHALE_OK);
    assert_int_equal(shale_footer_hash(&shale_mem_libc, &local.random, hash, NULL), SHALE_OK);
    assert_string_equal(hash, file->footer_hash);
    shale_local_close(&local);
    shale_file_free(file);
    shale_output_free(output);
    end(&p);
}

/* Nobody published: nothing is there, and what stood there still does. */
static void test_discarded(void **state)
{
    struct place p;
    (void)state;
    for (int layout = 0; layout < 2; layout++) {
        struct shale_output *output;
        struct shale_file *file;
        begin(&p, "out", layout == 0 ? SHALE_OUTPUT_FILE : SHALE_OUTPUT_TABLE);
        output = opened(&p);
        assert_int_equal(shale_output_data(output, SHALE_STR(""), &file, NULL), SHALE_OK);
        assert_int_equal(shale_file_finish(file, SHALE_STR(""), NULL), SHALE_OK);
        shale_file_free(file);
        shale_output_free(output);
        assert_int_equal(count_files(&p), 0);
        end(&p);
    }
}

static void test_paths_too_long(void **state)
{
    static char name[4050];
    struct place p;
    struct shale_output *output;
    struct shale_file *file;
    (void)state;
    memset(name, 'n', sizeof name - 1);
    begin(&p, "out", SHALE_OUTPUT_TABLE);
    p.options.path = name;
    assert_refused(&p, "output_path_too_long");
    p.options.path = p.path;
    output = opened(&p);
    assert_int_equal(shale_output_data(output, shale_str_of(name), &file, &p.err), SHALE_USAGE);
    assert_string_equal(shale_error_name(p.err.code), "output_path_too_long");
    shale_output_free(output);
    end(&p);
}

static void test_names_tell_the_codec(void **state)
{
    static const struct {
        enum shale_codec codec;
        const char *end;
    } cases[] = {{SHALE_CODEC_NONE, ".parquet"},
                 {SHALE_CODEC_GZIP, ".gz.parquet"},
                 {SHALE_CODEC_ZSTD, ".zstd.parquet"},
                 {SHALE_CODEC_SNAPPY, ".snappy.parquet"}};
    struct place p;
    (void)state;
    begin(&p, "out", SHALE_OUTPUT_TABLE);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct shale_output *output;
        struct shale_file *file;
        p.options.chunk.codec = cases[i].codec;
        output = opened(&p);
        assert_int_equal(shale_output_data(output, SHALE_STR(""), &file, NULL), SHALE_OK);
        assert_string_equal(strchr(strrchr(file->put.path, '/'), '.'), cases[i].end);
        shale_file_free(file);
        shale_output_free(output);
    }
    end(&p);
}

/* What is in the place of the old rejects cannot be removed: that is said, no file is published. */
static void test_old_rejects_that_stay(void **state)
{
    struct place p;
    struct shale_output *output;
    struct shale_file *file;
    (void)state;
    begin(&p, "out.parquet", SHALE_OUTPUT_FILE);
    assert_int_equal(mkdir(scratch_path(p.root, "out.rejects.parquet"), 0777), 0);
    scratch_write(p.root, "out.rejects.parquet/mine", "precious");
    p.options.replace = true;
    output = opened(&p);
    assert_int_equal(shale_output_data(output, SHALE_STR(""), &file, NULL), SHALE_OK);
    assert_int_equal(shale_file_finish(file, SHALE_STR(""), NULL), SHALE_OK);
    assert_int_equal(shale_output_publish(output, &file, 1, NULL, &p.err), SHALE_IO);
    assert_string_equal(shale_error_name(p.err.code), "output_remove");
    shale_file_free(file);
    shale_output_free(output);
    assert_false(scratch_exists(p.root, "out.parquet"));
    assert_string_equal(scratch_read(p.root, "out.rejects.parquet/mine"), "precious");
    end(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_file),
        cmocka_unit_test(test_file_is_refused),
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_table_is_refused),
        cmocka_unit_test(test_discarded),
        cmocka_unit_test(test_what_a_table_knows_of_a_file),
        cmocka_unit_test(test_paths_too_long),
        cmocka_unit_test(test_names_tell_the_codec),
        cmocka_unit_test(test_old_rejects_that_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
