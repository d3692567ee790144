/**
 * Paths that may be in the store as data: nothing runs them before something is built from them,
 * and then the hooks judge that.
 */
#ifndef NIXSIG_INERT_H
#define NIXSIG_INERT_H

#include "store-path.h"

enum inert {
  NOT_INERT,  /* or cannot be recognised without its references */
  INERT_TEXT, /* a .drv file, or a text written by evaluation */
  INERT_SOURCE
};

/**
 * Whether a path's name, which contains a hash of its contents, shows that it is data. `ca` is the
 * content address that goes into Nix's database, or NULL; `nar_hash` is in hex. Both are believed
 * only as far as they give the path's name. Paths with references are NOT_INERT, since their names
 * depend on the references too. Derivations (.drv) are an exception: the hooks check them against
 * their names.
 */
enum inert inert_kind(const struct store_path *path, const char *ca, const char *nar_hash);

#endif
