/** The plugin's messages. */
#ifndef NIXSIG_SAY_H
#define NIXSIG_SAY_H

/**
 * Writes a line to standard error and the journal, with question marks for bytes that are not
 * printable ASCII.
 */
void say(const char *line);

#endif
