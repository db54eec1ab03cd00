/* SPDX-License-Identifier: MIT */
/* Private to the log: the file of a checkpoint, an action a row (PROTOCOL.md, Checkpoints). */
#ifndef SHALE_DATASET_LOG_CHECKPOINT_H
#define SHALE_DATASET_LOG_CHECKPOINT_H

#include "columns/builder.h"
#include "dataset/log_actions.h"
#include "parquet/file_writer.h"

struct shale_log_checkpoint_file {
    const struct shale_mem *mem;
    struct shale_store_put *put; /* NULL: finished */
    struct shale_builder *builder;
    struct shale_file_writer *writer;
    int64_t n_rows, n_adds;
};

/* In any case shale_log_checkpoint_close() has to follow; what was not finished is abandoned. */
SHALE_MUST_USE enum shale_status shale_log_checkpoint_open(struct shale_store *store,
                                                           const char *key,
                                                           struct shale_log_checkpoint_file *file,
                                                           struct shale_err *err);
void shale_log_checkpoint_close(struct shale_log_checkpoint_file *file);

/* One row. */
SHALE_MUST_USE enum shale_status
shale_log_checkpoint_protocol(struct shale_log_checkpoint_file *file,
                              const struct shale_log_state *state, struct shale_err *err);
SHALE_MUST_USE enum shale_status
shale_log_checkpoint_metadata(struct shale_log_checkpoint_file *file,
                              const struct shale_log_state *state, struct shale_err *err);
SHALE_MUST_USE enum shale_status shale_log_checkpoint_txn(struct shale_log_checkpoint_file *file,
                                                          const struct shale_log_txn *txn,
                                                          struct shale_err *err);
SHALE_MUST_USE enum shale_status shale_log_checkpoint_add(struct shale_log_checkpoint_file *file,
                                                          const struct shale_log_add *add,
                                                          struct shale_err *err);
SHALE_MUST_USE enum shale_status shale_log_checkpoint_remove(struct shale_log_checkpoint_file *file,
                                                             const struct shale_log_remove *remove,
                                                             struct shale_err *err);

/* SHALE_CONFLICT: there is one already. */
SHALE_MUST_USE enum shale_status shale_log_checkpoint_finish(struct shale_log_checkpoint_file *file,
                                                             struct shale_err *err);

#endif
