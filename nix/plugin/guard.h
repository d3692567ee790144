/** Guards the tables of a store's database in which paths and realisations become valid. */
#ifndef NIXSIG_GUARD_H
#define NIXSIG_GUARD_H

#include "sqlite.h"

/**
 * Guards the database of a connection that was just opened, if it is a store's. Returns SQLITE_OK,
 * or a status of SQLite and a message in `error`.
 */
int guard_connection(const struct sqlite *sqlite, sqlite3 *db, const char **error);

#endif
