/**
 * `pre-build-hook` and `post-build-hook` as one small static program, which tells them apart by its
 * name. It asks the resident process (docs/resident.md). If that gives no verdict, it executes the
 * hook of the same name in the directory above its own, which judges itself. Both ways give the
 * same verdicts, messages and exit status.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ask-for.h"
#include "installed.h"
#include "next-step.h"
#include "refusal-line.h"
#include "resident.h"
#include "store-path.h"

#ifndef NIXSIG_AFTER_BUILD
#define NIXSIG_AFTER_BUILD "/etc/nixsig/after-build"
#endif
/* The PATH of the other hook, which has to find its interpreter. The same as in tools/build.mjs. */
#ifndef NIXSIG_PATH
#define NIXSIG_PATH "/run/current-system/sw/bin:/usr/local/bin:/usr/bin:/bin"
#endif

/* Gives up after this long; Nix would wait forever. */
enum { DEADLINE_MINUTES = 30 };

enum { NO = 1 };

struct question {
  const char *name;       /* the hook's name */
  const char *word;       /* its word in the protocol */
  const char *derivation; /* as Nix passed it */
};

static bool write_all(int file, const char *text, size_t length) {
  while (length > 0) {
    const ssize_t count = write(file, text, length);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return false;
    text += count;
    length -= (size_t)count;
  }
  return true;
}

/**
 * Prints a text on standard error, each line after our name. Errors are ignored: the exit status
 * says the outcome too.
 */
static void say(const char *text) {
  while (true) {
    const size_t length = strcspn(text, "\n");
    write_all(STDERR_FILENO, "nixsig: ", 8);
    write_all(STDERR_FILENO, text, length);
    write_all(STDERR_FILENO, "\n", 1);
    if (text[length] == '\0') return;
    text += length + 1;
  }
}

/**
 * Descriptors 0 to 2 may be closed. Opens them, so that nothing that is opened later takes their
 * place.
 */
static bool open_standard_files(void) {
  int file;
  do file = open("/dev/null", O_RDWR);
  while (file >= 0 && file <= STDERR_FILENO);
  return file >= 0 && close(file) == 0;
}

/** The hook of this name in the directory above our own; false if that cannot be found. */
static bool find_other(const char *name, char file[PATH_MAX]) {
  const ssize_t length = readlink("/proc/self/exe", file, PATH_MAX - 1);
  if (length < 0) return false;
  file[length] = '\0';
  char *slash = strrchr(file, '/');
  if (slash == NULL) return false;
  *slash = '\0';
  slash = strrchr(file, '/');
  if (slash == NULL || slash + 1 + strlen(name) >= file + PATH_MAX) return false;
  memcpy(slash + 1, name, strlen(name) + 1);
  return true;
}

/**
 * Executes the hook of the same name in the directory above, with an argument. Returns the exit
 * status, and only if that fails; `why` says that nobody else does this.
 */
static int execute_other(const struct question *question, const char *argument, const char *why) {
  char file[PATH_MAX], drv_path[PATH_MAX], text[PATH_MAX + 256];
  const int written = snprintf(drv_path, sizeof drv_path, "DRV_PATH=%s", question->derivation);
  if (!find_other(question->name, file) || written < 0 || (size_t)written >= sizeof drv_path) {
    snprintf(text, sizeof text, "refused: %s, and there is no other hook to ask" NEXT_DOCTOR, why);
    say(text);
    return NO;
  }
  char path[] = "PATH=" NIXSIG_PATH;
  char *const environment[] = {drv_path, path, NULL};
  char *const arguments[] = {file, (char *)(uintptr_t)argument, NULL};
  execve(file, arguments, environment);
  snprintf(text, sizeof text, "refused: %s, and %s cannot be run: %s" NEXT_DOCTOR, why, file, strerror(errno));
  say(text);
  return NO;
}

/** Has the hook judge that can do so itself. Returns the exit status, and only if that fails. */
static int judge_without(const struct question *question) {
  return execute_other(question, question->derivation, "nobody judges here");
}

/** Has the programs run that root wants to run after a build. Returns the exit status. */
static int finish(const struct question *question) {
  const bool is_build = strcmp(question->word, "after-build") == 0;
  if (!is_build || faccessat(AT_FDCWD, NIXSIG_AFTER_BUILD, F_OK, AT_SYMLINK_NOFOLLOW) != 0) return 0;
  return execute_other(question, "then", "somebody has to run what " NIXSIG_AFTER_BUILD " lists");
}

/** Reports a refusal. Returns the exit status. */
static int refuse(const struct question *question, const struct reply *reply) {
  if (strcmp(question->word, "after-build") == 0) return NO; /* the notice has said it already */
  if (!shows_refusal_line(reply->telling)) {
    say(reply->sentence);
    return NO;
  }
  /* Nix takes this line for an unknown command, shows it to the user, and fails. */
  char line[REPLY_LIMIT + 16];
  const int length = snprintf(line, sizeof line, "nixsig: %s\n", reply->sentence);
  const bool is_told = length > 0 && (size_t)length < sizeof line && write_all(STDOUT_FILENO, line, (size_t)length);
  return is_told ? 0 : NO;
}

/** Seconds on a clock that is not affected by changes of the time of day. */
static time_t seconds(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec;
}

/** Asks, and does what the answer says. Returns the exit status. */
static int decide(const struct question *question) {
  static struct reply reply;
  struct store_path path;
  const bool is_question = parse_store_path(question->derivation, &path) && is_derivation_name(path.name);
  if (is_question) {
    char line[1024], nix[32];
    snprintf(nix, sizeof nix, "%ld", (long)getppid());
    const struct asker asker = asker_of("/proc", nix);
    snprintf(line, sizeof line, "nixsig1 %s %s\n", question->word, question->derivation);
    const time_t start = seconds();
    const enum asked asked = ask_for(&asker, NIXSIG_SOCKET, line, DEADLINE_MINUTES * 60 * 1000, &reply);
    if ((asked == ASKED_PASS || asked == ASKED_REFUSE) && *reply.notice != '\0') say(reply.notice);
    if (asked == ASKED_PASS) return finish(question);
    if (asked == ASKED_REFUSE) return refuse(question, &reply);
    char text[sizeof reply.why + 64];
    if (seconds() - start >= DEADLINE_MINUTES * 60) {
      snprintf(text, sizeof text, "refused %.300s: no verdict after %d minutes" NEXT_AGAIN_OR_DOCTOR, question->derivation, DEADLINE_MINUTES);
      say(text);
      return NO;
    }
    if (asked == ASKED_FAILED && strcmp(reply.why, LEFT_TO_THE_HOOK) != 0) {
      snprintf(text, sizeof text, "judging without the resident process: %s", reply.why);
      say(text);
    }
  }
  return judge_without(question);
}

int main(int count, char **arguments) {
  if (!open_standard_files()) return NO;
  const char *called = count > 0 && arguments[0] != NULL ? arguments[0] : "";
  const char *slash = strrchr(called, '/');
  const char *name = slash == NULL ? called : slash + 1;
  if (strcmp(name, "pre-build-hook") == 0) {
    const char *derivation = count > 1 ? arguments[1] : "";
    return decide(&(struct question){name, "before-build", derivation});
  }
  if (strcmp(name, "post-build-hook") == 0) {
    /* Nix passes only this in the environment. */
    const char *derivation = getenv("DRV_PATH");
    return decide(&(struct question){name, "after-build", derivation == NULL ? "" : derivation});
  }
  say("refused: called by a name that is neither pre-build-hook nor post-build-hook" NEXT_DOCTOR);
  return NO;
}
