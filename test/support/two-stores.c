/**
 * Two stores of one process that has loaded the plugin, each in a thread of its own:
 *
 *   two-stores STORE FIRST OTHER QUESTION SIGN THEN
 *
 * Runs the statements FIRST on the database STORE. Another thread runs QUESTION on the database
 * OTHER; the gate creates the file SIGN once it is asked, and does not answer. Then runs THEN on
 * STORE. Prints how many milliseconds that took and SQLite's error, and ends.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* From sqlite3.h, which need not be installed. */
struct sqlite3;
int sqlite3_open(const char *file, struct sqlite3 **db);
int sqlite3_exec(struct sqlite3 *db, const char *sql, int (*row)(void *, int, char **, char **), void *data, char **error);

static struct sqlite3 *open_store(const char *file) {
  struct sqlite3 *db;
  if (sqlite3_open(file, &db) != 0) exit(2);
  return db;
}

static void *ask(void *arguments) {
  char **texts = arguments;
  sqlite3_exec(open_store(texts[3]), texts[4], NULL, NULL, NULL);
  return NULL;
}

static long now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

int main(int count, char **arguments) {
  pthread_t thread;
  char *error = NULL;
  if (count != 7) return 2;
  struct sqlite3 *db = open_store(arguments[1]);
  if (sqlite3_exec(db, arguments[2], NULL, NULL, NULL) != 0) return 3;
  if (pthread_create(&thread, NULL, ask, arguments) != 0) return 2;
  for (int left = 1000; access(arguments[5], F_OK) != 0; left--) {
    if (left == 0) return 4;
    usleep(10 * 1000);
  }
  const long start = now();
  const int status = sqlite3_exec(db, arguments[6], NULL, NULL, &error);
  printf("%ld ms, status %d: %s\n", now() - start, status, error == NULL ? "" : error);
  fflush(stdout);
  _exit(0); /* the other thread still waits */
}
