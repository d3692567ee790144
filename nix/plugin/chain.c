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

#include "date.h"
#include "fresh-line.h"
#include "lines.h"
#include "log-files.h"
#include "machine.h"
#include "moment.h"
#include "owned.h"
#include "sha256.h"
#include "store-path.h"

/*
 * WALK: lines of others that are followed one by one, before the last one is looked for anew.
 * GOOD_FOR_MS: after that, it is looked for anew too.
 */
enum { WALK = 64, PATIENCE_MS = 2000, GOOD_FOR_MS = 1000 };
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
  struct log_files files;
  struct moment looked; /* when it was last checked that nobody else can write to them */
  struct stat status;   /* of `open` */
  struct head head;
} chain = {.files = {-1, -1, -1}};

/** Opens the log, unless it was opened a moment ago. Forgets the last line if it is another than before. */
static bool open_chain(const char *state, enum beginning beginning, char *why, size_t size) {
  struct stat status = {0};
  if (chain.files.open >= 0 && is_recent(&chain.looked)) return true;
  const bool is_open = open_log_files(&chain.files, state, beginning, why, size) && fstat(chain.files.open, &status) == 0;
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
  if (read_owned_start_at(chain.files.open, name, line, sizeof line, &length, why, size) != READ_DONE) return false;
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
  if (read_owned_end_at(chain.files.segments, name, end, sizeof end, &length, why, size) != READ_DONE) {
    if (*why == '\0') snprintf(why, size, "segment %s went away", name);
    return false;
  }
  const char *before = length < 2 ? NULL : memrchr(end, '\n', length - 1);
  if (before == NULL || end[length - 1] != '\n') {
    snprintf(why, size, "segment %s does not end in a line", name);
    return false;
  }
  set_head(first + SEGMENT_LINES - 1, before + 1, (size_t)(end + length - 1 - (before + 1)));
  return true;
}

/**
 * Finds the last line. The greatest number counts, so that a missing line stays a missing line. What
 * it finds may be past already if others append or fold meanwhile; place() notices that.
 */
static bool find_head(char *why, size_t size) {
  unsigned long long last, newest;
  bool is_any, has_segment;
  chain.head.is_known = false;
  if (!find_greatest(chain.files.open, "open", &last, &is_any, why, size)) return false;
  if (!find_greatest(chain.files.segments, "segments", &newest, &has_segment, why, size)) return false;
  if (is_any && (!has_segment || last >= newest + SEGMENT_LINES)) return take_line_at(last, why, size) || *why == '\0';
  if (has_segment) return take_end_of_segment(newest, why, size);
  chain.head = (struct head){.is_known = true, .is_none = true, .found = this_moment()};
  return true;
}

/**
 * Prints a whole line, with the time of this attempt: later lines are not older. `previous`: hex.
 * Returns its length; 0 if it would be too long.
 */
static size_t print_line(unsigned long long number, const char *previous, const char *members, char line[CHAIN_LINE_LIMIT + 1]) {
  const int length =
      snprintf(line, CHAIN_LINE_LIMIT + 1, "{\"number\":%llu,\"previous\":\"%s\",\"time\":%lld,%s}", number, previous, date_ms(), members);
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
  const enum placed placed = place_line(&chain.files, fresh, number, line, length, &chain.head.found, why, size);
  if (placed == PLACED) set_head(number, line, length);
  if (placed == PAST) chain.head.is_known = false;
  /* Somebody else was first; their line may also have been folded since. */
  if (placed == TAKEN && !take_line_at(number, why, size) && *why != '\0') return FAILED;
  return placed;
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
      finish_line(&chain.files, &fresh, MAY_BE_LOST, why, size);
      return false;
    }
    if (placed == PLACED) {
      const bool is_kept = finish_line(&chain.files, &fresh, begins ? FLUSHED : durability, why, size);
      if (!begins || !is_kept) return is_kept;
    }
    if (placed == TAKEN && ++taken % WALK == 0) chain.head.is_known = false;
    *why = '\0';
  }
  finish_line(&chain.files, &fresh, MAY_BE_LOST, why, size);
  if (*why == '\0') snprintf(why, size, "others append lines to it all the time");
  return false;
}
