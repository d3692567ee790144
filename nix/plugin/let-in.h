/** Records of what was let in although it would have been refused. */
#ifndef NIXSIG_LET_IN_H
#define NIXSIG_LET_IN_H

/** Records that are kept: the newest. Each has at most 5 KB. */
enum { LET_IN_KEPT = 1024 };

/**
 * Records that a path was let in although it would have been refused: `<state>/let-in/<digest>`,
 * see docs/ledger.md. Of more than LET_IN_KEPT records the oldest are deleted; processes that run at
 * the same time may exceed that by 64 each. An error is reported, but does not keep the path out: a
 * policy that only warns refuses nothing. The caller holds the lock of guard.c.
 */
void record_warning(const char *state, const char *path, const char *hash, const char *reason);

#endif
