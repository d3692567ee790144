#include "gone.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "installed.h"
#include "next-step.h"
#include "plain.h"
#include "policy.h"

bool beside(const char *file, const char *name, char path[PATH_MAX]) {
  const char *slash = strrchr(file, '/');
  if (slash == NULL) return false;
  const int length = snprintf(path, PATH_MAX, "%.*s/program/%s", (int)(slash - file), file, name);
  return length > 0 && length < PATH_MAX;
}

bool policy_only_warns(void) {
  struct policy policy;
  char why[512];
  return read_policy(NIXSIG_STATE, NIXSIG_POLICY, &policy, why, sizeof why) && policy.only_warns;
}

void gone_line(char line[GONE_LIMIT], const char *outcome, const char *program, int error, const char *why) {
  if (error == EACCES || error == EPERM) {
    snprintf(line, GONE_LIMIT,
             "nixsig: %s: the program of nixsig that Nix should ask cannot be reached by this user (%s: %s)" NEXT
             "as root, or by asking who has root here: install nixsig where every user can reach it "
             "(nixsig install, in the directory of its programs), then nixsig setup",
             outcome, program, why);
  } else {
    snprintf(line, GONE_LIMIT,
             "nixsig: %s: the program of nixsig that Nix should ask is gone (%s: %s)" NEXT
             "as root, install nixsig again and run nixsig setup; or let Nix go on without it: "
             "sed -i /nixsig/d /etc/nix/nix.conf /root/.config/nix/nix.conf; systemctl restart nix-daemon",
             outcome, program, why);
  }
  make_plain(line);
}
