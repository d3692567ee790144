#include "let-in.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "decide.h"
#include "plain.h"
#include "say.h"
#include "store-path.h"

/* Records between two looks at the directory, and those that one look compares. */
enum { LOOK_EVERY = 64, COMPARED = 2 * LET_IN_KEPT, TEXT_LIMIT = REASON_LIMIT + 512, FILE_LIMIT = PATH_MAX + DIGEST_CHARS + 1 };

struct record {
  struct timespec time;
  char name[DIGEST_CHARS + 2]; /* `~` may follow the digest */
};

static int by_time(const void *one, const void *other) {
  const struct timespec a = ((const struct record *)one)->time, b = ((const struct record *)other)->time;
  if (a.tv_sec != b.tv_sec) return a.tv_sec < b.tv_sec ? -1 : 1;
  return a.tv_nsec == b.tv_nsec ? 0 : a.tv_nsec < b.tv_nsec ? -1 : 1;
}

/** Reads the names of records, at most COMPARED. Returns how many there are. */
static size_t read_names(const char *directory, struct record *records) {
  size_t count = 0;
  DIR *open = opendir(directory);
  if (open == NULL) return 0;
  for (const struct dirent *entry; count < COMPARED && (entry = readdir(open)) != NULL;) {
    const size_t length = strlen(entry->d_name);
    if (entry->d_name[0] == '.' || length >= sizeof records->name) continue;
    memcpy(records[count++].name, entry->d_name, length + 1);
  }
  closedir(open);
  return count;
}

/** Deletes the oldest records, so that there is room for more. */
static void trim(const char *directory) {
  static struct record records[COMPARED];
  for (size_t count = COMPARED; count == COMPARED;) {
    count = read_names(directory, records);
    if (count <= LET_IN_KEPT - LOOK_EVERY) return;
    const int at = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    for (size_t i = 0; i < count; i++) {
      struct stat status = {0}; /* oldest, if that cannot be told */
      fstatat(at, records[i].name, &status, AT_SYMLINK_NOFOLLOW);
      records[i].time = status.st_mtim;
    }
    qsort(records, count, sizeof records[0], by_time);
    bool is_deleted = true;
    for (size_t i = 0; i < count - LET_IN_KEPT / 2; i++) is_deleted &= unlinkat(at, records[i].name, 0) == 0;
    close(at);
    if (!is_deleted) return;
  }
}

/** Writes a file, and leaves nothing of it behind if that fails. */
static bool write_file(const char *file, const char *contents, size_t length) {
  char fresh[FILE_LIMIT + 1];
  snprintf(fresh, sizeof fresh, "%s~", file);
  const int to = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
  if (to < 0) return false;
  errno = ENOSPC; /* the reason if only a part can be written */
  bool is_written = write(to, contents, length) == (ssize_t)length;
  is_written = close(to) == 0 && is_written;
  if (is_written && rename(fresh, file) == 0) return true;
  const int problem = errno;
  unlink(fresh);
  errno = problem;
  return false;
}

void record_warning(const char *state, const char *path, const char *hash, const char *reason) {
  static unsigned written;
  struct store_path parsed;
  if (path == NULL || hash == NULL || !parse_store_path(path, &parsed)) return;
  char directory[PATH_MAX], file[FILE_LIMIT], text[TEXT_LIMIT], why[REASON_LIMIT];
  snprintf(directory, sizeof directory, "%s/let-in", state);
  snprintf(file, sizeof file, "%s/%s", directory, parsed.digest);
  snprintf(why, sizeof why, "%s", reason);
  make_plain(why);
  const int length = snprintf(text, sizeof text, "nixsig1 %s %s\ntime %lld\nwhy %s\n", path, hash, (long long)time(NULL), why);
  const bool is_made = mkdir(directory, 0755) == 0 || errno == EEXIST;
  if (is_made && written++ % LOOK_EVERY == 0) trim(directory);
  const bool fits = length > 0 && (size_t)length < sizeof text;
  if (!fits) errno = EMSGSIZE;
  if (is_made && fits && write_file(file, text, (size_t)length)) return;
  snprintf(text, sizeof text, "nixsig: %.300s could not be written: %s", file, strerror(errno));
  say(text);
}
