/** The parts of check.c. */
#ifndef NIXSIG_CHECK_H
#define NIXSIG_CHECK_H

#include <stdbool.h>

/** Prints what is wrong unless `holds`. */
void expect(bool holds, const char *what);

void check_questions(void);

#endif
