/**
 * In every Nix from 2.8 to 2.35 a path becomes valid by one row that is inserted into the table ValidPaths of
 * `…/db/db.sqlite`, whatever command brought it. A trigger of the connection itself (TEMP: nothing is written to the
 * database) calls back before each, and so does one before a row gets other contents, and before each realisation.
 *
 * The trigger needs its table. A store that is only being made has none yet, so an authorizer watches for it: it lets no
 * statement be prepared that would write to a table which has no trigger, and a table gets its own as soon as the statement
 * that made it has ended.
 */
#include "guard.h"

#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "decide.h"
#include "refer.h"
#include "say.h"

#ifndef NIXSIG_STATE
#define NIXSIG_STATE "/var/lib/nixsig"
#endif
#ifndef NIXSIG_POLICY
#define NIXSIG_POLICY "/etc/nixsig/policy.toml"
#endif
#ifndef NIXSIG_SOCKET
#define NIXSIG_SOCKET "/run/nixsig/socket"
#endif

static const struct places places = {.state = NIXSIG_STATE, .policy = NIXSIG_POLICY, .socket = NIXSIG_SOCKET, .patience = 10};
static const char system_database[] = "/nix/var/nix/db/db.sqlite";

#define ADMIT "SELECT nixsig_admit(NEW.path, NEW.hash, NEW.deriver, NEW.ultimate, NEW.ca);"

#define REFER \
  "WHEN NEW.referrer <> NEW.reference AND nixsig_any_leaving() " \
  "BEGIN SELECT nixsig_refer((SELECT path FROM main.ValidPaths WHERE id = NEW.reference)); END;"

/** The tables that say what is valid, and what is asked before they change. */
static const struct {
  const char *name;
  const char *triggers;
} tables[] = {
    {"ValidPaths",
     "CREATE TEMP TRIGGER nixsig_new_path BEFORE INSERT ON main.ValidPaths BEGIN " ADMIT " END;"
     "CREATE TEMP TRIGGER nixsig_other_contents BEFORE UPDATE ON main.ValidPaths "
     "WHEN NEW.path IS NOT OLD.path OR NEW.hash IS NOT OLD.hash BEGIN " ADMIT " END;"},
    /* A path may refer to itself, also when it is made again while the one before leaves. */
    {"Refs",
     "CREATE TEMP TRIGGER nixsig_reference BEFORE INSERT ON main.Refs " REFER
     "CREATE TEMP TRIGGER nixsig_other_reference BEFORE UPDATE ON main.Refs " REFER},
    {"Realisations",
     "CREATE TEMP TRIGGER nixsig_realisation BEFORE INSERT ON main.Realisations BEGIN SELECT nixsig_refuse(); END;"
     "CREATE TEMP TRIGGER nixsig_other_realisation BEFORE UPDATE ON main.Realisations BEGIN SELECT nixsig_refuse(); END;"},
    {"BuildTraceV3",
     "CREATE TEMP TRIGGER nixsig_trace BEFORE INSERT ON main.BuildTraceV3 BEGIN SELECT nixsig_refuse(); END;"
     "CREATE TEMP TRIGGER nixsig_other_trace BEFORE UPDATE ON main.BuildTraceV3 BEGIN SELECT nixsig_refuse(); END;"},
};
enum { TABLES = sizeof tables / sizeof tables[0] };

/* Set by the first connection, all others have the same. */
static const struct sqlite *library;

/** A guarded connection, kept as long as it is open. */
struct guard {
  char root[PATH_MAX]; /* what stands before /nix/store on the disk */
  bool has_root;
  const struct sqlite *sqlite;
  sqlite3 *db;
  bool is_guarded[TABLES];
  bool is_changed[TABLES]; /* may have been made by a statement of this connection, and not looked at since */
  bool is_working;      /* our own statements run */
};

/* Deciding uses buffers of its own; two stores of one process may ask at once. */
static pthread_mutex_t deciding = PTHREAD_MUTEX_INITIALIZER;

static const struct guard *find_guard(sqlite3_context *context) { return library->user_data(context); }

/** Says a decision, and carries it out: a statement that fails takes its whole transaction with it. */
static void conclude(sqlite3_context *context, enum decision decision, const char *text) {
  const struct guard *guard = find_guard(context);
  if (decision != LET_IN) say(text);
  if (decision != REFUSED) {
    guard->sqlite->result_null(context);
    return;
  }
  guard->sqlite->result_error(context, text, -1);
  guard->sqlite->result_error_code(context, SQLITE_CONSTRAINT);
}

