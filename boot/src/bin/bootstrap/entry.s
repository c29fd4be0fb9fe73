# Bootstrap's first instructions: 32-bit protected mode as a Multiboot loader leaves it, up to long mode
# and Rust. Nothing is believed: not the loader (EAX), not the CPU (CPUID), not the state of .bss.
# Whoever fails here gets one line on the VGA screen and on COM1, and a halt. From the instruction on that turns
# paging on, exceptions are reported by Rust (trap.rs).

.set MULTIBOOT1_HEADER_MAGIC, 0x1badb002
.set MULTIBOOT1_FLAGS, 0x00010003      # modules on page borders, memory information, address fields
.set MULTIBOOT1_LOADER, 0x2badb002
.set MULTIBOOT2_HEADER_MAGIC, 0xe85250d6
.set MULTIBOOT2_LOADER, 0x36d76289
.set VGA, 0xb8000
.set VGA_CELLS, 80 * 25
.set COM1, 0x3f8

.section .multiboot, "a"
.balign 8
multiboot1_header:
    .long MULTIBOOT1_HEADER_MAGIC
    .long MULTIBOOT1_FLAGS
    .long -(MULTIBOOT1_HEADER_MAGIC + MULTIBOOT1_FLAGS)
    .long multiboot1_header
    .long _image_start
    .long _load_end
    .long _image_end
    .long _start
    .long 0, 1024, 768, 32             # a graphics mode, for those who set flag 2 (`bootstrap-vbe` on the CD)
.balign 8
multiboot2_header:
    .long MULTIBOOT2_HEADER_MAGIC
    .long 0                            # i386, protected mode
    .long multiboot2_header_end - multiboot2_header
    .long -(MULTIBOOT2_HEADER_MAGIC + (multiboot2_header_end - multiboot2_header))
    .short 2, 0                        # addresses, not optional
    .long 24, multiboot2_header, _image_start, _load_end, _image_end
    .short 3, 0                        # entry, not optional
    .long 12, _start
    .balign 8
    .short 6, 0                        # modules on page borders
    .long 8
    .short 5, 1                        # a framebuffer, if it can be had
    .long 20, 1024, 768, 32
    .balign 8
    .short 0, 0                        # end
    .long 8
multiboot2_header_end:
.balign 8
    .quad {contents_mark}
.global image_contents
image_contents:                        # where the contents of a single image begin and end; filled in by `make image`
    .long 0, 0

.section .boot, "ax"
.code32
.global _start
_start:
    cli
    cld
    mov ebp, eax                       # EBP: who loaded us
    mov esp, offset _start_stack_end
    push ebx                           # its information

    # Own segments (the loader's table may lie anywhere), and gates for exceptions, so that none of them resets the machine.
    lgdt [boot_gdt_pointer]
    push 24
    mov eax, offset own_code
    push eax
    retf
own_code:
    mov eax, 16
    mov ds, eax
    mov es, eax
    mov ss, eax
    mov edi, offset early_gates
    mov eax, offset early_trap_entries
    mov ebx, 24 << 16
    mov esi, 8
    call fill_gates
    lidt [early_gates_pointer]

    mov esi, offset not_multiboot
    cmp ebp, MULTIBOOT1_LOADER
    je 1f
    cmp ebp, MULTIBOOT2_LOADER
    jne refuse
1:
    # CPUID is there if its flag (21) can be changed.
    mov esi, offset no_long_mode
    pushfd
    pop eax
    mov ecx, eax
    xor eax, 1 << 21
    push eax
    popfd
    pushfd
    pop eax
    cmp eax, ecx
    je refuse
    mov eax, 0x80000000
    cpuid
    cmp eax, 0x80000001
    jb 2f
    mov eax, 0x80000001
    cpuid
    bt edx, 29
    jc 3f
2:  mov esi, offset no_long_mode
    jmp refuse
3:  pop ebx                            # EBX: the loader's information; the stack is zeroed now

    mov edi, offset _bss_start
    mov ecx, offset _image_end
    sub ecx, edi
    shr ecx, 2
    xor eax, eax
    rep stosd

    # The first 4 GiB one to one: one PML4 entry, four page directories of 2 MiB pages.
    mov dword ptr [early_pml4], offset early_pdpt + 3
    mov edi, offset early_pdpt
    mov eax, offset early_directories + 3
    mov ecx, 4
4:  mov [edi], eax
    add edi, 8
    add eax, 0x1000
    loop 4b
    mov edi, offset early_directories
    mov eax, 0x83                      # present, writable, 2 MiB
    mov ecx, 2048
5:  mov [edi], eax
    add edi, 8
    add eax, 0x200000
    loop 5b

    push ebx
    mov edi, offset gates
    mov eax, offset trap_entries
    mov ebx, 8 << 16
    mov esi, 16
    call fill_gates
    pop ebx

    mov eax, offset early_pml4
    mov cr3, eax
    mov eax, cr4
    or eax, 1 << 5                     # PAE
    mov cr4, eax
    mov ecx, 0xc0000080                # EFER
    rdmsr
    or eax, 1 << 8                     # LME
    wrmsr
    mov eax, cr0
    or eax, 0x80010000                 # PG, WP
    mov cr0, eax
    lidt [gates_pointer]               # now, because the CPU takes it for a 64-bit table from here on
    push 8
    mov eax, offset long_mode
    push eax
    retf

# Shows the line at ESI on screen and COM1, and halts.
refuse:
    mov edi, VGA
    mov ecx, VGA_CELLS
    mov ax, 0x0720
    rep stosw
    call serial_init
    mov edi, VGA
