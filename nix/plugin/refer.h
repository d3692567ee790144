/** The functions that the triggers on the table of references call. */
#ifndef NIXSIG_REFER_H
#define NIXSIG_REFER_H

#include "sqlite.h"

/**
 * Adds the functions `nixsig_any_leaving()` and `nixsig_refer(path)` to a connection. Returns a
 * status of SQLite. `root` is what precedes /nix/store on the disk, and must live as long as the
 * connection; NULL: not known.
 */
int add_reference_functions(const struct sqlite *sqlite, sqlite3 *db, const char *root);

#endif
