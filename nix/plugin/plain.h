/** Printable ASCII: all that the plugin and the hooks pass on to a terminal, a log or Nix. */
#ifndef NIXSIG_PLAIN_H
#define NIXSIG_PLAIN_H

#include <stdbool.h>

static inline bool is_printable(char c) { return c >= ' ' && c <= '~'; }

/** Replaces each byte that is not printable ASCII by a question mark. */
static inline void make_plain(char *text) {
  for (; *text != '\0'; text++) {
    if (!is_printable(*text)) *text = '?';
  }
}

#endif
