#include "store-path.h"

#include <stdio.h>
#include <string.h>

#include "sha256.h"

static const char nix32[] = "0123456789abcdfghijklmnpqrsvwxyz";

enum { FOLDED_BYTES = 20 };

static int nix32_digit(char c) {
  const char *found = c == '\0' ? NULL : strchr(nix32, c);
  return found == NULL ? -1 : (int)(found - nix32);
}

/*
 * Which parts of a store path a byte may be in, as a table, since each row has two hundred bytes to
 * check. Bytes that are not listed are 0.
 */
enum { IN_DIGEST = 1, IN_NAME = 2 };
#define BOTH (IN_DIGEST | IN_NAME)
static const unsigned char byte_kinds[256] = {
    ['0'] = BOTH, ['1'] = BOTH, ['2'] = BOTH, ['3'] = BOTH, ['4'] = BOTH, ['5'] = BOTH, ['6'] = BOTH, ['7'] = BOTH, ['8'] = BOTH,
    ['9'] = BOTH, ['a'] = BOTH, ['b'] = BOTH, ['c'] = BOTH, ['d'] = BOTH, ['f'] = BOTH, ['g'] = BOTH, ['h'] = BOTH, ['i'] = BOTH,
    ['j'] = BOTH, ['k'] = BOTH, ['l'] = BOTH, ['m'] = BOTH, ['n'] = BOTH, ['p'] = BOTH, ['q'] = BOTH, ['r'] = BOTH, ['s'] = BOTH,
    ['v'] = BOTH, ['w'] = BOTH, ['x'] = BOTH, ['y'] = BOTH, ['z'] = BOTH,
    ['e'] = IN_NAME, ['o'] = IN_NAME, ['t'] = IN_NAME, ['u'] = IN_NAME,
    ['A'] = IN_NAME, ['B'] = IN_NAME, ['C'] = IN_NAME, ['D'] = IN_NAME, ['E'] = IN_NAME, ['F'] = IN_NAME, ['G'] = IN_NAME,
    ['H'] = IN_NAME, ['I'] = IN_NAME, ['J'] = IN_NAME, ['K'] = IN_NAME, ['L'] = IN_NAME, ['M'] = IN_NAME, ['N'] = IN_NAME,
    ['O'] = IN_NAME, ['P'] = IN_NAME, ['Q'] = IN_NAME, ['R'] = IN_NAME, ['S'] = IN_NAME, ['T'] = IN_NAME, ['U'] = IN_NAME,
    ['V'] = IN_NAME, ['W'] = IN_NAME, ['X'] = IN_NAME, ['Y'] = IN_NAME, ['Z'] = IN_NAME,
    ['+'] = IN_NAME, ['.'] = IN_NAME, ['_'] = IN_NAME, ['?'] = IN_NAME, ['='] = IN_NAME, ['-'] = IN_NAME};

static bool may_be(char c, unsigned char kind) { return (byte_kinds[(unsigned char)c] & kind) != 0; }

bool is_name(const char *name, size_t length) {
  for (size_t i = 0; i < length; i++) {
    if (!may_be(name[i], IN_NAME)) return false;
  }
  return length > 0 && length <= NAME_LIMIT;
}

bool parse_store_path(const char *path, struct store_path *parsed) {
  const size_t prefix = sizeof STORE_DIR; /* includes the slash, instead of the NUL */
  if (strncmp(path, STORE_DIR "/", prefix) != 0) return false;
  const char *digest = path + prefix;
  for (int i = 0; i < DIGEST_CHARS; i++) {
    if (!may_be(digest[i], IN_DIGEST)) return false;
  }
  if (digest[DIGEST_CHARS] != '-') return false;
  const char *name = digest + DIGEST_CHARS + 1;
  if (!is_name(name, strnlen(name, NAME_LIMIT + 1))) return false;
  parsed->path = path;
  parsed->name = name;
  memcpy(parsed->digest, digest, DIGEST_CHARS);
  parsed->digest[DIGEST_CHARS] = '\0';
  return true;
}

bool is_derivation_name(const char *name) {
  const char suffix[] = ".drv";
  const size_t length = strlen(name), more = sizeof suffix - 1;
  return length > more && strcmp(name + length - more, suffix) == 0;
}

size_t hash_size(const char *algorithm, size_t length) {
  static const struct {
    const char *name;
    size_t size;
  } kinds[] = {{"md5", 16}, {"sha1", 20}, {"sha256", 32}, {"sha512", 64}};
  for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
    if (strlen(kinds[i].name) == length && strncmp(kinds[i].name, algorithm, length) == 0) return kinds[i].size;
  }
  return 0;
}

/** Number of base 32 characters for `size` bytes. */
static size_t nix32_length(size_t size) { return (size * 8 - 1) / 5 + 1; }

bool parse_nix32(const char *text, uint8_t *bytes, size_t size) {
  const size_t length = nix32_length(size);
  if (strlen(text) != length) return false;
  memset(bytes, 0, size);
  for (size_t n = 0; n < length; n++) {
    const int digit = nix32_digit(text[length - n - 1]);
    if (digit < 0) return false;
    const size_t bit = n * 5, byte = bit / 8, shift = bit % 8;
    bytes[byte] |= (uint8_t)(digit << shift);
    const int carry = digit >> (8 - shift);
    if (byte + 1 < size) bytes[byte + 1] |= (uint8_t)carry;
    else if (carry != 0) return false;
  }
  return true;
}

static void print_nix32(const uint8_t *bytes, size_t size, char *text) {
  const size_t length = nix32_length(size);
  for (size_t n = 0; n < length; n++) {
    const size_t bit = n * 5, byte = bit / 8, shift = bit % 8;
    const int low = bytes[byte] >> shift;
    const int high = byte + 1 < size ? bytes[byte + 1] << (8 - shift) : 0;
    text[length - n - 1] = nix32[(low | high) & 31];
  }
  text[length] = '\0';
}

void print_hex(const uint8_t *bytes, size_t size, char *text) {
  static const char digits[] = "0123456789abcdef";
  for (size_t i = 0; i < size; i++) {
    text[2 * i] = digits[bytes[i] >> 4];
    text[2 * i + 1] = digits[bytes[i] & 15];
  }
  text[2 * size] = '\0';
}

bool is_made_of(const struct store_path *path, const char *type, const char *inner_sha256) {
  char text[PATH_LIMIT + 128];
  const int length = snprintf(text, sizeof text, "%s:sha256:%s:" STORE_DIR ":%s", type, inner_sha256, path->name);
  if (length < 0 || (size_t)length >= sizeof text) return false;
  uint8_t hash[SHA256_BYTES], folded[FOLDED_BYTES] = {0};
  sha256(text, (size_t)length, hash);
  for (int i = 0; i < SHA256_BYTES; i++) folded[i % FOLDED_BYTES] ^= hash[i];
  char digest[DIGEST_CHARS + 1];
  print_nix32(folded, FOLDED_BYTES, digest);
  return strcmp(digest, path->digest) == 0;
}