6:  lodsb
    test al, al
    jz 7f
    mov ah, 0x0f
    stosw
    call serial_put
    jmp 6b
7:  mov al, 13
    call serial_put
    mov al, 10
    call serial_put
8:  hlt
    jmp 8b

# An exception before long mode: its number and place are put into the line that is shown.
early_trap:
    pop eax
    mov edi, offset early_exception_number
    mov ecx, 2
    call put_hex
    pop eax                            # the error code
    pop eax
    mov edi, offset early_exception_place
    mov ecx, 8
    call put_hex
    mov esi, offset early_exception
    jmp refuse

# Fills the table at EDI with interrupt gates of ESI bytes, whose upper halves are zero: to the entries at EAX, with
# EBX's selector.
fill_gates:
    mov ecx, 32
0:  mov edx, eax
    and edx, 0xffff
    or edx, ebx
    mov [edi], edx
    mov edx, eax
    and edx, 0xffff0000
    or edx, 0x8e00                     # present
    mov [edi + 4], edx
    add edi, esi
    add eax, 16
    loop 0b
    ret

# Writes ECX digits of EAX to EDI, in base 16.
put_hex:
    mov edx, eax
    and edx, 15
    cmp edx, 10
    jb 14f
    add edx, 'a' - '0' - 10
14: add edx, '0'
    mov [edi + ecx - 1], dl
    shr eax, 4
    loop put_hex
    ret

# 115200 baud, 8n1, no interrupts.
serial_init:
    push esi
    mov esi, offset serial_settings
9:  movzx edx, byte ptr [esi]
    add edx, COM1
    mov al, [esi + 1]
    out dx, al
    add esi, 2
    cmp esi, offset serial_settings_end
    jb 9b
    pop esi
    ret

# Sends AL; waits for the line a bounded time, as there may be none.
serial_put:
    mov ah, al
    mov ecx, 100000
    mov edx, COM1 + 5
10: in al, dx
    test al, 0x20
    jnz 12f
    loop 10b
12: mov al, ah
    mov edx, COM1
    out dx, al
    ret

.code64
long_mode:
    xor eax, eax
    mov ss, eax
    mov ds, eax
    mov es, eax
    mov fs, eax
    mov gs, eax
    mov rsp, offset _start_stack_end
    mov edi, ebp
    mov esi, ebx
    xor ebp, ebp                       # ends backtraces
    call bootstrap_main
    ud2

# Traps: each vector pushes its number, and before it a zero where the CPU pushes no error code.
.altmacro
.macro trap_entry vector, target
    .balign 16
    .if \vector - 8 && \vector - 10 && \vector - 11 && \vector - 12 && \vector - 13 && \vector - 14 && \vector - 17 && \vector - 21 && \vector - 29 && \vector - 30
    push 0
    .endif
    push \vector
    jmp \target
.endm
.balign 16
trap_entries:
.set number, 0
.rept 32
    trap_entry %number, trap_common
    .set number, number + 1
.endr
.code32
.balign 16
early_trap_entries:
.set number, 0
.rept 32
    trap_entry %number, early_trap
    .set number, number + 1
.endr
.code64
trap_common:
    push rax
    push rcx
    push rdx
    push rbx
    push rbp
    push rsi
    push rdi
    push r8
    push r9
    push r10
    push r11
    push r12
    push r13
    push r14
    push r15
    mov rdi, rsp
    and rsp, -16
    cld
    call bootstrap_trap
    ud2

# The last step: RDI = KIP, RSI = the screen's text, both the kernel's; RDX = page tables, RCX = stack, R8 = GDT
# pointer, R9 = entry.
.global enter_kernel
enter_kernel:
    cli
    mov cr3, rdx
    lgdt [r8]
    mov rsp, rcx
    xor ebp, ebp
    push 8
    lea rax, [rip + 13f]
    push rax
    retfq
13: jmp r9

.section .rodata.entry, "a"
.balign 8
.global boot_gdt
boot_gdt:
    .quad 0
    .quad 0x00af9b000000ffff           # 8: 64-bit code
    .quad 0x00cf93000000ffff           # 16: data
    .quad 0x00cf9b000000ffff           # 24: 32-bit code
boot_gdt_pointer:
    .short 31
    .quad boot_gdt
serial_settings:                       # register, value
    .byte 1, 0, 3, 0x80, 0, 1, 1, 0, 3, 3, 2, 0xc7, 4, 3
serial_settings_end:
not_multiboot:
    .asciz "bootstrap: not started by a Multiboot loader: use GRUB or QEMU's -kernel"
no_long_mode:
    .asciz "bootstrap: this CPU has no 64-bit mode: use an x86-64 one (qemu-system-x86_64)"

.section .data.entry, "aw"
.balign 8
early_gates: .skip 32 * 8
early_gates_pointer:
    .short 32 * 8 - 1
    .long early_gates
gates_pointer:
    .short 32 * 16 - 1
    .long gates
early_exception:
    .ascii "bootstrap: CPU exception 0x"
early_exception_number:
    .ascii "00 at 0x"
early_exception_place:
    .asciz "00000000, before 64-bit mode: try another machine or -cpu, and report this line"

.section .bss.entry, "aw", @nobits
.balign 4096
early_pml4: .skip 4096
.global early_pdpt
early_pdpt: .skip 4096
early_directories: .skip 4 * 4096
gates: .skip 32 * 16                   # of 64 bits, with addresses below 4 GiB
.skip 256 * 1024                      # plans and their copies take about 100 KiB
_start_stack_end:
