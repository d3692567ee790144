/** Whether root gave a respite, in which what is not trusted is told and let pass: `<state>/respite`, see docs/ledger.md. */
#ifndef NIXSIG_RESPITE_H
#define NIXSIG_RESPITE_H

#include <stdbool.h>
#include <time.h>

/** Whether one is in force. Whatever cannot be read as one is none. */
bool is_respite(const char *state, time_t now);

#endif
