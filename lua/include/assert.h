/* Lua asserts nothing in a release build. */
#define assert(condition) ((void)0)
