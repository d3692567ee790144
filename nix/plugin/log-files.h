/** The directories of the decision log, and the names of its files: docs/decision-log.md. */
#ifndef NIXSIG_LOG_FILES_H
#define NIXSIG_LOG_FILES_H

#include <stdbool.h>
#include <stddef.h>

#include "chain.h"

/* SEGMENT_LINES: lines of a segment. NAME_SIZE: room for a name in the log. */
enum { SEGMENT_LINES = 1024, NAME_SIZE = 64 };

/** The log's directories, open; -1: not open. */
struct log_files {
  int root, open, segments;
};

/**
 * Opens the directories of the log in `<state>/decisions` anew, and checks that nobody else could
 * have put anything into them. If false, `why` says why not.
 */
bool open_log_files(struct log_files *files, const char *state, enum beginning beginning, char *why, size_t size);

/** Prints the name of a line's file, or of the segment that begins with it. */
void print_name(unsigned long long number, char name[NAME_SIZE]);

/** Whether a directory has a file of this number. */
bool has_number(int directory, unsigned long long number);

/**
 * Finds the greatest number among the names of a directory. `is_any`: whether there is one. If
 * false, `why` says what is wrong with the directory, which is called `what`.
 */
bool find_greatest(int directory, const char *what, unsigned long long *greatest, bool *is_any, char *why, size_t size);

/** Puts `what` and the system's last error into `why`. Returns false. */
bool failing(char *why, size_t size, const char *what);

#endif
