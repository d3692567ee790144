/** Which paths are being taken out of the store right now: src/quarantine/leaving.ts. */
#ifndef NIXSIG_LEAVING_H
#define NIXSIG_LEAVING_H

#include <stdbool.h>

/**
 * Whether any path is. Nearly free: one look at the disk, and none within some milliseconds of another that found nothing.
 * Whoever takes paths out looks for references once more after that time.
 */
bool is_any_leaving(const char *state);

/**
 * Whether this path is; asked when any is. `root`: what stands before /nix/store on the disk; NULL: not known. What is not
 * on the disk any more counts as well: it is on its way out with another that it referred to.
 */
bool is_leaving(const char *state, const char *path, const char *root);

#endif
