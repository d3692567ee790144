#include "lines.h"

#include <string.h>

static size_t left(const struct rest *rest) { return (size_t)(rest->end - rest->next); }

/* One load for a byte in place of four comparisons: an entry of the ledger has two hundred digits. */
static const bool hex_digits[256] = {
    ['0'] = true, ['1'] = true, ['2'] = true, ['3'] = true, ['4'] = true, ['5'] = true, ['6'] = true, ['7'] = true,
    ['8'] = true, ['9'] = true, ['a'] = true, ['b'] = true, ['c'] = true, ['d'] = true, ['e'] = true, ['f'] = true};

bool take_hex(struct rest *rest, char *copy, size_t digits) {
  if (left(rest) < digits) return false;
  for (size_t i = 0; i < digits; i++) {
    if (!hex_digits[(unsigned char)rest->next[i]]) return false;
  }
  memcpy(copy, rest->next, digits);
  copy[digits] = '\0';
  rest->next += digits;
  return true;
}

bool take_number(struct rest *rest, int digits, unsigned long long *number) {
  *number = 0;
  int count = 0;
  for (; count < digits && rest->next < rest->end; count++, rest->next++) {
    const char c = *rest->next;
    if (c < '0' || c > '9') break;
    *number = *number * 10 + (unsigned long long)(c - '0');
  }
  return count > 0;
}

bool take_word(struct rest *rest, const char **word, size_t *length) {
  const char *start = rest->next;
  while (rest->next < rest->end && *rest->next > ' ' && *rest->next < 0x7f) rest->next++;
  if (word != NULL) *word = start;
  if (length != NULL) *length = (size_t)(rest->next - start);
  return rest->next > start;
}

/** Whether a line or paragraph separator of Unicode (U+2028, U+2029) begins here. */
static bool is_separator(const char *at, const char *end) {
  return end - at >= 3 && memcmp(at, "\xe2\x80", 2) == 0 && (at[2] == '\xa8' || at[2] == '\xa9');
}

bool take_line(struct rest *rest) {
  const char *newline = memchr(rest->next, '\n', left(rest));
  if (newline == NULL) return false;
  for (const char *at = rest->next; at < newline; at++) {
    if (*at == '\r' || *at == '\0' || is_separator(at, newline)) return false;
  }
  rest->next = newline + 1;
  return true;
}
