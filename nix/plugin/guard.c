/**
 * In every Nix from 2.8 to 2.35, a path becomes valid when one row is inserted into the table
 * ValidPaths of `…/db/db.sqlite`, whatever command caused it. The triggers of tables.c call back
 * before each insertion, and decide.c answers. The ledger and the gate are asked before the
 * statement takes a lock, if the row can be told from the statement.
 */
#include "guard.h"

#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "decide.h"
#include "decision.h"
#include "installed.h"
#include "let-in.h"
#include "next-step.h"
#include "preask.h"
#include "promises.h"
#include "refer.h"
#include "say.h"
#include "tables.h"

/*
 * During a transaction everybody who writes to the store waits, so the gate has a tenth of a
 * second. Before it, only the one command waits, and the gate may have to look into large outputs.
 * Half a minute is about as long as people, and programs that watch a command, wait without a sign
 * of life.
 */
enum { PATIENCE_INSIDE_MS = 100, PATIENCE_BEFORE_MS = 30 * 1000 };

#define PLACES .state = NIXSIG_STATE, .policy = NIXSIG_POLICY, .socket = NIXSIG_SOCKET
static const struct places places = {PLACES, .patience_ms = PATIENCE_INSIDE_MS};
static const struct places places_before = {PLACES, .patience_ms = PATIENCE_BEFORE_MS};
static const char system_database[] = "/nix/var/nix/db/db.sqlite";

/* Set by the first connection; the same for all. */
static const struct sqlite *library;

/** A guarded connection. Lives as long as the connection. */
struct guard {
  char root[PATH_MAX]; /* what precedes /nix/store on the disk */
  bool has_root;
  const struct sqlite *sqlite;
  sqlite3 *db;
  struct preasked preasked;
  struct promises promises;
  struct guarded_tables tables;
};

/* Deciding uses static buffers, and two stores of one process may ask at the same time. */
static pthread_mutex_t deciding = PTHREAD_MUTEX_INITIALIZER;

static struct guard *find_guard(sqlite3_context *context) { return library->user_data(context); }

/**
 * Takes the lock, waiting at most as long as the gate would be waited for; another store of this
 * process may hold it for longer.
 */
static bool may_decide(void) {
  struct timespec end;
  clock_gettime(CLOCK_MONOTONIC, &end); /* not affected by changes of the time of day */
  end.tv_nsec += PATIENCE_INSIDE_MS * 1000000L;
  if (end.tv_nsec >= 1000000000L) {
    end.tv_sec++;
    end.tv_nsec -= 1000000000L;
  }
  return pthread_mutex_clocklock(&deciding, CLOCK_MONOTONIC, &end) == 0;
}

/* The reason where may_decide() says no. */
#define BUSY "the gate is being asked about a path of another store of this process" NEXT_AGAIN

/** Reports a decision and enforces it. A statement that fails rolls back its whole transaction. */
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

/**
 * Logs what was decided otherwise than by judging a path. A line that cannot be written changes
 * nothing then.
 */
static void log_other(const struct log_entry *entry) {
  char why[1024];
  log_decision(places.state, entry, why, sizeof why);
}

/** The text of a value; NULL if it is not a text or contains a NUL. */
static const char *text_of(sqlite3_value *value) {
  const char *text = (const char *)library->value_text(value);
  return text != NULL && strlen(text) == (size_t)library->value_bytes(value) ? text : NULL;
}

/** Reports a judgement on a row and enforces it. */
static void conclude_on(sqlite3_context *context, const struct row *row, const struct judgement *judgement) {
  struct guard *guard = find_guard(context);
  if (judgement->references[0] != '\0' && !add_promise(&guard->promises, row->path, row->hash, judgement->references)) {
    conclude(context, REFUSED, "nixsig: refused a path: there is no memory to compare its references with those that were signed" NEXT_AGAIN);
    return;
  }
  conclude(context, judgement->decision, judgement->text);
}

/** The arguments of nixsig_admit, as tables.c passes them. */
enum { PATH, HASH, DERIVER, ULTIMATE, CA, NAR_SIZE, SIGS, ARGUMENTS };

/** The SQL function nixsig_admit(path, hash, deriver, ultimate, ca, narSize, sigs). */
static void admit(sqlite3_context *context, int count, sqlite3_value **values) {
  struct guard *guard = find_guard(context);
  struct row row = {.root = guard->has_root ? guard->root : NULL};
  if (count == ARGUMENTS) {
    row.path = text_of(values[PATH]);
    row.hash = text_of(values[HASH]);
    row.deriver = text_of(values[DERIVER]);
    row.ca = text_of(values[CA]);
    row.is_ours = library->value_int64(values[ULTIMATE]) != 0;
    row.nar_size = library->value_int64(values[NAR_SIZE]);
    row.sigs = text_of(values[SIGS]);
  }
  const struct judgement *before = preasked_about(&guard->preasked, &row);
  if (before != NULL) {
    conclude_on(context, &row, before);
    return;
  }
  if (!may_decide()) {
    log_other(&(struct log_entry){.path = row.path, .hash = row.hash, .outcome = "indeterminate", .ground = "time", .message = BUSY});
    conclude(context, REFUSED, "nixsig: refused a path: " BUSY);
    return;
  }
  struct judgement judgement;
  judge(&places, &row, &judgement);
  pthread_mutex_unlock(&deciding);
  conclude_on(context, &row, &judgement);
}

