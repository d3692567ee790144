/** Files that nobody but root, or the user whom this process runs as, could have written. */
#ifndef NIXSIG_OWNED_H
#define NIXSIG_OWNED_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

/** What came of reading a file. */
enum reading { READ_DONE, READ_ABSENT, READ_UNSAFE };

/**
 * Whether every directory above a path, as it is named, belongs to root or to us and cannot be written to by others. A
 * sticky directory passes further up: nobody can replace another's file in it. Otherwise says in `why` what is wrong.
 */
bool is_protected(const char *path, char *why, size_t size);

/** Whether a directory belongs to root or to us and nobody else can write to it. Otherwise says why not. */
bool is_owned_directory(const char *path, char *why, size_t size);

/**
 * Reads a regular file that belongs to root or to us, that nobody else may write to and that has at most `limit` bytes.
 * Follows no symbolic link at its end. `buffer` has room for one byte more, the NUL that is put behind the last.
 */
enum reading read_owned_file(const char *path, char *buffer, size_t limit, size_t *length, char *why, size_t size);

/** The same for a file below a directory that is open; `path` is relative to it. AT_FDCWD: or absolute. */
enum reading read_owned_file_at(int directory, const char *path, char *buffer, size_t limit, size_t *length, char *why, size_t size);

#endif
