/* SPDX-License-Identifier: MIT */
/* Gzip members: wrapper, checksum and length here, deflate by ISA-L.
 *
 * Why one engine for whole objects and streams: on 3 million damaged deflate streams libdeflate
 * 1.14 accepted 3,853 that ISA-L 2.30 refuses (symbols 286 and 287, code lengths that run over)
 * and ISA-L 5,049 that libdeflate refuses (incomplete codes).  zlib refuses both kinds, but takes
 * twice the time: on 100 MB of JSON, libdeflate 2.0, ISA-L 1.7, zlib 0.9 GB/s. */
#include "gunzip.h"

#include <assert.h>
#include <stdint.h>

#include <isa-l/igzip_lib.h>

#include "codec/crc32.h"

/* RFC 1952, section 2.3.1. */
enum {
    HEADER_BYTES = 10,
    TRAILER_BYTES = 8,
    METHOD_DEFLATE = 8,
    FLAG_HCRC = 0x02,
    FLAG_EXTRA = 0x04,
    FLAG_NAME = 0x08,
    FLAG_COMMENT = 0x10,
    FLAGS_RESERVED = 0xe0,
};

/* Output of one step: the checksum finds it still in the cache.  ISA-L counts in 32 bits. */
enum { STEP_BYTES = 256 * 1024, MAX_INPUT_BYTES = 1 << 30 };

/* Where a message says that it is: errors.def prints two long longs. */
#define PLACE(gunzip) (long long)(gunzip)->n_members, (long long)(gunzip)->start

enum state { MEMBER, BODY, BETWEEN, END };

struct shale_gunzip {
    enum state state;
    bool trailing;
    int64_t n_members; /* begun, this one included */
    int64_t start;     /* offset of this member in the object */
    uint32_t crc;      /* of this member's bytes so far */
    uint32_t length;   /* and their number, modulo 2^32 as in the trailer */
    struct inflate_state inflate;
};

struct shale_gunzip *shale_gunzip_new(const struct shale_mem *mem)
{
    struct shale_gunzip *gunzip = shale_mem_zeroed(mem, 1, sizeof *gunzip);
    if (gunzip != NULL)
        isal_inflate_init(&gunzip->inflate);
    return gunzip;
}

void shale_gunzip_free(const struct shale_mem *mem, struct shale_gunzip *gunzip)
{
    shale_mem_free(mem, gunzip);
}

void shale_gunzip_begin(struct shale_gunzip *gunzip)
{
    gunzip->state = MEMBER;
    gunzip->trailing = false;
    gunzip->n_members = 0;
}

bool shale_gunzip_trailing(const struct shale_gunzip *gunzip)
{
    return gunzip->trailing;
}

static enum shale_status truncated(const struct shale_gunzip *gunzip, struct shale_err *err)
{
    return SHALE_ERR(err, gzip_truncated, PLACE(gunzip));
}

static enum shale_status bad_header(const struct shale_gunzip *gunzip, const char *what,
                                    struct shale_err *err)
{
    return SHALE_ERR(err, gzip_header, PLACE(gunzip), what);
}

/* 'n_bytes' of the wrapper, also added to '*crc'. */
static enum shale_status take(const struct shale_gunzip *gunzip, struct shale_input *in,
                              uint8_t *out, size_t n_bytes, uint32_t *crc, struct shale_err *err)
{
    for (size_t i = 0; i < n_bytes; i++) {
        enum shale_status status = shale_input_peek(in, 1, err);
        if (status != SHALE_OK)
            return status;
        if (in->n_left == 0)
            return truncated(gunzip, err);
        out[i] = *in->next;
        shale_input_skip(in, 1);
    }
    *crc = shale_crc32(*crc, out, n_bytes);
    return SHALE_OK;
}

