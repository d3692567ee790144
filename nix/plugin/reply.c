#include "reply.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lines.h"
#include "plain.h"

#define PROTOCOL "nixsig1"

enum {
  /** Bytes of a reply's first line at most, including its newline. */
  HEADER_LIMIT = 64,
  /** Characters of an error of the resident process that are shown at most. */
  SHOWN_LIMIT = 400
};

bool failed(struct reply *reply, const char *format, ...) {
  va_list values;
  va_start(values, format);
  vsnprintf(reply->why, sizeof reply->why, format, values);
  va_end(values);
  return false;
}

/** Whether a text is printable ASCII. With `has_lines`, line feeds are allowed. */
static bool is_plain(const char *text, size_t length, bool has_lines) {
  for (size_t i = 0; i < length; i++) {
    if (!is_printable(text[i]) && !(has_lines && text[i] == '\n')) return false;
  }
  return true;
}

static bool is_digit(char character) { return character >= '0' && character <= '9'; }

/**
 * Whether a word is a version of Nix: two numbers with a dot between them, then any characters that
 * a version may have.
 */
static bool is_version(const char *word, size_t length) {
  static const char others[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._+-";
  size_t at = 0;
  while (at < length && is_digit(word[at])) at++;
  if (at == 0 || at + 1 >= length || word[at] != '.' || !is_digit(word[at + 1])) return false;
  for (at += 1; at < length; at++) {
    if (word[at] == '\0' || strchr(others, word[at]) == NULL) return false;
  }
  return true;
}

/** Whether all words after the `line` of a telling are versions. */
static bool has_versions(const char *text, size_t length) {
  for (size_t at = strlen("line"); at < length;) {
    const char *word = text + at + 1;
    const char *space = memchr(word, ' ', length - at - 1);
    const size_t size = space == NULL ? length - at - 1 : (size_t)(space - word);
    if (!is_version(word, size)) return false;
    at += 1 + size;
  }
  return true;
}

struct text {
  char *start;
  size_t length;
};

struct header {
  enum { PASS, REFUSE, DONE, ERROR } outcome;
  size_t counts[3];
};

/** Parses the first line, in which a NUL has replaced the newline. */
static bool read_header(const char *line, size_t length, struct header *header) {
  static const char *const beginnings[] = {PROTOCOL " pass", PROTOCOL " refuse", PROTOCOL " done", PROTOCOL " error"};
  const char *at = NULL;
  for (size_t i = 0; i < 4 && at == NULL; i++) {
    const size_t size = strlen(beginnings[i]);
    if (strncmp(line, beginnings[i], size) != 0) continue;
    header->outcome = (int)i;
    at = line + size;
  }
  if (at == NULL) return false;
  for (size_t i = 0; i < 3; i++) {
    if (*at++ != ' ') return false;
    const char *digits = at;
    header->counts[i] = 0;
    while (is_digit(*at) && at - digits < 5) header->counts[i] = header->counts[i] * 10 + (size_t)(*at++ - '0');
    if (at == digits || (*digits == '0' && at - digits > 1)) return false;
  }
  return at == line + length;
}

/** Splits what follows the first line into the three texts. */
static bool cut(struct reply *reply, size_t start, size_t length, const struct header *header, struct text texts[3]) {
  for (size_t i = 0; i < 3; i++) {
    const size_t count = header->counts[i];
    if (count > length - start) return failed(reply, "reply: breaks off (text %zu)", i + 1);
    texts[i] = (struct text){reply->bytes + start, count};
    start += count;
  }
  if (start < length) return failed(reply, "reply: is followed by more (its end)");
  return true;
}

static bool begins_with(const struct text *text, const char *beginning) {
  const size_t size = strlen(beginning);
  return text->length >= size && memcmp(text->start, beginning, size) == 0;
}

static const char references[] = "references ";

/** Whether a telling says with which references a path may become valid. */
static bool names_references(const struct text *telling) {
  if (telling->length != sizeof references - 1 + HEX_SHA256 || !begins_with(telling, references)) return false;
  for (size_t i = sizeof references - 1; i < telling->length; i++) {
    const char c = telling->start[i];
    if (!is_digit(c) && (c < 'a' || c > 'f')) return false;
  }
  return true;
}

/** Whether the texts are allowed in a reply with this header. */
static bool check(struct reply *reply, const struct header *header, const struct text texts[3]) {
  const struct text *sentence = &texts[0], *notice = &texts[1], *telling = &texts[2];
  const bool is_status = telling->length == strlen("status") && begins_with(telling, "status");
  const bool is_line = begins_with(telling, "line ") || (begins_with(telling, "line") && telling->length == 4);
  const bool is_references = header->outcome == PASS && names_references(telling);
  if (!is_status && !is_line && !is_references) return failed(reply, "reply: has an unknown telling (text 3)");
  const bool has_reason = header->outcome == REFUSE || header->outcome == ERROR;
  if (has_reason && sentence->length == 0) return failed(reply, "reply: gives no reason (text 1)");
  if (!has_reason && sentence->length > 0) {
    return failed(reply, "reply: gives a reason without a refusal (text 1)");
  }
  if (!is_plain(sentence->start, sentence->length, false)) {
    return failed(reply, "reply: has a character that is not text (text 1)");
  }
  if (is_line && !has_versions(telling->start, telling->length)) {
    return failed(reply, "reply: has an invalid version (text 3)");
  }
  if (!is_plain(notice->start, notice->length, true)) {
    return failed(reply, "reply: has a character that is not text (text 2)");
  }
  return true;
}

/** Terminates each text with a NUL. The later texts move up to make room. */
static void separate(struct reply *reply, const struct text texts[3]) {
  for (size_t i = 3; i-- > 0;) {
    memmove(texts[i].start + i, texts[i].start, texts[i].length);
    texts[i].start[i + texts[i].length] = '\0';
  }
  reply->sentence = texts[0].start;
  reply->notice = texts[1].start + 1;
  reply->telling = texts[2].start + 2;
}

/** Copies an error of the resident process to `why`, with backslashes doubled and cut if it is long. */
static void quote(struct reply *reply, const struct text *sentence) {
  _Static_assert(2 * SHOWN_LIMIT + sizeof "..." <= sizeof reply->why, "there is room for what is shown");
  const size_t shown = sentence->length < SHOWN_LIMIT ? sentence->length : SHOWN_LIMIT;
  char *to = reply->why;
  for (size_t i = 0; i < shown; i++) {
    if (sentence->start[i] == '\\') *to++ = '\\';
    *to++ = sentence->start[i];
  }
  strcpy(to, shown < sentence->length ? "..." : "");
}

/** Parses a whole reply into a header and three texts. */
static bool parse(struct reply *reply, size_t length, struct header *header, struct text texts[3]) {
  if (length > REPLY_LIMIT) return failed(reply, "reply: longer than %d bytes (its end)", REPLY_LIMIT);
  char *end = memchr(reply->bytes, '\n', length < HEADER_LIMIT ? length : HEADER_LIMIT);
  if (end == NULL) return failed(reply, "reply: has no first line (line 1)");
  *end = '\0';
  if (!read_header(reply->bytes, (size_t)(end - reply->bytes), header)) {
    return failed(reply, "reply: does not begin as one of version " PROTOCOL " does (line 1)");
  }
  return cut(reply, (size_t)(end + 1 - reply->bytes), length, header, texts) && check(reply, header, texts);
}

const char *references_of(const struct reply *reply) {
  const size_t size = sizeof references - 1;
  return strncmp(reply->telling, references, size) == 0 ? reply->telling + size : "";
}

enum asked read_reply(struct reply *reply, size_t length) {
  struct header header = {.outcome = ERROR};
  struct text texts[3] = {{NULL, 0}};
  if (!parse(reply, length, &header, texts)) return ASKED_FAILED;
  if (header.outcome == ERROR) {
    quote(reply, &texts[0]);
    return ASKED_FAILED;
  }
  if (header.outcome == DONE) {
    failed(reply, "it answered another question");
    return ASKED_FAILED;
  }
  separate(reply, texts);
  return header.outcome == PASS ? ASKED_PASS : ASKED_REFUSE;
}
