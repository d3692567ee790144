/**
 * The plugin that Nix loads (`plugin-files`). It uses no symbol of Nix. It registers with SQLite,
 * which Nix has loaded, to be called for each connection that is opened from now on.
 */
#include <stdio.h>
#include <unistd.h>

#include "guard.h"
#include "next-step.h"
#include "say.h"

static struct sqlite sqlite;

struct sqlite3_api_routines;

/**
 * The entry point of a SQLite extension (sqlite.org/c3ref/auto_extension.html). If the status is
 * not 0, opening fails.
 */
static int on_connection(sqlite3 *db, const char **error, const struct sqlite3_api_routines *ignored) {
  (void)ignored;
  const char *problem = NULL;
  const int status = guard_connection(&sqlite, db, &problem);
  if (status != SQLITE_OK && problem != NULL) {
    char text[384];
    snprintf(text, sizeof text, "nixsig: refused to open a store: %s (SQLite's status %d)" NEXT_AGAIN_OR_DOCTOR, problem, status);
    say(text);
  }
  (void)error; /* would have to be SQLite's memory; the line above says it */
  return status;
}

__attribute__((constructor)) static void load(void) {
  if (find_sqlite(&sqlite) && sqlite.auto_extension((void (*)(void))on_connection) == SQLITE_OK) return;
  /* A process without root's rights cannot open root's stores, so it has nothing to guard. */
  if (geteuid() != 0) return;
  say("nixsig: refused to go on: the SQLite of this Nix cannot be found by name, so nobody would guard the store" NEXT
      "nixsig doctor; nixsig's plugin taken out of plugin-files lets this Nix run unguarded");
  _exit(1);
}
