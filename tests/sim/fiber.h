/* SPDX-License-Identifier: MIT */
/* Threads of which one runs at a time and says itself who runs next: an order of steps costs no
 * kernel, and nothing but the caller decides it. */
#ifndef SHALE_SIM_FIBER_H
#define SHALE_SIM_FIBER_H

#include <stddef.h>
#include <ucontext.h>

enum { FIBER_STACK_BYTES = 1 << 20 };

struct fiber {
    ucontext_t context;
    void *stack; /* owned; NULL: the thread that the program began with */
    void (*body)(void *arg);
    void *arg;
    void *fake_stack;         /* AddressSanitizer's */
    const void *stack_bottom; /* of the first thread, learnt when it is left */
    size_t stack_bytes;
};

/* The running thread. */
void fiber_init_first(struct fiber *fiber);

/* A fiber that runs body(arg) when it is switched to for the first time; body never returns, it
 * switches away.  Its stack is kept for the next init of the same (zeroed before the first)
 * struct. */
void fiber_init(struct fiber *fiber, void (*body)(void *arg), void *arg);
void fiber_fini(struct fiber *fiber);

void fiber_switch(struct fiber *from, struct fiber *to);

#endif
