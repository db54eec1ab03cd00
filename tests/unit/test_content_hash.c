/* SPDX-License-Identifier: MIT */
/* codec/content_hash: against values of the format's reference, in pieces and wherever it lies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "codec/content_hash.h"

/* Of the library's own canonical form (0.8.1). */
static void test_known_values(void **state)
{
    char text[SHALE_CONTENT_HASH_CHARS + 1];
    struct shale_content_hash hash;
    (void)state;
    shale_content_hash((struct shale_str){NULL, 0}, text);
    assert_string_equal(text, "99aa06d3014798d86001c324468d497f");
    shale_content_hash_init(&hash);
    shale_content_hash_update(&hash, NULL, 0);
    shale_content_hash_finish(&hash, text);
    assert_string_equal(text, "99aa06d3014798d86001c324468d497f");
    shale_content_hash(SHALE_STR("shale"), text);
    assert_string_equal(text, "cc3a519e9beb883dcae50abc8b9d3c69");
}

/* The same however it is cut, from every alignment. */
static void test_in_pieces(void **state)
{
    enum { N = 5000 };
    unsigned char *bytes = malloc(N), *room = malloc(sizeof(struct shale_content_hash) + 64);
    char whole[SHALE_CONTENT_HASH_CHARS + 1], pieces[SHALE_CONTENT_HASH_CHARS + 1];
    (void)state;
    assert_true(bytes != NULL && room != NULL);
    for (size_t i = 0; i < N; i++)
        bytes[i] = (unsigned char)(i * i >> 3);
    for (size_t n = 0; n <= N; n += n < 300 ? 1 : 611) {
        struct shale_content_hash *hash = (struct shale_content_hash *)(void *)(room + n % 64);
        size_t cut = n / 3;
        shale_content_hash((struct shale_str){(char *)bytes, n}, whole);
        shale_content_hash_init(hash);
        shale_content_hash_update(hash, bytes, cut);
        shale_content_hash_finish(hash, pieces);
        shale_content_hash_update(hash, bytes + cut, n - cut);
        shale_content_hash_finish(hash, pieces);
        assert_string_equal(pieces, whole);
    }
    free(bytes);
    free(room);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_values),
        cmocka_unit_test(test_in_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
