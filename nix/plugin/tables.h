/** Keeps triggers before the tables of a store's database that say what is valid, whoever makes these tables and when. */
#ifndef NIXSIG_TABLES_H
#define NIXSIG_TABLES_H

#include <stdbool.h>
#include <stddef.h>

#include "sqlite.h"

enum { TABLES = 4 };

/** Of one connection. The first four are given, everything else begins as 0; it has to stay as long as the connection. */
struct guarded_tables {
  const struct sqlite *sqlite;
  sqlite3 *db;
  /** Called with `data` when a statement of this text begins, before it takes any lock. */
  void (*begins)(void *data, void *statement, const char *text);
  void *data;
  bool is_guarded[TABLES];
  bool is_changed[TABLES]; /* may have been made by a statement of this connection, and not looked at since */
  bool is_working;         /* our own statements run */
  unsigned traced;         /* what SQLite tells of statements */
};

/**
 * Sets triggers, authorizer and trace of a connection that has the functions which the triggers call; SQLITE_OK, or why
 * not.
 */
int guard_tables(struct guarded_tables *guard);

#endif
