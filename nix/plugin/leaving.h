/** Which paths are being removed from the store at the moment: src/quarantine/leaving.ts. */
#ifndef NIXSIG_LEAVING_H
#define NIXSIG_LEAVING_H

#include <stdbool.h>

/**
 * Whether any path is being removed. Cheap: one look at the disk, and none within 5 ms after a look
 * that found nothing. So whoever removes paths checks for new references once more after that time.
 */
bool is_any_leaving(const char *state);

/**
 * Whether this path is being removed; to be called if any is. `root` is what precedes /nix/store on
 * the disk; NULL: not known. A path that is no longer on the disk counts too: it is being removed
 * together with another that it referred to.
 */
bool is_leaving(const char *state, const char *path, const char *root);

#endif
