/** Decides whether a path may become valid in the store. */
#ifndef NIXSIG_DECIDE_H
#define NIXSIG_DECIDE_H

#include <stdbool.h>
#include <stddef.h>

#include "lines.h"
#include "policy.h"

/** A row of Nix's database that is about to be written. Each text may be NULL. */
struct row {
  const char *path;
  const char *hash;    /* `sha256:` and the NAR hash in hex */
  const char *deriver; /* store path */
  const char *ca;
  bool is_ours;        /* Nix says that it was built on this machine (`ultimate`) */
  const char *root;    /* what precedes /nix/store on the disk, mostly ""; NULL: not known */
  long long nar_size;  /* bytes of the NAR; 0: not known */
  const char *sigs;    /* signatures in Nix's form, with spaces between them */
};

/** Where the files and the socket are. */
struct places {
  const char *state;  /* /var/lib/nixsig */
  const char *policy; /* /etc/nixsig/policy.toml */
  const char *socket; /* socket of the resident process */
  int patience_ms;    /* for its answer */
};

enum decision {
  LET_IN,
  LET_IN_WARNED, /* would be refused, but the policy only warns */
  REFUSED
};

enum { REASON_LIMIT = 4096 };

/** On what a decision rests. */
enum ground {
  BY_NATURE,  /* it is data or a text, and nothing was judged */
  BY_GATE,    /* the gate judged it */
  BY_LEDGER,  /* the ledger has it, or cannot be read */
  BY_BUILD,   /* what was recorded before its build */
  BY_SILENCE, /* nobody could be asked */
  BY_FORM     /* it is malformed */
};

/** What a decision rests on. */
struct grounds {
  char reason[REASON_LIMIT]; /* printable ASCII */
  enum ground ground;
  bool is_certain; /* if it is refused: that the evidence is complete and does not suffice */
  bool is_logged;  /* has no line of the decision log, or one by the gate */
  bool has_policy;
  struct policy policy; /* the one in force, if that is known here */
  /*
   * If the row was let in for a signature, which is over the references as well: their digest
   * (references.h), and the path may have no others. Else empty.
   */
  char references[HEX_SHA256 + 1];
};

/** Decides. Whatever cannot be read or parsed is refused. */
enum decision decide(const struct places *places, const struct row *row, struct grounds *grounds);

/**
 * The decision for something that is always refused: the policy may only warn. Of the grounds it sets
 * the policy.
 */
enum decision decide_refused(const struct places *places, struct grounds *grounds);

/** As `decide_refused`, under a policy that is known already; NULL: none is known. */
enum decision decide_refused_under(const struct places *places, const struct policy *policy);

#endif
