/** As much of the policy as the ledger tells without its language: `<state>/policy`, see docs/ledger.md. */
#ifndef NIXSIG_POLICY_H
#define NIXSIG_POLICY_H

#include <stdbool.h>
#include <stddef.h>

#include "ledger.h"

struct policy {
  char digest[HEX_SHA256 + 1];
  bool only_warns;
  bool sources_are_data; /* sources may become valid unasked; false: they are judged first */
};

/**
 * The policy in force, which `file` is. False, with the reason, if what is remembered of it is not there or not of the files that make it up
 * now: then only who reads its language can say what it is. What was read once is kept while no file changes, which is looked at
 * again after a tenth of a second.
 */
bool read_policy(const char *state, const char *file, struct policy *policy, char *why, size_t size);

#endif
