// A small `lua`: `lua [-e CODE] [SCRIPT [ARGS...]]`; without arguments it runs what comes on standard input.
#include <stdio.h>
#include <string.h>
#include "lauxlib.h"
#include "lua.h"
#include "lualib.h"

static int report(lua_State *L, int failed) {
  if (failed) fprintf(stderr, "lua: %s\n", lua_tostring(L, -1));
  return failed != 0;
}

int main(int argc, char **argv) {
  lua_State *L = luaL_newstate();
  if (!L) return 1;
  luaL_openlibs(L);
  int script = 1;
  if (argc > 2 && strcmp(argv[1], "-e") == 0) {
    if (report(L, luaL_dostring(L, argv[2]))) return 1;
    if (argc == 3) return 0;
    script = 3;
  }
  lua_newtable(L);
  for (int i = 0; i < argc; i++) {
    lua_pushstring(L, argv[i]);
    lua_rawseti(L, -2, i - script);
  }
  lua_setglobal(L, "arg");
  int failed = report(L, luaL_dofile(L, argc > script ? argv[script] : NULL));
  lua_close(L);
  return failed;
}
