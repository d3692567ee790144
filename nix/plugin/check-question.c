/** Checks what the plugin asks about a row. */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "question.h"

void check_questions(void) {
  static char question[QUESTION_LIMIT + 1], sigs[3 * QUESTION_LIMIT];
  const char *head = "nixsig1 admit " STORE_DIR "/vkdw2sjpx538ns3jrc107wyqv517ngxw-note sha256:00 - - 120 ";
  struct store_path path;
  struct row row = {.root = "", .nar_size = 120, .sigs = "a:AA b:BB"};
  char wanted[256];
  expect(parse_store_path(STORE_DIR "/vkdw2sjpx538ns3jrc107wyqv517ngxw-note", &path), "the path is one");
  snprintf(wanted, sizeof wanted, "%s/ a:AA b:BB\n", head);
  expect(print_admit(&path, "00", &row, question) == (int)strlen(wanted) && strcmp(question, wanted) == 0, question);
  row.root = "/m nt";
  row.sigs = " a:AA \n  b:BB ";
  snprintf(wanted, sizeof wanted, "%s- a:AA b:BB others\n", head);
  expect(print_admit(&path, "00", &row, question) > 0 && strcmp(question, wanted) == 0, question);
  for (size_t length = 1; length < sizeof sigs; length += 13) {
    memset(sigs, 'x', length);
    for (size_t at = 100; at < length; at += 101) sigs[at] = ' ';
    sigs[length] = '\0';
    row.sigs = sigs;
    const int size = print_admit(&path, "00", &row, question);
    expect(size > 0 && size <= QUESTION_LIMIT && (size_t)size == strlen(question) && question[size - 1] == '\n', "a question fits");
    const bool is_cut = strstr(question, " others\n") != NULL;
    expect(is_cut == (length + strlen(head) > (size_t)size), "and says whether it has all signatures");
  }
  row.deriver = "a b";
  expect(print_admit(&path, "00", &row, question) < 0, "a deriver is one word");
}
