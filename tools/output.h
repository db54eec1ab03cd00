/* SPDX-License-Identifier: MIT */
/* Where generated text goes: one long file, plain or one gzip member, or many whole small ones.
 * A failure is printed and ends the program: nothing here is worth keeping half. */
#ifndef SHALE_TOOLS_OUTPUT_H
#define SHALE_TOOLS_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <zlib.h>

_Noreturn void output_die(const char *what, const char *name);

struct output {
    const char *path;
    FILE *plain; /* one of the two */
    gzFile gzip;
    int64_t n_bytes; /* of text */
};

void output_open(struct output *output, const char *path, bool gzip);
void output_write(struct output *output, const char *data, size_t n_bytes);
/* Returns the size of the file. */
int64_t output_close(struct output *output);

/* Spoil the checksum at the end of a gzip file: its text is whole and must not be believed. */
void output_spoil_checksum(const char *path);

/* Write one whole file and the folders that it needs, as one gzip member when 'gzip'.  Returns the
 * size of the file. */
int64_t output_file(const char *path, const char *data, size_t n_bytes, bool gzip);

#endif
