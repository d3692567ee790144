#include "chain.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lines.h"
#include "machine.h"
#include "moment.h"
#include "owned.h"
#include "sha256.h"
#include "store-path.h"

/*
 * NAMES_LIMIT: names of a directory that are looked at. WALK: lines of others that are followed one
 * by one, before the last one is looked for anew. GOOD_FOR_MS: after that, it is looked for anew too.
 */
enum { SEGMENT = 1024, DIGITS = 12, NAME_SIZE = 64, NAMES_LIMIT = 1 << 17, WALK = 64, PATIENCE_MS = 2000, GOOD_FOR_MS = 1000 };
#define LAST_NUMBER 999999999999ULL

static const char no_previous[] = "0000000000000000000000000000000000000000000000000000000000000000";

/** The last line that is known. */
struct head {
  bool is_known;
  bool is_none; /* the log has no line yet */
  unsigned long long number;
  char hash[HEX_SHA256 + 1];
  struct moment found;
};

/** The log's directories, kept open, and its last line. */
static struct {
  int root, open, segments;
  struct moment looked; /* when it was last checked that nobody else can write to them */
  struct stat status;   /* of `open` */
  struct head head;
} chain = {.root = -1, .open = -1, .segments = -1};

/** A line that has no number yet, under a name that nobody else uses. */
struct fresh {
  int file; /* -1: not made yet */
  char name[NAME_SIZE];
};

/* What has become of a number that was asked for. PAST: its segment was folded already. */
enum placed { PLACED, TAKEN, PAST, FAILED };

static bool failing(char *why, size_t size, const char *what) {
  snprintf(why, size, "%s: %s", what, strerror(errno));
  return false;
}

static void close_file(int *file) {
  if (*file >= 0) close(*file);
  *file = -1;
}

static void print_name(unsigned long long number, char name[NAME_SIZE]) { snprintf(name, NAME_SIZE, "%0*llu", DIGITS, number); }

static bool exists(int directory, unsigned long long number) {
  char name[NAME_SIZE];
  struct stat status;
  print_name(number, name);
  return fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0;
}

/** Opens a directory in another, and makes it first if there is none. */
static bool open_inner(int parent, const char *name, int *opened, char *why, size_t size) {
  struct stat status;
  close_file(opened);
  if (mkdirat(parent, name, 0700) != 0 && errno != EEXIST) return failing(why, size, name);
  *opened = openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (*opened < 0 || fstat(*opened, &status) != 0) return failing(why, size, name);
  return is_owned_status(&status, name, why, size);
}

/** Opens the log's directories, and checks that nobody else could have put anything into them. */
static bool open_all(const char *state, enum beginning beginning, char *why, size_t size) {
  char path[PATH_MAX];
  const int length = snprintf(path, sizeof path, "%s/decisions", state);
  if (length < 0 || (size_t)length >= sizeof path) return false;
  close_file(&chain.root);
  if (beginning == MAY_BEGIN && mkdir(path, 0700) != 0 && errno != EEXIST) return failing(why, size, path);
  chain.root = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (chain.root < 0) return failing(why, size, path);
  return is_protected(path, why, size) && is_owned_directory(state, why, size) && is_owned_directory(path, why, size) &&
         open_inner(chain.root, "open", &chain.open, why, size) && open_inner(chain.root, "segments", &chain.segments, why, size);
}

/** Opens the log, unless it was opened a moment ago. Forgets the last line if it is another than before. */
static bool open_chain(const char *state, enum beginning beginning, char *why, size_t size) {
  struct stat status = {0};
  if (chain.open >= 0 && is_recent(&chain.looked)) return true;
  const bool is_open = open_all(state, beginning, why, size) && fstat(chain.open, &status) == 0;
  if (!is_open || status.st_ino != chain.status.st_ino || status.st_dev != chain.status.st_dev) chain.head.is_known = false;
  chain.status = status;
  chain.looked = is_open ? this_moment() : (struct moment){0};
  return is_open;
}

static void set_head(unsigned long long number, const char *line, size_t length) {
  uint8_t digest[SHA256_BYTES];
  chain.head = (struct head){.is_known = true, .number = number, .found = this_moment()};
  sha256(line, length, digest);
  print_hex(digest, sizeof digest, chain.head.hash);
}

/**
 * Takes a line of the log for the last one, with its bytes as they lie: a loss of power may have
 * left it empty. False, with no reason in `why`, if there is no line of this number.
 */
static bool take_line_at(unsigned long long number, char *why, size_t size) {
  char name[NAME_SIZE], line[CHAIN_LINE_LIMIT + 1];
  size_t length = 0;
  print_name(number, name);
  chain.head.is_known = false;
  *why = '\0';
  if (read_owned_start_at(chain.open, name, line, sizeof line, &length, why, size) != READ_DONE) return false;
  if (length > CHAIN_LINE_LIMIT) {
    snprintf(why, size, "line %s has more than %d bytes", name, CHAIN_LINE_LIMIT);
    return false;
  }
  set_head(number, line, length);
  return true;
}

