/* SPDX-License-Identifier: MIT */
/* A long NDJSON object cut into slices of whole lines.
 *
 * A slice is what lies in SHALE_SLICE_BYTES from its beginning up to the last newline there, but
 * ends before a line that is too long for an event; one such line, or one longer than that many
 * bytes, is a slice of its own.  So the cuts do not depend on how the source gives its bytes. */
#include <string.h>

#include "envelope/envelope.h"
#include "envelope/window.h"

enum { READ_BYTES = 64 * 1024 }; /* read at a time behind SHALE_SLICE_BYTES */

struct shale_slicer {
    const struct shale_mem *mem;
    struct shale_source *source; /* borrowed */
    size_t max_event_bytes;
    struct shale_buf rest; /* read, and behind the slice before */
    int64_t base;          /* where the next slice begins */
    bool begun, eof;
};

enum shale_status shale_slicer_new(const struct shale_mem *mem, struct shale_slicer **out)
{
    struct shale_slicer *slicer = shale_mem_zeroed(mem, 1, sizeof *slicer);
    *out = slicer;
    if (slicer == NULL)
        return SHALE_NOMEM;
    slicer->mem = mem;
    shale_buf_init(&slicer->rest, mem, SHALE_SLICE_BYTES + READ_BYTES);
    return SHALE_OK;
}

void shale_slicer_free(struct shale_slicer *slicer)
{
    if (slicer == NULL)
        return;
    shale_buf_fini(&slicer->rest);
    shale_mem_free(slicer->mem, slicer);
}

void shale_slicer_begin(struct shale_slicer *slicer, struct shale_source *source,
                        size_t max_event_bytes)
{
    slicer->source = source;
    slicer->max_event_bytes = max_event_bytes;
    shale_buf_reset(&slicer->rest);
    slicer->base = 0;
    slicer->begun = slicer->eof = false;
}

static enum shale_status from_buf(enum shale_status status, struct shale_err *err)
{
    return status == SHALE_NOMEM ? SHALE_ERR(err, no_memory) : status;
}

/* Read until 'text' holds 'n_wanted' bytes or the source ends. */
static enum shale_status fill(struct shale_slicer *slicer, struct shale_buf *text, size_t n_wanted,
                              struct shale_err *err)
{
    enum shale_status status = SHALE_OK;
    if (text->n_bytes >= n_wanted)
        return SHALE_OK;
    status = from_buf(shale_buf_reserve(text, n_wanted - text->n_bytes + SHALE_JSON_PADDING), err);
    while (status == SHALE_OK && text->n_bytes < n_wanted && !slicer->eof) {
        size_t n = 0;
        status = shale_source_read(slicer->source, text->data + text->n_bytes,
                                   n_wanted - text->n_bytes, &n, err);
        text->n_bytes += n;
        slicer->eof = status == SHALE_OK && n == 0;
    }
    return status;
}

/* Keep what is behind the first 'n_bytes' for the next slice. */
static enum shale_status cut(struct shale_slicer *slicer, struct shale_buf *text, size_t n_bytes,
                             struct shale_err *err)
{
    enum shale_status status = SHALE_OK;
    if (n_bytes < text->n_bytes)
        status = from_buf(
            shale_buf_append(&slicer->rest, text->data + n_bytes, text->n_bytes - n_bytes), err);
    text->n_bytes = n_bytes;
    return status;
}

/* The bytes of the whole lines that 'text' begins with, none of them too long. */
static size_t whole_lines(const struct shale_slicer *slicer, const struct shale_buf *text)
{
    size_t at = 0;
    while (at < text->n_bytes) {
        const char *newline = memchr(text->data + at, '\n', text->n_bytes - at);
        size_t end = newline != NULL ? (size_t)(newline - text->data) : text->n_bytes;
        if ((newline == NULL && !slicer->eof) || end - at > slicer->max_event_bytes)
            break;
        if (at > 0 && end >= SHALE_SLICE_BYTES)
            break;
        at = end + (newline != NULL ? 1 : 0);
    }
    return at;
}

