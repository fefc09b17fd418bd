/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <errno.h>

#include "tap/insn.h"

#define X86(va, s)   ((struct insn_code){ ELF_X86_64, va, (const uint8_t *)(s), sizeof(s) - 1 })
#define ARM64(va, w) ((struct insn_code){ ELF_ARM64, va, (const uint8_t *)(w), sizeof(w) })

#define CHECK_ENTRY   "\x49\x3b\x66\x10\x76\x40"			   /* cmp 0x10(%r14),%rsp; jbe */
#define CHECK_LARGE   "\x4c\x8d\xa4\x24\x80\xf7\xff\xff\x4d\x3b\x66\x10\x76\x40" /* lea -0x880(%rsp),%r12; cmp; jbe */
#define CHECK_HUGE    "\x49\x89\xe4\x49\x81\xec\x00\x00\x02\x00\x72\x40\x4d\x3b\x66\x10\x76\x40" /* mov; sub; jb; cmp; jbe */
#define PUSH	      "\x55\x48\x89\xe5"	/* push %rbp; mov %rsp,%rbp */
#define SUB_58	      "\x48\x83\xec\x58"	/* sub $0x58,%rsp */
#define SPILL_68      "\x48\x89\x44\x24\x68"	/* mov %rax,0x68(%rsp) */
#define RET	      "\xc3"

static void test_insn__direct_calls_of_the_target_are_found(void)
{
	/* call +0xb -> 0x1010; call -0x9 -> 0x1001; nop; call *%rax; call +1 -> 0x1013 */
	struct insn_code c = X86(0x1000, "\xe8\x0b\0\0\0\xe8\xf7\xff\xff\xff\x90\xff\xd0\xe8\x01\0\0\0" RET);
	uint64_t va[2];
	size_t nr;

	CHECK_INT(insn_calls(&c, 0x1010, va, 2, &nr), 0);
	CHECK(nr == 1 && va[0] == 0x1000);
	CHECK_INT(insn_calls(&c, 0x1001, va, 2, &nr), 0);
	CHECK(nr == 1 && va[0] == 0x1005);
	CHECK_INT(insn_calls(&c, 0x1013, va, 2, &nr), 0);
	CHECK(nr == 1 && va[0] == 0x100d);
	CHECK_INT(insn_calls(&c, 0x9999, va, 2, &nr), 0);
	CHECK_INT(nr, 0);
	CHECK_INT(insn_calls(&c, 0x1010, va, 0, &nr), -E2BIG);
}

static void test_insn__a_call_within_another_instruction_is_none(void)
{
	/* mov $0x000000e8,%eax: the bytes e8 00 00 00 are an operand */
	struct insn_code c = X86(0x1000, "\xb8\xe8\0\0\0\0\xc3");
	uint64_t va[1];
	size_t nr = 9;

	CHECK_INT(insn_calls(&c, 0x1006, va, 1, &nr), 0);
	CHECK_INT(nr, 0);
}

static void test_insn__what_cannot_be_decoded_is_refused(void)
{
	struct insn_code c = X86(0x1000, "\x90\x06\x90"), cut = X86(0x1000, "\xe8\0\0");
	uint64_t va[1];
	size_t nr;

	CHECK_INT(insn_calls(&c, 0x1000, va, 1, &nr), -EILSEQ);
	CHECK_INT(insn_calls(&cut, 0x1000, va, 1, &nr), -EILSEQ);
	CHECK_INT(insn_len(&c, 0xfff, &nr), -EILSEQ);
	CHECK_INT(insn_len(&c, 0x1003, &nr), -EILSEQ);
	CHECK(insn_len(&c, 0x1002, &nr) == 0 && nr == 1);
}

static void test_insn__the_entry_is_where_the_stack_first_moves(void)
{
	struct insn_code small = X86(0x1000, CHECK_ENTRY PUSH SUB_58 RET), large = X86(0x1000, CHECK_LARGE PUSH SUB_58 RET),
			 huge = X86(0x1000, CHECK_HUGE PUSH SUB_58 RET), leaf = X86(0x1000, PUSH RET),
			 old = X86(0x1000, CHECK_ENTRY SUB_58 "\x48\x89\x6c\x24\x50" RET);
	uint64_t va;

	CHECK(insn_entry(&small, &va) == 0 && va == 0x1006);
	CHECK(insn_entry(&large, &va) == 0 && va == 0x100e);
	CHECK(insn_entry(&huge, &va) == 0 && va == 0x1012);
	CHECK(insn_entry(&leaf, &va) == 0 && va == 0x1000); /* no check, no frame to speak of */
	CHECK(insn_entry(&old, &va) == 0 && va == 0x1006);  /* Go 1.20 */
}

