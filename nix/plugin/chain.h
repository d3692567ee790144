/**
 * The decision log on the disk: docs/decision-log.md. Lines are chained by their SHA-256, and each
 * is a file of its own until a thousand of them are folded into a segment, which Node does.
 */
#ifndef NIXSIG_CHAIN_H
#define NIXSIG_CHAIN_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes of a line at most. The same as in src/decisions/line.ts. */
enum { CHAIN_LINE_LIMIT = 4096 };

/** Whether a line has to be on the disk before anything else is done. */
enum durability { MAY_BE_LOST, FLUSHED };

/** Whether a log is begun if there is none. */
enum beginning { MAY_BEGIN, MUST_BE_THERE };

/**
 * Appends a line to the log in `<state>/decisions`. `members`: the members of its JSON object after
 * `number`, `previous` and `time`, printable ASCII. Takes no lock: if others append at the same time, the
 * line is chained to theirs. Tries for two seconds at most. False, with the reason in `why`, if the
 * line was not written or may be lost although it must not be. Not for several threads at a time.
 */
bool append_line(const char *state, const char *members, enum durability durability, enum beginning beginning, char *why, size_t size);

#endif