/* The text begins with a line that is too long: keep its beginning, and count the rest. */
static enum shale_status take_overlong(struct shale_slicer *slicer, struct shale_slice *out,
                                       struct shale_err *err)
{
    struct shale_buf *text = &out->text;
    const char *newline = memchr(text->data, '\n', text->n_bytes);
    int64_t n_before = 0; /* bytes of the line that are in 'text' no more */
    size_t n_head = text->n_bytes < SHALE_WINDOW_BYTES ? text->n_bytes : (size_t)SHALE_WINDOW_BYTES;
    size_t end;
    while (newline == NULL && !slicer->eof) {
        enum shale_status status;
        n_before += (int64_t)(text->n_bytes - n_head);
        text->n_bytes = n_head;
        status = fill(slicer, text, n_head + READ_BYTES, err);
        if (status != SHALE_OK)
            return status;
        newline = memchr(text->data + n_head, '\n', text->n_bytes - n_head);
    }
    end = newline != NULL ? (size_t)(newline - text->data) : text->n_bytes;
    out->overlong_bytes = n_before + (int64_t)end;
    slicer->base += out->overlong_bytes;
    if (newline != NULL) {
        enum shale_status status = cut(slicer, text, end + 1, err);
        slicer->base++;
        if (status != SHALE_OK)
            return status;
    }
    text->n_bytes = end < SHALE_WINDOW_BYTES ? end : (size_t)SHALE_WINDOW_BYTES;
    return SHALE_OK;
}

static enum shale_status take_slice(struct shale_slicer *slicer, struct shale_slice *out,
                                    struct shale_err *err)
{
    struct shale_buf *text = &out->text;
    enum shale_status status = fill(slicer, text, SHALE_SLICE_BYTES, err);
    size_t n_lines, scanned = 0;
    if (status == SHALE_OK && !slicer->begun) {
        size_t n_bom = shale_bom_bytes(text->data, text->n_bytes);
        memmove(text->data, text->data + n_bom, text->n_bytes - n_bom);
        text->n_bytes -= n_bom;
        slicer->base = out->base = (int64_t)n_bom;
        slicer->begun = true;
    }
    /* A first line that is longer than a slice. */
    while (status == SHALE_OK && !slicer->eof && text->n_bytes <= slicer->max_event_bytes &&
           memchr(text->data + scanned, '\n', text->n_bytes - scanned) == NULL) {
        scanned = text->n_bytes;
        status = fill(slicer, text, text->n_bytes + READ_BYTES, err);
    }
    if (status != SHALE_OK)
        return status;
    n_lines = whole_lines(slicer, text);
    if (n_lines == 0 && text->n_bytes > 0)
        return take_overlong(slicer, out, err);
    slicer->base += (int64_t)n_lines;
    return cut(slicer, text, n_lines, err);
}

enum shale_status shale_slicer_next(struct shale_slicer *slicer, struct shale_slice *out,
                                    struct shale_err *err)
{
    enum shale_status status;
    shale_buf_reset(&out->text);
    out->base = slicer->base;
    out->overlong_bytes = 0;
    out->last = false;
    status =
        from_buf(shale_buf_reserve(&out->text, slicer->rest.n_bytes + SHALE_JSON_PADDING), err);
    if (status == SHALE_OK)
        status = from_buf(shale_buf_append_str(&out->text, shale_buf_str(&slicer->rest)), err);
    shale_buf_reset(&slicer->rest);
    if (status == SHALE_OK)
        status = take_slice(slicer, out, err);
    if (status != SHALE_OK)
        return status;
    memset(out->text.data + out->text.n_bytes, 0, SHALE_JSON_PADDING);
    out->last = slicer->eof && slicer->rest.n_bytes == 0;
    return SHALE_OK;
}
