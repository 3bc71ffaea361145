#include "textflag.h"

// func hasCarryless() bool
TEXT ·hasCarryless(SB), NOSPLIT, $0-1
	MOVL $1, AX
	XORL CX, CX
	CPUID
	SHRL $1, CX
	ANDL $1, CX
	MOVB CX, ret+0(FP)
	RET

// ONWARD multiplies both halves of a lane by those of X5, and adds what stands at offset.
#define ONWARD(lane, offset) \
	MOVOU     lane, X6;     \
	PCLMULQDQ $0x00, X5, lane; \
	PCLMULQDQ $0x11, X5, X6; \
	MOVOU     offset(SI), X7; \
	PXOR      X6, lane;     \
	PXOR      X7, lane

// INTO is ONWARD with the next lane in place of memory.
#define INTO(lane, next) \
	MOVOU     lane, X6;     \
	PCLMULQDQ $0x00, X5, lane; \
	PCLMULQDQ $0x11, X5, X6; \
	PXOR      X6, lane;     \
	PXOR      lane, next

// func fold(crc uint64, p *byte, n int, by *foldings, rest *[16]byte)
TEXT ·fold(SB), NOSPLIT, $0-40
	MOVQ  crc+0(FP), X0
	MOVQ  p+8(FP), SI
	MOVQ  n+16(FP), CX
	MOVQ  by+24(FP), DX
	MOVQ  rest+32(FP), DI
	MOVOU (SI), X1
	PXOR  X0, X1
	CMPQ  CX, $128
	JB    last
	MOVOU 16(SI), X2
	MOVOU 32(SI), X3
	MOVOU 48(SI), X4
	MOVOU 16(DX), X5
	ADDQ  $64, SI
	SUBQ  $64, CX

lanes:
	ONWARD(X1, 0)
	ONWARD(X2, 16)
	ONWARD(X3, 32)
	ONWARD(X4, 48)
	ADDQ $64, SI
	SUBQ $64, CX
	CMPQ CX, $64
	JAE  lanes

	MOVOU 0(DX), X5
	INTO(X1, X2)
	INTO(X2, X3)
	INTO(X3, X4)
	MOVOU X4, X1
	SUBQ  $16, SI
	ADDQ  $16, CX
	JMP   next

last:
	MOVOU 0(DX), X5

next:
	ADDQ $16, SI
	SUBQ $16, CX
	JZ   done
	ONWARD(X1, 0)
	JMP  next

done:
	MOVOU X1, (DI)
	RET