/* The extra field: two bytes of length, then as many bytes. */
static enum shale_status skip_extra(const struct shale_gunzip *gunzip, struct shale_input *in,
                                    uint32_t *crc, struct shale_err *err)
{
    uint8_t bytes[2];
    enum shale_status status = take(gunzip, in, bytes, 2, crc, err);
    unsigned n = status == SHALE_OK ? bytes[0] | (unsigned)bytes[1] << 8 : 0;
    while (n-- > 0 && status == SHALE_OK)
        status = take(gunzip, in, bytes, 1, crc, err);
    return status;
}

/* A name or comment, of any length, up to its NUL. */
static enum shale_status skip_text(const struct shale_gunzip *gunzip, struct shale_input *in,
                                   uint32_t *crc, struct shale_err *err)
{
    uint8_t byte = 1;
    enum shale_status status = SHALE_OK;
    while (byte != 0 && status == SHALE_OK)
        status = take(gunzip, in, &byte, 1, crc, err);
    return status;
}

static enum shale_status check_header_crc(const struct shale_gunzip *gunzip, struct shale_input *in,
                                          uint32_t crc, struct shale_err *err)
{
    uint8_t bytes[2];
    uint32_t unused = 0;
    enum shale_status status = take(gunzip, in, bytes, 2, &unused, err);
    if (status == SHALE_OK && (bytes[0] | (uint32_t)bytes[1] << 8) != (crc & 0xffff))
        return bad_header(gunzip, "its checksum does not match", err);
    return status;
}

static enum shale_status read_header(struct shale_gunzip *gunzip, struct shale_input *in,
                                     struct shale_err *err)
{
    uint8_t header[HEADER_BYTES];
    uint32_t crc = 0;
    enum shale_status status;
    gunzip->n_members++;
    gunzip->start = in->offset;
    status = take(gunzip, in, header, HEADER_BYTES, &crc, err);
    if (status != SHALE_OK)
        return status;
    assert(header[0] == 0x1f && header[1] == 0x8b); /* else it is no member */
    if (header[2] != METHOD_DEFLATE)
        return bad_header(gunzip, "unknown compression method", err);
    if ((header[3] & FLAGS_RESERVED) != 0)
        return bad_header(gunzip, "reserved flags are set", err);
    if ((header[3] & FLAG_EXTRA) != 0)
        status = skip_extra(gunzip, in, &crc, err);
    if (status == SHALE_OK && (header[3] & FLAG_NAME) != 0)
        status = skip_text(gunzip, in, &crc, err);
    if (status == SHALE_OK && (header[3] & FLAG_COMMENT) != 0)
        status = skip_text(gunzip, in, &crc, err);
    if (status == SHALE_OK && (header[3] & FLAG_HCRC) != 0)
        status = check_header_crc(gunzip, in, crc, err);
    isal_inflate_reset(&gunzip->inflate);
    gunzip->crc = gunzip->length = 0;
    return status;
}

/* ISA-L reads ahead up to 8 bytes into a register; at the end of the data those are the trailer
 * and what follows.  The bits before the next full byte are the last byte's padding. */
static void give_back(struct inflate_state *inflate, struct shale_input *in)
{
    uint8_t bytes[SHALE_INPUT_BACK];
    unsigned n_bits = (unsigned)inflate->read_in_length;
    unsigned n_bytes = n_bits / 8;
    uint64_t ahead = inflate->read_in >> n_bits % 8;
    assert(n_bytes <= SHALE_INPUT_BACK);
    for (unsigned i = 0; i < n_bytes; i++)
        bytes[i] = (uint8_t)(ahead >> 8 * i);
    shale_input_give_back(in, bytes, n_bytes);
}

