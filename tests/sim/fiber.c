/* SPDX-License-Identifier: MIT */
/* Fibers by ucontext. */
#include "fiber.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#ifdef __SANITIZE_ADDRESS__
#define HAS_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_ASAN 1
#endif
#endif
#ifdef HAS_ASAN
#include <sanitizer/asan_interface.h>
#endif

void fiber_init_first(struct fiber *fiber)
{
    *fiber = (struct fiber){.stack = NULL};
}

/* On arrival in 'fiber', from 'from' (NULL: not the first thread, or known already). */
static void arrived(struct fiber *fiber, struct fiber *from)
{
#ifdef HAS_ASAN
    const void *bottom = NULL;
    size_t n_bytes = 0;
    __sanitizer_finish_switch_fiber(fiber->fake_stack, &bottom, &n_bytes);
    if (from != NULL && from->stack == NULL) {
        from->stack_bottom = bottom;
        from->stack_bytes = n_bytes;
    }
#else
    (void)fiber;
    (void)from;
#endif
}

/* makecontext() passes integers: a pointer is two of them. */
static void start(unsigned high, unsigned low, unsigned from_high, unsigned from_low)
{
    struct fiber *fiber = (void *)(((uintptr_t)high << 32) | low);
    arrived(fiber, (void *)(((uintptr_t)from_high << 32) | from_low));
    void (*body)(void *) = fiber->body;
    fiber->body = NULL;
    body(fiber->arg);
    abort(); /* bodies switch away */
}

void fiber_init(struct fiber *fiber, void (*body)(void *arg), void *arg)
{
    if (fiber->stack == NULL) {
        fiber->stack = mmap(NULL, FIBER_STACK_BYTES, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (fiber->stack == MAP_FAILED || getcontext(&fiber->context) != 0) {
            perror("simulate: a stack");
            exit(2);
        }
    }
#ifdef HAS_ASAN
    ASAN_UNPOISON_MEMORY_REGION(fiber->stack, FIBER_STACK_BYTES); /* of whoever left it */
#endif
    fiber->stack_bottom = fiber->stack;
    fiber->stack_bytes = FIBER_STACK_BYTES;
    fiber->fake_stack = NULL;
    fiber->body = body;
    fiber->arg = arg;
}

void fiber_fini(struct fiber *fiber)
{
    if (fiber->stack != NULL)
        munmap(fiber->stack, FIBER_STACK_BYTES);
    fiber->stack = NULL;
}

void fiber_switch(struct fiber *from, struct fiber *to)
{
    if (to->body != NULL) { /* its first time */
        uintptr_t self = (uintptr_t)to, other = (uintptr_t)from;
        void (*entry)(void) = (void (*)(void))start;
        to->context.uc_stack.ss_sp = to->stack;
        to->context.uc_stack.ss_size = FIBER_STACK_BYTES;
        to->context.uc_link = NULL;
        makecontext(&to->context, entry, 4, (unsigned)(self >> 32), (unsigned)self,
                    (unsigned)(other >> 32), (unsigned)other);
    }
#ifdef HAS_ASAN
    __sanitizer_start_switch_fiber(&from->fake_stack, to->stack_bottom, to->stack_bytes);
#endif
    if (swapcontext(&from->context, &to->context) != 0)
        abort();
    arrived(from, NULL);
}
