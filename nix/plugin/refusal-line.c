#include "refusal-line.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/*
 * KNOWN of src/formats/nix/nix-version.ts. Each of these versions shows an unknown line and fails.
 */
enum { FIRST_MINOR = 8, LAST_MINOR = 35 };

enum { PATIENCE_SECONDS = 10, OUTPUT_LIMIT = 4096 };

/** Runs in the child: executes a program that prints its version to `output`. */
static void say_version(char *program, int output) {
  char option[] = "--version";
  char *const arguments[] = {program, option, NULL};
  char *const environment[] = {NULL};
  const int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (nothing >= 0 && dup2(nothing, 0) == 0 && dup2(output, 1) == 1 && dup2(nothing, 2) == 2) {
    execve(program, arguments, environment);
  }
  _exit(127);
}

/**
 * Reads what a child prints until it closes its output; false if that takes too long or is too
 * much.
 */
static bool read_output(int output, char *text) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  const long deadline = (long)time.tv_sec + PATIENCE_SECONDS;
  for (size_t filled = 0;;) {
    clock_gettime(CLOCK_MONOTONIC, &time);
    struct pollfd waiting = {.fd = output, .events = POLLIN};
    const long left = deadline - (long)time.tv_sec;
    if (left <= 0 || filled == OUTPUT_LIMIT) return false;
    if (poll(&waiting, 1, (int)left * 1000) <= 0) continue;
    const ssize_t count = read(output, text + filled, OUTPUT_LIMIT - filled);
    if (count < 0 && errno != EINTR) return false;
    if (count > 0) filled += (size_t)count;
    if (count == 0) {
      text[filled] = '\0';
      return strlen(text) == filled;
    }
  }
}

/**
 * What the program that called us prints as its version; false if it does not. `text` has room for
 * OUTPUT_LIMIT + 1 bytes.
 */
static bool ask_parent(char *text) {
  char program[64];
  int ends[2];
  snprintf(program, sizeof program, "/proc/%ld/exe", (long)getppid());
  if (pipe2(ends, O_CLOEXEC) != 0) return false;
  const pid_t child = fork();
  if (child == 0) say_version(program, ends[1]);
  close(ends[1]);
  const bool has_said = child > 0 && read_output(ends[0], text);
  close(ends[0]);
  if (child <= 0) return false;
  if (!has_said) kill(child, SIGKILL);
  int status;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return false;
  }
  return has_said && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void trim(char *text) {
  static const char blank[] = " \t\r\n\v\f";
  size_t length = strlen(text);
  while (length > 0 && strchr(blank, text[length - 1]) != NULL) text[--length] = '\0';
  memmove(text, text + strspn(text, blank), strlen(text + strspn(text, blank)) + 1);
}

/** Parses one to three digits. Returns how many there are; 0 if there are more or none. */
static size_t take_digits(const char *text, int *number) {
  const size_t length = strspn(text, "0123456789");
  *number = 0;
  for (size_t i = 0; i < length && i < 3; i++) *number = *number * 10 + (text[i] - '0');
  return length <= 3 ? length : 0;
}

/**
 * The version in a text such as `nix (Nix) 2.34.8`, and its second number; NULL if the text does
 * not have that form.
 */
static const char *version_in(const char *text, int *minor) {
  const size_t name = strspn(text, "abcdefghijklmnopqrstuvwxyz-");
  static const char middle[] = " (Nix) ";
  if (name == 0 || strncmp(text + name, middle, sizeof middle - 1) != 0) return NULL;
  const char *version = text + name + sizeof middle - 1;
  if (strncmp(version, "2.", 2) != 0) return NULL;
  int patch;
  const size_t digits = take_digits(version + 2, minor);
  const char *rest = version + 2 + digits;
  if (digits > 0 && *rest == '.') {
    const size_t more = take_digits(rest + 1, &patch);
    rest += more > 0 ? 1 + more : 0;
  }
  return digits > 0 && *rest == '\0' ? version : NULL;
}

/** Whether one of the words after the first is this version. */
static bool names(const char *telling, const char *version) {
  const size_t length = strlen(version);
  for (const char *space = strchr(telling, ' '); space != NULL; space = strchr(space + 1, ' ')) {
    if (strncmp(space + 1, version, length) == 0 && (space[1 + length] == ' ' || space[1 + length] == '\0')) return true;
  }
  return false;
}

bool shows_refusal_line(const char *telling) {
  if (strcmp(telling, "line") != 0 && strncmp(telling, "line ", 5) != 0) return false;
  char text[OUTPUT_LIMIT + 1];
  int minor;
  if (!ask_parent(text)) return false;
  trim(text);
  const char *version = version_in(text, &minor);
  if (version == NULL) return false;
  return names(telling, version) || (minor >= FIRST_MINOR && minor <= LAST_MINOR);
}
