/**
 * Respites, during which untrusted paths are reported but allowed: `<state>/respite`, see
 * docs/ledger.md.
 */
#ifndef NIXSIG_RESPITE_H
#define NIXSIG_RESPITE_H

#include <stdbool.h>
#include <time.h>

/** Whether a respite is in force. A file that cannot be read or parsed does not count. */
bool is_respite(const char *state, time_t now);

#endif
