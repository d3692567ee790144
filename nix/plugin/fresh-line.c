#include "fresh-line.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "owned.h"

/*
 * SHORT_MS: within this time nobody writes, folds and removes as many lines as the smallest log
 * has.
 */
enum { SHORT_MS = 500 };

/** Writes a line under a name that nobody else uses, in place of what that name had before. */
static bool write_fresh(const struct log_files *files, struct fresh *fresh, const char *line, size_t length) {
  if (fresh->file < 0) {
    uint64_t random;
    if (getrandom(&random, sizeof random, 0) != sizeof random) return false;
    snprintf(fresh->name, sizeof fresh->name, "~%ld-%016llx", (long)getpid(), (unsigned long long)random);
    fresh->file = openat(files->root, fresh->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    fresh->has_number = false;
    if (fresh->file < 0) return false;
  } else if (ftruncate(fresh->file, 0) != 0) return false;
  errno = ENOSPC; /* the reason if only a part can be written */
  return pwrite(fresh->file, line, length, 0) == (ssize_t)length;
}

/** Whether a segment has this line. */
static bool segment_has(const struct log_files *files, unsigned long long first, const char *line, size_t length) {
  enum { SEGMENT_LIMIT = SEGMENT_LINES * (CHAIN_LINE_LIMIT + 1) };
  char name[NAME_SIZE], why[512];
  size_t size = 0;
  char *segment = malloc(SEGMENT_LIMIT);
  print_name(first, name);
  const bool has_line = segment != NULL &&
                        read_owned_start_at(files->segments, name, segment, SEGMENT_LIMIT, &size, why, sizeof why) == READ_DONE &&
                        memmem(segment, size, line, length) != NULL;
  free(segment);
  return has_line;
}

/** Where a line is that was given its number. NOT_KNOWN: the segments cannot be looked at. */
enum where { AT_END, AMONG_FOLDED, NOT_KNOWN };

/**
 * Whether a number was free because it is the next one, and not because the lines around it were
 * folded into a segment and removed. Whoever folds writes the segment first, and then removes its
 * lines. The line may also have been folded itself since it got its number. A segment goes as well
 * when the log is full, but never the newest. The line before tells nothing: it may have been
 * written by somebody else who stood still. If NOT_KNOWN, `why` says why.
 */
static enum where find_where(const struct log_files *files, unsigned long long number, const char *line, size_t length,
                             const struct moment *found, char *why, size_t size) {
  const unsigned long long first = number - number % SEGMENT_LINES;
  unsigned long long newest;
  bool is_any;
  if (has_number(files->segments, first)) return segment_has(files, first, line, length) ? AT_END : AMONG_FOLDED;
  if (this_moment().ms - found->ms < SHORT_MS) return AT_END;
  if (!find_greatest(files->segments, "segments", &newest, &is_any, why, size)) return NOT_KNOWN;
  return !is_any || newest < first ? AT_END : AMONG_FOLDED;
}

/** Moves a line from its own name to its number; false if that is taken, or if there is an error. */
static bool move(const struct log_files *files, struct fresh *fresh, const char *number) {
  static bool cannot_rename;
  if (!cannot_rename) {
    fresh->has_number = renameat2(files->root, fresh->name, files->open, number, RENAME_NOREPLACE) == 0;
    if (fresh->has_number || (errno != EINVAL && errno != ENOSYS)) return fresh->has_number;
    /* A file system of the network, or an old kernel. */
    cannot_rename = true;
  }
  if (linkat(files->root, fresh->name, files->open, number, 0) != 0) return false;
  unlinkat(files->root, fresh->name, 0);
  fresh->has_number = true;
  return true;
}

enum placed place_line(const struct log_files *files, struct fresh *fresh, unsigned long long number, const char *line, size_t length,
                       const struct moment *found, char *why, size_t size) {
  char name[NAME_SIZE];
  print_name(number, name);
  if (!write_fresh(files, fresh, line, length)) {
    failing(why, size, "a line cannot be written");
    return FAILED;
  }
  if (!move(files, fresh, name)) {
    if (errno == EEXIST) return TAKEN;
    failing(why, size, "a line cannot be given its number");
    return FAILED;
  }
  const enum where where = find_where(files, number, line, length, found, why, size);
  if (where == AT_END) return PLACED;
  /* It stays: others may have chained theirs to it, and without it there would be a gap. */
  if (where == NOT_KNOWN) return FAILED;
  /* Nobody takes it for the last line, as a newer segment says where the log goes on. */
  unlinkat(files->open, name, 0);
  finish_line(files, fresh, MAY_BE_LOST, why, size);
  return PAST;
}

bool finish_line(const struct log_files *files, struct fresh *fresh, enum durability durability, char *why, size_t size) {
  if (fresh->file < 0) return true;
  if (!fresh->has_number) unlinkat(files->root, fresh->name, 0);
  /* Not fdatasync: the name has to be on the disk as well. */
  const bool is_kept = durability == MAY_BE_LOST || fsync(fresh->file) == 0;
  if (!is_kept) failing(why, size, "a line cannot be flushed to the disk");
  close(fresh->file);
  fresh->file = -1;
  return is_kept;
}
