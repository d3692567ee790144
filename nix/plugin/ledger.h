/** The ledger as another program reads it: docs/ledger.md. */
#ifndef NIXSIG_LEDGER_H
#define NIXSIG_LEDGER_H

#include <stdbool.h>
#include <stddef.h>

#include "lines.h"
#include "store-path.h"

/** What the ledger has about a path. `broken` is no answer, and says why. */
enum ledger { LEDGER_HAS, LEDGER_SILENT, LEDGER_BROKEN };

/** What decides whether an admission still speaks. */
struct admission {
  char nar_hash[HEX_SHA256 + 1];
  char policy[HEX_SHA256 + 1];
  bool ends;
  unsigned long long until; /* seconds since 1970, if it ends */
};

/** With which contents an output may become valid, as src/ledger/expected.ts has it. */
enum admits {
  ADMITS_NOTHING, /* its build was refused, or the record does not say */
  ADMITS_ANY,
  ADMITS_THESE,
  ADMITS_ASKED /* the record does not decide: whoever can look at the bytes has to */
};

/** An output whose build was let start. */
struct expectation {
  const char *derivation; /* not ended by a NUL */
  size_t derivation_length;
  char policy[HEX_SHA256 + 1]; /* under which that was found */
  bool ends;
  unsigned long long until; /* seconds since 1970, if it ends */
  enum admits admits;
  size_t allowed;  /* how many contents are named */
  bool is_allowed; /* whether the ones that were asked about are among them */
};

/** The admission of a path, current or stale. */
enum ledger find_admission(const char *state, const struct store_path *path, struct admission *found, char *why, size_t size);

/** The expectation of an output. `nar_hash` (hex): which contents are asked about. */
enum ledger find_expectation(const char *state, const struct store_path *path, const char *nar_hash, struct expectation *found,
                             char *why, size_t size);

#endif
