/**
 * Deciding on a path before Nix holds its database. SQLite tells of a statement when it begins, before it takes the lock for
 * writing (sqlite.org/c3ref/c_trace.html, SQLITE_TRACE_STMT): whoever asks the gate then keeps nobody waiting but himself.
 */
#ifndef NIXSIG_PREASK_H
#define NIXSIG_PREASK_H

#include "decide.h"
#include "moment.h"
#include "sqlite.h"

/** What was decided, with the line that tells it. */
struct judgement {
  enum decision decision;
  char text[REASON_LIMIT + 512];
};

/** The last row that was decided on before its statement wrote. All zero: none. */
struct preasked {
  char *sql; /* SQLite's memory, into which the row points; NULL: none */
  struct row row;
  struct moment decided;
  struct judgement judgement;
};

/** Decides on a row; whoever calls has the lock of guard.c. */
void judge(const struct places *places, const struct row *row, struct judgement *judgement);

/**
 * Reads the row that a statement is about to insert, if the text of it (SQL, as SQLite expands it) is one of Nix's own insertions
 * into ValidPaths. Cuts `sql` up; the row points into it. False if it is anything else.
 */
bool parse_insertion(char *sql, struct row *row);

/** Whether a statement that begins may be such an insertion. */
bool is_insertion(const char *sql);

/** Decides on the row that a statement is about to insert, unless just that was decided a moment ago. */
void preask(const struct sqlite *sqlite, void *statement, const struct places *places, const char *root, struct preasked *preasked);

/** What was decided on exactly this row a moment ago; NULL: nothing. A refusal is told once. */
const struct judgement *preasked_about(struct preasked *preasked, const struct row *row);

#endif
