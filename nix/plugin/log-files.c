#include "log-files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lines.h"
#include "owned.h"

/* NAMES_LIMIT: names of a directory that are looked at. */
enum { DIGITS = 12, NAMES_LIMIT = 1 << 17 };

bool failing(char *why, size_t size, const char *what) {
  snprintf(why, size, "%s: %s", what, strerror(errno));
  return false;
}

void print_name(unsigned long long number, char name[NAME_SIZE]) { snprintf(name, NAME_SIZE, "%0*llu", DIGITS, number); }

bool has_number(int directory, unsigned long long number) {
  char name[NAME_SIZE];
  struct stat status;
  print_name(number, name);
  return fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0;
}

static void close_file(int *file) {
  if (*file >= 0) close(*file);
  *file = -1;
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

bool open_log_files(struct log_files *files, const char *state, enum beginning beginning, char *why, size_t size) {
  char path[PATH_MAX];
  const int length = snprintf(path, sizeof path, "%s/decisions", state);
  if (length < 0 || (size_t)length >= sizeof path) return false;
  close_file(&files->root);
  if (beginning == MAY_BEGIN && mkdir(path, 0700) != 0 && errno != EEXIST) return failing(why, size, path);
  files->root = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (files->root < 0) return failing(why, size, path);
  return is_protected(path, why, size) && is_owned_directory(state, why, size) && is_owned_directory(path, why, size) &&
         open_inner(files->root, "open", &files->open, why, size) && open_inner(files->root, "segments", &files->segments, why, size);
}

/** The number that a name stands for; false for any other name. */
static bool parse_name(const char *name, unsigned long long *number) {
  struct rest rest = {name, name + strlen(name)};
  return rest.end - rest.next == DIGITS && take_number(&rest, DIGITS, number) && rest.next == rest.end;
}

bool find_greatest(int directory, const char *what, unsigned long long *greatest, bool *is_any, char *why, size_t size) {
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
