/** Prints questions for the resident process: docs/resident.md, "What is asked". */
#ifndef NIXSIG_QUESTION_H
#define NIXSIG_QUESTION_H

#include "ask-for.h"
#include "decide.h"
#include "store-path.h"

/**
 * Prints the question `admit` about a row with this path and NAR hash (hex), terminated by a NUL.
 * Of the row's signatures it has those that fit, with room for an asker. Returns its length; -1 if the row says something
 * that no question can have.
 */
int print_admit(const struct store_path *path, const char *nar_hash, const struct row *row, char question[QUESTION_LIMIT + 1]);

#endif
