/* SPDX-License-Identifier: MIT */
/* Write a small Parquet file from arrays of one's own:
 *
 *     write OUT.parquet
 *
 *     cc -o write write.c $(pkg-config --cflags --libs shale) */
#include <shale/shale.h>

#include <stdio.h>

/* The arrays are static: there is nothing to free. */
static void keep_schema(struct ArrowSchema *schema)
{
    schema->release = NULL;
}

static void keep_array(struct ArrowArray *array)
{
    array->release = NULL;
}

int main(int argc, char **argv)
{
    static const int64_t ids[] = {1, 2, 3};
    static const char texts[] = "AdaGrace";
    static const int32_t offsets[] = {0, 3, 8, 8};
    static const uint8_t valid = 3; /* the third name is null */
    const void *id_buffers[] = {NULL, ids}, *name_buffers[] = {&valid, offsets, texts};
    const void *no_buffers[] = {NULL};
    struct ArrowSchema id = {.format = "l", .name = "id", .release = keep_schema};
    struct ArrowSchema name = {
        .format = "u", .name = "name", .flags = ARROW_FLAG_NULLABLE, .release = keep_schema};
    struct ArrowSchema *fields[] = {&id, &name};
    struct ArrowSchema schema = {
        .format = "+s", .n_children = 2, .children = fields, .release = keep_schema};
    struct ArrowArray id_array = {
        .length = 3, .n_buffers = 2, .buffers = id_buffers, .release = keep_array};
    struct ArrowArray name_array = {.length = 3,
                                    .null_count = 1,
                                    .n_buffers = 3,
                                    .buffers = name_buffers,
                                    .release = keep_array};
    struct ArrowArray *columns[] = {&id_array, &name_array};
    struct ArrowArray rows = {.length = 3,
                              .n_buffers = 1,
                              .buffers = no_buffers,
                              .n_children = 2,
                              .children = columns,
                              .release = keep_array};
    struct shale_write_column with_filter = {.name = "name", .bloom_fpp = 0.01};
    struct shale_write_options options = {
        .size = sizeof options, .compression = "snappy", .columns = &with_filter, .n_columns = 1};
    struct shale_failure failure = {.size = sizeof failure};
    struct shale_write *file = NULL;
    enum shale_status status;
    if (argc != 2) {
        fprintf(stderr, "usage: write OUT.parquet\n");
        return 2;
    }
    status = shale_write_open(argv[1], &schema, &options, &file, &failure);
    if (status == SHALE_OK)
        status = shale_write_metadata(file, "made by", 7, "the example", 11, &failure);
    if (status == SHALE_OK)
        status = shale_write_rows(file, &rows, &failure);
    if (status == SHALE_OK)
        status = shale_write_finish(file, &failure);
    shale_write_free(file);
    if (status == SHALE_OK)
        return 0;
    fprintf(stderr, "write: %s\n", failure.message);
    return 1;
}
