#include "owned.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { WRITABLE_BY_OTHERS = S_IWGRP | S_IWOTH };

static bool is_ours(uid_t owner) { return owner == 0 || owner == geteuid(); }

/**
 * Whether nobody else can replace what is in a directory. `immediate`: it is the file's own
 * directory.
 */
static bool guards(const char *directory, bool immediate, char *why, size_t size) {
  struct stat status;
  if (lstat(directory, &status) != 0) {
    snprintf(why, size, "%s: %s", directory, strerror(errno));
    return false;
  }
  if (!is_ours(status.st_uid)) {
    snprintf(why, size, "%s belongs to user %lu", directory, (unsigned long)status.st_uid);
    return false;
  }
  /* A link's own mode means nothing; whoever follows it also checks what it leads to. */
  if (S_ISLNK(status.st_mode)) return true;
  const bool sticky = (status.st_mode & S_ISVTX) != 0;
  if ((status.st_mode & S_IWOTH) != 0 && (!sticky || immediate)) {
    snprintf(why, size, "%s is writable by everybody", directory);
    return false;
  }
  if ((status.st_mode & S_IWGRP) != 0 && !sticky) {
    snprintf(why, size, "%s is writable by its group", directory);
    return false;
  }
  return true;
}

bool is_protected(const char *path, char *why, size_t size) {
  char directory[PATH_MAX];
  const size_t length = strlen(path);
  if (path[0] != '/' || length >= sizeof directory) {
    snprintf(why, size, "not an absolute path of usual length");
    return false;
  }
  memcpy(directory, path, length + 1);
  for (bool immediate = true;; immediate = false) {
    char *slash = strrchr(directory, '/');
    const bool last = slash == directory;
    slash[last ? 1 : 0] = '\0';
    if (!guards(directory, immediate, why, size)) return false;
    if (last) return true;
  }
}

bool is_owned_directory(const char *path, char *why, size_t size) {
  struct stat status;
  if (lstat(path, &status) != 0) {
    snprintf(why, size, "%s: %s", path, strerror(errno));
    return false;
  }
  return is_owned_status(&status, path, why, size);
}

bool is_owned_status(const struct stat *status, const char *path, char *why, size_t size) {
  if (!S_ISDIR(status->st_mode)) {
    snprintf(why, size, "%s is not a directory", path);
    return false;
  }
  if (!is_ours(status->st_uid)) {
    snprintf(why, size, "%s belongs to user %lu", path, (unsigned long)status->st_uid);
    return false;
  }
  if ((status->st_mode & WRITABLE_BY_OTHERS) != 0) {
    snprintf(why, size, "%s is writable by others", path);
    return false;
  }
  return true;
}

/**
 * Reads an open file to its end; it had `expected` bytes when it was opened. Returns the number of
 * bytes, or -1.
 */
static ssize_t read_all(int file, char *buffer, size_t room, off_t expected) {
  size_t filled = 0;
  /*
   * If one read returns all that was expected, that is the whole file: such files are replaced,
   * never appended to.
   */
  while (filled < room && (filled == 0 || (off_t)filled != expected)) {
    const ssize_t count = read(file, buffer + filled, room - filled);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return -1;
    if (count == 0) break;
    filled += (size_t)count;
  }
  return (ssize_t)filled;
}

static enum reading unsafe(int file, const char *path, const char *problem, char *why, size_t size) {
  snprintf(why, size, "%s %s", path, problem);
  if (file >= 0) close(file);
  return READ_UNSAFE;
}

/**
 * Opens a regular file that belongs to root or to us and that nobody else may write to; `status` is
 * what it is then.
 */
static enum reading open_owned(int directory, const char *path, int *opened, struct stat *status, char *why, size_t size) {
  const int file = openat(directory, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
  if (file < 0 && errno == ENOENT) return READ_ABSENT;
  if (file < 0) return unsafe(file, path, strerror(errno), why, size);
  if (fstat(file, status) != 0) return unsafe(file, path, strerror(errno), why, size);
  if (!S_ISREG(status->st_mode)) return unsafe(file, path, "is not a regular file", why, size);
  if (!is_ours(status->st_uid)) return unsafe(file, path, "belongs to another user", why, size);
  if ((status->st_mode & WRITABLE_BY_OTHERS) != 0) return unsafe(file, path, "is writable by others", why, size);
  *opened = file;
  return READ_DONE;
}

enum reading read_owned_start_at(int directory, const char *path, char *buffer, size_t room, size_t *length, char *why, size_t size) {
  int file;
  struct stat status;
  const enum reading reading = open_owned(directory, path, &file, &status, why, size);
  if (reading != READ_DONE) return reading;
  const ssize_t count = read_all(file, buffer, room, status.st_size);
  if (count < 0) return unsafe(file, path, strerror(errno), why, size);
  close(file);
  *length = (size_t)count;
  return READ_DONE;
}

enum reading read_owned_end_at(int directory, const char *path, char *buffer, size_t room, size_t *length, char *why, size_t size) {
  int file;
  struct stat status;
  const enum reading reading = open_owned(directory, path, &file, &status, why, size);
  if (reading != READ_DONE) return reading;
  const off_t start = status.st_size > (off_t)room ? status.st_size - (off_t)room : 0;
  if (lseek(file, start, SEEK_SET) != start) return unsafe(file, path, strerror(errno), why, size);
  const ssize_t count = read_all(file, buffer, room, status.st_size - start);
  if (count < 0) return unsafe(file, path, strerror(errno), why, size);
  close(file);
  *length = (size_t)count;
  return READ_DONE;
}

enum reading read_owned_file(const char *path, char *buffer, size_t limit, size_t *length, char *why, size_t size) {
  int file;
  struct stat status;
  const enum reading reading = open_owned(AT_FDCWD, path, &file, &status, why, size);
  if (reading != READ_DONE) return reading;
  const ssize_t count = read_all(file, buffer, limit + 1, status.st_size);
  if (count < 0) return unsafe(file, path, strerror(errno), why, size);
  if ((size_t)count > limit) return unsafe(file, path, "is too long", why, size);
  close(file);
  buffer[count] = '\0';
  *length = (size_t)count;
  return READ_DONE;
}
