# Furore: `make help` lists the commands. The work is done by the host program in tools/, which tools/toolchain.sh
# starts after it has found (or installed) everything that is needed.

export RUSTC_BOOTSTRAP := 1
FURORE := @sh tools/toolchain.sh cargo run --quiet --package furore-tools --
TESTS := sh tools/toolchain.sh cargo run --quiet --package furore-tests --

# Menu entry that `make run` and `make run-kernel` take; by its title in iso/boot/grub/menu.lst.
ENTRY ?= Hello and Ackermann, then power off
# How long `make fuzz` goes on, and a seed to repeat instead.
SECONDS ?= 60
SEED ?=
# Files that `make fiasco` takes: a Fiasco for amd64, and L4Re's sigma0, moe, l4re and bootstrap.
FIASCO ?=
SIGMA0 ?=
MOE ?=
L4RE ?=
BOOTSTRAP ?=
# More arguments for QEMU, e.g. QEMU='-m 512 -smp 2'.
QEMU ?=
export ENTRY NAME ONLY

run:
	$(FURORE) run --entry "$$ENTRY" -- $(QEMU)
run-kernel:
	$(FURORE) run-kernel --entry "$$ENTRY" -- $(QEMU)
debug:
	$(FURORE) debug --entry "$$ENTRY" -- $(QEMU)
build iso net check:
	$(FURORE) $@
screenshot:
	@NEEDED='/usr/share/ovmf/OVMF.fd ovmf' sh tools/toolchain.sh cargo run --quiet --package furore-tools -- screenshot
image:
	$(FURORE) image --entry "$$ENTRY"
new:
	$(FURORE) new "$$NAME"
test:
	@NEEDED='/usr/share/ovmf/OVMF.fd ovmf' $(TESTS) "$$ONLY"
test-all:
	@NEEDED='/usr/share/ovmf/OVMF.fd ovmf' $(TESTS) --all "$$ONLY"
bench:
	@ONLY=benchmark $(MAKE) --no-print-directory test
	@grep -ah 'bench: ' target/qemu-tests/benchmark*/serial.log | sed 's/.*bench: //; s/\x1b.*//'
fuzz:
	@$(TESTS) --fuzz "$(if $(SEED),seed=$(SEED),seconds=$(SECONDS))"
fiasco:
	@$(TESTS) --fiasco "$(FIASCO)" "$(SIGMA0)" "$(MOE)" "$(L4RE)" "$(BOOTSTRAP)"
clean:
	rm -rf target boot.iso
help:
	@sed -n 's/^#| \{0,1\}//p' Makefile

#| make run          build, boot the CD in QEMU (TCG), output on this terminal; ends when the menu entry powers off
#|                   ENTRY="title" takes another entry of iso/boot/grub/menu.lst; QEMU="..." adds arguments;
#|                   Ctrl-A x ends QEMU by hand
#| make iso          build and write boot.iso (BIOS and UEFI), after a check of menu.lst against what is on it
#| make run-kernel   the same entry without CD and GRUB: QEMU loads bootstrap and its modules itself
#| make image        write the entry (here any case will do: ENTRY=hello) as one ELF file with everything inside, which
#|                   qemu-system-x86_64 -kernel and GRUB load
#| make net          write target/net/, the folder that a TFTP server offers for booting over the network
#| make debug        like run-kernel, but QEMU waits for gdb; prints the command that attaches
#| make new NAME=x   make a user program x and print the lines that start it
#| make build        only build, the tests' programs too
#| make test         host tests, then boots in QEMU; ONLY=word runs the boot tests with that word in their name
#| make test-all     the same on every combination of firmware, medium, machine, CPU and memory: half an hour
#| make bench        guest instructions of the kernel's operations; docs/benchmarks.md has the peers' beside them
#| make fuzz         random calls on a kernel that checks itself, with seeds that were never tried; SECONDS=3600 says for how
#|                   long, SEED=n tries that one again
#| make fiasco       the conformance suite on a Fiasco that you have built, and whether it differs as docs/fiasco.md says:
#|                   FIASCO=file SIGMA0=file MOE=file L4RE=file BOOTSTRAP=file
#| make screenshot   take the README's picture, docs/screenshot.png
#| make check        format, clippy with warnings denied, host tests
#| make clean        remove everything that was built

.PHONY: run run-kernel debug build iso image net new test test-all bench fuzz fiasco screenshot check clean help
