#include "asker.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lines.h"

/* PID_DIGITS: most digits of a process number (PID_MAX_LIMIT is 4,194,304). */
enum { PID_DIGITS = 7, FILE_LIMIT = 4096, SECURE = 23 /* AT_SECURE */ };

/** Reads the start of a file of a process, and puts a NUL behind it. `proc`: see proc(5). */
static size_t read_proc(const char *proc, const char *process, const char *name, char text[FILE_LIMIT + 1]) {
  char path[512];
  const int printed = snprintf(path, sizeof path, "%s/%s/%s", proc, process, name);
  const bool fits = printed > 0 && (size_t)printed < sizeof path;
  const int file = fits ? open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY) : -1;
  size_t length = 0;
  for (ssize_t count = 1; file >= 0 && length < FILE_LIMIT && count > 0; length += count > 0 ? (size_t)count : 0) {
    count = read(file, text + length, FILE_LIMIT - length);
  }
  if (file >= 0) close(file);
  text[length] = '\0';
  return length;
}

/** When a process began: field 22 of its `stat`. The name before it may have any characters. */
static bool read_start(const char *proc, const char *process, unsigned long long *start) {
  enum { FIELDS_BEFORE = 19 };
  char text[FILE_LIMIT + 1];
  struct rest rest = {text, text + read_proc(proc, process, "stat", text)};
  const char *name_end = strrchr(text, ')');
  if (name_end == NULL) return false;
  rest.next = name_end + 1;
  for (int i = 0; i < FIELDS_BEFORE; i++) {
    if (!take(&rest, " ") || !take_word(&rest, NULL, NULL)) return false;
  }
  return take(&rest, " ") && take_number(&rest, 15, start) && begins(&rest, " ");
}

/** The real user of a process. Set-user-ID does not change it. */
static bool read_user(const char *proc, const char *process, unsigned long long *user) {
  static const char label[] = "\nUid:\t";
  char text[FILE_LIMIT + 1];
  const size_t length = read_proc(proc, process, "status", text);
  const char *line = strstr(text, label);
  struct rest rest = {line == NULL ? text : line + sizeof label - 1, text + length};
  return line != NULL && take_number(&rest, 10, user) && begins(&rest, "\t");
}

/** Whether a program has more rights than whoever started it; true if that cannot be told. */
static bool is_more_privileged(const char *proc, const char *process) {
  char text[FILE_LIMIT + 1];
  const size_t length = read_proc(proc, process, "auxv", text);
  unsigned long pair[2];
  for (size_t at = 0; at + sizeof pair <= length; at += sizeof pair) {
    memcpy(pair, text + at, sizeof pair);
    if (pair[0] == SECURE) return pair[1] != 0;
  }
  return true;
}

/**
 * Whether this is the command line of nix-daemon or of `nix daemon`. `first`: the first argument,
 * which may have been replaced by a process number.
 */
static bool is_daemon(const char *program, const char *first) {
  const char *slash = strrchr(program, '/');
  const char *name = slash == NULL ? program : slash + 1;
  if (strcmp(name, "nix-daemon") == 0) return true;
  const size_t digits = strspn(first, "0123456789");
  const bool is_number = digits > 0 && first[digits] == '\0' && first[0] != '0';
  return strcmp(name, "nix") == 0 && (is_number || strcmp(first, "daemon") == 0);
}

/**
 * The client's process number: the first argument, with a zero byte behind it, and another unless
 * no digit can have been cut off.
 */
static bool take_client(struct rest *rest, char client[PID_DIGITS + 1]) {
  unsigned long long number;
  const char *start = rest->next;
  if (begins(rest, "0") || !take_number(rest, PID_DIGITS, &number)) return false;
  const size_t digits = (size_t)(rest->next - start), left = (size_t)(rest->end - rest->next);
  if (left == 0 || rest->next[0] != '\0') return false;
  if (digits < PID_DIGITS && (left < 2 || rest->next[1] != '\0')) return false;
  memcpy(client, start, digits);
  client[digits] = '\0';
  return true;
}

struct asker asker_of(const char *proc, const char *process) {
  static const struct asker unknown = {.is_known = false};
  char line[FILE_LIMIT + 1], client[PID_DIGITS + 1];
  unsigned long long own, other;
  struct asker asker = {.is_known = true};
  const size_t length = read_proc(proc, process, "cmdline", line);
  const size_t program = strlen(line) + 1;
  struct rest rest = {line + (program < length ? program : length), line + length};
  if (!is_daemon(line, rest.next)) return read_user(proc, process, &asker.user) ? asker : unknown;
  if (!take_client(&rest, client)) return unknown;
  /* The number may have been given to another process since. */
  if (!read_start(proc, process, &own) || !read_start(proc, client, &other) || other > own) return unknown;
  return read_user(proc, client, &asker.user) && !is_more_privileged(proc, client) ? asker : unknown;
}

void print_asker(const struct asker *asker, char text[ASKER_SIZE]) {
  if (!asker->is_known) snprintf(text, ASKER_SIZE, "unknown");
  else if (asker->user == 0) snprintf(text, ASKER_SIZE, "root");
  else snprintf(text, ASKER_SIZE, "user %llu", asker->user);
}

const struct asker *find_asker(void) {
  static struct asker asker;
  static pid_t known_in;
  const pid_t own = getpid(); /* nix-daemon's processes begin as copies of it */
  if (known_in != own) asker = asker_of("/proc", "self");
  known_in = own;
  return &asker;
}