/** The SQL function nixsig_refuse(). */
static void refuse_realisation(sqlite3_context *context, int count, sqlite3_value **values) {
  (void)count;
  (void)values;
  if (!may_decide()) {
    conclude(context, REFUSED, "nixsig: refused a realisation: " BUSY);
    return;
  }
  struct grounds grounds;
  const enum decision decision = decide_refused(&places, &grounds);
  pthread_mutex_unlock(&deciding);
  conclude(context, decision,
           decision == REFUSED ? "nixsig: refused a realisation: content-addressed derivations cannot be judged" NEXT
                                 "build it without __contentAddressed; root can keep such builds from starting: take "
                                 "ca-derivations out of experimental-features"
                               : "nixsig: warning, let in: would be refused: a realisation of a content-addressed derivation, which cannot be judged");
}

/**
 * Called before a transaction ends that let paths in for what was signed about their references.
 */
static void before_commit(struct guard *guard) {
  char text[1024], reason[512];
  long count;
  const struct promise *broken = find_broken(&guard->promises, &count);
  if (broken == NULL) return;
  if (count < 0) snprintf(reason, sizeof reason, "its references cannot be compared with those that were signed" NEXT_AGAIN_OR_DOCTOR);
  else snprintf(reason, sizeof reason,
                "it would be registered with other references (%ld) than those that its signature covers, which its contents name" NEXT_COPY_ANEW,
                count);
  enum decision decision = REFUSED;
  struct grounds grounds = {.has_policy = false};
  if (may_decide()) {
    decision = decide_refused(&places, &grounds);
    if (decision == LET_IN_WARNED) record_warning(places.state, broken->path, broken->hash, reason);
    pthread_mutex_unlock(&deciding);
  } else {
    snprintf(reason, sizeof reason, "its references do not match those that were signed, and whether to refuse that is not decided in time: " BUSY);
  }
  guard->promises.are_kept = decision == LET_IN_WARNED;
  log_other(&(struct log_entry){.path = broken->path,
                                .hash = broken->hash,
                                .outcome = "untrusted",
                                .is_let_in = decision == LET_IN_WARNED,
                                .ground = "references",
                                .message = reason,
                                .policy = grounds.has_policy ? &grounds.policy : NULL});
  snprintf(text, sizeof text, "nixsig: %s %.300s: %s", decision == REFUSED ? "refused" : "warning, let in: would be refused", broken->path, reason);
  say(text);
}

/** Called when a statement begins, before it takes any lock. */
static void before_statement(void *data, void *statement, const char *text) {
  struct guard *guard = data;
  if (has_to_compare(&guard->promises, text)) before_commit(guard);
  if (!is_insertion(text) || guard->sqlite->txn_state(guard->db, "main") >= SQLITE_TXN_WRITE) return;
  pthread_mutex_lock(&deciding);
  preask(guard->sqlite, statement, &places_before, guard->has_root ? guard->root : NULL, &guard->preasked);
  pthread_mutex_unlock(&deciding);
}

/** Called when the connection is closed. */
static void end_guard(void *data) {
  struct guard *guard = data;
  if (guard->preasked.sql != NULL) guard->sqlite->free(guard->preasked.sql);
  forget_promises(&guard->promises);
  free(guard);
}

/**
 * Whether a database is that of the system's own store. SQLite gives a file's real path, which may
 * differ from the system's path if that leads through links.
 */
static bool is_systems(const char *file) {
  struct stat own, systems;
  if (strcmp(file, system_database) == 0) return true;
  return stat(file, &own) == 0 && stat(system_database, &systems) == 0 && own.st_dev == systems.st_dev && own.st_ino == systems.st_ino;
}

/**
 * Whether a database is that of a store that must be guarded; docs/store-plugin.md says which and
 * why.
 */
static bool is_guarded_store(const char *file) {
  /* The directory is called db too, unless that is a link to another one. */
  static const char suffix[] = "/db.sqlite";
  const size_t length = file == NULL ? 0 : strlen(file), more = sizeof suffix - 1;
  if (length == 0) return false; /* a database in memory */
  if (is_systems(file)) return true;
  if (length < more || strcmp(file + length - more, suffix) != 0) return false;
  struct stat status;
  return geteuid() == 0 || (stat(file, &status) == 0 && status.st_uid == 0);
}

/** Finds the store's root from the path of its database, unless that has a path of its own. */
static void find_root(struct guard *guard, const char *file) {
  const size_t length = strlen(file), more = sizeof system_database - 1;
  /* Wherever its database is, the system's own store is at /nix/store itself. */
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
  guard->tables = (struct guarded_tables){.sqlite = sqlite, .db = db, .begins = before_statement, .data = guard};
  guard->promises = (struct promises){.sqlite = sqlite, .db = db};
  find_root(guard, file);
  /* Nix sets its own timeout right after this. */
  sqlite->busy_timeout(db, 60 * 60 * 1000);
  const int flags = SQLITE_UTF8 | SQLITE_INNOCUOUS;
  *error = "nixsig cannot add its functions to this store's connection";
  /* SQLite frees the guard when the connection is closed, or at once if this call fails. */
  int status = sqlite->create_function_v2(db, "nixsig_admit", ARGUMENTS, flags, guard, admit, NULL, NULL, end_guard);
  if (status == SQLITE_OK) status = sqlite->create_function_v2(db, "nixsig_refuse", 0, flags, guard, refuse_realisation, NULL, NULL, NULL);
  if (status == SQLITE_OK) status = add_reference_functions(sqlite, db, guard->has_root ? guard->root : NULL);
  *error = "nixsig cannot guard the tables of this store";
  if (status == SQLITE_OK) status = guard_tables(&guard->tables);
  if (status == SQLITE_OK) enforce_promises(&guard->promises);
  return status;
}