static enum shale_status check_trailer(const struct shale_gunzip *gunzip, struct shale_input *in,
                                       struct shale_err *err)
{
    uint8_t bytes[TRAILER_BYTES];
    uint32_t words[2] = {0, 0}, unused = 0;
    enum shale_status status = take(gunzip, in, bytes, TRAILER_BYTES, &unused, err);
    if (status != SHALE_OK)
        return status;
    for (unsigned i = 0; i < TRAILER_BYTES; i++)
        words[i / 4] |= (uint32_t)bytes[i] << 8 * (i % 4);
    if (words[0] != gunzip->crc)
        return SHALE_ERR(err, gzip_checksum, PLACE(gunzip));
    if (words[1] != gunzip->length)
        return SHALE_ERR(err, gzip_length, PLACE(gunzip));
    return SHALE_OK;
}

/* Some bytes of the body; none only when the member has ended (state BETWEEN). */
static enum shale_status read_body(struct shale_gunzip *gunzip, struct shale_input *in, void *out,
                                   size_t capacity, size_t *n_bytes, struct shale_err *err)
{
    struct inflate_state *inflate = &gunzip->inflate;
    size_t n_out = capacity < STEP_BYTES ? capacity : STEP_BYTES;
    enum shale_status status;
    *n_bytes = 0;
    while (*n_bytes == 0 && inflate->block_state != ISAL_BLOCK_FINISH) {
        size_t n_in;
        status = shale_input_peek(in, 1, err);
        if (status != SHALE_OK)
            return status;
        n_in = in->n_left < MAX_INPUT_BYTES ? in->n_left : MAX_INPUT_BYTES;
        inflate->next_in = (uint8_t *)(uintptr_t)in->next; /* only read */
        inflate->avail_in = (uint32_t)n_in;
        inflate->next_out = out;
        inflate->avail_out = (uint32_t)n_out;
        if (isal_inflate(inflate) != ISAL_DECOMP_OK)
            return SHALE_ERR(err, gzip_data, PLACE(gunzip));
        shale_input_skip(in, n_in - inflate->avail_in);
        *n_bytes = n_out - inflate->avail_out;
        if (*n_bytes == 0 && n_in == 0 && inflate->block_state != ISAL_BLOCK_FINISH)
            return truncated(gunzip, err);
    }
    gunzip->crc = shale_crc32(gunzip->crc, out, *n_bytes);
    gunzip->length += (uint32_t)*n_bytes;
    if (*n_bytes > 0)
        return SHALE_OK;
    give_back(inflate, in);
    gunzip->state = BETWEEN;
    return check_trailer(gunzip, in, err);
}

/* What gzip does: a member may follow; zeros to the end (tapes, blocks) are padding; anything else
 * is not ours. */
static enum shale_status look_behind(struct shale_gunzip *gunzip, struct shale_input *in,
                                     struct shale_err *err)
{
    enum shale_status status = shale_input_peek(in, 2, err);
    if (status == SHALE_OK && in->n_left >= 2 && in->next[0] == 0x1f && in->next[1] == 0x8b) {
        gunzip->state = MEMBER;
        return SHALE_OK;
    }
    while (status == SHALE_OK && in->n_left > 0 && *in->next == 0) {
        shale_input_skip(in, 1);
        status = shale_input_peek(in, 1, err);
    }
    gunzip->trailing = in->n_left > 0;
    gunzip->state = END;
    return status;
}

enum shale_status shale_gunzip_read(struct shale_gunzip *gunzip, struct shale_input *in, void *out,
                                    size_t capacity, size_t *n_bytes, struct shale_err *err)
{
    enum shale_status status = SHALE_OK;
    assert(capacity > 0);
    *n_bytes = 0;
    while (status == SHALE_OK && *n_bytes == 0 && gunzip->state != END) {
        switch (gunzip->state) {
        case MEMBER:
            status = read_header(gunzip, in, err);
            gunzip->state = BODY;
            break;
        case BODY:
            status = read_body(gunzip, in, out, capacity, n_bytes, err);
            break;
        case BETWEEN:
            status = look_behind(gunzip, in, err);
            break;
        case END:
            break;
        }
    }
    return status;
}
