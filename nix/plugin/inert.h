/** What may lie in the store as data: nothing runs it before something is built from it, and then the hooks judge it. */
#ifndef NIXSIG_INERT_H
#define NIXSIG_INERT_H

#include "store-path.h"

enum inert {
  NOT_INERT,  /* or not known to be without its references */
  INERT_TEXT, /* a derivation's file, or a text that evaluation wrote */
  INERT_SOURCE
};

/**
 * What a path is by its own name, which holds a hash of its contents. `ca`: the content address that Nix's database gets,
 * or NULL; `nar_hash`: hex. Neither is believed further than the name bears it out. Paths with references are NOT_INERT, as
 * their names hold those too, but for the files of derivations, which the hooks hold against their names.
 */
enum inert inert_kind(const struct store_path *path, const char *ca, const char *nar_hash);

#endif
