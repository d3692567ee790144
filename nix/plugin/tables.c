/**
 * A path becomes valid by a row in ValidPaths. A trigger of the connection (TEMP: nothing is
 * written to the database) calls back before each insertion. So do triggers before a row gets other
 * contents, before each reference, and before each realisation.
 *
 * A trigger needs its table, and a store that is being created does not have it yet. So an
 * authorizer lets no statement be prepared that would write to a table without its trigger, and a
 * table gets its triggers as soon as the statement that created it has ended.
 */
#include "tables.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define ADMIT "SELECT nixsig_admit(NEW.path, NEW.hash, NEW.deriver, NEW.ultimate, NEW.ca, NEW.narSize, NEW.sigs);"

#define REFER \
  "WHEN NEW.referrer <> NEW.reference AND nixsig_any_leaving() " \
  "BEGIN SELECT nixsig_refer((SELECT path FROM main.ValidPaths WHERE id = NEW.reference)); END;"

/** The tables that say what is valid, and the triggers that ask before they change. */
static const struct {
  const char *name;
  const char *triggers;
} tables[] = {
    {"ValidPaths",
     "CREATE TEMP TRIGGER nixsig_new_path BEFORE INSERT ON main.ValidPaths BEGIN " ADMIT " END;"
     "CREATE TEMP TRIGGER nixsig_other_contents BEFORE UPDATE ON main.ValidPaths "
     "WHEN NEW.path IS NOT OLD.path OR NEW.hash IS NOT OLD.hash BEGIN " ADMIT " END;"},
    /*
     * A path may refer to itself, even if it is created again while its predecessor is being
     * removed.
     */
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
_Static_assert(sizeof tables / sizeof tables[0] == TABLES, "each table has its triggers");

/** A callback for SQLite's exec: there is a row. */
static int note_presence(void *present, int count, char **values, char **names) {
  (void)count;
  (void)values;
  (void)names;
  *(bool *)present = true;
  return 0;
}

/** Gives a table its triggers if it exists, and records that. Returns a status of SQLite. */
static int guard_table(struct guarded_tables *guard, size_t table) {
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

/** Which table has this name, compared as SQLite does; TABLES if none has. */
static size_t table_named(const char *name) {
  size_t table = 0;
  while (table < TABLES && strcasecmp(name, tables[table].name) != 0) table++;
  return table;
}

/** Whether a statement with this action may be prepared. */
static bool may_prepare(struct guarded_tables *guard, int action, const char *first, const char *second, const char *database) {
  const bool is_main = database == NULL || strcmp(database, "main") == 0;
  switch (action) {
    case SQLITE_DROP_TEMP_TRIGGER: /* a dropped table takes its triggers along */
      return strncasecmp(first, "nixsig_", 7) != 0;
    case SQLITE_ALTER_TABLE: {
      /*
       * Here `first` is the database and `second` the table. A renamed table takes its triggers
       * along.
       */
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

static int watch_statements(struct guarded_tables *guard);

/** SQLite's authorizer callback. */
static int authorize(void *data, int action, const char *first, const char *second, const char *database, const char *trigger) {
  (void)trigger;
  struct guarded_tables *guard = data;
  if (guard->is_working || first == NULL) return SQLITE_OK;
  const bool may = may_prepare(guard, action, first, second, database);
  return may && watch_statements(guard) == SQLITE_OK ? SQLITE_OK : SQLITE_DENY;
}

static int trace(unsigned event, void *data, void *statement, void *text);

/**
 * Has SQLite report statements that begin and, only while a table may be new, also those that end,
 * since that costs more.
 */
static int watch_statements(struct guarded_tables *guard) {
  unsigned wanted = guard->sqlite->txn_state == NULL ? 0 : SQLITE_TRACE_STMT;
  for (size_t table = 0; table < TABLES; table++) {
    if (guard->is_changed[table]) wanted |= SQLITE_TRACE_PROFILE;
  }
  if (wanted == guard->traced) return SQLITE_OK;
  guard->traced = wanted;
  return guard->sqlite->trace_v2(guard->db, wanted, wanted == 0 ? NULL : trace, guard);
}

/**
 * Called when a statement has ended. A table that it created exists by then, and no other statement
 * runs.
 */
static void after_statement(struct guarded_tables *guard) {
  for (size_t table = 0; table < TABLES; table++) {
    /* If this fails, the authorizer denies all statements that write to the table. */
    if (guard->is_changed[table] && guard_table(guard, table) == SQLITE_OK) guard->is_changed[table] = !guard->is_guarded[table];
  }
}

/** SQLite's trace callback. When a statement begins, `text` is its text. */
static int trace(unsigned event, void *data, void *statement, void *text) {
  struct guarded_tables *guard = data;
  if (guard->is_working) return 0;
  if (event == SQLITE_TRACE_STMT) guard->begins(guard->data, statement, text);
  else if (event == SQLITE_TRACE_PROFILE) after_statement(guard);
  return 0;
}

int guard_tables(struct guarded_tables *guard) {
  int status = SQLITE_OK;
  for (size_t table = 0; table < TABLES && status == SQLITE_OK; table++) status = guard_table(guard, table);
  if (status == SQLITE_OK) status = guard->sqlite->set_authorizer(guard->db, authorize, guard);
  return status == SQLITE_OK ? watch_statements(guard) : status;
}
