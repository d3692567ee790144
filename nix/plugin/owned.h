/** Reads files that only root, or the user whom this process runs as, could have written. */
#ifndef NIXSIG_OWNED_H
#define NIXSIG_OWNED_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

/** The result of reading a file. */
enum reading { READ_DONE, READ_ABSENT, READ_UNSAFE };

/**
 * Whether every directory above a path, as it is written, belongs to root or to us and cannot be
 * written to by others. A sticky directory is allowed further up, since nobody can replace another
 * user's file in it. If false, `why` says what is wrong.
 */
bool is_protected(const char *path, char *why, size_t size);

/**
 * Whether a directory belongs to root or to us and nobody else can write to it. If false, `why`
 * says why not.
 */
bool is_owned_directory(const char *path, char *why, size_t size);

/** Likewise, of the status of an open directory. `path`: what to call it in `why`. */
bool is_owned_status(const struct stat *status, const char *path, char *why, size_t size);

/**
 * Reads a regular file that belongs to root or to us, that nobody else may write to, and that has
 * at most `limit` bytes. The last component must not be a symbolic link. `buffer` needs room for
 * one byte more than `limit`, for a NUL behind the contents.
 */
enum reading read_owned_file(const char *path, char *buffer, size_t limit, size_t *length, char *why, size_t size);

/**
 * Reads the first `room` bytes of such a file, or all if it has fewer. Its path is relative to an
 * open directory. Does not write a NUL.
 */
enum reading read_owned_start_at(int directory, const char *path, char *buffer, size_t room, size_t *length, char *why, size_t size);

/** Reads the last `room` bytes of such a file likewise. */
enum reading read_owned_end_at(int directory, const char *path, char *buffer, size_t room, size_t *length, char *why, size_t size);

#endif
