/**
 * The parts of SQLite's interface that the guard needs (sqlite.org/c3ref), without its header. The
 * functions are those that the running Nix has loaded, found by name.
 */
#ifndef NIXSIG_SQLITE_H
#define NIXSIG_SQLITE_H

#include <stdbool.h>
#include <stdint.h>

typedef struct sqlite3 sqlite3;
typedef struct sqlite3_context sqlite3_context;
typedef struct sqlite3_value sqlite3_value;

enum {
  SQLITE_OK = 0,
  SQLITE_ERROR = 1,
  SQLITE_DENY = 1, /* an authorizer's result, not a status */
  SQLITE_CONSTRAINT = 19,

  SQLITE_CREATE_TABLE = 2,
  SQLITE_DROP_TEMP_TRIGGER = 14,
  SQLITE_INSERT = 18,
  SQLITE_UPDATE = 23,
  SQLITE_ALTER_TABLE = 26,

  SQLITE_UTF8 = 1,
  SQLITE_INNOCUOUS = 0x200000,
  SQLITE_TRACE_STMT = 1,
  SQLITE_TRACE_PROFILE = 2,

  SQLITE_TXN_WRITE = 2
};

struct sqlite {
  int (*auto_extension)(void (*entry)(void));
  const char *(*db_filename)(sqlite3 *, const char *name);
  int (*exec)(sqlite3 *, const char *sql, int (*row)(void *, int, char **, char **), void *, char **error);
  int (*busy_timeout)(sqlite3 *, int ms);
  int (*create_function_v2)(sqlite3 *, const char *name, int arguments, int flags, void *,
                            void (*call)(sqlite3_context *, int, sqlite3_value **),
                            void (*step)(sqlite3_context *, int, sqlite3_value **), void (*final)(sqlite3_context *),
                            void (*destroy)(void *));
  int (*set_authorizer)(sqlite3 *, int (*)(void *, int, const char *, const char *, const char *, const char *), void *);
  int (*trace_v2)(sqlite3 *, unsigned mask, int (*)(unsigned, void *, void *, void *), void *);
  void *(*commit_hook)(sqlite3 *, int (*)(void *), void *);
  void *(*rollback_hook)(sqlite3 *, void (*)(void *), void *);
  void *(*user_data)(sqlite3_context *);
  const unsigned char *(*value_text)(sqlite3_value *);
  int (*value_bytes)(sqlite3_value *);
  int64_t (*value_int64)(sqlite3_value *);
  void (*result_null)(sqlite3_context *);
  void (*result_int)(sqlite3_context *, int);
  void (*result_error)(sqlite3_context *, const char *text, int bytes);
  void (*result_error_code)(sqlite3_context *, int code);

  /* All three or none: since SQLite 3.34 (2020). */
  int (*txn_state)(sqlite3 *, const char *schema);
  char *(*expanded_sql)(void *statement);
  void (*free)(void *);
};

/**
 * Finds all functions, the last three if they exist. Returns false if this process has no SQLite
 * that can be found by name.
 */
bool find_sqlite(struct sqlite *sqlite);

#endif
