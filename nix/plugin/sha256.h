/** SHA-256 (FIPS 180-4), for the names of store paths. */
#ifndef NIXSIG_SHA256_H
#define NIXSIG_SHA256_H

#include <stddef.h>
#include <stdint.h>

enum { SHA256_BYTES = 32 };

/** Computes the SHA-256 of `length` bytes. */
void sha256(const void *bytes, size_t length, uint8_t digest[SHA256_BYTES]);

#endif
