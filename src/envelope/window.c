/* SPDX-License-Identifier: MIT */
/* The window on a stream. */
#include "envelope/window.h"

#include <assert.h>
#include <string.h>

#include "envelope/envelope.h"
#include "json/index.h"

void shale_window_init(struct shale_window *window, const struct shale_mem *mem)
{
    *window = (struct shale_window){.mem = mem, .last = true, .least_bytes = SHALE_WINDOW_BYTES};
}

void shale_window_fini(struct shale_window *window)
{
    if (window->mem != NULL)
        shale_mem_free(window->mem, window->data);
    window->data = NULL;
}

void shale_window_text(struct shale_window *window, const char *text, size_t n_bytes, int64_t base)
{
    assert(n_bytes <= SHALE_JSON_MAX_WINDOW);
    window->source = NULL;
    window->text = text;
    window->n_bytes = n_bytes;
    window->base = base;
    window->last = true;
}

void shale_window_stream(struct shale_window *window, struct shale_source *source)
{
    if (window->capacity > window->least_bytes + 1 + SHALE_JSON_PADDING) {
        shale_mem_free(window->mem, window->data);
        window->data = NULL;
        window->capacity = 0;
    }
    window->source = source;
    window->text = window->data;
    window->n_bytes = 0;
    window->base = 0;
    window->last = false;
}

enum shale_status shale_window_slide(struct shale_window *window, size_t from, size_t n_wanted,
                                     struct shale_err *err)
{
    size_t n = window->n_bytes - from;
    assert(window->source != NULL && !window->last && from <= window->n_bytes);
    if (n_wanted < window->least_bytes + 1)
        n_wanted = window->least_bytes + 1;
    if (n > 0 && from > 0)
        memmove(window->data, window->data + from, n);
    window->base += (int64_t)from;
    window->n_bytes = n;
    if (window->capacity < n_wanted + SHALE_JSON_PADDING) {
        char *data = shale_mem_resize(window->mem, window->data, n_wanted + SHALE_JSON_PADDING, 1);
        if (data == NULL)
            return SHALE_ERR(err, no_memory);
        window->data = data;
        window->capacity = n_wanted + SHALE_JSON_PADDING;
    }
    window->text = window->data;
    while (window->n_bytes < n_wanted && !window->last) {
        enum shale_status status = shale_source_read(window->source, window->data + window->n_bytes,
                                                     n_wanted - window->n_bytes, &n, err);
        if (status != SHALE_OK)
            return status;
        window->n_bytes += n;
        window->last = n == 0;
    }
    memset(window->data + window->n_bytes, 0, SHALE_JSON_PADDING);
    return SHALE_OK;
}

size_t shale_skip_white(const char *text, size_t at, size_t end)
{
    while (at < end &&
           (text[at] == ' ' || text[at] == '\n' || text[at] == '\r' || text[at] == '\t'))
        at++;
    return at;
}

size_t shale_bom_bytes(const char *text, size_t n_bytes)
{
    return n_bytes >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
}
