/* Files are read through the embedder's reader: lua/src/shim/file.rs. Lua gives snprintf one
   argument after the format, always; its type selects the function: lua/src/shim/format.rs. */
#pragma once
#include <stddef.h>
#define BUFSIZ 1024
#define EOF (-1)
typedef struct furore_lua_file FILE;
#define stdin ((FILE *)0)
FILE *fopen(const char *path, const char *mode) FURORE_SHIM(fopen);
FILE *freopen(const char *path, const char *mode, FILE *file) FURORE_SHIM(freopen);
int fclose(FILE *file) FURORE_SHIM(fclose);
int feof(FILE *file) FURORE_SHIM(feof);
int ferror(FILE *file) FURORE_SHIM(ferror);
int getc(FILE *file) FURORE_SHIM(getc);
size_t fread(void *to, size_t size, size_t count, FILE *file) FURORE_SHIM(fread);
char *fgets(char *to, int size, FILE *file) FURORE_SHIM(fgets);

int furore_lua_format_float(char *to, size_t size, const char *format, double value);
int furore_lua_format_integer(char *to, size_t size, const char *format, long long value);
int furore_lua_format_pointer(char *to, size_t size, const char *format, const void *value);
#define snprintf(to, size, format, value)           \
  _Generic((value),                                 \
      double: furore_lua_format_float,              \
      char *: furore_lua_format_pointer,            \
      const char *: furore_lua_format_pointer,      \
      void *: furore_lua_format_pointer,            \
      const void *: furore_lua_format_pointer,      \
      default: furore_lua_format_integer)((to), (size), (format), (value))
