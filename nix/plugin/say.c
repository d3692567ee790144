#include "say.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "decide.h"
#include "plain.h"
#include "store-path.h"

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

void record_warning(const char *state, const char *path, const char *hash, const char *reason) {
  struct store_path parsed;
  if (path == NULL || hash == NULL || !parse_store_path(path, &parsed)) return;
  char file[PATH_MAX], fresh[PATH_MAX + 2], text[LINE_LIMIT], why[REASON_LIMIT];
  snprintf(file, sizeof file, "%s/let-in", state);
  const bool is_made = mkdir(file, 0755) == 0 || errno == EEXIST;
  snprintf(file, sizeof file, "%s/let-in/%s", state, parsed.digest);
  snprintf(fresh, sizeof fresh, "%s~", file);
  snprintf(why, sizeof why, "%s", reason);
  make_plain(why);
  const int length =
      snprintf(text, sizeof text, "nixsig1 %s %s\ntime %lld\nwhy %s\n", path, hash, (long long)time(NULL), why);
  const int to = is_made ? open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644) : -1;
  const bool is_written = to >= 0 && length > 0 && (size_t)length < sizeof text && write(to, text, (size_t)length) == length;
  if (to >= 0) close(to);
  if (!is_written || rename(fresh, file) != 0) {
    snprintf(text, sizeof text, "nixsig: %s could not be written: %s", file, strerror(errno));
    say(text);
  }
}
