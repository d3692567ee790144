/** The date, for what is written down. How long something waits goes by moment.h. */
#ifndef NIXSIG_DATE_H
#define NIXSIG_DATE_H

#include <time.h>

/** Milliseconds since 1970; 0 for a date before that. */
static inline long long date_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  const long long ms = (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
  return ms < 0 ? 0 : ms;
}

#endif
