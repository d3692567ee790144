/**
 * Holds a transaction to the references for which its paths were let in. A signature in Nix's form
 * is over the references as well, and Nix writes these after the path's row. So they are compared
 * when the transaction ends.
 */
#ifndef NIXSIG_PROMISES_H
#define NIXSIG_PROMISES_H

#include <stdbool.h>
#include <stddef.h>

#include "lines.h"
#include "sqlite.h"

/** A path that may become valid with these references only. */
struct promise {
  char *path;
  char *hash; /* of its NAR, as Nix writes it */
  char references[HEX_SHA256 + 1]; /* SHA-256 (hex) of them, sorted, each with a line feed */
};

/** Those of one connection's transaction. The caller sets the first two members and zeroes the others. */
struct promises {
  const struct sqlite *sqlite;
  sqlite3 *db;
  struct promise *list;
  size_t count;
  size_t room;
  bool are_kept; /* they were compared, and the transaction may end */
};

/** Adds a promise of the transaction under way. False if there is no memory for it. */
bool add_promise(struct promises *promises, const char *path, const char *hash, const char references[HEX_SHA256 + 1]);

/** Whether a statement with this text ends the transaction, and there is anything to compare. */
bool has_to_compare(const struct promises *promises, const char *text);

/**
 * Compares the promises with what the transaction has written. Returns the first path that has other
 * references, and how many it has; NULL if all have theirs. `count` is -1 if they cannot be read.
 */
const struct promise *find_broken(struct promises *promises, long *count);

/** Has the connection roll a transaction back that ends without having been compared. */
void enforce_promises(struct promises *promises);

/** Frees what they hold. */
void forget_promises(struct promises *promises);

#endif
