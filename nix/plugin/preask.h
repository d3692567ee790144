/**
 * Decides on a path before Nix locks its database. SQLite reports a statement when it begins,
 * before it takes the write lock (sqlite.org/c3ref/c_trace.html, SQLITE_TRACE_STMT). So while the
 * gate is asked, no other process waits.
 */
#ifndef NIXSIG_PREASK_H
#define NIXSIG_PREASK_H

#include "decide.h"
#include "moment.h"
#include "sqlite.h"

/** A decision, and the line that reports it. */
struct judgement {
  enum decision decision;
  char references[HEX_SHA256 + 1]; /* as in struct grounds */
  char text[REASON_LIMIT + 512];
};

/** The last row that was decided on before its statement wrote. All zero: there is none. */
struct preasked {
  char *sql; /* SQLite's memory, into which the row points; NULL: none */
  struct row row;
  struct moment decided;
  struct judgement judgement;
};

/** Decides on a row. The caller holds the lock of guard.c. */
void judge(const struct places *places, const struct row *row, struct judgement *judgement);

/**
 * Parses the row that a statement is about to insert, if its text (SQL, as SQLite expands it) is
 * one of Nix's own insertions into ValidPaths. Changes `sql`, and the row points into it. Returns
 * false for anything else.
 */
bool parse_insertion(char *sql, struct row *row);

/** Whether the text of a statement may be such an insertion. */
bool is_insertion(const char *sql);

/**
 * Decides on the row that a statement is about to insert, unless the same row was decided on a
 * moment ago.
 */
void preask(const struct sqlite *sqlite, void *statement, const struct places *places, const char *root, struct preasked *preasked);

/**
 * What was decided on exactly this row a moment ago; NULL if nothing was. Unless it was let in
 * without a warning, that is returned only once.
 */
const struct judgement *preasked_about(struct preasked *preasked, const struct row *row);

#endif
