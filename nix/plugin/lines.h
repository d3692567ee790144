/** Reading the texts that nixsig keeps, step by step and strictly. */
#ifndef NIXSIG_LINES_H
#define NIXSIG_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/** What is left of a text. Every function takes what it reads from the front, or nothing. */
struct rest {
  const char *next;
  const char *end;
};

/* Here and not in lines.c: the compiler then knows how long a literal is, and a row takes some twenty of them. */

/** Whether a text begins so. */
static inline bool begins(const struct rest *rest, const char *literal) {
  const size_t length = strlen(literal);
  return (size_t)(rest->end - rest->next) >= length && memcmp(rest->next, literal, length) == 0;
}

/** Takes exactly this. */
static inline bool take(struct rest *rest, const char *literal) {
  if (!begins(rest, literal)) return false;
  rest->next += strlen(literal);
  return true;
}

/** Digits of a SHA-256 in hex. */
enum { HEX_SHA256 = 64 };

/** Takes a SHA-256 in lower-case hex, and copies it with a NUL. */
bool take_sha256(struct rest *rest, char copy[HEX_SHA256 + 1]);

/** Takes a number of 1 to `digits` digits (15 at most). */
bool take_number(struct rest *rest, int digits, unsigned long long *number);

/** Takes a word: printable ASCII up to whatever is none, a space or a line break at best, one character at least; `length` may be NULL. */
bool take_word(struct rest *rest, const char **word, size_t *length);

/** Takes the rest of a line with its line feed; no other character that ends a line may be in it. */
bool take_line(struct rest *rest);

#endif
