/** Asks the resident process and says on whose behalf: docs/resident.md. */
#ifndef NIXSIG_ASK_FOR_H
#define NIXSIG_ASK_FOR_H

#include "asker.h"
#include "reply.h"

/**
 * Bytes of a question with its newline at most, as in src/formats/hook-question.ts, and of those
 * the most that say for whom it is asked.
 */
enum { QUESTION_LIMIT = 16 * 1024, FOR_LIMIT = 16 };

/**
 * Asks as `ask_resident` does. `question` is without the asker, and leaves room for it. A process of
 * an older version does not know that word, and is asked again without it.
 */
enum asked ask_for(const struct asker *asker, const char *socket_path, const char *question, int milliseconds, struct reply *reply);

#endif
