/** How much each asker may still write to the decision log: src/decisions/budgets.ts. */
#ifndef NIXSIG_BUDGET_H
#define NIXSIG_BUDGET_H

#include <stddef.h>

/** What a decision may have: a line, or one that tells how many decisions had none, or nothing. */
enum afforded { A_LINE, A_TELLING, NOTHING };

/**
 * Takes `bytes` from an asker's budget. `left_out`: for A_TELLING, how many decisions of this asker
 * had no line since that was last told. What cannot be read or written bounds nobody.
 */
enum afforded afford(const char *state, const char *asker, size_t bytes, unsigned long long *left_out);

#endif
