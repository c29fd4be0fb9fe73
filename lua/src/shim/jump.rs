//! Non-local exits for Lua's errors: the callee-saved registers, the stack pointer and the return
//! address, as the System V ABI names them. Rust frames between the two ends hold no destructors
//! (see `function.rs`).

core::arch::global_asm!(
    ".pushsection .text.furore_lua_setjmp, \"ax\", @progbits",
    ".globl furore_lua_setjmp",
    ".type furore_lua_setjmp, @function",
    "furore_lua_setjmp:",
    "mov [rdi], rbx",
    "mov [rdi + 8], rbp",
    "mov [rdi + 16], r12",
    "mov [rdi + 24], r13",
    "mov [rdi + 32], r14",
    "mov [rdi + 40], r15",
    "lea rdx, [rsp + 8]", // the stack pointer after the return
    "mov [rdi + 48], rdx",
    "mov rdx, [rsp]",
    "mov [rdi + 56], rdx",
    "xor eax, eax",
    "ret",
    ".size furore_lua_setjmp, . - furore_lua_setjmp",
    ".globl furore_lua_longjmp",
    ".type furore_lua_longjmp, @function",
    "furore_lua_longjmp:",
    "mov rbx, [rdi]",
    "mov rbp, [rdi + 8]",
    "mov r12, [rdi + 16]",
    "mov r13, [rdi + 24]",
    "mov r14, [rdi + 32]",
    "mov r15, [rdi + 40]",
    "mov rsp, [rdi + 48]",
    "mov eax, 1",
    "jmp [rdi + 56]",
    ".size furore_lua_longjmp, . - furore_lua_longjmp",
    ".popsection",
);
