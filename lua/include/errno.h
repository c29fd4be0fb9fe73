/* The reason of the last fopen that failed: lua/src/shim/file.rs. */
#pragma once
extern int furore_lua_errno;
#define errno furore_lua_errno
