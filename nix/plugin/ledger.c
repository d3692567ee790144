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

/* Bytes of a first line, and hashes in it, at most. src/ledger/first-line.ts writes no more. */
enum { LINE_LIMIT = 16 * 1024, ALLOWED_LIMIT = 128 };

/* Callers hold a lock (guard.c), so one buffer is enough. */
static char text[LINE_LIMIT];

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
 * Whether a first line is as a power loss may leave one that was not flushed: absent because the
 * file is empty, with zeros where it was not written, or cut at the end of a block. As in
 * src/files/owned-file.ts (wholeRecord).
 */
static bool is_torn(const char *bytes, size_t length, const char *newline) {
  enum { BLOCK = 512 };
  const size_t line = newline == NULL ? length : (size_t)(newline - bytes);
  return length == 0 || memchr(bytes, '\0', line) != NULL || (newline == NULL && length < LINE_LIMIT && length % BLOCK == 0);
}

/**
 * Reads the first line of a file of the state directory. One that a power loss left torn counts as
 * absent.
 */
static enum ledger read_first_line(const struct room *room, const char *file, struct rest *line, char *why, size_t size) {
  size_t length = 0;
  switch (read_owned_start_at(room->directory, file, text, LINE_LIMIT, &length, why, size)) {
    case READ_ABSENT:
      return LEDGER_SILENT;
    case READ_UNSAFE:
      return LEDGER_BROKEN;
    case READ_DONE:
      break;
  }
  const char *newline = memchr(text, '\n', length);
  if (is_torn(text, length, newline)) return LEDGER_SILENT;
  if (newline == NULL) {
    snprintf(why, size, "%s has no first line", file);
    return LEDGER_BROKEN;
  }
  *line = (struct rest){text, newline};
  return LEDGER_HAS;
}

static enum ledger malformed(const char *file, const char *what, char *why, size_t size) {
  snprintf(why, size, "%s %s", file, what);
  return LEDGER_BROKEN;
}

/** Takes a digest of a policy, a space, and the end of what was found under it. */
static bool take_term(struct rest *line, struct term *term) {
  if (!take_sha256(line, term->policy) || !take(line, " ")) return false;
  term->until = 0;
  term->ends = !take(line, "never");
  return !term->ends || take_number(line, 15, &term->until);
}

enum ledger find_admission(const char *state, const struct store_path *path, struct admission *found, char *why, size_t size) {
  char file[DIGEST_CHARS + 4] = {path->digest[0], path->digest[1], '/'};
  memcpy(file + 3, path->digest, sizeof path->digest);
  struct rest line;
  enum ledger read = open_room(state, &ledger_room, why, size);
  if (read == LEDGER_HAS) read = read_first_line(&ledger_room, file, &line, why, size);
  if (read != LEDGER_HAS) return read;

  const bool is_old = take(&line, "nixsig1 ") || take(&line, "nixsig2 ") || take(&line, "nixsig3 ");
  if (!(is_old || take(&line, "nixsig4 ")) || !take(&line, path->path) || !take(&line, " sha256:")) {
    return malformed(file, "is not about this path", why, size);
  }
  /* An entry of an older format is stale under every policy. */
  if (is_old) return LEDGER_SILENT;
  const bool is_whole =
      take_sha256(&line, found->nar_hash) && take(&line, " ") && take_term(&line, &found->term) && line.next == line.end;
  return is_whole ? LEDGER_HAS : malformed(file, "does not have the form of a ledger entry", why, size);
}

/** Takes hashes, each after a space, up to the end of the line. Notes whether `nar_hash` is one. */
static bool take_hashes(struct rest *line, const char *nar_hash, struct expectation *found) {
  while (line->next < line->end) {
    char hash[HEX_SHA256 + 1];
    if (found->allowed == ALLOWED_LIMIT || !take(line, " sha256:") || !take_sha256(line, hash)) return false;
    found->allowed++;
    if (strcmp(hash, nar_hash) == 0) found->is_allowed = true;
  }
  return found->allowed > 0;
}

/** Takes what is allowed, up to the end of the line. */
static bool take_admits(struct rest *line, const char *nar_hash, struct expectation *found) {
  if (take(line, "any")) found->admits = ADMITS_ANY;
  else if (take(line, "asked")) found->admits = ADMITS_ASKED;
  else if (take(line, "nothing")) found->admits = ADMITS_NOTHING;
  else if (take(line, "these")) {
    found->admits = ADMITS_THESE;
    return take_hashes(line, nar_hash, found);
  } else return false;
  return line->next == line->end;
}

enum ledger find_expectation(const char *state, const struct store_path *path, const char *nar_hash, struct expectation *found,
                             char *why, size_t size) {
  const char *file = path->digest;
  struct rest line;
  enum ledger read = open_room(state, &expected_room, why, size);
  if (read == LEDGER_HAS) read = read_first_line(&expected_room, file, &line, why, size);
  if (read != LEDGER_HAS) return read;

  *found = (struct expectation){.admits = ADMITS_NOTHING};
  const bool is_old = take(&line, "nixsig1 ") || take(&line, "nixsig2 ");
  const bool is_about_it = (is_old || take(&line, "nixsig3 ")) && take(&line, path->path) && take(&line, " ") && begins(&line, "/") &&
                           take_word(&line, &found->derivation, &found->derivation_length);
  /* An expectation of an older format allows nothing. */
  const bool is_whole = is_old ? line.next == line.end
                               : take(&line, " ") && take_term(&line, &found->term) && take(&line, " ") &&
                                     take_admits(&line, nar_hash, found);
  return is_about_it && is_whole ? LEDGER_HAS : malformed(file, "is no record of this output", why, size);
}
