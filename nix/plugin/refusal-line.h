/** How a refusal before a build may be told. */
#ifndef NIXSIG_REFUSAL_LINE_H
#define NIXSIG_REFUSAL_LINE_H

#include <stdbool.h>

/**
 * Whether the Nix that called us is one that shows an unknown line of a pre-build hook's output to the user and fails, as
 * hooks/parent-nix.ts has it. `telling`: the third text of a reply, `status`, or `line` and versions that are known besides.
 * Others take a silent exit 0 for consent (Lix does), so whatever cannot be told for certain is answered with no.
 */
bool shows_refusal_line(const char *telling);

#endif
