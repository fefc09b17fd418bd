/* SPDX-License-Identifier: Apache-2.0
 * One idea: both machines are reduced to the same few facts about one instruction (struct step), and
 * the questions are answered on those.
 *
 * Prologues: Go src/cmd/internal/obj/x86/obj6.go (stacksplit, preprocess), obj/arm64/obj7.go.
 */
#include "tap/insn.h"

#include <errno.h>
#include <string.h>

#include <Zydis/Zydis.h>

#define PROLOGUE_MAX 16 /* instructions before the stack pointer moves; Go's longest has 9 */

/* What an instruction does, as far as anybody asks. */
struct step {
	size_t len;
	bool is_call;	 /* direct */
	uint64_t target; /* of it */
	bool is_branch;	 /* any other transfer of control, indirect calls too */
	bool is_check;	 /* may stand in the check for stack space */
	bool moves_sp;	 /* takes `frame` more bytes of stack; arm64 may do so by way of another */
	uint32_t frame;
	bool stores_sp; /* writes [SP + at, SP + at + size) */
	int64_t at;
	uint32_t size;
	int64_t first_at; /* where of it the first argument's register goes; -1: nowhere */
};

/* ---- x86-64 ---------------------------------------------------------------------------------- */

static bool is_reg(const ZydisDecodedOperand *o, ZydisRegister reg)
{
	return o->type == ZYDIS_OPERAND_TYPE_REGISTER && o->reg.value == reg;
}

static bool is_mem(const ZydisDecodedOperand *o, ZydisRegister base)
{
	return o->type == ZYDIS_OPERAND_TYPE_MEMORY && o->mem.base == base &&
	       o->mem.index == ZYDIS_REGISTER_NONE;
}

/* cmp 0x10(%r14),%rsp; or for large frames, by way of r12, which holds no argument:
 * lea -N(%rsp),%r12 or mov %rsp,%r12; sub $N,%r12; jb. Then jbe. */
static bool x86_is_check(const ZydisDecodedInstruction *i, const ZydisDecodedOperand *o)
{
	switch (i->mnemonic) {
	case ZYDIS_MNEMONIC_NOP:
	case ZYDIS_MNEMONIC_JB:
	case ZYDIS_MNEMONIC_JBE:
		return true;
	case ZYDIS_MNEMONIC_CMP:
		return is_mem(&o[1], ZYDIS_REGISTER_R14) &&
		       (is_reg(&o[0], ZYDIS_REGISTER_RSP) || is_reg(&o[0], ZYDIS_REGISTER_R12));
	case ZYDIS_MNEMONIC_LEA:
	case ZYDIS_MNEMONIC_MOV:
	case ZYDIS_MNEMONIC_SUB:
		return is_reg(&o[0], ZYDIS_REGISTER_R12);
	default:
		return false;
	}
}

static void x86_stack(const ZydisDecodedInstruction *i, const ZydisDecodedOperand *o, struct step *s)
{
	int64_t imm = i->operand_count_visible > 1 && o[1].type == ZYDIS_OPERAND_TYPE_IMMEDIATE
			      ? o[1].imm.value.s
			      : 0;

	if (i->mnemonic == ZYDIS_MNEMONIC_PUSH && is_reg(&o[0], ZYDIS_REGISTER_RBP)) {
		s->moves_sp = true;
		s->frame = 8;
	}
	if (!i->operand_count_visible || !is_reg(&o[0], ZYDIS_REGISTER_RSP))
		return;
	if (i->mnemonic == ZYDIS_MNEMONIC_ADD)
		imm = -imm; /* -128 has a shorter form than 128 */
	if ((i->mnemonic == ZYDIS_MNEMONIC_SUB || i->mnemonic == ZYDIS_MNEMONIC_ADD) && imm > 0) {
		s->moves_sp = true;
		s->frame = (uint32_t)imm;
	}
}