/** A text without a NUL in it; NULL for anything else. */
static const char *text_of(sqlite3_value *value) {
  const char *text = (const char *)library->value_text(value);
  return text != NULL && strlen(text) == (size_t)library->value_bytes(value) ? text : NULL;
}

/** nixsig_admit(path, hash, deriver, ultimate, ca) */
static void admit(sqlite3_context *context, int count, sqlite3_value **values) {
  const struct guard *guard = find_guard(context);
  const struct row row = {
      .path = count == 5 ? text_of(values[0]) : NULL,
      .hash = count == 5 ? text_of(values[1]) : NULL,
      .deriver = count == 5 ? text_of(values[2]) : NULL,
      .ca = count == 5 ? text_of(values[4]) : NULL,
      .root = guard->has_root ? guard->root : NULL,
      .is_ours = count == 5 && library->value_int64(values[3]) != 0,
  };
  char reason[REASON_LIMIT], text[REASON_LIMIT + 512];
  pthread_mutex_lock(&deciding);
  const enum decision decision = decide(&places, &row, reason, sizeof reason);
  const char *path = row.path == NULL ? "a path without a name" : row.path;
  const char *outcome = decision == REFUSED ? "refused" : "warning, let in:";
  /* The gate's reasons name the path themselves. */
  static const char refused[] = "refused ";
  const size_t length = sizeof refused - 1;
  if (strncmp(reason, refused, length) == 0) snprintf(text, sizeof text, "nixsig: %s %s", outcome, reason + length);
  else snprintf(text, sizeof text, "nixsig: %s %.300s: %s", outcome, path, reason);
  if (decision == LET_IN_WARNED) record_warning(places.state, row.path, row.hash, reason);
  pthread_mutex_unlock(&deciding);
  conclude(context, decision, text);
}

/** nixsig_refuse() */
static void refuse_realisation(sqlite3_context *context, int count, sqlite3_value **values) {
  (void)count;
  (void)values;
  pthread_mutex_lock(&deciding);
  const enum decision decision = decide_refused(&places);
  pthread_mutex_unlock(&deciding);
  conclude(context, decision,
           decision == REFUSED ? "nixsig: refused a realisation: content-addressed derivations cannot be judged; "
                                 "take ca-derivations out of experimental-features"
                               : "nixsig: warning, let in: a realisation of a content-addressed derivation, which cannot be judged");
}

/** A row for SQLite's exec: there is one. */
static int note_presence(void *present, int count, char **values, char **names) {
  (void)count;
  (void)values;
  (void)names;
  *(bool *)present = true;
  return 0;
}

/** Gives a table its triggers if it is there, and notes that; a status of SQLite. */
static int guard_table(struct guard *guard, size_t table) {
  char query[128];
  bool is_present = false;
  snprintf(query, sizeof query, "SELECT 1 FROM main.sqlite_master WHERE type = 'table' AND name = '%s'", tables[table].name);
  guard->is_working = true;
  int status = guard->sqlite->exec(guard->db, query, note_presence, &is_present, NULL);
  if (status == SQLITE_OK && is_present) {
    status = guard->sqlite->exec(guard->db, tables[table].triggers, NULL, NULL, NULL);
    guard->is_guarded[table] = status == SQLITE_OK;
  }
  guard->is_working = false;
  return status;
}

/** Which of the tables has this name, as SQLite compares names; TABLES: none. */
static size_t table_named(const char *name) {
  size_t table = 0;
  while (table < TABLES && strcasecmp(name, tables[table].name) != 0) table++;
  return table;
}

/** Whether SQLite may go on with a step of a statement that is prepared. */
static bool may_prepare(struct guard *guard, int action, const char *first, const char *second, const char *database) {
  const bool is_main = database == NULL || strcmp(database, "main") == 0;
  switch (action) {
    case SQLITE_DROP_TEMP_TRIGGER: /* dropping their table would drop them as well */
      return strncasecmp(first, "nixsig_", 7) != 0;
    case SQLITE_ALTER_TABLE: {
      /* Here the first name is the database's. A table that is renamed takes its triggers along. */
      const size_t table = second == NULL ? TABLES : table_named(second);
      if (table < TABLES && guard->is_guarded[table]) return false;
      for (size_t other = 0; other < TABLES; other++) guard->is_changed[other] = !guard->is_guarded[other];
      return true;
    }
    case SQLITE_CREATE_TABLE: {
      const size_t table = table_named(first);
      if (is_main && table < TABLES) guard->is_changed[table] = !guard->is_guarded[table];
      return true;
    }
    case SQLITE_INSERT:
    case SQLITE_UPDATE: {
      const size_t table = table_named(first);
      return !is_main || table == TABLES || guard->is_guarded[table];
    }
    default:
      return true;
  }
}

