/* SPDX-License-Identifier: MIT */
/* Arbitrary bytes as an object: read from memory and from a stream that gives a few bytes at a
 * time, the events, rejects and the verdict must be the same; so must the slices of it.  The bytes
 * go through the decoder first, whole and streamed, with the same demand.
 *
 * The first byte chooses: bits 0-1 the shape, 2-3 the records pointer, 4-5 the limit of an event,
 * 6-7 the bytes that the source gives at a time.  The second byte, unless 0, gives a window
 * so small that it moves. */
#include <stdint.h>

#include "../tests/unit/reader.h"
#include "codec/codec.h"
#include "envelope/events.h"

enum {
    MAX_TEXT_BYTES = 4 << 20,
    LEAST_BYTES = 48, /* "Records" with every letter escaped, and its quotes, fit */
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct shale_str one_step[] = {{"Records", 7}};
static const struct shale_str two_steps[] = {{"a", 1}, {"b", 1}};
static const struct shale_pointer pointers[] = {{{"/Records", 8}, one_step, 1},
                                                {{"/a/b", 4}, two_steps, 2}};

static void require(bool holds)
{
    if (!holds)
        abort();
}

/* The decoder as a source, in small reads. */
struct decoded {
    struct shale_source source;
    struct shale_decoder *decoder;
    size_t step;
};

static enum shale_status read_decoded(struct shale_source *source, void *out, size_t capacity,
                                      size_t *n_bytes, struct shale_err *err)
{
    struct decoded *decoded = (struct decoded *)(void *)source;
    if (decoded->step > 0 && capacity > decoded->step)
        capacity = decoded->step;
    return shale_decoder_read(decoded->decoder, out, capacity, n_bytes, err);
}

/* Every slice of the text, read as lines: the notes of the whole text must come out. */
static void check_slices(struct shale_events *events, const struct shale_events_options *options,
                         const struct shale_buf *text, size_t step, struct shale_buf *expected)
{
    struct slow_source slow = slow_source_of(text->data, text->n_bytes, step);
    struct shale_slicer *slicer;
    struct shale_slice slice = {.last = false};
    struct shale_buf notes;
    shale_buf_init(&notes, &shale_mem_libc, 1 << 28);
    shale_buf_init(&slice.text, &shale_mem_libc,
                   SHALE_SLICE_BYTES + options->max_event_bytes + SHALE_JSON_PADDING);
    require(shale_slicer_new(&shale_mem_libc, &slicer) == SHALE_OK);
    shale_slicer_begin(slicer, &slow.source, options->max_event_bytes);
    while (!slice.last) {
        require(shale_slicer_next(slicer, &slice, NULL) == SHALE_OK);
        if (slice.overlong_bytes > 0) {
            reader_note(&notes, "reject", "event_too_large", slice.base, slice.overlong_bytes,
                        shale_buf_str(&slice.text));
            continue;
        }
        shale_events_begin_text(events, options, slice.text.data, slice.text.n_bytes, slice.base,
                                SHALE_SHAPE_NDJSON);
        require(reader_run(events, options, &notes) == SHALE_OK);
        notes.n_bytes -= 4; /* "end\n" */
    }
    require(shale_buf_append(&notes, "end\n", 4) == SHALE_OK);
    require(shale_str_equal(shale_buf_str(&notes), shale_buf_str(expected)));
    shale_slicer_free(slicer);
    shale_buf_fini(&slice.text);
    shale_buf_fini(&notes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum shale_shape shapes[] = {SHALE_SHAPE_SEEN, SHALE_SHAPE_JSON,
                                              SHALE_SHAPE_NDJSON, SHALE_SHAPE_SEEN};
    static const size_t limits[] = {1 << 20, 64, 9, 0}, steps[] = {1, 3, 0, 61};
    unsigned choice = size == 0 ? 0 : data[0];
    enum shale_shape shape = shapes[choice & 3];
    const struct shale_events_options options = {
        (choice >> 2 & 3) < 2 ? &pointers[choice >> 2 & 1] : NULL, limits[choice >> 4 & 3]};
    size_t step = steps[choice >> 6 & 3];
    struct shale_buf text, notes, streamed;
    struct shale_decoder *decoder;
    struct shale_events *events;
    size_t n_stored = size < 2 ? 0 : size - 2;
    const char *stored = n_stored == 0 ? "" : (const char *)data + 2;
    struct slow_source slow = slow_source_of(stored, n_stored, step);
    enum shale_status whole, verdict;
    shale_buf_init(&text, &shale_mem_libc, MAX_TEXT_BYTES);
    shale_buf_init(&notes, &shale_mem_libc, 1 << 28);
    shale_buf_init(&streamed, &shale_mem_libc, 1 << 28);
    require(shale_decoder_new(&shale_mem_libc, &decoder) == SHALE_OK);
    require(shale_events_new(&shale_mem_libc, &events) == SHALE_OK);
    if (size > 1 && data[1] != 0)
        events->window.least_bytes = LEAST_BYTES + data[1] - 1u;
    whole = shale_decoder_whole(decoder, stored, n_stored, &text, NULL, NULL);
    if (whole != SHALE_LIMIT) {
        struct decoded decoded = {{read_decoded}, decoder, step};
        shale_decoder_begin(decoder, &slow.source);
        shale_events_begin_stream(events, &options, &decoded.source, shape);
        verdict = reader_run(events, &options, &streamed);
        if (whole != SHALE_OK) {
            require(verdict != SHALE_OK);
        } else {
            shale_events_begin_text(events, &options, text.data, text.n_bytes, 0, shape);
            require(reader_run(events, &options, &notes) == verdict);
            require(shale_str_equal(shale_buf_str(&notes), shale_buf_str(&streamed)));
            if (shape == SHALE_SHAPE_NDJSON && (size < 2 || data[1] == 0))
                check_slices(events, &options, &text, step, &notes);
        }
    }
    shale_events_free(events);
    shale_decoder_free(decoder);
    shale_buf_fini(&text);
    shale_buf_fini(&notes);
    shale_buf_fini(&streamed);
    return 0;
}
