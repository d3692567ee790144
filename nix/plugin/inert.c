#include "inert.h"

#include <stdio.h>
#include <string.h>

#include "sha256.h"

/** The rest of a text behind a prefix; NULL if it does not begin with that. */
static const char *after(const char *text, const char *prefix) {
  const size_t length = strlen(prefix);
  return strncmp(text, prefix, length) == 0 ? text + length : NULL;
}

/**
 * Whether a path is the fixed output with this hash (`<algorithm>:<base 32>`), taken by `method`
 * (`r:`, `git:`, or nothing for a flat file).
 */
static bool is_fixed_output(const struct store_path *path, const char *method, const char *hash) {
  const char *colon = strchr(hash, ':');
  if (colon == NULL) return false;
  const int algorithm = (int)(colon - hash);
  const size_t size = hash_size(hash, (size_t)algorithm);
  uint8_t bytes[HASH_LIMIT];
  if (size == 0 || !parse_nix32(colon + 1, bytes, size)) return false;
  char hex[2 * HASH_LIMIT + 1];
  print_hex(bytes, size, hex);
  if (strcmp(method, "r:") == 0 && size == SHA256_BYTES) return is_made_of(path, "source", hex);
  char inner[2 * HASH_LIMIT + 64];
  const int length = snprintf(inner, sizeof inner, "fixed:out:%s%.*s:%s:", method, algorithm, hash, hex);
  if (length < 0 || (size_t)length >= sizeof inner) return false;
  uint8_t digest[SHA256_BYTES];
  sha256(inner, (size_t)length, digest);
  print_hex(digest, sizeof digest, hex);
  return is_made_of(path, "output:out", hex);
}

static bool is_text(const struct store_path *path, const char *hash) {
  const char *digits = after(hash, "sha256:");
  uint8_t bytes[SHA256_BYTES];
  char hex[2 * SHA256_BYTES + 1];
  if (digits == NULL || !parse_nix32(digits, bytes, sizeof bytes)) return false;
  print_hex(bytes, sizeof bytes, hex);
  return is_made_of(path, "text", hex);
}

enum inert inert_kind(const struct store_path *path, const char *ca, const char *nar_hash) {
  if (ca == NULL || *ca == '\0') return is_made_of(path, "source", nar_hash) ? INERT_SOURCE : NOT_INERT;
  const char *hash = after(ca, "text:");
  if (hash != NULL) return is_derivation_name(path->name) || is_text(path, hash) ? INERT_TEXT : NOT_INERT;
  const char *fixed = after(ca, "fixed:");
  if (fixed == NULL) return NOT_INERT;
  if ((hash = after(fixed, "r:")) != NULL) return is_fixed_output(path, "r:", hash) ? INERT_SOURCE : NOT_INERT;
  if ((hash = after(fixed, "git:")) != NULL) return is_fixed_output(path, "git:", hash) ? INERT_SOURCE : NOT_INERT;
  return is_fixed_output(path, "", fixed) ? INERT_SOURCE : NOT_INERT;
}
