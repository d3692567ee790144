#include "ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lines.h"
#include "moment.h"
#include "owned.h"

/* The same limits as in src/ledger/admissions.ts and src/ledger/expected.ts. */
enum { ENTRY_LIMIT = 256 * 1024, EXPECTATION_LIMIT = 16 * 1024, ALLOWED_LIMIT = 128 };

/* Callers hold a lock (guard.c), so one buffer is enough. */
static char text[ENTRY_LIMIT + 1];

/** A subdirectory of the state directory, kept open. */
struct room {
  const char *name;
  int directory;
  struct moment looked; /* when it was last checked that nobody else can write to it */
};

static struct room ledger_room = {.name = "ledger", .directory = -1}, expected_room = {.name = "expected", .directory = -1};

/**
 * Opens a subdirectory of the state directory, and checks that nobody else could have put a file
 * into it. Nothing below it needs this check: only root's files are read, each names its path, and
 * nobody else can make a directory there.
 */
static enum ledger open_room(const char *state, struct room *room, char *why, size_t size) {
  char path[PATH_MAX];
  if (room->directory >= 0 && is_recent(&room->looked)) return LEDGER_HAS;
  snprintf(path, sizeof path, "%s/%s", state, room->name);
  if (room->directory >= 0) close(room->directory);
  room->directory = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (room->directory < 0 && errno == ENOENT) return LEDGER_SILENT;
  if (room->directory < 0) snprintf(why, size, "%s: %s", path, strerror(errno));
  const bool is_guarded = room->directory >= 0 && is_protected(path, why, size) && is_owned_directory(state, why, size) &&
                          is_owned_directory(path, why, size);
  room->looked = is_guarded ? this_moment() : (struct moment){0};
  return is_guarded ? LEDGER_HAS : LEDGER_BROKEN;
}

/**
 * Whether a file is as a power loss may leave one that was not flushed: empty, with zeros where it
 * was not written, or cut at the end of a block. As in src/files/owned-file.ts (wholeRecord).
 */
static bool is_torn(const char *bytes, size_t length) {
  enum { BLOCK = 512 };
  return length == 0 || memchr(bytes, '\0', length) != NULL || (length % BLOCK == 0 && bytes[length - 1] != '\n');
}

/**
 * Reads a file of the state directory. One that a power loss left torn counts as absent.
 */
static enum ledger read_record(const struct room *room, const char *file, size_t limit, struct rest *rest, char *why, size_t size) {
  size_t length = 0;
  switch (read_owned_file_at(room->directory, file, text, limit, &length, why, size)) {
    case READ_ABSENT:
      return LEDGER_SILENT;
    case READ_UNSAFE:
      return LEDGER_BROKEN;
    case READ_DONE:
      break;
  }
  *rest = (struct rest){text, text + length};
  return is_torn(text, length) ? LEDGER_SILENT : LEDGER_HAS;
}

static enum ledger malformed(const char *file, const char *what, char *why, size_t size) {
  snprintf(why, size, "%s %s", file, what);
  return LEDGER_BROKEN;
}

static bool take_one_of(struct rest *rest, const char *const *words) {
  for (; *words != NULL; words++) {
    if (take(rest, *words)) return true;
  }
  return false;
}

/** Takes a number of any length. */
static bool take_digits(struct rest *rest) {
  unsigned long long ignored;
  if (!take_number(rest, 15, &ignored)) return false;
  while (take_number(rest, 15, &ignored)) {}
  return true;
}

/** Takes five numbers with colons between them, or two as in older entries. */
static bool take_stamp(struct rest *rest) {
  if (!take_digits(rest) || !take(rest, ":") || !take_digits(rest)) return false;
  if (!take(rest, ":")) return true;
  return take_digits(rest) && take(rest, ":") && take_digits(rest) && take(rest, ":") && take_digits(rest);
}

static bool take_path(struct rest *rest) {
  return begins(rest, "/") && take_word(rest, NULL, NULL);
}

/** Takes the lines between the first one and the claims. */
static bool take_head(struct rest *rest, struct admission *found, bool *counted, unsigned long long counts[2]) {
  static const char *const kinds[] = {"fetched-source\n", "local-source\n", "derivation\n", "output\n", "signature\n", NULL};
  static const char *const places[] = {"here\n", "elsewhere\n", NULL};
  unsigned long long ignored;
  if (!take(rest, "policy ") || !take_sha256(rest, found->policy) || !take(rest, "\nuntil ")) return false;
  found->until = 0;
  found->ends = !take(rest, "never");
  if (found->ends && !take_number(rest, 15, &found->until)) return false;
  if (!take(rest, "\nstamp ") || !(take(rest, "none") || take_stamp(rest))) return false;
  if (!take(rest, "\nkind ") || !take_one_of(rest, kinds)) return false;
  if (!take(rest, "built ") || !take_one_of(rest, places)) return false;
  if (!take(rest, "derivation ") || !(take(rest, "none") || take_path(rest))) return false;
  if (!take(rest, "\ntime ") || !take_number(rest, 15, &ignored) || !take(rest, "\nbuild ")) return false;
  *counted = !take(rest, "unknown");
  if (*counted && !(take_number(rest, 3, &counts[0]) && take(rest, " ") && take_number(rest, 3, &counts[1]))) return false;
  return take(rest, "\nrule ") && take_line(rest);
}

