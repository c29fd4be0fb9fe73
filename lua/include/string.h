/* Memory functions are the compiler's run-time library's; text functions: lua/src/shim/text.rs. */
#pragma once
#include <stddef.h>
void *memcpy(void *to, const void *from, size_t bytes);
void *memmove(void *to, const void *from, size_t bytes);
void *memset(void *to, int byte, size_t bytes);
int memcmp(const void *a, const void *b, size_t bytes);
void *memchr(const void *from, int byte, size_t bytes) FURORE_SHIM(memchr);
size_t strlen(const char *text) FURORE_SHIM(strlen);
size_t strspn(const char *text, const char *set) FURORE_SHIM(strspn);
int strcmp(const char *a, const char *b) FURORE_SHIM(strcmp);
int strncmp(const char *a, const char *b, size_t bytes) FURORE_SHIM(strncmp);
int strcoll(const char *a, const char *b) FURORE_SHIM(strcmp);
char *strcpy(char *to, const char *from) FURORE_SHIM(strcpy);
char *strchr(const char *text, int byte) FURORE_SHIM(strchr);
char *strpbrk(const char *text, const char *set) FURORE_SHIM(strpbrk);
char *strstr(const char *text, const char *part) FURORE_SHIM(strstr);
char *strerror(int code) FURORE_SHIM(strerror);
