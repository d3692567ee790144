/**
 * Preloaded into a hook: the disk below STATE is full from the AT-th call on that takes room of it
 * (numbered from 1). Creates the file TOLD if such a call failed.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static bool is_below(const char *path) {
  const char *state = getenv("STATE");
  return state != NULL && path != NULL && strncmp(path, state, strlen(state)) == 0;
}

/** Counts a call that takes room below a path; true if the disk is full by then. */
static bool is_full(const char *path) {
  static int calls;
  const char *at = getenv("AT"), *told = getenv("TOLD");
  if (!is_below(path) || at == NULL || __atomic_add_fetch(&calls, 1, __ATOMIC_SEQ_CST) < atoi(at)) return false;
  const int file = told == NULL ? -1 : REAL(open)(told, O_WRONLY | O_CREAT, 0600);
  if (file >= 0) close(file);
  errno = ENOSPC;
  return true;
}

static bool is_full_behind(int file) {
  char link[64], path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  const ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return false;
  path[length] = '\0';
  return is_full(path);
}

static int open_file(const char *path, int flags, mode_t mode) {
  if ((flags & O_CREAT) != 0 && is_full(path)) return -1;
  return REAL(open)(path, flags, mode);
}

int open(const char *path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  return open_file(path, flags, mode);
}

int open64(const char *path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  return open_file(path, flags, mode);
}

/* Half of it still fits, and nothing after that. */
ssize_t write(int file, const void *bytes, size_t count) {
  static bool is_half;
  if (!is_full_behind(file)) return REAL(write)(file, bytes, count);
  if (is_half || count < 2) return -1;
  is_half = true;
  return REAL(write)(file, bytes, count / 2);
}

ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t offset) {
  return is_full_behind(file) ? -1 : REAL(pwrite64)(file, bytes, count, offset);
}

int mkdir(const char *path, mode_t mode) { return is_full(path) ? -1 : REAL(mkdir)(path, mode); }

int rename(const char *from, const char *to) { return is_full(to) ? -1 : REAL(rename)(from, to); }
