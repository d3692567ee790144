/**
 * Checks what the plugin computes against known answers: those of FIPS 180-4, and what Nix itself
 * printed. Prints what is wrong, and exits with 1 then. The tests of its decisions over real files
 * are in test/plugin.
 */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "check.h"
#include "decide.h"
#include "inert.h"
#include "let-in.h"
#include "lines.h"
#include "preask.h"
#include "sha256.h"

static int wrong = 0;

void expect(bool holds, const char *what) {
  if (holds) return;
  fprintf(stderr, "wrong: %s\n", what);
  wrong++;
}

static void check_sha256(void) {
  static const struct {
    const char *text;
    const char *digest;
  } known[] = {
      {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
      {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
      {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
       "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
      {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
       "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
  };
  for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
    uint8_t digest[SHA256_BYTES];
    char hex[2 * SHA256_BYTES + 1];
    sha256(known[i].text, strlen(known[i].text), digest);
    print_hex(digest, sizeof digest, hex);
    expect(strcmp(hex, known[i].digest) == 0, known[i].digest);
  }
}

static void check_nix32(void) {
  static const char digits[] = "1b8m03r63zqhnjf7l5wnldhh7c134ap5vpj0850ymkq1iyzicy5s";
  uint8_t bytes[SHA256_BYTES];
  char hex[2 * SHA256_BYTES + 1] = "";
  expect(parse_nix32(digits, bytes, sizeof bytes), "base 32 is read");
  print_hex(bytes, sizeof bytes, hex);
  expect(strcmp(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad") == 0, "base 32 is read as Nix does");
  char changed[sizeof digits];
  memcpy(changed, digits, sizeof digits);
  changed[0] = '2'; /* has a bit beyond the last byte */
  expect(!parse_nix32(changed, bytes, sizeof bytes), "base 32 of more bits than there are is none");
  expect(!parse_nix32(digits + 1, bytes, sizeof bytes), "base 32 that is too short is none");
  expect(!parse_nix32(digits, bytes, sizeof bytes - 1), "base 32 that is too long is none");
  changed[0] = 'e';
  expect(!parse_nix32(changed, bytes, sizeof bytes), "base 32 with another character is none");
}

/** Each byte value at each place of a hash, and buffers of each length up to its own. */
static void check_hashes(void) {
  static const char digits[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
  char copy[HEX_SHA256 + 1];
  for (size_t length = 0; length <= HEX_SHA256; length++) {
    char *text = malloc(length == 0 ? 1 : length);
    if (text == NULL) abort();
    memcpy(text, digits, length);
    struct rest rest = {text, text + length};
    const bool is_taken = take_sha256(&rest, copy);
    expect(is_taken == (length == HEX_SHA256), "a hash is taken whole or not at all");
    expect(rest.next == (is_taken ? rest.end : text), "and nothing of one that is cut off");
    free(text);
  }
  expect(strcmp(copy, digits) == 0, "the copy of a hash is that hash");
  for (size_t at = 0; at < HEX_SHA256; at++) {
    for (int byte = 0; byte < 256; byte++) {
      char text[HEX_SHA256];
      memcpy(text, digits, sizeof text);
      text[at] = (char)byte;
      struct rest rest = {text, text + sizeof text};
      const bool is_digit = byte != 0 && strchr("0123456789abcdef", byte) != NULL;
      expect(take_sha256(&rest, copy) == is_digit, "a hash has lower-case hex digits alone");
    }
  }
}

/** Paths, content addresses and NAR hashes as Nix wrote them into its database. */
static void check_inert(void) {
  static const char note_hash[] = "25b1e82cd6b426bed023be86701cab5ef6e13274a35327646c6e14b03722fefb";
  static const char tree_hash[] = "478ab028ac9acd9aba480699f06d237eed1a575f8a7495bcb957330956a0f415";
  static const struct {
    const char *path;
    const char *ca;
    const char *nar_hash;
    enum inert kind;
  } known[] = {
      {"/nix/store/vkdw2sjpx538ns3jrc107wyqv517ngxw-note", "text:sha256:1b6lxmp2ihc53a7yi1ncwd2inmd15il5mf9wsrafcqxhwpnr8hbk",
       note_hash, INERT_TEXT},
      {"/nix/store/q6cz5afrr6j78sl82dr6lffrl67fp9d5-f-d",
       "fixed:r:sha256:05gll1b0jcspp6y9ax4abxbimvby4dnz168692x9mkcsmhlb12j7", tree_hash, INERT_SOURCE},
      {"/nix/store/q6cz5afrr6j78sl82dr6lffrl67fp9d5-f-d", NULL, tree_hash, INERT_SOURCE},
      {"/nix/store/q6cz5afrr6j78sl82dr6lffrl67fp9d5-f-d", NULL, note_hash, NOT_INERT},
      {"/nix/store/5z4b3iap7kx8pjamxy1vxv14mfij80kx-note", "fixed:sha1:xwaaljw4kj2q4qp1pas1dzxgpfxg50bh", note_hash, INERT_SOURCE},
      {"/nix/store/2n5nlygn3fms6zi91ra6vxralq3hnf06-note",
       "fixed:r:sha512:2k1fdpj1q1b0q7b3yys2fm61r1mj6ficha9ixpqawabwzs88c1d0jaf3k4pak81bxp546y2xwkc6k82nm5m693y2q130szqjkzwa42l",
       note_hash, INERT_SOURCE},
      {"/nix/store/5z4b3iap7kx8pjamxy1vxv14mfij80kx-note", "fixed:r:sha1:xwaaljw4kj2q4qp1pas1dzxgpfxg50bh", note_hash, NOT_INERT},
      {"/nix/store/vkdw2sjpx538ns3jrc107wyqv517ngxw-nota", "text:sha256:1b6lxmp2ihc53a7yi1ncwd2inmd15il5mf9wsrafcqxhwpnr8hbk",
       note_hash, NOT_INERT},
  };
  for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
    struct store_path path;
    const bool is_path = parse_store_path(known[i].path, &path);
    expect(is_path && inert_kind(&path, known[i].ca, known[i].nar_hash) == known[i].kind, known[i].path);
  }
}

/** Each buffer is exactly as long as its contents, so the sanitizer detects a read past the end. */
static void check_lines(void) {
  static const char line[] = "a word\n";
  for (size_t length = 0; length < sizeof line; length++) {
    char *copy = malloc(length == 0 ? 1 : length);
    if (copy == NULL) abort();
    memcpy(copy, line, length);
    struct rest rest = {copy, copy + length};
    const char *word;
    size_t word_length;
    unsigned long long number;
    expect(take(&rest, "a word\n") == (length == sizeof line - 1), "a literal is taken whole or not at all");
    rest = (struct rest){copy, copy + length};
    expect(take_word(&rest, &word, &word_length) == (length > 0), "a word is what there is of it");
    expect(!take_number(&rest, 15, &number), "a space is no number");
    rest = (struct rest){copy, copy + length};
    expect(take_line(&rest) == (length == sizeof line - 1), "a line has an end");
    free(copy);
  }
}

static const char insertion[] =
    "insert into ValidPaths (path, hash, registrationTime, deriver, narSize, ultimate, sigs, ca) values "
    "('/nix/store/a''b', 'sha256:00', 17, NULL, 120, 1, NULL, 'text:''x''');";

/** Parses a copy of the first `length` bytes of a statement. The copy's memory ends with it. */
static bool reads(const char *sql, size_t length, struct row *row, char **copy) {
  *copy = malloc(length + 1);
  if (*copy == NULL) abort();
  memcpy(*copy, sql, length);
  (*copy)[length] = '\0';
  return is_insertion(*copy) && parse_insertion(*copy, row);
}

static void check_insertion(void) {
  struct row row;
  char *copy, changed[sizeof insertion];
  const size_t whole = sizeof insertion - 1;
  expect(reads(insertion, whole, &row, &copy), "Nix's own statement is read");
  expect(strcmp(row.path, "/nix/store/a'b") == 0 && strcmp(row.hash, "sha256:00") == 0, "with its texts");
  expect(row.deriver == NULL && strcmp(row.ca, "text:'x'") == 0 && row.is_ours, "and what else it says");
  free(copy);
  for (size_t length = 0; length < whole - 1; length++) {
    expect(!reads(insertion, length, &row, &copy), "a part of it is not read");
    free(copy);
  }
  for (size_t at = 0; at < whole; at++) {
    for (const char *c = "'(),; 0N\n\xff"; *c != '\0'; c++) {
      memcpy(changed, insertion, sizeof insertion);
      changed[at] = *c;
      reads(changed, whole, &row, &copy); /* must not read past its end, whatever it says */
      free(copy);
    }
  }
  static const char *const others[] = {
      "insert into ValidPaths default values", "insert into ValidPaths (path) select 'x'", "insert into ValidPaths (path) values (x'00')",
      "insert into ValidPaths (path) values ('x'), ('y')", "insert into ValidPaths (path, hash) values ('x')", "insert into Refs (path) values ('x')"};
  for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
    expect(!reads(others[i], strlen(others[i]), &row, &copy), others[i]);
    free(copy);
  }
}

static bool is_same_text(const char *a, const char *b) { return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0); }

/**
 * Whether a statement is parsed to the same row after another whose head was remembered as after
 * one whose head was not.
 */
static bool reads_alike(const char *sql, const char *before) {
  struct row warm, cold, ignored;
  char *copies[3];
  const bool is_before = reads(before, strlen(before), &ignored, &copies[0]);
  const bool is_warm = reads(sql, strlen(sql), &warm, &copies[1]);
  parse_insertion(strcpy(copies[0], "x"), &ignored); /* clears the remembered head */
  const bool is_cold = reads(sql, strlen(sql), &cold, &copies[2]);
  const bool is_alike = is_before && is_warm == is_cold &&
                        (!is_cold || (is_same_text(warm.path, cold.path) && is_same_text(warm.hash, cold.hash) &&
                                      is_same_text(warm.deriver, cold.deriver) && is_same_text(warm.ca, cold.ca) && warm.is_ours == cold.is_ours));
  for (int i = 0; i < 3; i++) free(copies[i]);
  return is_alike;
}

/**
 * A remembered head must never be used for another statement, whichever byte differs or is missing.
 */
static void check_heads(void) {
  static const char other_order[] = "insert into ValidPaths (hash, path, ca, ultimate, deriver) values ('a', 'b', 'c', 0, 'd')";
  char changed[sizeof insertion];
  expect(reads_alike(insertion, other_order) && reads_alike(other_order, insertion), "a statement is read by its own head");
  for (size_t at = 0; at < sizeof insertion - 1; at++) {
    for (const char *c = "'(),; 0N\nhpPx"; *c != '\0'; c++) {
      memcpy(changed, insertion, sizeof insertion);
      changed[at] = *c;
      expect(reads_alike(changed, insertion), "a changed statement is read by its own head");
    }
    memcpy(changed, insertion, sizeof insertion);
    changed[at] = '\0';
    expect(reads_alike(changed, insertion), "so is one that ends early");
  }
}

static void check_decisions(void) {
  const struct places nowhere = {.state = "/nonexistent", .policy = "/nonexistent", .socket = "/nonexistent", .patience_ms = 1000};
  struct row row = {.path = "/nix/store/vkdw2sjpx538ns3jrc107wyqv517ngxw-note",
                    .hash = "sha256:25b1e82cd6b426bed023be86701cab5ef6e13274a35327646c6e14b03722fefb"};
  struct grounds grounds;
  expect(decide(&nowhere, &row, &grounds) == REFUSED, "what nobody knows is refused");
  expect(strncmp(grounds.reason, "the ledger does not have it", 27) == 0, grounds.reason);
  row.is_ours = true;
  row.deriver = "/nix/store/vkdw2sjpx538ns3jrc107wyqv517ngxw-note.drv";
  expect(decide(&nowhere, &row, &grounds) == REFUSED, "so is what was built and not expected");
  row.path = NULL;
  expect(decide(&nowhere, &row, &grounds) == REFUSED, "and what has no path");
  expect(decide_refused(&nowhere, &grounds) == REFUSED, "and a realisation");
}

/** Counts the files in a directory. */
static int count_files(const char *directory) {
  int count = 0;
  DIR *open = opendir(directory);
  if (open == NULL) return -1;
  for (const struct dirent *entry; (entry = readdir(open)) != NULL;) count += entry->d_name[0] != '.';
  closedir(open);
  return count;
}

static void check_let_in(void) {
  char state[] = "/tmp/nixsig-check-XXXXXX", directory[64], file[128];
  if (mkdtemp(state) == NULL) abort();
  snprintf(directory, sizeof directory, "%s/let-in", state);
  for (int i = 0, most = 0; i < 5000; i++) {
    char path[64];
    snprintf(path, sizeof path, STORE_DIR "/%032d-x", i);
    record_warning(state, path, "sha256:00", "because");
    snprintf(file, sizeof file, "%s/%032d", directory, i);
    expect(access(file, F_OK) == 0, "the newest record is kept");
    if (i % 16 == 0 && count_files(directory) > most) most = count_files(directory);
    expect(most <= LET_IN_KEPT, "no more records are kept than may be");
  }
  const int kept = count_files(directory);
  expect(kept >= LET_IN_KEPT / 2, "records are kept");
  /* As on a full disk: the first bytes of a file can be written, and no more. */
  const struct rlimit full = {.rlim_cur = 10, .rlim_max = RLIM_INFINITY}, free = {RLIM_INFINITY, RLIM_INFINITY};
  signal(SIGXFSZ, SIG_IGN);
  expect(setrlimit(RLIMIT_FSIZE, &full) == 0, "the disk is made full");
  record_warning(state, STORE_DIR "/00000000000000000000000000000000-x", "sha256:00", "because");
  expect(setrlimit(RLIMIT_FSIZE, &free) == 0, "and has room again");
  expect(count_files(directory) <= kept, "no part of a record is left behind");
  snprintf(file, sizeof file, "rm -r %s", state);
  expect(system(file) == 0, "the records are removed");
}

int main(void) {
  check_sha256();
  check_nix32();
  check_inert();
  check_lines();
  check_hashes();
  check_insertion();
  check_heads();
  check_decisions();
  check_questions();
  check_let_in();
  if (wrong == 0) puts("nothing is wrong");
  return wrong == 0 ? 0 : 1;
}
