/** This machine's key: the builder `self` to others. */
#ifndef NIXSIG_MACHINE_H
#define NIXSIG_MACHINE_H

#include <stdbool.h>

#include "lines.h"

enum { MACHINE_IDENTITY_SIZE = sizeof "ed25519:" + HEX_SHA256 };

/** The identity of its key, `ed25519:<hex>`; false if it has none that can be read. */
bool machine_identity(const char *state, char identity[MACHINE_IDENTITY_SIZE]);

#endif
