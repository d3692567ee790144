/** What the trigger before the table of references calls. */
#ifndef NIXSIG_REFER_H
#define NIXSIG_REFER_H

#include "sqlite.h"

/**
 * Gives a connection the functions `nixsig_any_leaving()` and `nixsig_refer(path)`; a status of SQLite. `root`: what stands
 * before /nix/store on the disk, for as long as the connection is open; NULL: not known.
 */
int add_reference_functions(const struct sqlite *sqlite, sqlite3 *db, const char *root);

#endif
