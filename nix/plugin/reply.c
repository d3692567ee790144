#include "reply.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

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

/**
 * Characters that must not reach a terminal or Nix: Unicode's categories Cc, Cf, Zl and Zp. Cs
 * cannot occur in well-formed UTF-8.
 */
static const struct {
  uint32_t first;
  uint32_t last;
} unsafe_characters[] = {
    {0x0, 0x1f},         {0x7f, 0x9f},       {0xad, 0xad},       {0x600, 0x605},     {0x61c, 0x61c},
    {0x6dd, 0x6dd},      {0x70f, 0x70f},     {0x890, 0x891},     {0x8e2, 0x8e2},     {0x180e, 0x180e},
    {0x200b, 0x200f},    {0x2028, 0x202e},   {0x2060, 0x2064},   {0x2066, 0x206f},   {0xfeff, 0xfeff},
    {0xfff9, 0xfffb},    {0x110bd, 0x110bd}, {0x110cd, 0x110cd}, {0x13430, 0x1343f}, {0x1bca0, 0x1bca3},
    {0x1d173, 0x1d17a},  {0xe0001, 0xe0001}, {0xe0020, 0xe007f},
};

static bool is_unsafe(uint32_t character) {
  const size_t count = sizeof unsafe_characters / sizeof unsafe_characters[0];
  for (size_t i = 0; i < count; i++) {
    if (character >= unsafe_characters[i].first && character <= unsafe_characters[i].last) return true;
  }
  return false;
}

/**
 * Decodes the first character of a text that is not empty. Returns its size in bytes; 0 if it is
 * not well-formed UTF-8.
 */
static size_t decode(const char *text, size_t length, uint32_t *character) {
  const unsigned char *bytes = (const unsigned char *)text;
  if (bytes[0] < 0x80) {
    *character = bytes[0];
    return 1;
  }
  const size_t size = bytes[0] >= 0xf0 ? 4 : bytes[0] >= 0xe0 ? 3 : 2;
  static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  if (bytes[0] < 0xc0 || bytes[0] > 0xf7 || length < size) return 0;
  uint32_t value = bytes[0] & (0xffu >> (size + 1));
  for (size_t i = 1; i < size; i++) {
    if ((bytes[i] & 0xc0) != 0x80) return 0;
    value = value << 6 | (bytes[i] & 0x3fu);
  }
  /* Overlong forms, surrogates, and values beyond Unicode. */
  if (value < least[size] || (value >= 0xd800 && value <= 0xdfff) || value > 0x10ffff) return 0;
  *character = value;
  return size;
}

static bool is_utf8(const char *text, size_t length) {
  uint32_t character;
  while (length > 0) {
    const size_t size = decode(text, length, &character);
    if (size == 0) return false;
    text += size;
    length -= size;
  }
  return true;
}

/** Whether a text is UTF-8 without unsafe characters. With `has_lines`, line breaks are allowed. */
static bool is_safe(const char *text, size_t length, bool has_lines) {
  uint32_t character;
  while (length > 0) {
    const size_t size = decode(text, length, &character);
    if (size == 0 || (is_unsafe(character) && !(has_lines && character == '\n'))) return false;
    text += size;
    length -= size;
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
    if (!is_utf8(texts[i].start, count)) return failed(reply, "reply: not UTF-8 (%zu bytes)", count);
    start += count;
  }
  if (start < length) return failed(reply, "reply: is followed by more (its end)");
  return true;
}

static bool begins_with(const struct text *text, const char *beginning) {
  const size_t size = strlen(beginning);
  return text->length >= size && memcmp(text->start, beginning, size) == 0;
}

/** Whether the texts are allowed in a reply with this header. */
static bool check(struct reply *reply, const struct header *header, const struct text texts[3]) {
  const struct text *sentence = &texts[0], *notice = &texts[1], *telling = &texts[2];
  const bool is_status = telling->length == strlen("status") && begins_with(telling, "status");
  const bool is_line = begins_with(telling, "line ") || (begins_with(telling, "line") && telling->length == 4);
  if (!is_status && !is_line) return failed(reply, "reply: has an unknown telling (text 3)");
  const bool has_reason = header->outcome == REFUSE || header->outcome == ERROR;
  if (has_reason && sentence->length == 0) return failed(reply, "reply: gives no reason (text 1)");
  if (!has_reason && sentence->length > 0) {
    return failed(reply, "reply: gives a reason without a refusal (text 1)");
  }
  if (!is_safe(sentence->start, sentence->length, false)) {
    return failed(reply, "reply: has a character that is not text (text 1)");
  }
  if (is_line && !has_versions(telling->start, telling->length)) {
    return failed(reply, "reply: has an invalid version (text 3)");
  }
  if (!is_safe(notice->start, notice->length, true)) {
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

/**
 * Copies an error of the resident process to `why`, as far as there is room, with everything but
 * ASCII escaped.
 */
static void quote(struct reply *reply, const struct text *sentence) {
  size_t used = 0;
  size_t at = 0;
  for (int shown = 0; at < sentence->length && shown < SHOWN_LIMIT; shown++) {
    uint32_t character = 0;
    char piece[16];
    const size_t size = decode(sentence->start + at, sentence->length - at, &character);
    if (character == '\\') snprintf(piece, sizeof piece, "\\\\");
    else if (character < 0x80) snprintf(piece, sizeof piece, "%c", (char)character);
    else snprintf(piece, sizeof piece, "\\u{%x}", character);
    if (size == 0 || used + strlen(piece) + sizeof "…" > sizeof reply->why) break;
    used += (size_t)snprintf(reply->why + used, sizeof reply->why - used, "%s", piece);
    at += size;
  }
  if (at < sentence->length) snprintf(reply->why + used, sizeof reply->why - used, "…");
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