static int x86_step(const uint8_t *p, size_t n, uint64_t va, struct step *s)
{
	ZydisDecodedOperand o[ZYDIS_MAX_OPERAND_COUNT];
	ZydisDecodedInstruction i;
	ZydisDecoder d;

	*s = (struct step){ .first_at = -1 };
	if (!ZYAN_SUCCESS(ZydisDecoderInit(&d, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64)) ||
	    !ZYAN_SUCCESS(ZydisDecoderDecodeFull(&d, p, n, &i, o)))
		return -EILSEQ;
	s->len = i.length;
	s->is_check = x86_is_check(&i, o);
	x86_stack(&i, o, s);
	switch (i.meta.category) {
	case ZYDIS_CATEGORY_CALL:
	case ZYDIS_CATEGORY_COND_BR:
	case ZYDIS_CATEGORY_UNCOND_BR:
	case ZYDIS_CATEGORY_RET:
		s->is_call = i.mnemonic == ZYDIS_MNEMONIC_CALL && o[0].type == ZYDIS_OPERAND_TYPE_IMMEDIATE &&
			     i.length == 5;
		s->is_branch = !s->is_call;
		break;
	default:
		break;
	}
	if (s->is_call)
		s->target = va + i.length + (uint64_t)o[0].imm.value.s;
	if (i.operand_count_visible && is_mem(&o[0], ZYDIS_REGISTER_RSP) &&
	    (o[0].actions & ZYDIS_OPERAND_ACTION_MASK_WRITE)) {
		s->stores_sp = true;
		s->at = o[0].mem.disp.has_displacement ? o[0].mem.disp.value : 0;
		s->size = o[0].size / 8u;
		if (i.mnemonic == ZYDIS_MNEMONIC_MOV && is_reg(&o[1], ZYDIS_REGISTER_RAX))
			s->first_at = s->at;
	}
	return 0;
}

/* ---- arm64: Arm ARM (DDI 0487), C4.1 ---------------------------------------------------------- */

enum {
	ARM64_SP = 31,
};

static uint32_t bits(uint32_t w, unsigned int at, unsigned int n)
{
	return w >> at & ((1u << n) - 1);
}

static int64_t signed_bits(uint32_t w, unsigned int at, unsigned int n)
{
	int64_t v = bits(w, at, n);

	return v >> (n - 1) ? v - (1ll << n) : v;
}

/* ldr x16,[x28,#16]; cmp sp,x16; or by way of x17 (and x27 for a constant); b.cond; nop */
static bool arm64_is_check(uint32_t w)
{
	return w == 0xf9400b90 || w == 0xd503201f || (w & 0xff000010) == 0x54000000 || /* ldr, nop, b.cond */
	       (w & 0xffe0ffff) == 0xeb2063ff || (w & 0xffe0fc1f) == 0xeb00001f || /* cmp sp,xN; cmp xN,xM */
	       (w & 0xff80001f) == 0xd1000011 || (w & 0xff80001f) == 0x91000011 || /* sub, add x17,xN,#imm */
	       (w & 0xffe0001f) == 0xcb200011 || (w & 0xffe0001f) == 0xeb200011 || /* sub(s) x17,sp,xN */
	       (w & 0xff80001f) == 0xf1000011 ||
	       (w & 0xff80001f) == 0xd280001b || /* subs x17,xN,#imm; movz x27 */
	       (w & 0xff80001f) == 0xf280001b || (w & 0xff8003ff) == 0xb20003fb; /* movk x27; mov x27,#mask */
}

static void arm64_stack(uint32_t w, struct step *s)
{
	if ((w & 0xffe00fff) == 0xf8000ffe && signed_bits(w, 12, 9) < 0) { /* str x30,[sp,#-N]! */
		s->moves_sp = true;
		s->frame = (uint32_t)-signed_bits(w, 12, 9);
	}
	/* sub sp,sp,#N; or by way of x20, before Go 1.19 of x27, so that a signal sees a whole frame */
	if ((w & 0xff8003ff) == 0xd10003ff || (w & 0xff8003ff) == 0xd10003f4 ||
	    (w & 0xff8003ff) == 0xd10003fb) {
		s->moves_sp = true;
		s->frame = bits(w, 10, 12) << (bits(w, 22, 1) ? 12 : 0);
	}
}

static void arm64_store(uint32_t w, struct step *s)
{
	if (bits(w, 5, 5) != ARM64_SP)
		return;
	if ((w & 0xffc00000) == 0xf9000000) { /* str xT,[sp,#imm] */
		s->stores_sp = true;
		s->at = 8ll * bits(w, 10, 12);
		s->size = 8;
		if (bits(w, 0, 5) == 0)
			s->first_at = s->at;
	} else if ((w & 0xffc00000) == 0xa9000000 ||
		   (w & 0xffc00000) == 0xad000000) { /* stp xT,xU; stp qT,qU */
		uint32_t each = (w & 0x04000000) ? 16 : 8;

		s->stores_sp = true;
		s->at = each * signed_bits(w, 15, 7);
		s->size = 2 * each;
		if (each == 8 && bits(w, 0, 5) == 0)
			s->first_at = s->at;
		else if (each == 8 && bits(w, 10, 5) == 0)
			s->first_at = s->at + 8;
	} else if ((w & 0xffc00000) == 0x3d800000) { /* str qT,[sp,#imm] */
		s->stores_sp = true;
		s->at = 16ll * bits(w, 10, 12);
		s->size = 16;
	}
}