static bool take_claim(struct rest *rest) {
  static const char *const roles[] = {"developer ", "packager ", "reviewer ", "builder ", NULL};
  unsigned long long ignored;
  return take(rest, "claim ") && take_one_of(rest, roles) && take_word(rest, NULL, NULL) && take(rest, " ") &&
         take_word(rest, NULL, NULL) && take(rest, " ") && take_number(rest, 15, &ignored) && take(rest, " ") &&
         take_word(rest, NULL, NULL) && take(rest, " ") && take_line(rest);
}

static bool take_input(struct rest *rest) {
  return take(rest, "input ") && take_stamp(rest) && take(rest, " ") && take_path(rest) && take(rest, "\n");
}

static bool take_output(struct rest *rest) {
  static const char *const outcomes[] = {"any ", "judged ", NULL};
  return take(rest, "output ") && take_one_of(rest, outcomes) && take_word(rest, NULL, NULL) && take(rest, " ") && take_path(rest) &&
         take(rest, "\n");
}

enum ledger find_admission(const char *state, const struct store_path *path, struct admission *found, char *why, size_t size) {
  char file[DIGEST_CHARS + 4] = {path->digest[0], path->digest[1], '/'};
  memcpy(file + 3, path->digest, sizeof path->digest);
  struct rest rest;
  enum ledger read = open_room(state, &ledger_room, why, size);
  if (read == LEDGER_HAS) read = read_record(&ledger_room, file, ENTRY_LIMIT, &rest, why, size);
  if (read != LEDGER_HAS) return read;

  const bool is_old = take(&rest, "nixsig1 ") || take(&rest, "nixsig2 ");
  if (!(is_old || take(&rest, "nixsig3 ")) || !take(&rest, path->path) || !take(&rest, " sha256:")) {
    return malformed(file, "is not about this path", why, size);
  }
  /* Older formats recorded less than was judged, so such an entry is stale under every policy. */
  if (is_old) return LEDGER_SILENT;
  bool counted = false;
  unsigned long long counts[2] = {0, 0};
  const bool has_head = take_sha256(&rest, found->nar_hash) && take(&rest, "\n") && take_head(&rest, found, &counted, counts);
  if (!has_head) return malformed(file, "does not have the form of a ledger entry", why, size);
  while (begins(&rest, "claim ")) {
    if (!take_claim(&rest)) return malformed(file, "has a bad claim", why, size);
  }
  for (; counts[0] > 0; counts[0]--) {
    if (!take_input(&rest)) return malformed(file, "lacks some of its inputs", why, size);
  }
  for (; counts[1] > 0; counts[1]--) {
    if (!take_output(&rest)) return malformed(file, "lacks some of its outputs", why, size);
  }
  return rest.next == rest.end ? LEDGER_HAS : malformed(file, "has a line that it should not have", why, size);
}

/**
 * Takes the line that says how long the record is valid; without that line it is not valid. Returns
 * false if the line is malformed.
 */
static bool take_found(struct rest *rest, struct expectation *found, bool *is_there) {
  *is_there = take(rest, "under ");
  if (!*is_there) return true;
  if (!take_sha256(rest, found->policy) || !take(rest, " ")) return false;
  found->ends = !take(rest, "never");
  return (!found->ends || take_number(rest, 15, &found->until)) && take(rest, "\n");
}

/** Takes the line that says what may become valid. Returns false if its word is unknown. */
static bool take_admits(struct rest *rest, enum admits *admits) {
  *admits = ADMITS_NOTHING;
  if (!take(rest, "admits ")) return true;
  if (take(rest, "any\n")) *admits = ADMITS_ANY;
  else if (take(rest, "these\n")) *admits = ADMITS_THESE;
  else if (take(rest, "asked\n")) *admits = ADMITS_ASKED;
  else return take(rest, "nothing\n");
  return true;
}

enum ledger find_expectation(const char *state, const struct store_path *path, const char *nar_hash, struct expectation *found,
                             char *why, size_t size) {
  const char *file = path->digest;
  struct rest rest;
  enum ledger read = open_room(state, &expected_room, why, size);
  if (read == LEDGER_HAS) read = read_record(&expected_room, file, EXPECTATION_LIMIT, &rest, why, size);
  if (read != LEDGER_HAS) return read;

  unsigned long long ignored;
  const char *name;
  size_t name_length;
  const bool is_old = take(&rest, "nixsig1 ");
  bool holds = false;
  const bool has_head = (is_old || take(&rest, "nixsig2 ")) && take(&rest, path->path) && take(&rest, " ") && begins(&rest, "/") &&
                        take_word(&rest, &found->derivation, &found->derivation_length) && take(&rest, "\nname ") &&
                        take_word(&rest, &name, &name_length) && is_name(name, name_length) && take(&rest, "\ntime ") &&
                        take_number(&rest, 15, &ignored) && take(&rest, "\n") && take_found(&rest, found, &holds) &&
                        take_admits(&rest, &found->admits);
  if (!has_head) return malformed(file, "is no record of this output", why, size);
  found->allowed = 0;
  found->is_allowed = false;
  while (rest.next < rest.end) {
    char hash[HEX_SHA256 + 1];
    if (found->allowed == ALLOWED_LIMIT || !take(&rest, "allow sha256:") || !take_sha256(&rest, hash) || !take(&rest, "\n")) {
      return malformed(file, "has a line that it should not have", why, size);
    }
    found->allowed++;
    if (strcmp(hash, nar_hash) == 0) found->is_allowed = true;
  }
  /*
   * `these` needs hashes, and nothing else may have them. The older format cannot be relied upon.
   */
  const bool has_hashes = found->allowed > 0;
  if (is_old || !holds || has_hashes != (found->admits == ADMITS_THESE)) found->admits = ADMITS_NOTHING;
  return LEDGER_HAS;
}
