/** Reads the first lines of the ledger's files, as src/ledger/first-line.ts writes them. */
#ifndef NIXSIG_LEDGER_H
#define NIXSIG_LEDGER_H

#include <stdbool.h>
#include <stddef.h>

#include "lines.h"
#include "store-path.h"

/**
 * Whether the ledger has something about a path. LEDGER_BROKEN: it cannot be told; `why` says why.
 */
enum ledger { LEDGER_HAS, LEDGER_SILENT, LEDGER_BROKEN };

/** Under which policy something was found, and until when that holds. */
struct term {
  char policy[HEX_SHA256 + 1]; /* digest of the policy */
  bool ends;
  unsigned long long until; /* seconds since 1970, if it ends */
};

/** The parts of an admission that decide whether it is still valid. */
struct admission {
  char nar_hash[HEX_SHA256 + 1];
  struct term term;
};

/** With which contents an output may become valid, as in src/ledger/expected.ts. */
enum admits {
  ADMITS_NOTHING, /* its build was refused, or the record does not say */
  ADMITS_ANY,
  ADMITS_THESE,
  ADMITS_ASKED /* the record does not decide: whoever can read the output has to */
};

/** An output whose build was allowed to start. */
struct expectation {
  const char *derivation; /* not terminated by a NUL */
  size_t derivation_length;
  struct term term;
  enum admits admits;
  size_t allowed;  /* number of NAR hashes that are listed */
  bool is_allowed; /* whether the one that was asked about is among them */
};

/**
 * Finds the admission of a path, whether current or stale. LEDGER_SILENT: there is none in the
 * current format.
 */
enum ledger find_admission(const char *state, const struct store_path *path, struct admission *found, char *why, size_t size);

/** Finds the expectation of an output. `nar_hash` (hex): the contents that are asked about. */
enum ledger find_expectation(const char *state, const struct store_path *path, const char *nar_hash, struct expectation *found,
                             char *why, size_t size);

#endif
