/**
 * For tests: prints what the plugin would decide. Each line of standard input is a question, with
 * its words separated by tabs; an empty word stands for NULL. Each line of the output is `let-in`,
 * `warned` or `refused`, a tab and the reason.
 *
 *     STATE  POLICY  SOCKET  PATH  HASH  DERIVER  CA  ULTIMATE  ROOT
 */
#include <stdio.h>
#include <string.h>

#include "decide.h"

enum { LINE_LIMIT = 64 * 1024, WORDS = 9 };

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

int main(void) {
  static char line[LINE_LIMIT];
  while (fgets(line, sizeof line, stdin) != NULL) {
    const char *words[WORDS];
    char reason[REASON_LIMIT] = "";
    line[strcspn(line, "\n")] = '\0';
    if (!cut(line, words) || words[0] == NULL || words[1] == NULL || words[2] == NULL) return 2;
    const struct places places = {.state = words[0], .policy = words[1], .socket = words[2], .patience_ms = 1000};
    const struct row row = {words[3], words[4], words[5], words[6], words[7] != NULL && strcmp(words[7], "1") == 0, words[8]};
    static const char *const names[] = {[LET_IN] = "let-in", [LET_IN_WARNED] = "warned", [REFUSED] = "refused"};
    printf("%s\t%s\n", names[decide(&places, &row, reason, sizeof reason)], reason);
    fflush(stdout);
  }
  return 0;
}
