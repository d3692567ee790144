#include "promises.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sha256.h"
#include "store-path.h"

/* A NixOS system has some thousand paths; a path of nixpkgs has some hundred references. */
enum { PROMISES_LIMIT = 100000, REFERENCES_LIMIT = 100000 };

/** References as they are read, one a line. */
struct lines {
  char *text;
  size_t length;
  size_t room;
  long count;
};

bool add_promise(struct promises *promises, const char *path, const char *hash, const char references[HEX_SHA256 + 1]) {
  if (promises->count == promises->room) {
    const size_t room = promises->room == 0 ? 16 : 2 * promises->room;
    struct promise *list = room > PROMISES_LIMIT ? NULL : realloc(promises->list, room * sizeof *list);
    if (list == NULL) return false;
    promises->list = list;
    promises->room = room;
  }
  struct promise *promise = &promises->list[promises->count];
  promise->path = strdup(path);
  promise->hash = strdup(hash);
  if (promise->path == NULL || promise->hash == NULL) {
    free(promise->path);
    free(promise->hash);
    return false;
  }
  memcpy(promise->references, references, sizeof promise->references);
  promises->count++;
  promises->are_kept = false;
  return true;
}

bool has_to_compare(const struct promises *promises, const char *text) {
  if (promises->count == 0 || text == NULL) return false;
  return strncasecmp(text, "commit", 6) == 0 || strncasecmp(text, "end", 3) == 0;
}

/** A callback for SQLite's exec: one reference. */
static int add_line(void *data, int count, char **values, char **names) {
  (void)names;
  struct lines *lines = data;
  const size_t size = count == 1 && values[0] != NULL ? strlen(values[0]) : 0;
  if (size == 0 || lines->count == REFERENCES_LIMIT) return 1;
  if (lines->length + size + 1 > lines->room) {
    const size_t room = 2 * (lines->length + size + 1);
    char *text = realloc(lines->text, room);
    if (text == NULL) return 1;
    lines->text = text;
    lines->room = room;
  }
  memcpy(lines->text + lines->length, values[0], size);
  lines->text[lines->length + size] = '\n';
  lines->length += size + 1;
  lines->count++;
  return 0;
}

/** Whether a path has the references of its promise. Sets the number of those that it has. */
static bool is_kept(struct promises *promises, const struct promise *promise, long *count) {
  char query[512], found[HEX_SHA256 + 1];
  uint8_t digest[SHA256_BYTES];
  struct lines lines = {0};
  /* A store path has no character that a quoted text would have to escape. */
  snprintf(query, sizeof query,
           "SELECT to_.path FROM main.ValidPaths AS from_ JOIN main.Refs ON referrer = from_.id "
           "JOIN main.ValidPaths AS to_ ON reference = to_.id WHERE from_.path = '%s' ORDER BY to_.path COLLATE BINARY",
           promise->path);
  const bool is_read = promises->sqlite->exec(promises->db, query, add_line, &lines, NULL) == SQLITE_OK;
  sha256(lines.text == NULL ? "" : lines.text, lines.length, digest);
  print_hex(digest, sizeof digest, found);
  free(lines.text);
  *count = is_read ? lines.count : -1;
  return is_read && strcmp(found, promise->references) == 0;
}

const struct promise *find_broken(struct promises *promises, long *count) {
  for (size_t i = 0; i < promises->count; i++) {
    if (!is_kept(promises, &promises->list[i], count)) return &promises->list[i];
  }
  promises->are_kept = true;
  return NULL;
}

void forget_promises(struct promises *promises) {
  for (size_t i = 0; i < promises->count; i++) {
    free(promises->list[i].path);
    free(promises->list[i].hash);
  }
  free(promises->list);
  promises->list = NULL;
  promises->count = promises->room = 0;
}

/** SQLite's commit hook: anything but 0 rolls the transaction back. */
static int on_commit(void *data) {
  struct promises *promises = data;
  const bool may = promises->count == 0 || promises->are_kept;
  if (may) forget_promises(promises);
  return may ? 0 : 1;
}

static void on_rollback(void *data) { forget_promises(data); }

void enforce_promises(struct promises *promises) {
  promises->sqlite->commit_hook(promises->db, on_commit, promises);
  promises->sqlite->rollback_hook(promises->db, on_rollback, promises);
}
