/* Memory comes from the allocator that lua_newstate is given; luaL_newstate, which would use
   realloc, is not used and gets none. */
#pragma once
#include <stddef.h>
#define EXIT_SUCCESS 0
#define EXIT_FAILURE 1
void abort(void) FURORE_SHIM(abort) __attribute__((noreturn));
double strtod(const char *text, char **end) FURORE_SHIM(strtod);
static inline int abs(int value) { return value < 0 ? -value : value; }
static inline char *getenv(const char *name) { (void)name; return NULL; }
static inline void free(void *block) { (void)block; }
static inline void *realloc(void *block, size_t size) { (void)block; (void)size; return NULL; }