/** Takes the last line of a segment for the last one of the log. */
static bool take_end_of_segment(unsigned long long first, char *why, size_t size) {
  char name[NAME_SIZE], end[CHAIN_LINE_LIMIT + 2];
  size_t length = 0;
  print_name(first, name);
  *why = '\0';
  if (read_owned_end_at(chain.segments, name, end, sizeof end, &length, why, size) != READ_DONE) {
    if (*why == '\0') snprintf(why, size, "segment %s went away", name);
    return false;
  }
  const char *before = length < 2 ? NULL : memrchr(end, '\n', length - 1);
  if (before == NULL || end[length - 1] != '\n') {
    snprintf(why, size, "segment %s does not end in a line", name);
    return false;
  }
  set_head(first + SEGMENT - 1, before + 1, (size_t)(end + length - 1 - (before + 1)));
  return true;
}

/** The number that a name stands for; false for any other name. */
static bool parse_name(const char *name, unsigned long long *number) {
  struct rest rest = {name, name + strlen(name)};
  return rest.end - rest.next == DIGITS && take_number(&rest, DIGITS, number) && rest.next == rest.end;
}

/** Finds the greatest number among the names of a directory. `is_any`: whether there is one. */
static bool find_greatest(int directory, const char *what, unsigned long long *greatest, bool *is_any, char *why, size_t size) {
  const int file = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *names = file < 0 ? NULL : fdopendir(file);
  if (names == NULL) {
    if (file >= 0) close(file);
    return failing(why, size, what);
  }
  *is_any = false;
  *greatest = 0;
  int count = 0;
  for (const struct dirent *entry; count <= NAMES_LIMIT && (entry = readdir(names)) != NULL; count++) {
    unsigned long long number;
    if (!parse_name(entry->d_name, &number)) continue;
    if (!*is_any || number > *greatest) *greatest = number;
    *is_any = true;
  }
  closedir(names);
  if (count <= NAMES_LIMIT) return true;
  snprintf(why, size, "%s has more than %d names", what, NAMES_LIMIT);
  return false;
}

/**
 * Finds the last line. The greatest number counts, so that a missing line stays a missing line. What
 * it finds may be past already if others append or fold meanwhile; place() notices that.
 */
static bool find_head(char *why, size_t size) {
  unsigned long long last, newest;
  bool is_any, has_segment;
  chain.head.is_known = false;
  if (!find_greatest(chain.open, "open", &last, &is_any, why, size)) return false;
  if (!find_greatest(chain.segments, "segments", &newest, &has_segment, why, size)) return false;
  if (is_any && (!has_segment || last >= newest + SEGMENT)) return take_line_at(last, why, size) || *why == '\0';
  if (has_segment) return take_end_of_segment(newest, why, size);
  chain.head = (struct head){.is_known = true, .is_none = true, .found = this_moment()};
  return true;
}

/** Writes a line under a name that nobody else uses, in place of what that name had before. */
static bool write_fresh(struct fresh *fresh, const char *line, size_t length) {
  if (fresh->file < 0) {
    uint64_t random;
    if (getrandom(&random, sizeof random, 0) != sizeof random) return false;
    snprintf(fresh->name, sizeof fresh->name, "~%ld-%016llx", (long)getpid(), (unsigned long long)random);
    fresh->file = openat(chain.root, fresh->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fresh->file < 0) return false;
  } else if (ftruncate(fresh->file, 0) != 0) return false;
  errno = ENOSPC; /* the reason if only a part can be written */
  return pwrite(fresh->file, line, length, 0) == (ssize_t)length;
}

static void remove_fresh(struct fresh *fresh) {
  if (fresh->file < 0) return;
  unlinkat(chain.root, fresh->name, 0);
  close_file(&fresh->file);
}

/** Whether a segment has this line. */
static bool segment_has(unsigned long long first, const char *line, size_t length) {
  enum { SEGMENT_LIMIT = SEGMENT * (CHAIN_LINE_LIMIT + 1) };
  char name[NAME_SIZE], why[512];
  size_t size = 0;
  char *segment = malloc(SEGMENT_LIMIT);
  print_name(first, name);
  const bool has_line = segment != NULL &&
                        read_owned_start_at(chain.segments, name, segment, SEGMENT_LIMIT, &size, why, sizeof why) == READ_DONE &&
                        memmem(segment, size, line, length) != NULL;
  free(segment);
  return has_line;
}

/**
 * Whether a number was free because it is the next one, and not because the lines around it were
 * folded into a segment and removed. Whoever folds writes the segment first, and then removes its
 * lines. The line may also have been folded itself since it got its number. A segment that is older
 * than the log may become is removed as well, so one that is absent is not enough.
 */
static bool is_next(unsigned long long number, const char *line, size_t length) {
  const unsigned long long into = number % SEGMENT, first = number - into;
  if (exists(chain.segments, first)) return segment_has(first, line, length);
  if (number == 0 || exists(chain.open, number - 1)) return true;
  return into == 0 && exists(chain.segments, first - SEGMENT);
}

