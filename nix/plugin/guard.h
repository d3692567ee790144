/** Stands before the tables of a store's database in which paths and realisations become valid. */
#ifndef NIXSIG_GUARD_H
#define NIXSIG_GUARD_H

#include "sqlite.h"

/** Guards the database behind a connection that was just opened, if it is a store's; SQLITE_OK, or why not. */
int guard_connection(const struct sqlite *sqlite, sqlite3 *db, const char **error);

#endif
