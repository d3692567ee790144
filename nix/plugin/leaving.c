#include "leaving.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "moment.h"
#include "store-path.h"

enum { NOTHING_FOR_MS = 5 };

bool is_any_leaving(const char *state) {
  static _Atomic long long found_nothing; /* used by several threads */
  char directory[PATH_MAX];
  const long long now = this_moment().ms;
  const long long since = found_nothing;
  if (since != 0 && now - since < NOTHING_FOR_MS) return false;
  snprintf(directory, sizeof directory, "%s/leaving", state);
  const bool is_any = faccessat(AT_FDCWD, directory, F_OK, AT_EACCESS) == 0;
  found_nothing = is_any ? 0 : now;
  return is_any;
}

bool is_leaving(const char *state, const char *path, const char *root) {
  struct store_path parsed;
  struct stat status;
  char file[PATH_MAX];
  if (path == NULL || !parse_store_path(path, &parsed)) return false;
  snprintf(file, sizeof file, "%s/leaving/%s", state, parsed.digest);
  if (lstat(file, &status) == 0) return true;
  if (root == NULL) return false;
  const int length = snprintf(file, sizeof file, "%s%s", root, path);
  return length > 0 && (size_t)length < sizeof file && lstat(file, &status) != 0 && errno == ENOENT;
}
