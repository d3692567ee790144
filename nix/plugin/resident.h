/** Asking the resident process, `nixsig serve`: docs/resident.md. For the plugin and for the hooks. */
#ifndef NIXSIG_RESIDENT_H
#define NIXSIG_RESIDENT_H

#include "reply.h"

#ifndef RESIDENT_SOCKET
#define RESIDENT_SOCKET "/run/nixsig/socket"
#endif

/* As in src/gate/ask-resident.ts. */
#ifndef SIGN_OF_LIFE_MS
#define SIGN_OF_LIFE_MS (30 * 1000)
#endif

/**
 * Asks a question, one line with its newline, of whoever listens at a socket, if that can be nobody but root or the user
 * whom this process runs as. Connecting, asking and waiting for all of the reply take at most so many milliseconds together.
 * Whoever has given no
 * answer for half a minute is asked for a sign of life, and counts as hanging without one in another. Never raises SIGPIPE. A pass or a refusal counts only if the reply is whole.
 */
enum asked ask_resident(const char *socket_path, const char *question, int milliseconds, struct reply *reply);

#endif
