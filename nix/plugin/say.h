/** What the plugin tells, and what it writes down. */
#ifndef NIXSIG_SAY_H
#define NIXSIG_SAY_H

/** Tells a line on standard error and to the journal; control characters in it are shown as question marks. */
void say(const char *line);

/**
 * Writes down that a path was let in although it was about to be refused: `<state>/let-in/<digest>`, see docs/ledger.md.
 * What goes wrong is told, and hinders nobody: a policy that only warns refuses nothing.
 */
void record_warning(const char *state, const char *path, const char *hash, const char *reason);

#endif
