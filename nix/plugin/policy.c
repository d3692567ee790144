#include "policy.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lines.h"
#include "moment.h"
#include "owned.h"

/* A policy of more files than this is left to the resident process. */
enum { SNAPSHOT_LIMIT = 64 * 1024, FILE_LIMIT = 32 };

/** What tells versions of a file apart. */
struct version {
  ino_t inode;
  struct timespec changed;
};

struct named_file {
  char name[PATH_MAX];
  struct version version;
};

/* The policy that was read last. Callers hold a lock (guard.c). */
static struct {
  bool is_known;
  struct moment looked; /* when all files were last seen unchanged */
  struct version snapshot;
  struct policy policy;
  size_t count;
  struct named_file files[FILE_LIMIT];
} kept;

static char text[SNAPSHOT_LIMIT + 1];

static bool is_same(const struct version *a, const struct version *b) {
  return a->inode == b->inode && a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}

static bool version_of(const char *path, struct version *version, char *why, size_t size) {
  struct stat status;
  if (lstat(path, &status) != 0) {
    snprintf(why, size, "%s: %s", path, strerror(errno));
    return false;
  }
  *version = (struct version){status.st_ino, status.st_ctim};
  return true;
}

/**
 * The version of the file that a path leads to; false if it cannot be told or, with `guard`, if
 * somebody else could have put another file there.
 */
static bool version_of_named(const char *name, bool guard, struct version *version, char *why, size_t size) {
  char real[PATH_MAX];
  if (realpath(name, real) == NULL) {
    snprintf(why, size, "%s: %s", name, strerror(errno));
    return false;
  }
  if (guard && !(is_protected(name, why, size) && is_protected(real, why, size))) return false;
  return version_of(real, version, why, size);
}

/** Takes `file <inode>:<nanoseconds> <path>`, and compares it with the file itself. */
static bool take_file(struct rest *rest, struct named_file *file, char *why, size_t size) {
  const char *stamp, *name;
  size_t stamp_length;
  if (!take(rest, "file ") || !take_word(rest, &stamp, &stamp_length) || !take(rest, " ")) return false;
  name = rest->next;
  if (!take_line(rest)) return false;
  const size_t length = (size_t)(rest->next - 1 - name);
  if (length >= sizeof file->name) return false;
  memcpy(file->name, name, length);
  file->name[length] = '\0';
  if (!version_of_named(file->name, true, &file->version, why, size)) return false;
  char printed[64];
  const unsigned long long seconds = (unsigned long long)file->version.changed.tv_sec;
  const unsigned long long nanoseconds = (unsigned long long)file->version.changed.tv_nsec;
  const int count = snprintf(printed, sizeof printed, "%llu:%llu", (unsigned long long)file->version.inode,
                             seconds * 1000000000ULL + nanoseconds);
  return count == (int)stamp_length && memcmp(printed, stamp, stamp_length) == 0;
}

static bool take_logging(struct rest *rest, enum logging *logging) {
  if (take(rest, "decisions off\n")) *logging = LOG_OFF;
  else if (take(rest, "decisions kept\n")) *logging = LOG_KEPT;
  else if (take(rest, "decisions required\n")) *logging = LOG_REQUIRED;
  else return false;
  return true;
}

static bool parse_snapshot(struct rest *rest, char *why, size_t size) {
  if (!take(rest, "nixsig1 ") || !take_sha256(rest, kept.policy.digest) || !take(rest, "\n")) return false;
  while (begins(rest, "attestations ") || begins(rest, "source ")) {
    if (!take_line(rest)) return false;
  }
  kept.policy.only_warns = take(rest, "mode warn\n");
  if (!kept.policy.only_warns && !take(rest, "mode enforce\n")) return false;
  kept.policy.sources_are_data = take(rest, "sources data\n");
  if (!kept.policy.sources_are_data && !take(rest, "sources attested\n")) return false;
  if (!take_logging(rest, &kept.policy.logging)) return false;
  for (kept.count = 0; rest->next < rest->end; kept.count++) {
    if (kept.count == FILE_LIMIT || !take_file(rest, &kept.files[kept.count], why, size)) return false;
  }
  return kept.count > 0;
}

/** Whether all files are still those that were read last. */
static bool is_unchanged(const struct version *snapshot) {
  if (!kept.is_known || !is_same(snapshot, &kept.snapshot)) return false;
  char why[512];
  for (size_t i = 0; i < kept.count; i++) {
    struct version now;
    if (!version_of_named(kept.files[i].name, false, &now, why, sizeof why)) return false;
    if (!is_same(&now, &kept.files[i].version)) return false;
  }
  return true;
}

bool read_policy(const char *state, const char *policy_file, struct policy *policy, char *why, size_t size) {
  char file[PATH_MAX];
  struct version snapshot;
  if (kept.is_known && is_recent(&kept.looked)) {
    *policy = kept.policy;
    return true;
  }
  snprintf(file, sizeof file, "%s/policy", state);
  if (!version_of(file, &snapshot, why, size)) return false;
  if (!is_unchanged(&snapshot)) {
    kept.is_known = false;
    size_t length = 0;
    if (!is_owned_directory(state, why, size)) return false;
    snprintf(why, size, "%s went away", file);
    if (read_owned_file(file, text, SNAPSHOT_LIMIT, &length, why, size) != READ_DONE) return false;
    snprintf(why, size, "the policy was changed and has not been read since");
    if (!parse_snapshot(&(struct rest){text, text + length}, why, size)) return false;
    if (strcmp(kept.files[0].name, policy_file) != 0) return false;
    kept.snapshot = snapshot;
    kept.is_known = true;
  }
  kept.looked = this_moment();
  *policy = kept.policy;
  return true;
}
