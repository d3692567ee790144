/**
 * For tests: prints what the plugin would decide, or how it reads a reply of the gate. Each line of
 * standard input is a question, with its words separated by tabs; an empty word stands for NULL.
 *
 *     STATE  POLICY  SOCKET  PATH  HASH  DERIVER  CA  ULTIMATE  ROOT  SIZE  SIGS     to: let-in, warned or refused; reason, references
 *     reply  BYTES                                                       to: pass, refuse or failed; sentence and notice, or why
 *
 * Each line of the output has the words of the answer, separated by tabs. The bytes of a reply and
 * what it is read as are in hexadecimal.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decide.h"
#include "reply.h"

enum { LINE_LIMIT = 3 * REPLY_LIMIT, WORDS = 11 };

/** Cuts a line at its tabs; false unless it has exactly WORDS words. */
static bool cut(char *line, const char *words[WORDS]) {
  for (int i = 0; i < WORDS; i++) {
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

static bool answer_row(char *line) {
  const char *words[WORDS];
  struct grounds grounds;
  if (!cut(line, words) || words[0] == NULL || words[1] == NULL || words[2] == NULL) return false;
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
  static const char reply[] = "reply\t";
  while (fgets(line, sizeof line, stdin) != NULL) {
    line[strcspn(line, "\n")] = '\0';
    if (strncmp(line, reply, sizeof reply - 1) == 0) answer_reply(line + sizeof reply - 1);
    else if (!answer_row(line)) return 2;
    fflush(stdout);
  }
  return 0;
}
