/** The plugin's messages and records. */
#ifndef NIXSIG_SAY_H
#define NIXSIG_SAY_H

/**
 * Writes a line to standard error and the journal, with control characters replaced by question
 * marks.
 */
void say(const char *line);

/**
 * Records that a path was let in although it would have been refused: `<state>/let-in/<digest>`,
 * see docs/ledger.md. An error is reported, but does not keep the path out: a policy that only
 * warns refuses nothing.
 */
void record_warning(const char *state, const char *path, const char *hash, const char *reason);

#endif
