#include "preask.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "say.h"

/* Where another process wrote meanwhile, Nix begins its transaction anew, several times if it must. */
enum { GOOD_FOR_MS = 5000 };

void judge(const struct places *places, const struct row *row, struct judgement *judgement) {
  char reason[REASON_LIMIT];
  judgement->decision = decide(places, row, reason, sizeof reason);
  judgement->text[0] = '\0';
  if (judgement->decision == LET_IN) return;
  const char *path = row->path == NULL ? "a path without a name" : row->path;
  const char *outcome = judgement->decision == REFUSED ? "refused" : "warning, let in:";
  /* The gate's reasons name the path themselves. */
  static const char refused[] = "refused ";
  const size_t length = sizeof refused - 1;
  if (strncmp(reason, refused, length) == 0) snprintf(judgement->text, sizeof judgement->text, "nixsig: %s %s", outcome, reason + length);
  else snprintf(judgement->text, sizeof judgement->text, "nixsig: %s %.300s: %s", outcome, path, reason);
  if (judgement->decision == LET_IN_WARNED) record_warning(places->state, row->path, row->hash, reason);
}

static const char insertion[] = "insert into ValidPaths";

bool is_insertion(const char *sql) { return sql != NULL && strncasecmp(sql, insertion, sizeof insertion - 1) == 0; }

/** Where the text goes on behind this, spaces before it passed over; NULL if it is not there. */
static char *after(char *at, const char *word) {
  if (at == NULL) return NULL;
  while (*at == ' ' || *at == '\n') at++;
  const size_t length = strlen(word);
  return strncasecmp(at, word, length) == 0 ? at + length : NULL;
}

/** Takes a literal: NULL, a whole number, or a text in quotation marks, which is put where it began and ended. NULL: anything else. */
static char *take_literal(char *at, const char **value) {
  *value = NULL;
  char *rest = after(at, "NULL");
  if (rest != NULL || at == NULL) return rest;
  rest = after(at, "'");
  if (rest == NULL) {
    while (*at == ' ') at++;
    *value = at;
    char *end = at + strspn(at, "-0123456789");
    return end == at ? NULL : end;
  }
  *value = rest;
  char *to = rest;
  for (; *rest != '\0'; rest++) {
    if (*rest == '\'' && *++rest != '\'') {
      *to = '\0';
      return rest;
    }
    *to++ = *rest;
  }
  return NULL;
}

/** Where a row keeps what a column says; NULL: nowhere. */
static const char **field_of(struct row *row, const char *name, size_t length, const char **is_ours) {
  const struct {
    const char *name;
    const char **field;
  } fields[] = {{"path", &row->path}, {"hash", &row->hash}, {"deriver", &row->deriver}, {"ca", &row->ca}, {"ultimate", is_ours}};
  for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
    if (strlen(fields[i].name) == length && strncasecmp(fields[i].name, name, length) == 0) return fields[i].field;
  }
  return NULL;
}

bool parse_insertion(char *sql, struct row *row) {
  enum { COLUMNS = 16, NAME_CHARS = 64 };
  const char **fields[COLUMNS];
  const char *is_ours = NULL, *ignored;
  size_t columns = 0;
  *row = (struct row){0};
  char *at = after(after(sql, insertion), "(");
  for (; at != NULL; columns++) {
    while (*at == ' ') at++;
    const size_t length = strcspn(at, " ,)");
    if (length == 0 || length > NAME_CHARS || columns == COLUMNS) return false;
    fields[columns] = field_of(row, at, length, &is_ours);
    at += length;
    char *next = after(at, ",");
    if (next == NULL) break;
    at = next;
  }
  if (at == NULL) return false;
  columns++;
  at = after(after(after(at, ")"), "values"), "(");
  for (size_t column = 0; column < columns; column++) {
    if (column > 0) at = after(at, ",");
    at = take_literal(at, fields[column] == NULL ? &ignored : fields[column]);
    if (at == NULL) return false;
  }
  /* `ultimate` is the one number among them, and still followed by what comes behind it. */
  row->is_ours = is_ours != NULL && strspn(is_ours, "0") != strspn(is_ours, "0123456789");
  at = after(at, ")");
  if (at == NULL) return false;
  while (*at == ' ' || *at == ';' || *at == '\n') at++;
  return *at == '\0';
}

static bool is_same_text(const char *a, const char *b) { return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0); }

static bool is_same_row(const struct row *a, const struct row *b) {
  return is_same_text(a->path, b->path) && is_same_text(a->hash, b->hash) && is_same_text(a->deriver, b->deriver) &&
         is_same_text(a->ca, b->ca) && a->is_ours == b->is_ours;
}

static bool is_good(const struct preasked *preasked, const struct row *row) {
  return preasked->sql != NULL && this_moment().ms - preasked->decided.ms < GOOD_FOR_MS && is_same_row(&preasked->row, row);
}

void preask(const struct sqlite *sqlite, void *statement, const struct places *places, const char *root, struct preasked *preasked) {
  char *sql = sqlite->expanded_sql(statement);
  struct row row;
  if (sql == NULL) return;
  if (!parse_insertion(sql, &row) || is_good(preasked, &row)) {
    sqlite->free(sql);
    return;
  }
  sqlite->free(preasked->sql);
  row.root = root;
  preasked->sql = sql;
  preasked->row = row;
  judge(places, &row, &preasked->judgement);
  preasked->decided = this_moment();
}

const struct judgement *preasked_about(struct preasked *preasked, const struct row *row) {
  if (!is_good(preasked, row)) return NULL;
  /* One that is tried again later may have been signed by then. */
  if (preasked->judgement.decision != LET_IN) preasked->row.path = NULL;
  return &preasked->judgement;
}
