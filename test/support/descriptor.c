/*
 * Passes file descriptors from a build to a program outside, and changes the files through them
 * later.
 *
 *   descriptor connect SOCKET FILE...    in a build: hands the files to the listener
 *   descriptor listen SOCKET FILE...     in a build: waits for a connection, and hands them over
 *   descriptor get listen|connect SOCKET COUNT HOLD SIGNAL HOW TEXT
 *       outside: receives COUNT descriptors, makes the file HOLD, waits for the file SIGNAL, and
 *       writes TEXT into each (HOW: write, or map: through a mapping that was made and touched when
 *       the descriptor arrived).
 *
 * SOCKET is a path, or begins with @ for the abstract namespace.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static socklen_t address_of(const char *name, struct sockaddr_un *address) {
  memset(address, 0, sizeof *address);
  address->sun_family = AF_UNIX;
  strncpy(address->sun_path, name, sizeof address->sun_path - 1);
  if (name[0] == '@') address->sun_path[0] = 0;
  return offsetof(struct sockaddr_un, sun_path) + strlen(name) + (name[0] == '@' ? 0 : 1);
}

/* Returns a connected socket, whichever side listens; waits up to two seconds. */
static int meet(const char *side, const char *name) {
  struct sockaddr_un address;
  socklen_t length = address_of(name, &address);
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  if (strcmp(side, "listen") == 0) {
    if (bind(fd, (void *)&address, length) != 0 || listen(fd, 1) != 0) fail("bind");
    if (name[0] != '@') chmod(name, 0777);
    alarm(5);
    int peer = accept(fd, 0, 0);
    alarm(0);
    return peer;
  }
  for (int attempt = 0; attempt < 200; attempt++) {
    if (connect(fd, (void *)&address, length) == 0) return fd;
    usleep(10000);
  }
  fail("connect");
  return -1;
}

static void hand_over(int socket, const char *file) {
  int fd = open(file, O_RDWR);
  if (fd < 0) fail(file);
  char control[CMSG_SPACE(sizeof fd)] = {0};
  struct iovec byte = {"x", 1};
  struct msghdr message = {.msg_iov = &byte, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof fd);
  memcpy(CMSG_DATA(header), &fd, sizeof fd);
  if (sendmsg(socket, &message, 0) != 1) fail("sendmsg");
}

static int take(int socket) {
  int fd;
  char control[CMSG_SPACE(sizeof fd)], text[1];
  struct iovec byte = {text, 1};
  struct msghdr message = {.msg_iov = &byte, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  if (recvmsg(socket, &message, 0) != 1 || CMSG_FIRSTHDR(&message) == NULL) fail("recvmsg");
  memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
  return fd;
}

static int change(char **argument) {
  enum { LIMIT = 16 };
  int socket = meet(argument[0], argument[1]), count = atoi(argument[2]), fds[LIMIT];
  char *maps[LIMIT];
  const char *hold = argument[3], *signal = argument[4], *how = argument[5], *text = argument[6];
  size_t length = strlen(text);
  for (int i = 0; i < count && i < LIMIT; i++) {
    fds[i] = take(socket);
    maps[i] = mmap(0, length, PROT_READ | PROT_WRITE, MAP_SHARED, fds[i], 0);
    if (maps[i] == MAP_FAILED) fail("mmap");
    maps[i][0] = *(volatile char *)maps[i];
  }
  close(socket);
  close(open(hold, O_CREAT | O_WRONLY, 0644));
  for (int waited = 0; access(signal, F_OK) != 0; waited++) {
    if (waited > 6000) return 1;
    usleep(10000);
  }
  for (int i = 0; i < count; i++) {
    if (strcmp(how, "map") == 0) memcpy(maps[i], text, length);
    else if (pwrite(fds[i], text, length, 0) != (ssize_t)length) fail("write");
  }
  printf("wrote into %d files\n", count);
  return 0;
}

int main(int count, char **argument) {
  if (count < 4) return 2;
  if (strcmp(argument[1], "get") == 0) return count == 9 ? change(argument + 2) : 2;
  int socket = meet(argument[1], argument[2]);
  for (int i = 3; i < count; i++) hand_over(socket, argument[i]);
  char byte;
  /* Wait until the other side has them. */
  shutdown(socket, SHUT_WR);
  return read(socket, &byte, 1) < 0;
}
