#include "decision.h"

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "asker.h"
#include "budget.h"
#include "chain.h"
#include "lines.h"
#include "moment.h"
#include "next-step.h"
#include "plain.h"
#include "say.h"
#include "sha256.h"
#include "store-path.h"

/*
 * PLACE_BYTES: what a line has before its members. MESSAGE_LIMIT: the same as in src/decisions/line.ts. AGAIN_MS: when an equal
 * line is written again.
 */
enum { PLACE_BYTES = 128, MESSAGE_LIMIT = 512, MEMBERS_LIMIT = 3072, REMEMBERED = 8192, AGAIN_MS = 60 * 1000 };

static pthread_mutex_t logging = PTHREAD_MUTEX_INITIALIZER;

/** Prints a text as JSON: printable ASCII, cut if it is too long. NULL is null. */
static void print_text(const char *text, char printed[2 * MESSAGE_LIMIT + 3]) {
  char *to = printed;
  if (text == NULL) {
    memcpy(printed, "null", sizeof "null");
    return;
  }
  *to++ = '"';
  for (int i = 0; i < MESSAGE_LIMIT && text[i] != '\0'; i++) {
    if (text[i] == '"' || text[i] == '\\') *to++ = '\\';
    *to++ = is_printable(text[i]) ? text[i] : '?';
  }
  *to++ = '"';
  *to = '\0';
}

/** Prints the members of a line that follow its time. False if they would be too long. */
static bool print_members(const struct log_entry *entry, const char *nar_hash, char members[MEMBERS_LIMIT]) {
  const struct policy *policy = entry->policy;
  char message[2 * MESSAGE_LIMIT + 3], asker[ASKER_SIZE];
  const char *quote = policy == NULL ? "" : "\"";
  const char *mode = policy == NULL ? "null" : policy->only_warns ? "\"warn\"" : "\"enforce\"";
  print_text(entry->message, message);
  print_asker(find_asker(), asker);
  const int length = snprintf(members, MEMBERS_LIMIT,
                              "\"door\":\"plugin\",\"asker\":\"%s\",\"path\":\"%s\",\"nar_hash\":\"%s\",\"outcome\":\"%s\",\"let_in\":%s,"
                              "\"ground\":\"%s\",\"evidence\":[],\"policy\":%s%s%s,\"mode\":%s,\"message\":%s",
                              asker, entry->path, nar_hash, entry->outcome, entry->is_let_in ? "true" : "false",
                              entry->ground, quote, policy == NULL ? "null" : policy->digest, quote, mode, message);
  return length > 0 && length < MEMBERS_LIMIT;
}

/** A line that this process wrote. */
struct written {
  uint8_t digest[SHA256_BYTES];
  struct moment written;
};

/** The place for a line with these members. `is_new`: it was not written within the last minute. */
static struct written *find_written(const char *members, bool *is_new) {
  static struct written table[REMEMBERED];
  struct written found;
  sha256(members, strlen(members), found.digest);
  struct written *place = &table[(found.digest[0] | (unsigned)found.digest[1] << 8) % REMEMBERED];
  const bool is_same = place->written.ms != 0 && memcmp(place->digest, found.digest, sizeof found.digest) == 0;
  *is_new = !is_same || this_moment().ms - place->written.ms >= AGAIN_MS;
  if (*is_new) {
    place->written.ms = 0;
    memcpy(place->digest, found.digest, sizeof found.digest);
  }
  return place;
}

/** Tells how many decisions of this asker have no line. It need not be written: more of them follow. */
static void tell_left_out(const char *state, unsigned long long count) {
  char members[128], why[512], asker[ASKER_SIZE];
  print_asker(find_asker(), asker);
  snprintf(members, sizeof members, "\"door\":\"plugin\",\"asker\":\"%s\",\"left_out\":%llu", asker, count);
  append_line(state, members, MAY_BE_LOST, MUST_BE_THERE, why, sizeof why);
}

static bool write_line(const char *state, const struct log_entry *entry, const char *nar_hash, char *why, size_t size) {
  char members[MEMBERS_LIMIT];
  bool is_new;
  if (!print_members(entry, nar_hash, members)) {
    snprintf(why, size, "a line of more than %d bytes", MEMBERS_LIMIT);
    return false;
  }
  struct written *place = find_written(members, &is_new);
  if (!is_new) return true;
  unsigned long long left_out = 0;
  char asker[ASKER_SIZE];
  print_asker(find_asker(), asker);
  const enum afforded afforded = afford(state, asker, strlen(members) + PLACE_BYTES, &left_out);
  if (afforded == A_TELLING) tell_left_out(state, left_out);
  if (afforded != A_LINE) return true;
  const bool is_trusted = strcmp(entry->outcome, "trusted") == 0;
  /* Where the policy is not known, neither is whether it wants a log. */
  const enum beginning beginning = entry->policy == NULL ? MUST_BE_THERE : MAY_BEGIN;
  if (!append_line(state, members, is_trusted ? MAY_BE_LOST : FLUSHED, beginning, why, size)) return false;
  place->written = this_moment();
  return true;
}

/** Warns once, until a line is written again. */
static void warn(bool is_written, const char *why) {
  static bool is_warned;
  char text[1024];
  if (!is_written && !is_warned) {
    snprintf(text, sizeof text, "nixsig: warning: the decision log cannot be written, and decisions go on without: %.700s" NEXT_DOCTOR, why);
    say(text);
  }
  is_warned = !is_written;
}

bool log_decision(const char *state, const struct log_entry *entry, char *why, size_t size) {
  static const char prefix[] = "sha256:";
  const struct policy *policy = entry->policy;
  struct store_path path;
  char nar_hash[HEX_SHA256 + 1];
  if (policy != NULL && policy->logging == LOG_OFF) return true;
  if (entry->path == NULL || entry->hash == NULL || !parse_store_path(entry->path, &path)) return true;
  struct rest hash = {entry->hash, entry->hash + strlen(entry->hash)};
  if (!take(&hash, prefix) || !take_sha256(&hash, nar_hash) || hash.next != hash.end) return true;
  pthread_mutex_lock(&logging);
  *why = '\0';
  const bool is_written = write_line(state, entry, nar_hash, why, size);
  const bool is_required = policy != NULL && policy->logging == LOG_REQUIRED;
  /* Without a policy the log need not be there at all. */
  if (!is_required && policy != NULL) warn(is_written, why);
  pthread_mutex_unlock(&logging);
  return is_written || !is_required;
}