static void test_insn__a_prologue_that_touches_an_argument_first_is_refused(void)
{
	struct insn_code moves = X86(0x1000, "\x48\x89\xd8" CHECK_ENTRY PUSH RET), none = X86(0x1000, "\x31\xc0" RET),
			 cmp = X86(0x1000, "\x48\x3b\x43\x10\x76\x40" PUSH RET), /* cmp 0x10(%rbx),%rax */
			 nops = X86(0x1000, "\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90" PUSH);
	uint64_t va;

	CHECK_INT(insn_entry(&moves, &va), -ENOTSUP);
	CHECK_INT(insn_entry(&none, &va), -ENOTSUP);
	CHECK_INT(insn_entry(&cmp, &va), -ENOTSUP);
	CHECK_INT(insn_entry(&nops, &va), -ENOTSUP);
}

static void test_insn__the_receivers_slot_gives_the_frame(void)
{
	struct insn_code push = X86(0x1000, CHECK_ENTRY PUSH SUB_58 "\xc6\x44\x24\x1f\x00" SPILL_68 "\x74\x00" RET),
			 old = X86(0x1000, CHECK_ENTRY SUB_58 "\x48\x89\x6c\x24\x50\x48\x8d\x6c\x24\x50"
							"\x48\x89\x44\x24\x60" RET),
			 add = X86(0x1000, CHECK_ENTRY PUSH "\x48\x83\xc4\x80" /* add $-0x80,%rsp */
							"\x48\x89\x84\x24\x90\0\0\0" RET);
	uint32_t frame;

	CHECK(insn_receiver_frame(&push, &frame) == 0 && frame == 0x60);
	CHECK(insn_receiver_frame(&old, &frame) == 0 && frame == 0x58);
	CHECK(insn_receiver_frame(&add, &frame) == 0 && frame == 0x88);
}

static void test_insn__a_slot_that_does_not_hold_the_receiver_throughout_is_refused(void)
{
	struct insn_code absent = X86(0x1000, CHECK_ENTRY PUSH SUB_58 RET),
			 other = X86(0x1000, CHECK_ENTRY PUSH SUB_58 "\x48\x89\x44\x24\x60" RET),	  /* 0x60(%rsp) */
			 wrong = X86(0x1000, CHECK_ENTRY PUSH SUB_58 "\x48\x89\x5c\x24\x68" RET),	  /* %rbx */
			 late = X86(0x1000, CHECK_ENTRY PUSH SUB_58 "\x74\x00" SPILL_68 RET),		  /* after je */
			 twice = X86(0x1000, CHECK_ENTRY PUSH SUB_58 SPILL_68 "\x74\x00" SPILL_68 RET),
			 wide = X86(0x1000, CHECK_ENTRY PUSH SUB_58 SPILL_68 "\x44\x0f\x11\x7c\x24\x60" RET), /* movups %xmm15,0x60(%rsp) */
			 grows = X86(0x1000, CHECK_ENTRY PUSH SUB_58 SPILL_68 SUB_58 RET);
	uint32_t frame;

	CHECK_INT(insn_receiver_frame(&absent, &frame), -ENOTSUP);
	CHECK_INT(insn_receiver_frame(&other, &frame), -ENOTSUP);
	CHECK_INT(insn_receiver_frame(&wrong, &frame), -ENOTSUP);
	CHECK_INT(insn_receiver_frame(&late, &frame), -ENOTSUP);
	CHECK_INT(insn_receiver_frame(&twice, &frame), -ENOTSUP);
	CHECK_INT(insn_receiver_frame(&wide, &frame), -ENOTSUP);
	CHECK_INT(insn_receiver_frame(&grows, &frame), -ENOTSUP);
}

/* crypto/tls.(*Conn).Read of Go 1.26: ldr x16,[x28,#16]; cmp sp,x16; b.ls; str x30,[sp,#-112]!;
 * stur x29,[sp,#-8]; sub x29,sp,#8; str xzr,[sp,#96]; str x0,[sp,#120]; bl +8; bl -4; ret */
static const uint32_t arm64_read[] = { 0xf9400b90, 0xeb3063ff, 0x54001a89, 0xf8190ffe, 0xf81f83fd, 0xd10023fd,
				       0xf90033ff, 0xf9003fe0, 0x94000002, 0x97ffffff, 0xd65f03c0 };