static int arm64_step(const uint8_t *p, size_t n, uint64_t va, struct step *s)
{
	uint32_t w;

	if (n < sizeof(w) || va % 4)
		return -EILSEQ;
	memcpy(&w, p, sizeof(w));
	*s = (struct step){ .len = 4, .first_at = -1 };
	s->is_check = arm64_is_check(w);
	s->is_call = (w & 0xfc000000) == 0x94000000;
	s->is_branch = (w & 0xfc000000) == 0x14000000 || (w & 0xff000010) == 0x54000000 ||
		       (w & 0x7e000000) == 0x34000000 || (w & 0x7e000000) == 0x36000000 ||
		       (w & 0xfe000000) == 0xd6000000;
	if (s->is_call)
		s->target = va + 4 * (uint64_t)signed_bits(w, 0, 26);
	arm64_stack(w, s);
	arm64_store(w, s);
	return 0;
}

/* ---- questions ------------------------------------------------------------------------------- */

static int step_at(const struct insn_code *c, size_t off, struct step *s)
{
	if (off >= c->n)
		return -EILSEQ;
	if (c->machine == ELF_X86_64)
		return x86_step(c->p + off, c->n - off, c->va + off, s);
	return arm64_step(c->p + off, c->n - off, c->va + off, s);
}

int insn_calls(const struct insn_code *c, uint64_t target, uint64_t *ret_va, size_t max, size_t *ret_nr)
{
	struct step s;
	size_t nr = 0;

	for (size_t off = 0; off < c->n; off += s.len) {
		int r = step_at(c, off, &s);

		if (r < 0)
			return r;
		if (!s.is_call || s.target != target)
			continue;
		if (nr == max)
			return -E2BIG;
		ret_va[nr++] = c->va + off;
	}
	*ret_nr = nr;
	return 0;
}

static int entry_at(const struct insn_code *c, size_t *ret_off, struct step *s)
{
	size_t off = 0;

	for (int i = 0; i < PROLOGUE_MAX; i++, off += s->len) {
		int r = step_at(c, off, s);

		if (r < 0)
			return r;
		if (s->moves_sp) {
			*ret_off = off;
			return 0;
		}
		if (!s->is_check)
			return -ENOTSUP;
	}
	return -ENOTSUP;
}

int insn_entry(const struct insn_code *c, uint64_t *ret_va)
{
	struct step s;
	size_t off;
	int r = entry_at(c, &off, &s);

	if (r == 0)
		*ret_va = c->va + off;
	return r;
}

int insn_receiver_frame(const struct insn_code *c, uint32_t *ret_frame)
{
	uint32_t frame = 0;
	bool is_stored = false, has_branched = false;
	struct step s;
	size_t off;
	int r = entry_at(c, &off, &s);

	if (r < 0)
		return r;
	for (; off < c->n; off += s.len) {
		r = step_at(c, off, &s);
		if (r < 0)
			return r;
		if (s.is_call || s.is_branch)
			has_branched = true;
		if (s.moves_sp && is_stored)
			return -ENOTSUP; /* the frame grows after the store: SP is not what we think */
		if (s.moves_sp && !has_branched)
			frame += s.frame;
		if (!s.stores_sp || s.at >= frame + 16ll || s.at + s.size <= frame + 8ll)
			continue;
		if (is_stored || has_branched || s.first_at != frame + 8ll)
			return -ENOTSUP;
		is_stored = true;
	}
	if (!is_stored)
		return -ENOTSUP;
	*ret_frame = frame;
	return 0;
}

int insn_len(const struct insn_code *c, uint64_t va, size_t *ret_len)
{
	struct step s;
	int r = va < c->va ? -EILSEQ : step_at(c, va - c->va, &s);

	if (r == 0)
		*ret_len = s.len;
	return r;
}
