#include "sqlite.h"

#include <dlfcn.h>
#include <string.h>

/**
 * Stores the address of a function; false if there is no such function. C has no cast from dlsym's
 * pointer to a function's.
 */
static bool find(const char *name, void *pointer) {
  void *symbol = dlsym(RTLD_DEFAULT, name);
  memcpy(pointer, &symbol, sizeof symbol);
  return symbol != NULL;
}

bool find_sqlite(struct sqlite *sqlite) {
  const bool tells_state = find("sqlite3_txn_state", &sqlite->txn_state) && find("sqlite3_expanded_sql", &sqlite->expanded_sql) &&
                           find("sqlite3_free", &sqlite->free);
  if (!tells_state) sqlite->txn_state = NULL;
  return find("sqlite3_auto_extension", &sqlite->auto_extension) && find("sqlite3_db_filename", &sqlite->db_filename) &&
         find("sqlite3_exec", &sqlite->exec) && find("sqlite3_busy_timeout", &sqlite->busy_timeout) &&
         find("sqlite3_create_function_v2", &sqlite->create_function_v2) &&
         find("sqlite3_set_authorizer", &sqlite->set_authorizer) && find("sqlite3_trace_v2", &sqlite->trace_v2) &&
         find("sqlite3_commit_hook", &sqlite->commit_hook) && find("sqlite3_rollback_hook", &sqlite->rollback_hook) &&
         find("sqlite3_user_data", &sqlite->user_data) && find("sqlite3_value_text", &sqlite->value_text) &&
         find("sqlite3_value_bytes", &sqlite->value_bytes) && find("sqlite3_value_int64", &sqlite->value_int64) && find("sqlite3_result_null", &sqlite->result_null) &&
         find("sqlite3_result_int", &sqlite->result_int) &&
         find("sqlite3_result_error", &sqlite->result_error) &&
         find("sqlite3_result_error_code", &sqlite->result_error_code);
}
