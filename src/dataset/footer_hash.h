/* SPDX-License-Identifier: MIT */
/* The hash by which a Parquet file of ours is known again: that of its footer, which names the
 * place and the size of every page, and their bounds.
 *
 * It stands in the tags of each add that we write (SHALE_TAG_FOOTER), and with each segment in a
 * manifest; 'shale verify' compares.  A file that was swapped for another, however sound, is found.
 */
#ifndef SHALE_DATASET_FOOTER_HASH_H
#define SHALE_DATASET_FOOTER_HASH_H

#include "base/io.h"
#include "base/mem.h"
#include "codec/content_hash.h"

/* The tag of an add: the hash in hex.  An add that has it is a file of ours. */
#define SHALE_TAG_FOOTER "shale.footer"

/* Of the FileMetaData alone, without its length and the magic behind it.
 * Returns SHALE_OK, SHALE_NOMEM, SHALE_CORRUPT (this is no Parquet file), or what the file's
 * read_at() returned. */
SHALE_MUST_USE enum shale_status shale_footer_hash(const struct shale_mem *mem,
                                                   struct shale_random *file,
                                                   char out[SHALE_CONTENT_HASH_CHARS + 1],
                                                   struct shale_err *err);

#endif
