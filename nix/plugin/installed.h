/** Where nixsig keeps its files on a machine. Tests compile other places in. */
#ifndef NIXSIG_INSTALLED_H
#define NIXSIG_INSTALLED_H

#ifndef NIXSIG_STATE
#define NIXSIG_STATE "/var/lib/nixsig"
#endif
#ifndef NIXSIG_POLICY
#define NIXSIG_POLICY "/etc/nixsig/policy.toml"
#endif
/* The same as in src/formats/hook-question.ts. */
#ifndef NIXSIG_SOCKET
#define NIXSIG_SOCKET "/run/nixsig/socket"
#endif

#endif
