/** Finds out on whose behalf a process works. For the decision log: nothing is decided by it. */
#ifndef NIXSIG_ASKER_H
#define NIXSIG_ASKER_H

#include <stdbool.h>

struct asker {
  bool is_known;
  unsigned long long user; /* the real one */
};

enum { ASKER_SIZE = 32 };

/**
 * Who is behind a process, a number or `self`. nix-daemon starts a process for each of its clients,
 * and writes the client's process number over that process's first argument; the user is then that
 * of the client. The same as in src/files/asker.ts. `proc`: where proc(5) is mounted.
 */
struct asker asker_of(const char *proc, const char *process);

/** Who is behind this process. Looked up once a process. */
const struct asker *find_asker(void);

/** Prints `root`, `user` and a number, or `unknown`. */
void print_asker(const struct asker *asker, char text[ASKER_SIZE]);

#endif
