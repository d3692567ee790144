#include "resident.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "owned.h"

/**
 * One question. Each step below returns whether to go on; if not, it has set `outcome` and `why`.
 */
struct attempt {
  const char *path;
  int file;
  int64_t deadline;
  struct reply *reply;
  enum asked outcome;
};

/** Milliseconds on a monotonic clock. */
static int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/** Milliseconds until the deadline; 0 if it has passed. */
static int left(const struct attempt *attempt) {
  const int64_t rest = attempt->deadline - now();
  return rest < 0 ? 0 : rest > INT_MAX ? INT_MAX : (int)rest;
}

/** Records that a call failed with this error. Always returns false. */
static bool gone_wrong(struct attempt *attempt, const char *doing, int error) {
  if (error == ENOENT || error == ENOTDIR || error == ECONNREFUSED) {
    attempt->outcome = ASKED_ABSENT;
    return false;
  }
  if (error == ECONNRESET || error == EPIPE) return failed(attempt->reply, "it broke off");
  if (error == ETIMEDOUT) return failed(attempt->reply, "it did not answer in time");
  return failed(attempt->reply, "cannot %s: %s", doing, strerror(error));
}

/** Whether the listener must be root or the user whom we run as. */
static bool is_trustworthy(struct attempt *attempt) {
  struct reply *reply = attempt->reply;
  const char *path = attempt->path;
  struct stat status;
  char real[PATH_MAX];
  if (lstat(path, &status) != 0) return gone_wrong(attempt, "look at its socket", errno);
  if (!S_ISSOCK(status.st_mode)) return failed(reply, "%s is no socket", path);
  if (status.st_uid != 0 && status.st_uid != geteuid()) {
    return failed(reply, "%s belongs to user %lu", path, (unsigned long)status.st_uid);
  }
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) return failed(reply, "%s is writable by others", path);
  if (realpath(path, real) == NULL) return gone_wrong(attempt, "look at its socket", errno);
  return is_protected(path, reply->why, sizeof reply->why) && is_protected(real, reply->why, sizeof reply->why);
}

static bool connects(struct attempt *attempt) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(attempt->path) >= sizeof address.sun_path) {
    return failed(attempt->reply, "its socket has too long a path");
  }
  strcpy(address.sun_path, attempt->path);
  for (;;) {
    const int rest = left(attempt);
    /*
     * connect() waits while the queue of connections is full; a process that runs empties it. A
     * timeout of zero would mean forever.
     */
    const int most = rest > SIGN_OF_LIFE_MS ? SIGN_OF_LIFE_MS : rest;
    const struct timeval bound = {.tv_sec = most / 1000, .tv_usec = most % 1000 * 1000 + 1};
    if (setsockopt(attempt->file, SOL_SOCKET, SO_SNDTIMEO, &bound, sizeof bound) != 0) {
      return gone_wrong(attempt, "bound the wait for it", errno);
    }
    if (connect(attempt->file, (const struct sockaddr *)&address, sizeof address) == 0) return true;
    if (errno == EINTR && rest > 0) continue;
    return gone_wrong(attempt, "connect to it", errno == EAGAIN || errno == EINTR ? ETIMEDOUT : errno);
  }
}

/**
 * Sends something that is not a question, on another connection. A process that runs replies with
 * an error, or closes it.
 */
static bool gives_sign_of_life(const struct attempt *attempt) {
  static const char text[] = "nixsig1 alive\n";
  struct attempt other = *attempt;
  const int64_t end = now() + SIGN_OF_LIFE_MS;
  if (end < other.deadline) other.deadline = end;
  other.file = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (other.file < 0) return true; /* nothing is known then */
  struct pollfd waiting = {.fd = other.file, .events = POLLIN};
  const bool is_connected = connects(&other);
  bool is_alive = !is_connected && other.outcome == ASKED_ABSENT; /* the question fails then */
  if (is_connected) {
    is_alive = send(other.file, text, sizeof text - 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0;
    while (!is_alive) {
      const int rest = left(&other);
      if (poll(&waiting, 1, rest) > 0) is_alive = true;
      else if (rest == 0) break;
    }
  }
  close(other.file);
  return is_alive;
}

/** Waits until the socket can be read from or written to. */
static bool becomes_ready(struct attempt *attempt, short events) {
  struct pollfd waiting = {.fd = attempt->file, .events = events};
  for (int64_t asked = now();;) {
    const int rest = left(attempt);
    const int ready = poll(&waiting, 1, rest > SIGN_OF_LIFE_MS ? SIGN_OF_LIFE_MS : rest);
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return gone_wrong(attempt, "wait for it", errno);
    if (rest == 0) return gone_wrong(attempt, "wait for it", ETIMEDOUT);
    if (now() - asked < SIGN_OF_LIFE_MS) continue;
    if (!gives_sign_of_life(attempt)) return failed(attempt->reply, "it hangs: it gave no sign of life");
    asked = now();
  }
}

/** Sends the question, and closes our half of the connection. */
static bool asks(struct attempt *attempt, const char *question) {
  size_t length = strlen(question);
  while (length > 0) {
    const ssize_t count = send(attempt->file, question, length, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count >= 0) {
      question += count;
      length -= (size_t)count;
    } else if (errno == EAGAIN) {
      if (!becomes_ready(attempt, POLLOUT)) return false;
    } else if (errno != EINTR) {
      return gone_wrong(attempt, "ask it", errno);
    }
  }
  shutdown(attempt->file, SHUT_WR); /* if it fails, reading tells more */
  return true;
}

/** Receives until the other side closes the connection. */
static bool hears(struct attempt *attempt, size_t *length) {
  struct reply *reply = attempt->reply;
  for (*length = 0; *length <= REPLY_LIMIT;) {
    if (!becomes_ready(attempt, POLLIN)) return false;
    const ssize_t count = recv(attempt->file, reply->bytes + *length, REPLY_LIMIT + 1 - *length, MSG_DONTWAIT);
    if (count == 0) return *length > 0 || failed(reply, "it gave no reply");
    if (count > 0) *length += (size_t)count;
    else if (errno != EAGAIN && errno != EINTR) return gone_wrong(attempt, "hear it", errno);
  }
  return failed(reply, "more than %d bytes", REPLY_LIMIT);
}

enum asked ask_resident(const char *socket_path, const char *question, int milliseconds, struct reply *reply) {
  struct attempt attempt = {
      .path = socket_path,
      .deadline = now() + milliseconds,
      .reply = reply,
      .outcome = ASKED_FAILED,
  };
  if (!is_trustworthy(&attempt)) return attempt.outcome;
  attempt.file = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (attempt.file < 0) {
    gone_wrong(&attempt, "open a socket", errno);
    return attempt.outcome;
  }
  size_t length;
  const bool is_answered = connects(&attempt) && asks(&attempt, question) && hears(&attempt, &length);
  close(attempt.file);
  return is_answered ? read_reply(reply, length) : attempt.outcome;
}
