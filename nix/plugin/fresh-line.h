/** A line of the decision log that is given its number: whole, and once. */
#ifndef NIXSIG_FRESH_LINE_H
#define NIXSIG_FRESH_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include "log-files.h"
#include "moment.h"

/** A line that has no number yet, under a name that nobody else uses. Begins as `{.file = -1}`. */
struct fresh {
  int file; /* -1: not made yet */
  bool has_number;
  char name[NAME_SIZE];
};

/** What has become of a number that was asked for. PAST: its segment was folded already. */
enum placed { PLACED, TAKEN, PAST, FAILED };

/**
 * Gives a line its number, unless another line has it. `found`: when it was known that this is the
 * next number. If it failed, `why` says why.
 */
enum placed place_line(const struct log_files *files, struct fresh *fresh, unsigned long long number, const char *line, size_t length,
                       const struct moment *found, char *why, size_t size);

/**
 * Ends with a line, and removes it unless it has a number; the next one is made anew. False, with
 * the reason in `why`, if it may be lost although it must not be.
 */
bool finish_line(const struct log_files *files, struct fresh *fresh, enum durability durability, char *why, size_t size);

#endif
