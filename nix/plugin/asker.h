/** Finds out on whose behalf this process works. */
#ifndef NIXSIG_ASKER_H
#define NIXSIG_ASKER_H

/**
 * `root`, `user` and a number, or `unknown`. nix-daemon starts a process for each of its clients,
 * and writes the client's process number over that process's first argument; the user is then that
 * of the client, as in src/gate/daemon-clients.ts. Looked up once a process.
 */
const char *find_asker(void);

#endif
