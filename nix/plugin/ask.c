/**
 * For tests: prints what the plugin would decide, or how it reads a reply of the gate. Each line of
 * standard input is a question, with its words separated by tabs; an empty word stands for NULL.
 *
 *     STATE  POLICY  SOCKET  PATH  HASH  DERIVER  CA  ULTIMATE  ROOT  SIZE  SIGS     to: let-in, warned or refused; reason, references
 *     log    STATE  LOGGING  MODE  PATH  HASH  OUTCOME  LET-IN  GROUND  MESSAGE  COUNT    to: logged or failed; why
 *     asker  PROC  PROCESS                                               to: who is behind that process
 *     reply  BYTES                                                       to: pass, refuse or failed; sentence and notice, or why
 *
 * LOGGING is a number of `enum logging`, and MESSAGE in hexadecimal; of more than one line, each has
 * its place among them behind its path. A mode that is absent stands for a policy that is not known.
 * Each line of the output has the words of the answer, separated by tabs. The bytes of a reply and
 * what it is read as are in hexadecimal.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "asker.h"
#include "decide.h"
#include "decision.h"
#include "reply.h"

enum { LINE_LIMIT = 3 * REPLY_LIMIT, WORDS = 11, LOG_WORDS = 10 };

/** Cuts a line at its tabs; false unless it has exactly `count` words. */
static bool cut(char *line, const char **words, int count) {
  for (int i = 0; i < count; i++) {
    if (line == NULL) return false;
    char *tab = strchr(line, '\t');
    if (tab != NULL) *tab = '\0';
    words[i] = *line == '\0' ? NULL : line;
    line = tab == NULL ? NULL : tab + 1;
  }
  return line == NULL;
}

static void print_in_hex(const char *text) {
  putchar('\t');
  for (; *text != '\0'; text++) printf("%02x", (unsigned char)*text);
}

/** Reads a reply, and prints what it is read as. */
static void answer_reply(const char *hex) {
  static struct reply reply;
  size_t length = 0;
  for (unsigned byte; length < sizeof reply.bytes - 3 && sscanf(hex + 2 * length, "%2x", &byte) == 1; length++) {
    reply.bytes[length] = (char)byte;
  }
  const enum asked asked = read_reply(&reply, length);
  printf("%s", asked == ASKED_PASS ? "pass" : asked == ASKED_REFUSE ? "refuse" : "failed");
  print_in_hex(asked == ASKED_FAILED ? reply.why : reply.sentence);
  print_in_hex(asked == ASKED_FAILED ? "" : reply.notice);
  putchar('\n');
}

static bool answer_log(char *line) {
  enum { STATE, LOGGING, MODE, PATH, HASH, OUTCOME, IS_LET_IN, GROUND, MESSAGE, COUNT };
  const char *words[LOG_WORDS];
  char message[REASON_LIMIT] = "", path[512], why[1024] = "";
  if (!cut(line, words, LOG_WORDS) || words[STATE] == NULL || words[LOGGING] == NULL || words[COUNT] == NULL) return false;
  struct policy policy = {.only_warns = words[MODE] != NULL && strcmp(words[MODE], "warn") == 0, .logging = (enum logging)atoi(words[LOGGING])};
  memset(policy.digest, 'c', HEX_SHA256);
  for (size_t i = 0, byte; words[MESSAGE] != NULL && i < sizeof message - 1 && sscanf(words[MESSAGE] + 2 * i, "%2zx", &byte) == 1; i++) {
    message[i] = (char)byte;
  }
  const long count = atol(words[COUNT]);
  bool is_logged = true;
  for (long i = 0; i < count && is_logged; i++) {
    if (words[PATH] != NULL && count > 1) snprintf(path, sizeof path, "%s-%ld", words[PATH], i);
    const struct log_entry entry = {.path = count > 1 && words[PATH] != NULL ? path : words[PATH],
                                    .hash = words[HASH],
                                    .outcome = words[OUTCOME],
                                    .is_let_in = words[IS_LET_IN] != NULL,
                                    .ground = words[GROUND],
                                    .message = words[MESSAGE] == NULL ? NULL : message,
                                    .policy = words[MODE] == NULL ? NULL : &policy};
    is_logged = log_decision(words[STATE], &entry, why, sizeof why);
  }
  printf("%s\t%s\n", is_logged ? "logged" : "failed", why);
  return true;
}

static bool answer_asker(char *line) {
  const char *words[2];
  char text[ASKER_SIZE];
  if (!cut(line, words, 2) || words[0] == NULL || words[1] == NULL) return false;
  const struct asker asker = asker_of(words[0], words[1]);
  print_asker(&asker, text);
  printf("%s\n", text);
  return true;
}

static bool answer_row(char *line) {
  const char *words[WORDS];
  struct grounds grounds;
  if (!cut(line, words, WORDS) || words[0] == NULL || words[1] == NULL || words[2] == NULL) return false;
  const struct places places = {.state = words[0], .policy = words[1], .socket = words[2], .patience_ms = 1000};
  const struct row row = {words[3], words[4], words[5], words[6], words[7] != NULL && strcmp(words[7], "1") == 0, words[8],
                          words[9] == NULL ? 0 : strtoll(words[9], NULL, 10), words[10]};
  static const char *const names[] = {[LET_IN] = "let-in", [LET_IN_WARNED] = "warned", [REFUSED] = "refused"};
  const char *outcome = names[decide(&places, &row, &grounds)];
  printf("%s\t%s\t%s\n", outcome, grounds.reason, grounds.references);
  return true;
}

int main(void) {
  static char line[LINE_LIMIT];
  static const char reply[] = "reply\t", log[] = "log\t", asker[] = "asker\t";
  while (fgets(line, sizeof line, stdin) != NULL) {
    line[strcspn(line, "\n")] = '\0';
    if (strncmp(line, reply, sizeof reply - 1) == 0) answer_reply(line + sizeof reply - 1);
    else if (strncmp(line, log, sizeof log - 1) == 0) {
      if (!answer_log(line + sizeof log - 1)) return 2;
    } else if (strncmp(line, asker, sizeof asker - 1) == 0) {
      if (!answer_asker(line + sizeof asker - 1)) return 2;
    } else if (!answer_row(line)) return 2;
    fflush(stdout);
  }
  return 0;
}
