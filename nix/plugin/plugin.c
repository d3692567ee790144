/**
 * What Nix loads (`plugin-files`). It uses no symbol of Nix: it asks SQLite, which Nix has loaded, to be called for each
 * connection that is opened from now on.
 */
#include <stdio.h>
#include <unistd.h>

#include "guard.h"
#include "next-step.h"
#include "say.h"

static struct sqlite sqlite;

struct sqlite3_api_routines;

/** The form of a SQLite extension (sqlite.org/c3ref/auto_extension.html); a status other than 0 fails the opening. */
static int on_connection(sqlite3 *db, const char **error, const struct sqlite3_api_routines *ignored) {
  (void)ignored;
  const char *problem = NULL;
  const int status = guard_connection(&sqlite, db, &problem);
  if (status != SQLITE_OK && problem != NULL) {
    char text[384];
    snprintf(text, sizeof text, "nixsig: refused to open a store: %s (SQLite's status %d)" NEXT_AGAIN_OR_DOCTOR, problem, status);
    say(text);
  }
  (void)error; /* memory of SQLite's own; the line above says it */
  return status;
}

__attribute__((constructor)) static void load(void) {
  if (find_sqlite(&sqlite) && sqlite.auto_extension((void (*)(void))on_connection) == SQLITE_OK) return;
  /* Without root's rights no store of root's can be opened, so there is nothing to guard in such a process. */
  if (geteuid() != 0) return;
  say("nixsig: refused to go on: the SQLite of this Nix cannot be found by name, so nobody would guard the store" NEXT
      "nixsig doctor; nixsig's plugin taken out of plugin-files lets this Nix run unguarded");
  _exit(1);
}
