#include "budget.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "date.h"
#include "lines.h"
#include "sha256.h"

/* The same as in src/decisions/budgets.ts. */
enum { RECORD = 64, DIGITS = 15, ALL = 0, ASKERS = 4095, SIZE = 4096, SHARE = 16, SHARE_OF_ALL = 4 };
#define DAY_MS (24LL * 60 * 60 * 1000)
#define TOLD_MS (10LL * 60 * 1000)
#define TELLING_BYTES 320
#define UNPAID_MS (60LL * 1000)
/* Of a policy that does not name the size of the log. */
#define DEFAULT_SIZE (64LL * 1024 * 1024)

/** Bytes that may still be written, as it was at a time; decisions without a line, and when that was told. */
struct budget {
  unsigned long long left, at, left_out, told_at;
};

/** Opens the records; -1 if they cannot be used. */
static int open_records(const char *state) {
  char path[PATH_MAX];
  struct stat status;
  const int length = snprintf(path, sizeof path, "%s/decisions/askers", state);
  if (length < 0 || (size_t)length >= sizeof path) return -1;
  const int file = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600);
  if (file < 0) return -1;
  const bool is_owned = fstat(file, &status) == 0 && S_ISREG(status.st_mode) && (status.st_mode & 022) == 0 &&
                        (status.st_uid == 0 || status.st_uid == geteuid());
  if (is_owned) return file;
  close(file);
  return -1;
}

static bool read_budget(int file, unsigned slot, struct budget *budget) {
  char record[RECORD];
  if (pread(file, record, sizeof record, (off_t)slot * RECORD) != RECORD) return false;
  struct rest rest = {record, record + sizeof record};
  return take_number(&rest, DIGITS, &budget->left) && take(&rest, " ") && take_number(&rest, DIGITS, &budget->at) && take(&rest, " ") &&
         take_number(&rest, DIGITS, &budget->left_out) && take(&rest, " ") && take_number(&rest, DIGITS, &budget->told_at) &&
         take(&rest, "\n") && rest.next == rest.end;
}

/** False if it cannot be written. */
static bool write_budget(int file, unsigned slot, const struct budget *budget) {
  char record[RECORD + 1];
  const int length = snprintf(record, sizeof record, "%0*llu %0*llu %0*llu %0*llu\n", DIGITS, budget->left, DIGITS, budget->at, DIGITS,
                              budget->left_out, DIGITS, budget->told_at);
  return length == RECORD && pwrite(file, record, RECORD, (off_t)slot * RECORD) == RECORD;
}

/** The record of an asker; more than one may have the same. */
static unsigned slot_of(const char *asker) {
  static const char label[] = "user ";
  unsigned long long number;
  struct rest rest = {asker, asker + strlen(asker)};
  if (!take(&rest, label) || !take_number(&rest, 10, &number) || rest.next != rest.end) {
    uint8_t digest[SHA256_BYTES];
    sha256(asker, strlen(asker), digest);
    number = digest[0] | (unsigned)digest[1] << 8;
  }
  return 1 + (unsigned)(number % ASKERS);
}

/** Reads a budget, with what was gained since; full if nothing is known. */
static struct budget grown(int file, unsigned slot, unsigned long long share, long long now) {
  struct budget budget;
  if (!read_budget(file, slot, &budget)) return (struct budget){.left = share, .at = (unsigned long long)now};
  const long long passed = now - (long long)budget.at;
  const unsigned long long gained = passed <= 0 ? 0 : (unsigned long long)((double)passed / DAY_MS * (double)share);
  budget.left = gained >= share || budget.left + gained >= share ? share : budget.left + gained;
  /* Less than a byte is kept for later. */
  if (gained > 0 || passed < 0) budget.at = (unsigned long long)now;
  return budget;
}

/** Whether it was told so long ago; also if the clock was set back since. */
static bool is_due(const struct budget *budget, long long after, long long now) {
  const long long told_at = (long long)budget->told_at;
  return now < told_at || now - told_at >= after;
}

/** Whether a line may tell what an asker's budget left out; the budget of all pays it, or there is one a minute. */
static bool is_told(int file, struct budget *own, struct budget *all, long long now) {
  const bool is_paid = all->left >= TELLING_BYTES;
  if (!is_due(own, TOLD_MS, now) || (!is_paid && !is_due(all, UNPAID_MS, now))) return false;
  if (is_paid) all->left -= TELLING_BYTES;
  else all->told_at = (unsigned long long)now;
  own->left_out = 0;
  own->told_at = (unsigned long long)now;
  /* What cannot be written bounds nobody. */
  write_budget(file, ALL, all);
  return true;
}

enum afforded afford(const char *state, const char *asker, size_t bytes, unsigned long long *left_out) {
  struct budget size;
  if (strcmp(asker, "root") == 0) return A_LINE;
  const int file = open_records(state);
  if (file < 0) return A_LINE;
  const long long now = date_ms();
  const unsigned slot = slot_of(asker);
  const unsigned long long whole = read_budget(file, SIZE, &size) ? size.left : DEFAULT_SIZE;
  struct budget own = grown(file, slot, whole / SHARE, now), all = grown(file, ALL, whole / SHARE_OF_ALL, now);
  enum afforded afforded = A_LINE;
  if (own.left >= bytes && all.left >= bytes) {
    own.left -= bytes;
    all.left -= bytes;
    write_budget(file, ALL, &all);
    write_budget(file, slot, &own);
  } else {
    *left_out = ++own.left_out;
    const enum afforded instead = is_told(file, &own, &all, now) ? A_TELLING : NOTHING;
    if (write_budget(file, slot, &own)) afforded = instead;
  }
  close(file);
  return afforded;
}