/** SQLite's authorizer. */
static int authorize(void *data, int action, const char *first, const char *second, const char *database, const char *trigger) {
  (void)trigger;
  struct guard *guard = data;
  if (guard->is_working || first == NULL) return SQLITE_OK;
  return may_prepare(guard, action, first, second, database) ? SQLITE_OK : SQLITE_DENY;
}

/** Called when a statement has ended. By then a table that it made is there, and nothing else runs. */
static int after_statement(unsigned event, void *data, void *statement, void *nanoseconds) {
  (void)event;
  (void)statement;
  (void)nanoseconds;
  struct guard *guard = data;
  if (guard->is_working) return 0;
  for (size_t table = 0; table < TABLES; table++) {
    /* Where it fails, no statement that writes to the table is let be prepared. */
    if (guard->is_changed[table] && guard_table(guard, table) == SQLITE_OK) guard->is_changed[table] = !guard->is_guarded[table];
  }
  return 0;
}

static int guard_tables(struct guard *guard) {
  int status = SQLITE_OK;
  for (size_t table = 0; table < TABLES && status == SQLITE_OK; table++) status = guard_table(guard, table);
  return status;
}

/** Whether a database is the system's own store's. SQLite tells where a file really lies, which links may lead to. */
static bool is_systems(const char *file) {
  struct stat own, systems;
  if (strcmp(file, system_database) == 0) return true;
  return stat(file, &own) == 0 && stat(system_database, &systems) == 0 && own.st_dev == systems.st_dev && own.st_ino == systems.st_ino;
}

/** Whether a database is a store's that has to be guarded: docs/store-plugin.md says which and why. */
static bool is_guarded_store(const char *file) {
  /* The directory above is called db as well, unless that is a link to another. */
  static const char suffix[] = "/db.sqlite";
  const size_t length = file == NULL ? 0 : strlen(file), more = sizeof suffix - 1;
  if (length == 0) return false; /* one in memory */
  if (is_systems(file)) return true;
  if (length < more || strcmp(file + length - more, suffix) != 0) return false;
  struct stat status;
  return geteuid() == 0 || (stat(file, &status) == 0 && status.st_uid == 0);
}

/** Where a store lies by where its database does, unless that lies at a place of its own. */
static void find_root(struct guard *guard, const char *file) {
  const size_t length = strlen(file), more = sizeof system_database - 1;
  /* Elsewhere or not, the system's own store lies at /nix/store itself. */
  guard->has_root = is_systems(file);
  if (guard->has_root || length < more || strcmp(file + length - more, system_database) != 0) return;
  guard->has_root = length - more < sizeof guard->root;
  if (guard->has_root) memcpy(guard->root, file, length - more);
}

int guard_connection(const struct sqlite *sqlite, sqlite3 *db, const char **error) {
  const char *file = sqlite->db_filename(db, "main");
  if (!is_guarded_store(file)) return SQLITE_OK;
  struct guard *guard = calloc(1, sizeof *guard);
  *error = "nixsig has no memory to guard this store";
  if (guard == NULL) return SQLITE_ERROR;
  library = sqlite;
  guard->sqlite = sqlite;
  guard->db = db;
  find_root(guard, file);
  /* Nix sets a time of its own right after this. */
  sqlite->busy_timeout(db, 60 * 60 * 1000);
  const int flags = SQLITE_UTF8 | SQLITE_INNOCUOUS;
  *error = "nixsig cannot add its functions to this store's connection";
  /* The connection frees the guard when it is closed, or at once if this fails. */
  int status = sqlite->create_function_v2(db, "nixsig_admit", 5, flags, guard, admit, NULL, NULL, free);
  if (status == SQLITE_OK) status = sqlite->create_function_v2(db, "nixsig_refuse", 0, flags, guard, refuse_realisation, NULL, NULL, NULL);
  if (status == SQLITE_OK) status = add_reference_functions(sqlite, db, guard->has_root ? guard->root : NULL);
  *error = "nixsig cannot guard the tables of this store";
  if (status == SQLITE_OK) status = guard_tables(guard);
  if (status == SQLITE_OK) status = sqlite->set_authorizer(db, authorize, guard);
  if (status == SQLITE_OK) status = sqlite->trace_v2(db, SQLITE_TRACE_PROFILE, after_statement, guard);
  return status;
}
