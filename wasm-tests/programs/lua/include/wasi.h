// What Lua wants from the C library and WASI preview 1 does not have. Errors that no pcall can catch end the
// program: without exceptions there is no longjmp, so a Lua error inside pcall does too.
#include <stdio.h>
#include <stdlib.h>
#define luai_jmpbuf int
#define LUAI_TRY(L, c, a) { a }
#define LUAI_THROW(L, c)                                            \
  do {                                                              \
    fprintf(stderr, "lua: %s\n", lua_tostring(L, -1));              \
    exit(1);                                                        \
  } while (0)
#define LUA_TMPNAMBUFSIZE 32
#define lua_tmpnam(b, e) { e = 1; }
static inline int no_system(const char *command) { return (void)command, command ? -1 : 0; }
#define system no_system
static inline FILE *no_tmpfile(void) { return NULL; }
#define tmpfile no_tmpfile
