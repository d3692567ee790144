/** How a refusal before a build can be reported. */
#ifndef NIXSIG_REFUSAL_LINE_H
#define NIXSIG_REFUSAL_LINE_H

#include <stdbool.h>

/**
 * Whether the Nix that called us shows an unknown line of a pre-build hook's output to the user and
 * fails, as in hooks/parent-nix.ts. `telling` is the third text of a reply: `status`, or `line`
 * followed by further versions that do. Other programs may take exit status 0 for consent (Lix
 * does), so this is false if it cannot be told for certain.
 */
bool shows_refusal_line(const char *telling);

#endif
