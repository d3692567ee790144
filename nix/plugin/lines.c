#include "lines.h"

#include <string.h>

static size_t left(const struct rest *rest) { return (size_t)(rest->end - rest->next); }

bool take_sha256(struct rest *rest, char copy[HEX_SHA256 + 1]) {
  if (left(rest) < HEX_SHA256) return false;
  /*
   * No branch per digit, and a length that is known at compile time, so that the compiler can check
   * many digits at once. A row has two hundred.
   */
  unsigned char all = 1;
  for (size_t i = 0; i < HEX_SHA256; i++) {
    const unsigned char c = (unsigned char)rest->next[i];
    const unsigned char decimal = (unsigned char)(c - '0') < 10, letter = (unsigned char)(c - 'a') < 6;
    all &= decimal | letter;
  }
  if (all == 0) return false;
  memcpy(copy, rest->next, HEX_SHA256);
  copy[HEX_SHA256] = '\0';
  rest->next += HEX_SHA256;
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

bool take_line(struct rest *rest) {
  const char *newline = memchr(rest->next, '\n', left(rest));
  if (newline == NULL) return false;
  for (const char *at = rest->next; at < newline; at++) {
    if (*at == '\r' || *at == '\0') return false;
  }
  rest->next = newline + 1;
  return true;
}
