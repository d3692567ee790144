/** Store paths and hashes as Nix prints them (Nix manual, "Store path specification"). */
#ifndef NIXSIG_STORE_PATH_H
#define NIXSIG_STORE_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STORE_DIR "/nix/store"

enum { DIGEST_CHARS = 32, NAME_LIMIT = 211, PATH_LIMIT = sizeof STORE_DIR + DIGEST_CHARS + 1 + NAME_LIMIT, HASH_LIMIT = 64 };

/** A path directly in the store. */
struct store_path {
  const char *path; /* all of it */
  char digest[DIGEST_CHARS + 1];
  const char *name; /* points into `path` */
};

/** Takes a store path apart; false if the text is none. `path` must outlive it. */
bool parse_store_path(const char *path, struct store_path *parsed);

/** Whether so many characters could be the name of a store path. */
bool is_name(const char *name, size_t length);

/** Whether a name is that of a derivation's file. */
bool is_derivation_name(const char *name);

/** Bytes that a hash of this kind (`md5`, `sha1`, `sha256`, `sha512`, so many characters) has; 0: no such kind. */
size_t hash_size(const char *algorithm, size_t length);

/** Reads `size` bytes in Nix's base 32, the whole of a text; false if it is anything else. */
bool parse_nix32(const char *text, uint8_t *bytes, size_t size);

/** Lower-case hex with a NUL; `text` has room for twice `size` and one. */
void print_hex(const uint8_t *bytes, size_t size, char *text);

/** Whether a store path is the one of this type (`source`, `text`, `output:out`), inner SHA-256 (hex) and its own name. */
bool is_made_of(const struct store_path *path, const char *type, const char *inner_sha256);

#endif
