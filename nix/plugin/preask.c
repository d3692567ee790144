#include "preask.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "decision.h"
#include "let-in.h"
#include "next-step.h"
#include "plain.h"

/*
 * If another process wrote meanwhile, Nix starts its transaction again, several times if need be.
 */
enum { GOOD_FOR_MS = 5000 };

/** A word for the decision log. */
static const char *word_of(enum ground ground) {
  switch (ground) {
    case BY_NATURE:
      return "data";
    case BY_GATE:
    case BY_SILENCE:
      return "gate";
    case BY_LEDGER:
      return "ledger";
    case BY_BUILD:
      return "build";
    case BY_FORM:
      break;
  }
  return "form";
}

/** Logs a decision. If that fails and the policy makes it a condition, the path is refused. */
static enum decision logged(const struct places *places, const struct row *row, enum decision decision, struct grounds *grounds) {
  char why[1024];
  const char *refused = grounds->is_certain ? "untrusted" : "indeterminate";
  const struct log_entry line = {
      .path = row->path,
      .hash = row->hash,
      .outcome = decision == LET_IN ? "trusted" : refused,
      .is_let_in = decision != REFUSED,
      .ground = word_of(grounds->ground),
      .message = decision == LET_IN ? NULL : grounds->reason,
      .policy = grounds->has_policy ? &grounds->policy : NULL,
  };
  if (grounds->is_logged || log_decision(places->state, &line, why, sizeof why) || decision != LET_IN) return decision;
  snprintf(grounds->reason, sizeof grounds->reason,
           "the policy makes the decision log a condition (required = true in [decisions]), and no line can be written to it: %s" NEXT_DOCTOR,
           why);
  return decide_refused_under(places, &grounds->policy);
}

void judge(const struct places *places, const struct row *row, struct judgement *judgement) {
  struct grounds grounds;
  const char *reason = grounds.reason;
  judgement->decision = logged(places, row, decide(places, row, &grounds), &grounds);
  memcpy(judgement->references, grounds.references, sizeof grounds.references);
  judgement->text[0] = '\0';
  if (judgement->decision == LET_IN) return;
  const char *path = row->path == NULL ? "a path without a name" : row->path;
  const char *outcome = judgement->decision == REFUSED ? "refused" : "warning, let in: would be refused";
  /* The gate's reasons name the path themselves. */
  static const char refused[] = "refused ";
  static const char would[] = "would be ";
  const char *named = strncmp(reason, would, sizeof would - 1) == 0 ? reason + sizeof would - 1 : reason;
  const bool is_named = strncmp(named, refused, sizeof refused - 1) == 0;
  if (is_named) snprintf(judgement->text, sizeof judgement->text, "nixsig: %s %s", outcome, named + sizeof refused - 1);
  else snprintf(judgement->text, sizeof judgement->text, "nixsig: %s %.300s: %s", outcome, path, reason);
  make_plain(judgement->text);
  if (judgement->decision == LET_IN_WARNED) record_warning(places->state, row->path, row->hash, reason);
}

static const char insertion[] = "insert into ValidPaths";

/* The first letter already excludes most other statements, of which each path has several. */
bool is_insertion(const char *sql) { return sql != NULL && (*sql | 0x20) == 'i' && strncasecmp(sql, insertion, sizeof insertion - 1) == 0; }

/** The text behind `word`, which may follow spaces; NULL if it is not there. */
static char *after(char *at, const char *word) {
  if (at == NULL) return NULL;
  while (*at == ' ' || *at == '\n') at++;
  const size_t length = strlen(word);
  return strncasecmp(at, word, length) == 0 ? at + length : NULL;
}

/** The text behind `character`, which may follow spaces; NULL if it is not there. */
static char *after_character(char *at, char character) {
  if (at == NULL) return NULL;
  while (*at == ' ' || *at == '\n') at++;
  return *at == character ? at + 1 : NULL;
}

/**
 * Takes the rest of a quoted SQL text. Unescapes it in place, and sets `value` to its start.
 * Returns NULL if it does not end.
 */
static char *take_text(char *at, const char **value) {
  *value = at;
  for (char *to = at;;) {
    char *quote = strchr(at, '\'');
    if (quote == NULL) return NULL;
    const size_t length = (size_t)(quote - at);
    if (to != at) memmove(to, at, length);
    to += length;
    at = quote + 1;
    if (*at != '\'') {
      *to = '\0';
      return at;
    }
    *to++ = *at++;
  }
}

