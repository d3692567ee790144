#include "ask-for.h"

#include <stdio.h>
#include <string.h>

#include "resident.h"

/** What every question begins with. */
static const char protocol[] = "nixsig1 ";

/** How an older process says that it does not know the word. */
static const char unknown_word[] = "of an unknown kind: \"for:";

enum asked ask_for(const struct asker *asker, const char *socket_path, const char *question, int milliseconds, struct reply *reply) {
  char named[QUESTION_LIMIT + 1];
  const size_t length = sizeof protocol - 1;
  if (!asker->is_known || strncmp(question, protocol, length) != 0) return ask_resident(socket_path, question, milliseconds, reply);
  const int printed = snprintf(named, sizeof named, "%sfor:%llu %s", protocol, asker->user, question + length);
  if (printed < 0 || (size_t)printed >= sizeof named) return ask_resident(socket_path, question, milliseconds, reply);
  const enum asked asked = ask_resident(socket_path, named, milliseconds, reply);
  if (asked != ASKED_FAILED || strstr(reply->why, unknown_word) == NULL) return asked;
  return ask_resident(socket_path, question, milliseconds, reply);
}
