#!/bin/sh
# Runs "$@" with a toolchain in PATH that can build Furore: the Rust version of rust-toolchain.toml with its library
# sources, lld, a C compiler, QEMU, GRUB, xorriso and mtools. What is missing is installed on Debian (as root, or by sudo);
# elsewhere the missing pieces are named. Order for Rust: rustup's toolchain if it has the sources, else the
# system's (put first in PATH, so that cargo, rustc, rustdoc, clippy and rustfmt are all of one make).
# NEEDED="program-or-file package" adds one more thing to look for.
set -eu
cd "$(dirname "$0")/.."
export RUSTUP_AUTO_INSTALL=0 RUSTC_BOOTSTRAP=1
wanted=$(sed -n 's/^channel *= *"\(.*\)"/\1/p' rust-toolchain.toml)
system_bin=/usr/bin

say() { printf 'furore: %s\n' "$*" >&2; }

# The version of the rustc that PATH finds, if its library sources are there and match it; nothing otherwise.
rust_with_sources() {
    sysroot=$(rustc --print sysroot 2>/dev/null) || return 0
    [ -f "$sysroot/lib/rustlib/src/rust/library/core/src/lib.rs" ] || return 0
    version=$(rustc --version 2>/dev/null | sed 's/^rustc \([0-9.]*\).*/\1/')
    # Debian names the folder of the sources after their version.
    case $(readlink -f "$sysroot/lib/rustlib/src/rust") in
        */rustc-[0-9]*) [ "$(basename "$(readlink -f "$sysroot/lib/rustlib/src/rust")")" = "rustc-$version" ] || return 0 ;;
    esac
    command -v cargo >/dev/null 2>&1 && cargo --version >/dev/null 2>&1 && printf '%s' "$version"
}

# Is version $1 at least $2?
at_least() { [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$2" ]; }

# Leaves PATH with a usable Rust first, or fails.
find_rust() {
    [ "$(rust_with_sources)" = "$wanted" ] && return 0
    first=$(command -v rustc || true)
    unfit=$(rustc --version 2>/dev/null || true)
    PATH=$system_bin:$PATH
    found=$(rust_with_sources)
    if [ -n "$found" ] && at_least "$found" "$wanted"; then
        [ "$found" = "$wanted" ] || say "the system's Rust is $found, Furore is made with $wanted; going on with $found"
        case $unfit in
            *" $wanted "*) [ "$first" = "$(command -v rustc)" ] ||
                say "$first has no library sources (rustup component add rust-src); going on with $(command -v rustc)" ;;
        esac
        return 0
    fi
    PATH=${PATH#"$system_bin:"}
    return 1
}

# Names the Debian packages of all that is missing.
missing_packages() {
    if find_rust 2>/dev/null; then
        bin=$(dirname "$(command -v rustc)")
        [ -e "$bin/cargo-clippy" ] || printf 'rust-web-clippy '
        [ -e "$bin/cargo-fmt" ] || printf 'rustfmt-web '
    else
        printf '%s ' rustc-web cargo-web rust-web-src rust-web-clippy rustfmt-web
    fi
    while read -r what package; do
        case $what in
            /*) [ -e "$what" ] ;;
            *) command -v "$what" >/dev/null 2>&1 ;;
        esac || printf '%s ' "$package"
    done <<LIST
ld.lld lld
cc gcc
strip binutils
/usr/include/stdlib.h libc6-dev
qemu-system-x86_64 qemu-system-x86
/usr/share/seabios/bios-256k.bin seabios
/usr/lib/ipxe/qemu/efi-e1000.rom ipxe-qemu
grub-mkrescue grub-common
/usr/lib/grub/i386-pc/multiboot.mod grub-pc-bin
/usr/lib/grub/x86_64-efi/multiboot.mod grub-efi-amd64-bin
xorriso xorriso
mformat mtools
/etc/ssl/certs/ca-certificates.crt ca-certificates
${NEEDED:-sh dash}
LIST
}

install() {
    if ! command -v apt-get >/dev/null 2>&1; then
        say "missing here, by the names of Debian's packages: $*"
        hint_at_rustup "$@"
        exit 1
    fi
    as_root=
    if [ "$(id -u)" != 0 ]; then
        as_root=sudo
        if ! command -v sudo >/dev/null 2>&1 || ! sudo -p 'furore: packages are missing; sudo asks for the password of %p to install them: ' true; then
            say "to be installed by root: apt-get update && apt-get install --no-install-recommends $*"
            hint_at_rustup "$@"
            exit 1
        fi
    fi
    say "installing $*"
    $as_root apt-get -q update >&2 || say "apt-get update failed; trying with the lists that are here"
    case " $* " in
        *" rustc-web "*) require_new_rust ;;
    esac
    if ! $as_root env DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends "$@" >&2; then
        say "apt-get could not install: $*"
        exit 1
    fi
}

# The other way to Rust, if Rust is among the missing packages "$@".
hint_at_rustup() {
    case " $* " in
        *" rustc-web "*) say "or, for Rust, with rustup: rustup toolchain install $wanted -c rust-src -c rustfmt -c clippy" ;;
    esac
}

# Stops before anything is installed if apt would install too old a Rust.
require_new_rust() {
    offered=$(apt-cache show --no-all-versions rustc-web 2>/dev/null | sed -n 's/^Version: \([0-9.]*\).*/\1/p' | head -n 1)
    if at_least "${offered:-0}" "$wanted"; then
        here=$("$system_bin/rustc" --version 2>/dev/null) || here=
        case $here in
            '' | *" $offered "*) ;;
            *) say "Rust $offered takes the place of the system's $here" ;;
        esac
        return 0
    fi
    say "apt offers Rust ${offered:-(package rustc-web) not at all}; Furore needs $wanted, which Debian 12 has in its security archive"
    say "(suite bookworm-security): add that to apt's list of sources"
    hint_at_rustup rustc-web
    exit 1
}

packages=$(missing_packages)
# shellcheck disable=SC2086 # one word per package
[ -z "$packages" ] || install $packages
if ! find_rust; then
    say "no Rust $wanted with library sources: neither rustup's (rustup component add rust-src) nor in $system_bin"
    exit 1
fi
exec "$@"
