/** What the resident process replies: docs/resident.md, "What is replied". */
#ifndef NIXSIG_REPLY_H
#define NIXSIG_REPLY_H

#include <stdbool.h>
#include <stddef.h>

/** Bytes of a reply at most. */
#define REPLY_LIMIT 65536

/** What came of asking. `ASKED_PASS` alone is a yes. */
enum asked {
  ASKED_PASS,
  ASKED_REFUSE,
  /** Nobody listens there. */
  ASKED_ABSENT,
  /** Somebody does, or could, and gave no verdict: `why`. */
  ASKED_FAILED
};

struct reply {
  /** What arrived; room for a NUL behind each text, and for the byte that is one too many. */
  char bytes[REPLY_LIMIT + 4];
  /**
   * The three texts of a reply, inside `bytes`, well-formed UTF-8 and ended by a NUL; set after ASKED_PASS and
   * ASKED_REFUSE alone. None has a control character, a format character or a line separator, but for the line breaks
   * of the notice. The sentence of a refusal is never empty.
   */
  const char *sentence;
  const char *notice;
  const char *telling;
  /** After ASKED_FAILED: what went wrong, in one line that may be shown as it is. */
  char why[512];
};

/**
 * Reads the reply whose `length` bytes, all that came, stand in `reply->bytes`: the same verdict as parseReply of
 * src/formats/hook-reply.ts, and the same words where it is none. `done` and `error` are none. Never ASKED_ABSENT.
 */
enum asked read_reply(struct reply *reply, size_t length);

/** Notes in `why` what went wrong. Always false. */
__attribute__((format(printf, 2, 3))) bool failed(struct reply *reply, const char *format, ...);

#endif
