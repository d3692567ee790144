/**
 * `pre-build-hook`, `post-build-hook` and `build-hook` beside nix.conf: see gone.h. One small
 * static program, which tells them apart by its name and executes the one of `program`: the thin
 * one, or else the one in Node.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "gone.h"

enum { NO = 1, BUILD_FAILED = 100 };
/** Where Nix reads a build's log. */
enum { BUILD_LOG = 4 };
enum { STRING_LIMIT = 64 * 1024 * 1024, LIST_LIMIT = 1000000 };

/** Nix's own program for `build-hook`, where ours is gone: as in hooks/remote-builders.ts. */
static int pass_on(char **arguments) {
  char program[64];
  snprintf(program, sizeof program, "/proc/%ld/exe", (long)getppid());
  char name[] = "build-remote";
  arguments[0] = name;
  execv(program, arguments);
  return NO;
}

static bool take(void *bytes, size_t size) {
  for (size_t done = 0; done < size;) {
    const ssize_t count = read(STDIN_FILENO, (char *)bytes + done, size - done);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    done += (size_t)count;
  }
  return true;
}

/** A number of Nix's protocol: eight bytes, the lowest first. */
static bool take_number(uint64_t *number) {
  unsigned char bytes[8];
  if (!take(bytes, sizeof bytes)) return false;
  *number = 0;
  for (size_t i = sizeof bytes; i-- > 0;) *number = *number << 8 | bytes[i];
  return true;
}

/** A string: its length, its bytes, and zeros up to a multiple of eight. */
static bool skip_string(void) {
  uint64_t left;
  if (!take_number(&left) || left > STRING_LIMIT) return false;
  left = (left + 7) / 8 * 8;
  while (left > 0) {
    char bytes[4096];
    const size_t count = left < sizeof bytes ? (size_t)left : sizeof bytes;
    if (!take(bytes, count)) return false;
    left -= count;
  }
  return true;
}

static bool skip_list(void) {
  uint64_t count;
  if (!take_number(&count) || count > LIST_LIMIT) return false;
  while (count-- > 0) {
    if (!skip_string()) return false;
  }
  return true;
}

/** All settings, and a request to build: "try", a number, the system, the derivation, features. */
static bool skip_request(void) {
  uint64_t number;
  for (size_t count = 0; count < LIST_LIMIT; count++) {
    if (!take_number(&number)) return false;
    if (number == 0) return skip_string() && take_number(&number) && skip_string() && skip_string() && skip_list();
    if (number != 1 || !skip_string() || !skip_string()) return false;
  }
  return false;
}

static bool say_to(int file, const char *text) {
  const size_t length = strlen(text);
  return write(file, text, length) == (ssize_t)length;
}

/**
 * Accepts the build that Nix asks about and then fails it, as in hooks/build-hook.ts: so the line
 * reaches the user of a daemon as well. What is not understood is refused without.
 */
static int fail_build(const char *line) {
  const bool is_asked = skip_request() && say_to(STDERR_FILENO, "# accept\nnixsig\n") && skip_list() && skip_list();
  if (is_asked && say_to(BUILD_LOG, line)) return BUILD_FAILED;
  /* Ignore errors: the exit status says the outcome too. */
  (void)say_to(STDERR_FILENO, line);
  return NO;
}

static int without(const char *name, const char *program, int error, const char *why, char **arguments) {
  static char line[GONE_LIMIT + 1];
  const bool only_warns = policy_only_warns();
  gone_line(line, only_warns ? GONE_WARNED : GONE_REFUSED, program, error, why);
  strcat(line, "\n");
  if (!only_warns && strcmp(name, "build-hook") == 0) return fail_build(line);
  /* Ignore errors: the exit status says the outcome too. */
  const ssize_t written = write(STDERR_FILENO, line, strlen(line));
  (void)written;
  if (!only_warns) return NO;
  return strcmp(name, "build-hook") == 0 ? pass_on(arguments) : 0;
}

int main(int count, char **arguments) {
  int file;
  do file = open("/dev/null", O_RDWR);
  while (file >= 0 && file <= STDERR_FILENO);
  if (file < 0 || close(file) != 0) return NO;

  static const char *const names[] = {"pre-build-hook", "post-build-hook", "build-hook"};
  const char *called = count > 0 && arguments[0] != NULL ? arguments[0] : "";
  const char *slash = strrchr(called, '/');
  const char *name = NULL;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    if (strcmp(slash == NULL ? called : slash + 1, names[i]) == 0) name = names[i];
  }
  static char self[PATH_MAX], thin[64], program[PATH_MAX];
  const ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
  if (name == NULL || length < 0) return without("", called, 0, "called by a name that is not a hook's", arguments);
  self[length] = '\0';
  snprintf(thin, sizeof thin, "native/%s", name);
  const char *const candidates[] = {thin, name};
  int why = ENAMETOOLONG;
  for (size_t i = 0; i < 2; i++) {
    if (!beside(self, candidates[i], program)) break;
    arguments[0] = program;
    execv(program, arguments);
    why = errno;
    if (why != ENOENT && why != ENOTDIR) break;
  }
  return without(name, program, why, strerror(why), arguments);
}
