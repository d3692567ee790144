/** The plugin's lines of the decision log: docs/decision-log.md. */
#ifndef NIXSIG_DECISION_H
#define NIXSIG_DECISION_H

#include <stdbool.h>
#include <stddef.h>

#include "policy.h"

/** What was decided about a path. */
struct log_entry {
  const char *path;
  const char *hash; /* `sha256:` and the NAR hash in hex, as Nix writes it */
  const char *outcome; /* trusted, untrusted or indeterminate */
  bool is_let_in;
  const char *ground;  /* one word */
  const char *message; /* the refusal; NULL: none */
  const struct policy *policy; /* NULL: not known */
};

/**
 * Logs a decision, if the policy wants that and it is about a store path with a NAR hash. A line
 * about what was trusted may be lost with the power; every other is flushed to the disk. Decisions
 * that are equal in all but their time are logged once a minute by one process. Returns false, with
 * the reason in `why`, if the line could not be written although the policy makes it a condition;
 * otherwise that is only warned of. For several threads at a time.
 */
bool log_decision(const char *state, const struct log_entry *entry, char *why, size_t size);

#endif
