/** Parses replies of the resident process: docs/resident.md, "What is replied". */
#ifndef NIXSIG_REPLY_H
#define NIXSIG_REPLY_H

#include <stdbool.h>
#include <stddef.h>

/** Bytes of a reply at most. */
#define REPLY_LIMIT 65536

/** The result of asking. Only ASKED_PASS means yes. */
enum asked {
  ASKED_PASS,
  ASKED_REFUSE,
  /** Nobody listens there. */
  ASKED_ABSENT,
  /** Somebody listens there, or could, but gave no verdict; `why` says what went wrong. */
  ASKED_FAILED
};

struct reply {
  /** What arrived, with room for one byte too many and for a NUL behind each text. */
  char bytes[REPLY_LIMIT + 4];
  /**
   * The three texts of a reply, inside `bytes` and terminated by a NUL. Set only after ASKED_PASS
   * and ASKED_REFUSE. They are printable ASCII, with line feeds in the notice alone. The sentence of
   * a refusal is never empty.
   */
  const char *sentence;
  const char *notice;
  const char *telling;
  /** After ASKED_FAILED: what went wrong, in one line that is safe to print. */
  char why[1024];
};

/**
 * Parses the reply in `reply->bytes`, which has `length` bytes in all. Returns the same verdict as
 * parseReply of src/formats/hook-reply.ts, and gives the same messages if there is no verdict.
 * `done` and `error` are not verdicts. Never returns ASKED_ABSENT.
 */
enum asked read_reply(struct reply *reply, size_t length);

/**
 * The digest (hex) of the references that a path may become valid with; empty if any will do. After
 * ASKED_PASS.
 */
const char *references_of(const struct reply *reply);

/** Writes to `why` what went wrong. Always returns false. */
__attribute__((format(printf, 2, 3))) bool failed(struct reply *reply, const char *format, ...);

#endif
