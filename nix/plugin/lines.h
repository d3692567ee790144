/** A strict parser for the texts that nixsig writes. */
#ifndef NIXSIG_LINES_H
#define NIXSIG_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/** The rest of a text. Each function takes what it parses from the front, or nothing. */
struct rest {
  const char *next;
  const char *end;
};

/* Inline, so that the compiler knows the length of a literal; a row takes some twenty of them. */

/** Whether the rest begins with a literal. */
static inline bool begins(const struct rest *rest, const char *literal) {
  const size_t length = strlen(literal);
  return (size_t)(rest->end - rest->next) >= length && memcmp(rest->next, literal, length) == 0;
}

/** Takes a literal; false, with nothing taken, if the rest does not begin with it. */
static inline bool take(struct rest *rest, const char *literal) {
  if (!begins(rest, literal)) return false;
  rest->next += strlen(literal);
  return true;
}

/** Number of hex digits of a SHA-256. */
enum { HEX_SHA256 = 64 };

/** Takes a SHA-256 in lower-case hex, and copies it with a NUL. */
bool take_sha256(struct rest *rest, char copy[HEX_SHA256 + 1]);

/** Takes a number of 1 to `digits` digits (15 at most). */
bool take_number(struct rest *rest, int digits, unsigned long long *number);

/**
 * Takes a word: at least one character of printable ASCII without spaces. It ends before the first
 * other character. `word` and `length` may be NULL.
 */
bool take_word(struct rest *rest, const char **word, size_t *length);

/**
 * Takes the rest of a line with its line feed. False if it has a carriage return or a NUL.
 */
bool take_line(struct rest *rest);

#endif
