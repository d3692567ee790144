/**
 * `plugin-files` beside nix.conf: see gone.h. Loads the plugin of `program`, which does everything
 * else. Where that is gone no process with root's rights goes on, unless the policy only warns.
 */
#include <dlfcn.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "gone.h"
#include "say.h"

/** Its address tells from which file this was loaded. */
static const char own_marker = 0;

__attribute__((constructor)) static void load(void) {
  static char plugin[PATH_MAX], line[GONE_LIMIT];
  Dl_info own;
  const char *why = "it cannot be found";
  int error = 0;
  if (dladdr(&own_marker, &own) != 0 && own.dli_fname != NULL && beside(own.dli_fname, "native/nixsig-plugin.so", plugin)) {
    if (dlopen(plugin, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE) != NULL) return;
    why = dlerror();
    if (access(plugin, R_OK) != 0) {
      error = errno;
      why = error == ENOENT ? "not there" : strerror(error);
    }
  }
  /* A process without root's rights cannot open root's stores, so it has nothing to guard. */
  const bool has_root = geteuid() == 0;
  const bool goes_on = !has_root || policy_only_warns();
  gone_line(line, !has_root ? "note" : goes_on ? GONE_WARNED : GONE_REFUSED, plugin, error, why);
  say(line);
  if (!goes_on) _exit(1);
}
