#include "say.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "decide.h"
#include "plain.h"

enum { LINE_LIMIT = REASON_LIMIT + 512 };

/** Whether standard error is the journal already, as for services of systemd. */
static bool is_journal(void) {
  struct stat status;
  const char *stream = getenv("JOURNAL_STREAM");
  char own[64];
  if (stream == NULL || fstat(STDERR_FILENO, &status) != 0) return false;
  snprintf(own, sizeof own, "%lu:%lu", (unsigned long)status.st_dev, (unsigned long)status.st_ino);
  return strcmp(own, stream) == 0;
}

void say(const char *line) {
  char text[LINE_LIMIT];
  snprintf(text, sizeof text - 1, "%s", line);
  make_plain(text);
  if (!is_journal()) syslog(LOG_DAEMON | LOG_WARNING, "%s", text);
  const size_t length = strlen(text);
  text[length] = '\n';
  /* Ignore errors: the statement's error says the same. */
  const ssize_t written = write(STDERR_FILENO, text, length + 1);
  (void)written;
}
