/* Force-included before every Lua source file: where Lua's own configuration points are bound to
   Furore's shim (lua/src/shim). Every libc name that Lua uses is declared in this folder under the
   linker name furore_lua_<name>, so that the archive links into static programs without a libc and
   into host tests beside one. */
#ifndef FURORE_LUA_PORT_H
#define FURORE_LUA_PORT_H

#define FURORE_SHIM(name) __asm__("furore_lua_" #name)

/* Errors: a register set of eight words, restored by furore_lua_longjmp. */
struct lua_State;
typedef unsigned long furore_jump_buffer[8];
int furore_lua_setjmp(furore_jump_buffer) __attribute__((returns_twice));
void furore_lua_longjmp(furore_jump_buffer) __attribute__((noreturn));
#define luai_jmpbuf furore_jump_buffer
#define LUAI_THROW(L, c) furore_lua_longjmp((c)->b)
#define LUAI_TRY(L, c, a) if (furore_lua_setjmp((c)->b) == 0) { a }

/* Randomness of string hashes and sort pivots. */
unsigned int furore_lua_seed(void);
#define luai_makeseed(L) furore_lua_seed()
#define l_randomizePivot() furore_lua_seed()

/* Output of print and of warnings. */
void furore_lua_write(const char *text, unsigned long bytes);
void furore_lua_write_error(const char *format, const char *text);
#define lua_writestring(s, l) furore_lua_write((s), (l))
#define lua_writeline() furore_lua_write("\n", 1)
#define lua_writestringerror(s, p) furore_lua_write_error((s), (const char *)(p))

/* The decimal point never varies, and no signal interrupts the interpreter. */
#define lua_getlocaledecpoint() '.'
#define l_signalT int

/* Where require looks; there are no C modules. */
#define LUA_PATH_DEFAULT "rom/?.lua;?.lua"
#define LUA_CPATH_DEFAULT ""

/* A recursion that does not end is told so when it has taken a few tens of megabytes, where Lua's own bound, a million
   slots, takes more than a small machine has. luaconf.h gives no choice, hence comes first; ffi.rs knows the number. */
#define LUA_CORE
#include "luaconf.h"
#undef LUAI_MAXSTACK
#define LUAI_MAXSTACK 200000

#endif
