/**
 * No path may refer to one that is being removed from the store, since Nix could not delete that
 * then.
 */
#include "refer.h"

#include <stdio.h>
#include <string.h>

#include "installed.h"
#include "leaving.h"
#include "next-step.h"
#include "plain.h"
#include "say.h"

/* Set by the first connection; the same for all. */
static const struct sqlite *library;

/** The SQL function nixsig_any_leaving(). */
static void any_leaving(sqlite3_context *context, int count, sqlite3_value **values) {
  (void)count;
  (void)values;
  library->result_int(context, is_any_leaving(NIXSIG_STATE));
}

/** The SQL function nixsig_refer(path). Fails if that path is being removed. */
static void refer(sqlite3_context *context, int count, sqlite3_value **values) {
  const char *path = count == 1 ? (const char *)library->value_text(values[0]) : NULL;
  const char *root = library->user_data(context);
  if (path == NULL || !is_leaving(NIXSIG_STATE, path, root)) {
    library->result_null(context);
    return;
  }
  char text[768];
  snprintf(text, sizeof text,
           "nixsig: refused a reference to %.300s: it was refused and is being taken out of the store" NEXT_EXPLAIN, path, path);
  make_plain(text);
  say(text);
  library->result_error(context, text, -1);
  library->result_error_code(context, SQLITE_CONSTRAINT);
}

int add_reference_functions(const struct sqlite *sqlite, sqlite3 *db, const char *root) {
  const int flags = SQLITE_UTF8 | SQLITE_INNOCUOUS;
  void *data = (void *)(uintptr_t)root;
  library = sqlite;
  const int status = sqlite->create_function_v2(db, "nixsig_any_leaving", 0, flags, NULL, any_leaving, NULL, NULL, NULL);
  return status == SQLITE_OK ? sqlite->create_function_v2(db, "nixsig_refer", 1, flags, data, refer, NULL, NULL, NULL) : status;
}