/* A large frame: ldr; sub x17,sp,#2704; cmp x17,x16; b.ls; sub x20,sp,#2832; stp x29,x30,[x20,#-8];
 * mov sp,x20; sub x29,sp,#8; stp x0,x1,[sp,#...] is out of reach, so: str x0,[sp,#2840]; ret */
static const uint32_t arm64_large[] = { 0xf9400b90, 0xd12a43f1, 0xeb10023f, 0x5400c269, 0xd12c43f4,
					0xa93ffa9d, 0x9100029f, 0xd10023fd, 0xf9058fe0, 0xd65f03c0 };

static void test_insn__arm64_calls_entry_and_frame_are_found(void)
{
	uint32_t old[] = { 0xf9400b90, 0xd10643fb, 0xf900037e, 0x9100037f, 0xf900cfe0, 0xd65f03c0 }; /* Go 1.18, x27 */
	struct insn_code c = ARM64(0x2000, arm64_read), large = ARM64(0x2000, arm64_large), x27 = ARM64(0x2000, old);
	uint32_t frame;
	uint64_t va[2];
	size_t nr;

	CHECK(insn_calls(&c, 0x2028, va, 2, &nr) == 0 && nr == 1 && va[0] == 0x2020);
	CHECK(insn_calls(&c, 0x2020, va, 2, &nr) == 0 && nr == 1 && va[0] == 0x2024);
	CHECK(insn_entry(&c, va) == 0 && va[0] == 0x200c);
	CHECK(insn_receiver_frame(&c, &frame) == 0 && frame == 112);
	CHECK(insn_entry(&large, va) == 0 && va[0] == 0x2010);
	CHECK(insn_receiver_frame(&large, &frame) == 0 && frame == 2832);
	CHECK(insn_entry(&x27, va) == 0 && va[0] == 0x2004);
	CHECK(insn_receiver_frame(&x27, &frame) == 0 && frame == 400);
	CHECK(insn_len(&c, 0x2004, &nr) == 0 && nr == 4);
}

static void test_insn__arm64_pairs_count_as_stores(void)
{
	uint32_t pair[] = { 0xf8190ffe, 0xa90787e0, 0xd65f03c0 };	    /* stp x0,x1,[sp,#120] */
	uint32_t second[] = { 0xf8190ffe, 0xa90703e1, 0xd65f03c0 };	    /* stp x1,x0,[sp,#112] */
	uint32_t clobber[] = { 0xf8190ffe, 0xf9003fe0, 0xa9077fff, 0xd65f03c0 }; /* str x0,[sp,#120]; stp xzr,xzr,[sp,#112] */
	struct insn_code c = ARM64(0x2000, pair), d = ARM64(0x2000, second), e = ARM64(0x2000, clobber);
	uint32_t frame;

	CHECK(insn_receiver_frame(&c, &frame) == 0 && frame == 112);
	CHECK(insn_receiver_frame(&d, &frame) == 0 && frame == 112);
	CHECK_INT(insn_receiver_frame(&e, &frame), -ENOTSUP);
}

static void test_insn__arm64_code_that_is_no_prologue_is_refused(void)
{
	uint32_t moves[] = { 0xaa0103e0, 0xf8190ffe, 0xd65f03c0 }; /* mov x0,x1 first */
	struct insn_code c = ARM64(0x2000, moves), odd = ARM64(0x2002, arm64_read);
	struct insn_code cut = { ELF_ARM64, 0x2000, (const uint8_t *)arm64_read, 14 };
	uint64_t va;

	CHECK_INT(insn_entry(&c, &va), -ENOTSUP);
	CHECK_INT(insn_entry(&odd, &va), -EILSEQ);
	CHECK_INT(insn_entry(&cut, &va), -EILSEQ);
}

int main(void)
{
	RUN(test_insn__direct_calls_of_the_target_are_found);
	RUN(test_insn__a_call_within_another_instruction_is_none);
	RUN(test_insn__what_cannot_be_decoded_is_refused);
	RUN(test_insn__the_entry_is_where_the_stack_first_moves);
	RUN(test_insn__a_prologue_that_touches_an_argument_first_is_refused);
	RUN(test_insn__the_receivers_slot_gives_the_frame);
	RUN(test_insn__a_slot_that_does_not_hold_the_receiver_throughout_is_refused);
	RUN(test_insn__arm64_calls_entry_and_frame_are_found);
	RUN(test_insn__arm64_pairs_count_as_stores);
	RUN(test_insn__arm64_code_that_is_no_prologue_is_refused);
	return test_end();
}
