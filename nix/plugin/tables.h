/**
 * Keeps triggers on the tables of a store's database that say what is valid, whoever creates these
 * tables and when.
 */
#ifndef NIXSIG_TABLES_H
#define NIXSIG_TABLES_H

#include <stdbool.h>
#include <stddef.h>

#include "sqlite.h"

enum { TABLES = 4 };

/**
 * The state for one connection. The caller sets the first four members and zeroes the others. It
 * must live as long as the connection.
 */
struct guarded_tables {
  const struct sqlite *sqlite;
  sqlite3 *db;
  /** Called with `data` when a statement with this text begins, before it takes any lock. */
  void (*begins)(void *data, void *statement, const char *text);
  void *data;
  bool is_guarded[TABLES];
  bool is_changed[TABLES]; /* may have been created by this connection since the last check */
  bool is_working;         /* our own statements run */
  unsigned traced;         /* what SQLite reports of statements */
};

/**
 * Installs the triggers, authorizer and trace of a connection that has the functions that the
 * triggers call. Returns SQLITE_OK or another status of SQLite.
 */
int guard_tables(struct guarded_tables *guard);

#endif
