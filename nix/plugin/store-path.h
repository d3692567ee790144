/** Store paths and hashes as Nix prints them (Nix manual, "Store path specification"). */
#ifndef NIXSIG_STORE_PATH_H
#define NIXSIG_STORE_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STORE_DIR "/nix/store"

enum { DIGEST_CHARS = 32, NAME_LIMIT = 211, PATH_LIMIT = sizeof STORE_DIR + DIGEST_CHARS + 1 + NAME_LIMIT, HASH_LIMIT = 64 };

/** A path directly in the store directory. */
struct store_path {
  const char *path; /* the whole path */
  char digest[DIGEST_CHARS + 1];
  const char *name; /* points into `path` */
};

/** Parses a store path; false if the text is not one. `path` must outlive `parsed`. */
bool parse_store_path(const char *path, struct store_path *parsed);

/** Whether these `length` characters may be the name of a store path. */
bool is_name(const char *name, size_t length);

/** Whether a name is that of a derivation file (.drv). */
bool is_derivation_name(const char *name);

/**
 * Bytes of a hash by this algorithm (`md5`, `sha1`, `sha256` or `sha512`; `length` characters); 0
 * for any other.
 */
size_t hash_size(const char *algorithm, size_t length);

/** Parses a whole text as `size` bytes in Nix's base 32; false if it is anything else. */
bool parse_nix32(const char *text, uint8_t *bytes, size_t size);

/** Prints lower-case hex and a NUL; `text` has room for 2 * `size` + 1 bytes. */
void print_hex(const uint8_t *bytes, size_t size, char *text);

/**
 * Whether a store path is the one that follows from this type (`source`, `text`, `output:out`),
 * this inner SHA-256 (hex) and its own name.
 */
bool is_made_of(const struct store_path *path, const char *type, const char *inner_sha256);

#endif
