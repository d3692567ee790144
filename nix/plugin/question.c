#include "question.h"

#include <stdio.h>
#include <string.h>

#include "plain.h"

/** Bytes of what precedes the signatures at most: no path, address or root is longer. */
enum { HEAD_LIMIT = 1024 };

/** The last word if not all signatures are in the question. */
static const char others[] = " others";

/** Whether a text of this length can be one word of a question. */
static bool is_word(const char *text, size_t length) {
  for (size_t i = 0; i < length; i++) {
    if (!is_printable(text[i]) || text[i] == ' ') return false;
  }
  return length > 0;
}

/** The word for a value that the row may lack; NULL if it cannot be one word. */
static const char *word_of(const char *value) {
  if (value == NULL || *value == '\0') return "-";
  return is_word(value, strlen(value)) ? value : NULL;
}

/** What precedes /nix/store on the disk, as a word. */
static const char *root_of(const struct row *row) {
  if (row->root == NULL) return "-";
  if (*row->root == '\0') return "/";
  return is_word(row->root, strlen(row->root)) ? row->root : "-";
}

/**
 * Appends signatures, each after a space, and leaves room for `others`, a newline and an asker.
 * Returns the new length.
 */
static size_t append_signatures(char *question, size_t length, const char *sigs) {
  const size_t room = QUESTION_LIMIT - FOR_LIMIT - (sizeof others - 1) - 1;
  bool are_all = true;
  for (const char *next = sigs == NULL ? "" : sigs; *next != '\0';) {
    next += strspn(next, " ");
    const size_t size = strcspn(next, " ");
    const bool fits = is_word(next, size) && length + 1 + size <= room;
    if (fits) {
      question[length] = ' ';
      memcpy(question + length + 1, next, size);
      length += 1 + size;
    } else if (size > 0) are_all = false;
    next += size;
  }
  if (are_all) return length;
  memcpy(question + length, others, sizeof others - 1);
  return length + sizeof others - 1;
}

int print_admit(const struct store_path *path, const char *nar_hash, const struct row *row, char question[QUESTION_LIMIT + 1]) {
  const char *deriver = word_of(row->deriver), *ca = word_of(row->ca);
  if (deriver == NULL || ca == NULL) return -1;
  const long long bytes = row->nar_size < 0 ? 0 : row->nar_size;
  const int head = snprintf(question, HEAD_LIMIT, "nixsig1 admit %s sha256:%s %s %s %lld %s", path->path, nar_hash, deriver, ca,
                            bytes, root_of(row));
  if (head < 0 || head >= HEAD_LIMIT) return -1;
  size_t length = append_signatures(question, (size_t)head, row->sigs);
  question[length++] = '\n';
  question[length] = '\0';
  return (int)length;
}
