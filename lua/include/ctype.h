/* Character classes of the C locale: lua/src/shim/text.rs. */
#pragma once
int isalnum(int) FURORE_SHIM(isalnum);
int isalpha(int) FURORE_SHIM(isalpha);
int iscntrl(int) FURORE_SHIM(iscntrl);
int isdigit(int) FURORE_SHIM(isdigit);
int isgraph(int) FURORE_SHIM(isgraph);
int islower(int) FURORE_SHIM(islower);
int ispunct(int) FURORE_SHIM(ispunct);
int isspace(int) FURORE_SHIM(isspace);
int isupper(int) FURORE_SHIM(isupper);
int isxdigit(int) FURORE_SHIM(isxdigit);
int tolower(int) FURORE_SHIM(tolower);
int toupper(int) FURORE_SHIM(toupper);
