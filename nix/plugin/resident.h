/**
 * Asks the resident process, `nixsig serve`: docs/resident.md. Used by the plugin and the hooks.
 */
#ifndef NIXSIG_RESIDENT_H
#define NIXSIG_RESIDENT_H

#include "reply.h"

/* An error that is no fault. The same as in src/formats/hook-reply.ts. */
#define LEFT_TO_THE_HOOK "left to the hook, which may write to the store"

/* The same as in src/gate/ask-resident.ts. */
#ifndef SIGN_OF_LIFE_MS
#define SIGN_OF_LIFE_MS (30 * 1000)
#endif

/**
 * Sends a question, one line with its newline, to a socket. Fails unless only root, or the user
 * whom this process runs as, can listen there. Connecting, asking and receiving the whole reply
 * take at most `milliseconds` together. A process that has given no answer for half a minute is
 * asked for a sign of life; without one within another half minute it counts as hanging. Never
 * raises SIGPIPE. A verdict counts only if the reply is complete.
 */
enum asked ask_resident(const char *socket_path, const char *question, int milliseconds, struct reply *reply);

#endif
