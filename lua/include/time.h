/* math.randomseed without arguments takes a seed from here. */
#pragma once
typedef unsigned long time_t;
static inline time_t time(time_t *result) { (void)result; return furore_lua_seed(); }
