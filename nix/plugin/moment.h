/**
 * What was checked a moment ago is not checked again: ten thousand paths may come within a second.
 */
#ifndef NIXSIG_MOMENT_H
#define NIXSIG_MOMENT_H

#include <stdbool.h>
#include <time.h>

#ifndef MOMENT_MS
#define MOMENT_MS 100
#endif

/** A time on a monotonic clock, in milliseconds; 0: never. */
struct moment {
  long long ms;
};

static inline struct moment this_moment(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return (struct moment){(long long)now.tv_sec * 1000 + now.tv_nsec / 1000000};
}

/** Whether that was within the last MOMENT_MS milliseconds (a tenth of a second). */
static inline bool is_recent(const struct moment *moment) {
  return moment->ms != 0 && this_moment().ms - moment->ms < MOMENT_MS;
}

#endif
