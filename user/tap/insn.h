/* SPDX-License-Identifier: Apache-2.0
 *
 * insn - what anontap must know of a compiled Go function: where it calls another one, where its
 * arguments are first safe to take, and where it keeps its receiver.
 *
 * Pure: bytes in, addresses out. x86-64 is decoded by Zydis; arm64 has fixed-width instructions and
 * needs a few masks. A function is decoded from its entry to its end; Go puts no data between
 * instructions. It does not follow calls or jumps and knows no other compiler's prologues.
 *
 * Errors: -EILSEQ a byte that is no instruction; -ENOTSUP code of no known form; -E2BIG more results
 * than there is room for.
 */
#ifndef ANONTAP_TAP_INSN_H
#define ANONTAP_TAP_INSN_H

#include "tap/elf.h"

#define INSN_BYTES_MAX 15

/* A function's code, borrowed. */
struct insn_code {
	enum elf_machine machine;
	uint64_t va;
	const uint8_t *p;
	size_t n;
};

/* Addresses of the direct CALLs (BL) of `target`, in order; none is no error. */
int insn_calls(const struct insn_code *c, uint64_t target, uint64_t *ret_va, size_t max, size_t *ret_nr);

/* The first instruction that moves the stack pointer: after the check for stack space, which begins
 * the function again when the stack has grown, and before any register is written. A probe there
 * fires once a call, with the arguments in their registers. On x86-64 since Go 1.21 that is `push
 * %rbp`, which the kernel emulates; before, and on arm64, it is stepped. */
int insn_entry(const struct insn_code *c, uint64_t *ret_va);

/* The function's frame size, when it stores its first argument at SP + frame + 8 (the slot that its
 * caller reserves) before anything branches, and stores nothing there again. So the receiver can be
 * read there wherever the function's own frame is complete. */
int insn_receiver_frame(const struct insn_code *c, uint32_t *ret_frame);

/* Length of the instruction at `va`. */
int insn_len(const struct insn_code *c, uint64_t va, size_t *ret_len);

#endif
