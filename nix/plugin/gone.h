/**
 * The doorkeepers: a hook and a plugin in a directory beside nix.conf, which stays when nixsig's
 * programs are deleted or replaced. nix.conf names them, and they call what `program` beside them
 * leads to. If that is gone they say what to do. They refuse, unless the policy only warns.
 */
#ifndef NIXSIG_GONE_H
#define NIXSIG_GONE_H

#include <limits.h>
#include <stdbool.h>

/**
 * The path of `program/<name>` in the directory of a file. False, if it would be too long.
 */
bool beside(const char *file, const char *name, char path[PATH_MAX]);

/** Whether the policy only warns, as far as that can be known without nixsig's programs. */
bool policy_only_warns(void);

enum { GONE_LIMIT = PATH_MAX + 1024 };

/**
 * What to say when a program cannot be had: one line, with what to do. `outcome`: what that means.
 * `error`: EACCES if it may be there, and is kept from this user. `why`: the system's words.
 */
void gone_line(char line[GONE_LIMIT], const char *outcome, const char *program, int error, const char *why);

#define GONE_REFUSED "refused"
#define GONE_WARNED "WARNING, nothing is judged"

#endif
