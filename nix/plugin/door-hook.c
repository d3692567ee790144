/**
 * `pre-build-hook`, `post-build-hook` and `build-hook` beside nix.conf: see gone.h. One small static
 * program, which tells them apart by its name and executes the one of `program`: the thin one, or
 * else the one in Node.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "gone.h"

enum { NO = 1 };

/** Nix's own program for `build-hook`, where ours is gone: as in hooks/remote-builders.ts. */
static int pass_on(char **arguments) {
  char program[64];
  snprintf(program, sizeof program, "/proc/%ld/exe", (long)getppid());
  char name[] = "build-remote";
  arguments[0] = name;
  execv(program, arguments);
  return NO;
}

static int without(const char *name, const char *program, const char *why, char **arguments) {
  static char line[GONE_LIMIT];
  const bool only_warns = policy_only_warns();
  gone_line(line, only_warns ? GONE_WARNED : GONE_REFUSED, program, why);
  strcat(line, "\n");
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
  if (name == NULL || length < 0) return without("", called, "called by a name that is none of the hooks", arguments);
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
  return without(name, program, strerror(why), arguments);
}
