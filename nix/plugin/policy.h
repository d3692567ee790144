/**
 * The parts of the policy that `<state>/policy` records (docs/ledger.md), so that its language need
 * not be parsed here.
 */
#ifndef NIXSIG_POLICY_H
#define NIXSIG_POLICY_H

#include <stdbool.h>
#include <stddef.h>

#include "ledger.h"

/** Whether decisions are logged: docs/decision-log.md. */
enum logging {
  LOG_OFF,
  LOG_KEPT,    /* a line that cannot be written is only warned of */
  LOG_REQUIRED /* what cannot be logged is refused */
};

struct policy {
  char digest[HEX_SHA256 + 1];
  bool only_warns;
  bool sources_are_data; /* sources may become valid unjudged; false: they are judged first */
  enum logging logging;
};

/**
 * The policy in force, which is in `file`. Returns false, with the reason in `why`, if the record
 * of it is absent or is of other versions of its files: then the policy has to be parsed to know
 * it. The record is read again only when a file changes, which is checked after a tenth of a
 * second.
 */
bool read_policy(const char *state, const char *file, struct policy *policy, char *why, size_t size);

#endif