/** Takes a literal: NULL, an integer, or a quoted text. Returns NULL for anything else. */
static char *take_literal(char *at, const char **value) {
  *value = NULL;
  if (at == NULL) return NULL;
  char *rest = after_character(at, '\'');
  if (rest != NULL) return take_text(rest, value);
  rest = after(at, "NULL");
  if (rest != NULL) return rest;
  while (*at == ' ') at++;
  *value = at;
  char *end = at + strspn(at, "-0123456789");
  return end == at ? NULL : end;
}

/** The columns that a `struct row` is made of. */
enum column { OTHER_COLUMN, PATH, HASH, DERIVER, CA, ULTIMATE, NAR_SIZE, SIGS, COLUMNS };

static enum column column_named(const char *name, size_t length) {
  static const char *const names[COLUMNS] = {"", "path", "hash", "deriver", "ca", "ultimate", "narSize", "sigs"};
  for (enum column column = PATH; column < COLUMNS; column++) {
    if (strlen(names[column]) == length && strncasecmp(names[column], name, length) == 0) return column;
  }
  return OTHER_COLUMN;
}

enum { HEAD_LIMIT = 256, LIST_LIMIT = 16, NAME_LIMIT_CHARS = 64 };

/** The head of an insertion, up to its first value: it says which columns the values are for. */
struct head {
  char text[HEAD_LIMIT];
  size_t length; /* 0: nothing is remembered */
  enum column columns[LIST_LIMIT];
  size_t count;
};

/** Parses a head. Returns the start of the values, or NULL. */
static char *parse_head(char *sql, struct head *head) {
  char *at = after_character(after(sql, insertion), '(');
  for (head->count = 0; at != NULL;) {
    while (*at == ' ') at++;
    const size_t length = strcspn(at, " ,)");
    if (length == 0 || length > NAME_LIMIT_CHARS || head->count == LIST_LIMIT) return NULL;
    head->columns[head->count++] = column_named(at, length);
    at += length;
    char *next = after_character(at, ',');
    if (next == NULL) break;
    at = next;
  }
  return after_character(after(after_character(at, ')'), "values"), '(');
}

/**
 * Takes the head of an insertion. Returns the start of the values, or NULL. Nix prepares the
 * statement once, so the last head is remembered, with its whole text. A head depends on nothing
 * but its text, so parsing the same bytes again would give the same result. Callers hold a lock
 * (guard.c).
 */
static char *take_head(char *sql, const struct head **head) {
  static struct head last;
  *head = &last;
  if (last.length > 0 && strncmp(sql, last.text, last.length) == 0) return sql + last.length;
  last.length = 0;
  char *values = parse_head(sql, &last);
  const size_t length = values == NULL ? 0 : (size_t)(values - sql);
  if (length > sizeof last.text) return values;
  memcpy(last.text, sql, length);
  last.length = length;
  return values;
}

bool parse_insertion(char *sql, struct row *row) {
  const struct head *head;
  const char *values[COLUMNS] = {NULL};
  *row = (struct row){0};
  char *at = take_head(sql, &head);
  if (at == NULL) return false;
  for (size_t i = 0; i < head->count; i++) {
    if (i > 0) at = after_character(at, ',');
    at = take_literal(at, &values[head->columns[i]]);
    if (at == NULL) return false;
  }
  /* Numbers are not terminated by a NUL. */
  const char *ours = values[ULTIMATE];
  *row = (struct row){
      .path = values[PATH],
      .hash = values[HASH],
      .deriver = values[DERIVER],
      .ca = values[CA],
      .is_ours = ours != NULL && strspn(ours, "0") != strspn(ours, "0123456789"),
      .nar_size = values[NAR_SIZE] == NULL ? 0 : strtoll(values[NAR_SIZE], NULL, 10),
      .sigs = values[SIGS],
  };
  at = after_character(at, ')');
  if (at == NULL) return false;
  while (*at == ' ' || *at == ';' || *at == '\n') at++;
  return *at == '\0';
}

static bool is_same_text(const char *a, const char *b) { return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0); }

static bool is_same_row(const struct row *a, const struct row *b) {
  return is_same_text(a->path, b->path) && is_same_text(a->hash, b->hash) && is_same_text(a->deriver, b->deriver) &&
         is_same_text(a->ca, b->ca) && a->is_ours == b->is_ours && a->nar_size == b->nar_size && is_same_text(a->sigs, b->sigs);
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
  /* A refused path may have been signed by the time it is tried again. */
  if (preasked->judgement.decision != LET_IN) preasked->row.path = NULL;
  return &preasked->judgement;
}