/** Gives a line its number, unless another line has it. */
static enum placed place(struct fresh *fresh, unsigned long long number, const char *line, size_t length, char *why, size_t size) {
  char name[NAME_SIZE];
  print_name(number, name);
  if (!write_fresh(fresh, line, length)) {
    failing(why, size, "a line cannot be written");
    return FAILED;
  }
  if (linkat(chain.root, fresh->name, chain.open, name, 0) != 0) {
    if (errno == EEXIST) return TAKEN;
    failing(why, size, "a line cannot be given its number");
    return FAILED;
  }
  if (is_next(number, line, length)) return PLACED;
  /* Nobody takes it for the last line, as a newer segment says where the log goes on. */
  unlinkat(chain.open, name, 0);
  return PAST;
}

/**
 * Prints a whole line, with the time of this attempt: later lines are not older. `previous`: hex.
 * Returns its length; 0 if it would be too long.
 */
static size_t print_line(unsigned long long number, const char *previous, const char *members, char line[CHAIN_LINE_LIMIT + 1]) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  const long long ms = (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
  const int length = snprintf(line, CHAIN_LINE_LIMIT + 1, "{\"number\":%llu,\"previous\":\"%s\",\"time\":%lld,%s}", number, previous, ms, members);
  return length < 0 || length > CHAIN_LINE_LIMIT ? 0 : (size_t)length;
}

/** The members of the first line of a log. */
static bool print_first(const char *state, char *members, size_t room) {
  uint8_t random[16];
  char name[2 * sizeof random + 1], machine[MACHINE_IDENTITY_SIZE];
  if (getrandom(random, sizeof random, 0) != sizeof random) return false;
  print_hex(random, sizeof random, name);
  const bool has_key = machine_identity(state, machine);
  const char *quote = has_key ? "\"" : "";
  const int length = snprintf(members, room, "\"log\":\"%s\",\"machine\":%s%s%s", name, quote, has_key ? machine : "null", quote);
  return length > 0 && (size_t)length < room;
}

/** Makes one attempt. `members`: of the line, or of the log's first one if it has none yet. */
static enum placed attempt(struct fresh *fresh, const char *members, char *why, size_t size) {
  char line[CHAIN_LINE_LIMIT + 1];
  if (!chain.head.is_none && chain.head.number == LAST_NUMBER) {
    snprintf(why, size, "no numbers are left");
    return FAILED;
  }
  const unsigned long long number = chain.head.is_none ? 0 : chain.head.number + 1;
  const size_t length = print_line(number, chain.head.is_none ? no_previous : chain.head.hash, members, line);
  if (length == 0) {
    snprintf(why, size, "a line of more than %d bytes", CHAIN_LINE_LIMIT);
    return FAILED;
  }
  const enum placed placed = place(fresh, number, line, length, why, size);
  if (placed == PLACED) set_head(number, line, length);
  if (placed == PAST) chain.head.is_known = false;
  /* Somebody else was first; their line may also have been folded since. */
  if (placed == TAKEN && !take_line_at(number, why, size) && *why != '\0') return FAILED;
  return placed;
}

/** Ends with a line that has its number. */
static bool finish(struct fresh *fresh, enum durability durability, char *why, size_t size) {
  unlinkat(chain.root, fresh->name, 0);
  const bool is_kept = durability == MAY_BE_LOST || fdatasync(fresh->file) == 0;
  if (!is_kept) failing(why, size, "a line cannot be flushed to the disk");
  close_file(&fresh->file);
  return is_kept;
}

bool append_line(const char *state, const char *members, enum durability durability, enum beginning beginning, char *why, size_t size) {
  struct fresh fresh = {.file = -1};
  char first[256];
  const long long start = this_moment().ms;
  if (!open_chain(state, beginning, why, size)) return false;
  if (this_moment().ms - chain.head.found.ms > GOOD_FOR_MS) chain.head.is_known = false;
  for (unsigned taken = 0; this_moment().ms - start < PATIENCE_MS;) {
    if (!chain.head.is_known && !find_head(why, size)) break;
    if (!chain.head.is_known) continue;
    const bool begins = chain.head.is_none;
    if (begins && (beginning != MAY_BEGIN || !print_first(state, first, sizeof first))) {
      snprintf(why, size, "it has not been begun");
      break;
    }
    const enum placed placed = attempt(&fresh, begins ? first : members, why, size);
    if (placed == FAILED) {
      remove_fresh(&fresh);
      return false;
    }
    if (placed == PLACED) {
      const bool is_kept = finish(&fresh, begins ? FLUSHED : durability, why, size);
      if (!begins || !is_kept) return is_kept;
    }
    if (placed == TAKEN && ++taken % WALK == 0) chain.head.is_known = false;
    *why = '\0';
  }
  remove_fresh(&fresh);
  if (*why == '\0') snprintf(why, size, "others append lines to it all the time");
  return false;
}
