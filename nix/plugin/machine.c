#include "machine.h"

#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "owned.h"
#include "store-path.h"

/* KEY_CHARS: characters of a key in base 64, without the one `=` behind them. */
enum { KEY_BYTES = 32, KEY_CHARS = 43, FILE_LIMIT = 4096 };

/** Parses KEY_CHARS characters in base 64 as KEY_BYTES bytes. */
static bool parse_base64(const char *text, uint8_t bytes[KEY_BYTES]) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  uint32_t held = 0;
  int bits = 0, count = 0;
  for (int i = 0; i < KEY_CHARS; i++) {
    const char *digit = text[i] == '\0' ? NULL : strchr(digits, text[i]);
    if (digit == NULL) return false;
    held = held << 6 | (uint32_t)(digit - digits);
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes[count++] = (uint8_t)(held >> bits);
    held &= (1U << bits) - 1;
  }
  return held == 0;
}

bool machine_identity(const char *state, char identity[MACHINE_IDENTITY_SIZE]) {
  char file[PATH_MAX], why[512], text[FILE_LIMIT + 1];
  size_t length = 0;
  uint8_t key[KEY_BYTES];
  const int written = snprintf(file, sizeof file, "%s/machine.pub", state);
  if (written < 0 || (size_t)written >= sizeof file) return false;
  if (read_owned_file(file, text, FILE_LIMIT, &length, why, sizeof why) != READ_DONE) return false;
  const char *colon = strchr(text, ':');
  if (colon == NULL || !parse_base64(colon + 1, key) || strspn(colon + 1 + KEY_CHARS, "=\n") != strlen(colon + 1 + KEY_CHARS)) return false;
  memcpy(identity, "ed25519:", sizeof "ed25519:" - 1);
  print_hex(key, sizeof key, identity + sizeof "ed25519:" - 1);
  return true;
}
