#include "respite.h"

#include <limits.h>
#include <stdio.h>

#include "lines.h"
#include "owned.h"
#include "plain.h"

/* The same limits as in src/ledger/respite.ts. */
enum { FILE_LIMIT = 1024, REASON_LIMIT = 200, DIGITS = 15, LONGEST = 7 * 24 * 3600 };

/** Takes the last line, which is for people: printable ASCII only. */
static bool take_reason(struct rest *rest) {
  if (!take(rest, "reason ")) return false;
  const char *reason = rest->next;
  if (!take_line(rest) || rest->next - 1 - reason > REASON_LIMIT) return false;
  for (const char *c = reason; c < rest->next - 1; c++) {
    if (!is_printable(*c)) return false;
  }
  return true;
}

bool is_respite(const char *state, time_t now) {
  char file[PATH_MAX], why[512], text[FILE_LIMIT + 1];
  size_t length = 0;
  unsigned long long since, until;
  const int written = snprintf(file, sizeof file, "%s/respite", state);
  if (written < 0 || (size_t)written >= sizeof file || now < 0) return false;
  if (read_owned_file(file, text, FILE_LIMIT, &length, why, sizeof why) != READ_DONE) return false;
  struct rest rest = {text, text + length};
  if (!take(&rest, "nixsig1 respite\nsince ") || !take_number(&rest, DIGITS, &since)) return false;
  if (!take(&rest, "\nuntil ") || !take_number(&rest, DIGITS, &until) || !take(&rest, "\n")) return false;
  if (!take_reason(&rest) || rest.next != rest.end) return false;
  const unsigned long long moment = (unsigned long long)now;
  return since <= moment && moment < until && until - since <= LONGEST;
}
