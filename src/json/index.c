/* SPDX-License-Identifier: MIT */
/* The structural index, scalar: a table outside strings, eight bytes at a time inside them.
 *
 * Two states alternate, text and string; index.in_string carries the state from block to block.
 * A character or an escape is never cut by the end of a block, only by that of the window: the last
 * one of a block is taken whole. */
#include "json/index.h"

#include <assert.h>
#include <string.h>

#include "json/chars.h"
#include "json/utf8.h"

/* Beginning anew on each bad line must not cost a whole block each time. */
enum { FIRST_BLOCK_BYTES = 1024, BLOCK_GROWTH = 4 };

enum shale_status shale_json_index_init(struct shale_json_index *index, const struct shale_mem *mem)
{
    *index = (struct shale_json_index){.mem = mem};
    index->at = shale_mem_resize(mem, NULL, SHALE_JSON_BLOCK_BYTES, sizeof *index->at);
    return index->at == NULL ? SHALE_NOMEM : SHALE_OK;
}

void shale_json_index_fini(struct shale_json_index *index)
{
    if (index->mem != NULL)
        shale_mem_free(index->mem, index->at);
    index->at = NULL;
}

void shale_json_index_begin(struct shale_json_index *index, const char *text, size_t n_bytes,
                            size_t from, bool last)
{
    assert(n_bytes <= SHALE_JSON_MAX_WINDOW && from <= n_bytes);
    index->text = text;
    index->n_bytes = n_bytes;
    index->last = last;
    index->n = 0;
    index->scanned = from;
    index->fault = SHALE_E_none;
    index->fault_at = 0;
    index->in_string = index->escaped = index->in_scalar = false;
    index->block_bytes = FIRST_BLOCK_BYTES;
}

/* The high bit of each byte of 'word' that ends a run of plain characters: a control character, a
 * quote, a backslash, or no ASCII.  The lowest bit set is exact; those above it may be wrong by
 * the borrow of a subtraction. */
static uint64_t special_bytes(uint64_t word)
{
    const uint64_t ones = 0x0101010101010101u, high = 0x8080808080808080u;
    uint64_t quote = word ^ ones * '"', backslash = word ^ ones * '\\';
    return ((word - ones * 0x20) | (quote - ones) | (backslash - ones) | word) & high;
}

/* The first byte in [i, end) that is special, else 'end'. */
static size_t skip_plain(const char *text, size_t i, size_t end)
{
    for (; end - i >= 8; i += 8) {
        uint64_t word, special;
        memcpy(&word, text + i, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        word = __builtin_bswap64(word);
#endif
        special = special_bytes(word);
        if (special != 0)
            return i + (size_t)__builtin_ctzll(special) / 8;
    }
    for (; i < end; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c < 0x20 || c == '"' || c == '\\' || c >= 0x80)
            return i;
    }
    return end;
}

/* Set the fault and return 0. */
static size_t fault(struct shale_json_index *index, enum shale_error error, size_t at)
{
    index->fault = error;
    index->fault_at = at;
    return 0;
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* The length of the escape at text[i], RFC 8259 section 7; 0: a fault, or cut by the window. */
static size_t escape_bytes(struct shale_json_index *index, size_t i)
{
    size_t left = index->n_bytes - i, n;
    if (left >= 2 && index->text[i + 1] != 'u')
        return memchr("\"\\/bfnrt", index->text[i + 1], 8) != NULL
                   ? 2
                   : fault(index, SHALE_E_json_escape, i);
    for (n = 2; n < 6 && n < left; n++)
        if (!is_hex(index->text[i + n]))
            return fault(index, SHALE_E_json_escape, i);
    if (left >= 6)
        return 6;
    return index->last ? fault(index, SHALE_E_json_unterminated, index->n_bytes) : 0;
}

/* The same for a character beyond ASCII. */
static size_t character_bytes(struct shale_json_index *index, size_t i)
{
    const unsigned char *p = (const unsigned char *)index->text + i;
    size_t n = shale_utf8_sequence(p, index->n_bytes - i);
    if (n == SHALE_UTF8_BAD || (n == SHALE_UTF8_CUT && index->last))
        return fault(index, SHALE_E_json_utf8, i);
    return n == SHALE_UTF8_CUT ? 0 : n;
}

/* Go through the open string up to its closing quote (its entry is added), the block's 'end', a
 * fault, or what the window cuts; text[0, scanned) is then done. */
static void scan_string(struct shale_json_index *index, size_t end, size_t *n)
{
    size_t i = index->scanned, unit = 1;
    while (unit != 0 && (i = skip_plain(index->text, i, end)) < end) {
        unsigned char c = (unsigned char)index->text[i];
        if (c == '"') {
            index->at[(*n)++] = (uint32_t)i | (index->escaped ? SHALE_JSON_ESCAPED : 0);
            index->in_string = index->escaped = false;
            i++;
            break;
        }
        if (c == '\\') {
            unit = escape_bytes(index, i);
            index->escaped = true;
        } else if (c >= 0x80) {
            unit = character_bytes(index, i);
        } else {
            unit = fault(index, SHALE_E_json_control_character, i);
        }
        i += unit;
        if (i >= end)
            break;
    }
    index->scanned = i;
}

/* Go through text outside strings up to and with an opening quote, or to the block's 'end'. */
static void scan_text(struct shale_json_index *index, size_t end, size_t *n)
{
    size_t i = index->scanned, added = *n;
    unsigned scalar = index->in_scalar, quote = 0;
    const char *text = index->text;
    uint32_t *at = index->at;
    while (i < end && quote == 0) {
        unsigned c = shale_json_chars[(unsigned char)text[i]];
        unsigned is_scalar = shale_json_is_scalar(c);
        /* Written always and counted when it is an entry: no branch to mispredict. */
        at[added] = (uint32_t)i;
        added += (c / SHALE_JSON_PUNCTUATION & 1) | (is_scalar & ~scalar);
        scalar = is_scalar;
        quote = (c & SHALE_JSON_KIND_MASK) == SHALE_JSON_KIND_QUOTE;
        i++;
    }
    index->in_string = quote != 0;
    index->in_scalar = scalar != 0;
    index->scanned = i;
    *n = added;
}

bool shale_json_index_next(struct shale_json_index *index)
{
    size_t n = 0;
    while (n == 0 && index->scanned < index->n_bytes && index->fault == SHALE_E_none) {
        size_t left = index->n_bytes - index->scanned;
        size_t end = index->scanned + (left < index->block_bytes ? left : index->block_bytes);
        size_t before;
        do {
            before = index->scanned;
            if (index->in_string)
                scan_string(index, end, &n);
            else
                scan_text(index, end, &n);
        } while (index->scanned < end && index->scanned != before && index->fault == SHALE_E_none);
        if (index->scanned == before)
            break; /* the window cuts a character or an escape */
        if (index->block_bytes < SHALE_JSON_BLOCK_BYTES)
            index->block_bytes *= BLOCK_GROWTH;
    }
    if (index->scanned == index->n_bytes && index->in_string && index->last &&
        index->fault == SHALE_E_none)
        (void)fault(index, SHALE_E_json_unterminated, index->n_bytes);
    if (n > 0)
        index->n = n;
    return n > 0;
}
