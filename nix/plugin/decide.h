/** Whether a path may become valid in the store. */
#ifndef NIXSIG_DECIDE_H
#define NIXSIG_DECIDE_H

#include <stdbool.h>
#include <stddef.h>

/** A row of Nix's database as it is about to be: each text may be NULL where the database has none. */
struct row {
  const char *path;
  const char *hash;    /* `sha256:` and the NAR hash in hex */
  const char *deriver; /* store path */
  const char *ca;
  bool is_ours;        /* Nix says that it was built on this machine */
  const char *root;    /* what stands before /nix/store on the disk, "" mostly; NULL: not known */
};

/** Where to look. */
struct places {
  const char *state;  /* /var/lib/nixsig */
  const char *policy; /* /etc/nixsig/policy.toml */
  const char *socket; /* of the resident process */
  int patience_ms;    /* for its answer */
};

enum decision {
  LET_IN,
  LET_IN_WARNED, /* refused, but the policy only warns */
  REFUSED
};

enum { REASON_LIMIT = 4096 };

/** Decides, and says why not. Whatever cannot be read or understood is refused. */
enum decision decide(const struct places *places, const struct row *row, char *reason, size_t size);

/** How a policy in force takes something that is always refused. */
enum decision decide_refused(const struct places *places);

#endif
