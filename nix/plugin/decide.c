#include "decide.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "ask-for.h"
#include "inert.h"
#include "ledger.h"
#include "lines.h"
#include "next-step.h"
#include "plain.h"
#include "policy.h"
#include "question.h"
#include "respite.h"

/** A row whose path and hash are well-formed. */
struct subject {
  struct store_path path;
  const char *nar_hash; /* hex */
  const struct row *row;
};

static bool is_hex_sha256(const char *text) {
  char copy[HEX_SHA256 + 1];
  struct rest rest = {text, text + strnlen(text, HEX_SHA256 + 1)};
  return take_sha256(&rest, copy) && rest.next == rest.end;
}

static bool parse_row(const struct row *row, struct subject *subject) {
  static const char prefix[] = "sha256:";
  const size_t length = sizeof prefix - 1;
  if (row->path == NULL || row->hash == NULL || strncmp(row->hash, prefix, length) != 0) return false;
  subject->nar_hash = row->hash + length;
  subject->row = row;
  return parse_store_path(row->path, &subject->path) && is_hex_sha256(subject->nar_hash);
}

/** Whether what was found is of this policy and has not expired. */
static bool holds(const struct term *term, const struct policy *policy) {
  if (policy == NULL || strcmp(term->policy, policy->digest) != 0) return false;
  return !term->ends || (unsigned long long)time(NULL) < term->until;
}

/**
 * Whether the path is a regular file that is not executable, as every text is. Nix checks a text's
 * hash against its contents, but not its type or mode.
 */
static bool is_plain_file(const struct row *row) {
  char file[PATH_MAX];
  struct stat status;
  const int length = row->root == NULL ? -1 : snprintf(file, sizeof file, "%s%s", row->root, row->path);
  if (length < 0 || (size_t)length >= sizeof file || lstat(file, &status) != 0) return false;
  return S_ISREG(status.st_mode) && (status.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)) == 0;
}

#define TOO_LONG "what Nix says of it is too long or malformed" NEXT_COPY_ANEW

enum answer { YES, NO, UNKNOWN };

static enum answer admitted(const struct places *places, const struct subject *subject, const struct policy *policy,
                            struct grounds *grounds) {
  struct admission found;
  char why[512];
  switch (find_admission(places->state, &subject->path, &found, why, sizeof why)) {
    case LEDGER_SILENT:
      return UNKNOWN;
    case LEDGER_BROKEN:
      grounds->ground = BY_LEDGER;
      snprintf(grounds->reason, sizeof grounds->reason, "the ledger cannot be read: %s" NEXT_DOCTOR, why);
      return NO;
    case LEDGER_HAS:
      break;
  }
  if (strcmp(found.nar_hash, subject->nar_hash) != 0 || !holds(&found.term, policy)) return UNKNOWN;
  grounds->ground = BY_LEDGER;
  return YES;
}

/**
 * Asks the resident process. `length` is what snprintf returned for `question`, a buffer of `room`
 * bytes.
 */
static enum answer ask(const struct places *places, const char *question, int length, size_t room, const char *unread,
                       struct grounds *grounds) {
  static struct reply reply;
  if (length < 0 || (size_t)length >= room) {
    grounds->ground = BY_FORM;
    snprintf(grounds->reason, sizeof grounds->reason, TOO_LONG);
    return NO;
  }
  const char *more = unread == NULL ? "" : unread;
  const char *glue = unread == NULL ? "" : "; ";
  grounds->ground = BY_SILENCE;
  switch (ask_for(find_asker(), places->socket, question, places->patience_ms, &reply)) {
    case ASKED_PASS:
      grounds->ground = BY_GATE;
      snprintf(grounds->references, sizeof grounds->references, "%s", references_of(&reply));
      /* If the policy only warns, the notice says what it would refuse. */
      snprintf(grounds->reason, sizeof grounds->reason, "%s", reply.notice);
      return YES;
    case ASKED_REFUSE:
      grounds->ground = BY_GATE;
      snprintf(grounds->reason, sizeof grounds->reason, "%s", reply.sentence);
      return NO;
    case ASKED_ABSENT:
      snprintf(grounds->reason, sizeof grounds->reason,
               "the ledger does not have it, and nobody answers at %s who could judge it%s%s" NEXT
               "as root, or by asking who has root here, start the gate: nixsig serve",
               places->socket, glue, more);
      return NO;
    case ASKED_FAILED:
      snprintf(grounds->reason, sizeof grounds->reason,
               "the ledger does not have it, and the gate at %s could not judge it: %s%s%s" NEXT_AGAIN_OR_DOCTOR, places->socket, reply.why,
               glue, more);
      return NO;
  }
  return NO;
}

/**
 * Asks whether a path that was not built here, or about which there is no record, may become valid.
 */
static enum answer asked(const struct places *places, const struct subject *subject, const char *unread, struct grounds *grounds) {
  static char question[QUESTION_LIMIT + 1];
  const int length = print_admit(&subject->path, subject->nar_hash, subject->row, question);
  return ask(places, question, length, sizeof question, unread, grounds);
}

/**
 * Asks about a path that was built here, if the record of its build is of another policy or has
 * expired.
 */
static enum answer asked_again(const struct places *places, const struct subject *subject, const struct expectation *found,
                               const char *unread, struct grounds *grounds) {
  char question[1024];
  const int length = snprintf(question, sizeof question, "nixsig1 built %s sha256:%s %.*s\n", subject->path.path, subject->nar_hash,
                              (int)found->derivation_length, found->derivation);
  return ask(places, question, length, sizeof question, unread, grounds);
}

/**
 * The answer for what was built here: its build must have been allowed to start, and its contents
 * must be allowed.
 */
static enum answer expected(const struct places *places, const struct subject *subject, const struct policy *policy,
                            const char *unread, struct grounds *grounds) {
  struct expectation found;
  char why[512];
  switch (find_expectation(places->state, &subject->path, subject->nar_hash, &found, why, sizeof why)) {
    case LEDGER_SILENT:
      return UNKNOWN;
    case LEDGER_BROKEN:
      grounds->ground = BY_LEDGER;
      snprintf(grounds->reason, sizeof grounds->reason, "the record of its build cannot be read: %s" NEXT_DOCTOR, why);
      return NO;
    case LEDGER_HAS:
      break;
  }
  const char *deriver = subject->row->deriver;
  const bool is_derivers = deriver != NULL && strlen(deriver) == found.derivation_length &&
                           memcmp(deriver, found.derivation, found.derivation_length) == 0;
  if (!is_derivers) return UNKNOWN;
  const bool allows = found.admits == ADMITS_ANY || found.admits == ADMITS_THESE;
  /*
   * The policy was changed a moment ago and cannot be read here yet, so it is not known whether a
   * refusal is only a warning.
   */
  const bool is_unclear = found.admits == ADMITS_NOTHING && policy == NULL;
  if (is_unclear || (allows && !holds(&found.term, policy))) return asked_again(places, subject, &found, unread, grounds);
  if (found.admits == ADMITS_ASKED) return UNKNOWN;
  grounds->ground = BY_BUILD;
  grounds->is_certain = true;
  switch (found.admits) {
    case ADMITS_ANY:
      return YES;
    case ADMITS_THESE:
      if (found.is_allowed) return YES;
      snprintf(grounds->reason, sizeof grounds->reason,
               "it was built here with contents that no trusted builder attested: found sha256:%s, needed one of the %zu that they "
               "attested" NEXT_EXPLAIN,
               subject->nar_hash, found.allowed, subject->path.path);
      return NO;
    case ADMITS_ASKED:
    case ADMITS_NOTHING:
      break;
  }
  snprintf(grounds->reason, sizeof grounds->reason,
           "it was built here, and no contents of it may become valid: its build was refused before it started, or the record of "
           "that does not say what was allowed" NEXT "build it again, which tells the reason, or nixsig explain %s",
           deriver);
  return NO;
}

static enum answer answer_for(const struct places *places, const struct subject *subject, const struct policy *policy,
                              const char *unread, struct grounds *grounds) {
  enum answer answer = UNKNOWN;
  if (subject->row->is_ours) answer = expected(places, subject, policy, unread, grounds);
  if (answer == UNKNOWN && policy != NULL) answer = admitted(places, subject, policy, grounds);
  if (answer != UNKNOWN) return answer;

  enum inert inert = inert_kind(&subject->path, subject->row->ca, subject->nar_hash);
  if (inert == INERT_TEXT && !is_plain_file(subject->row)) inert = NOT_INERT;
  grounds->ground = BY_NATURE;
  grounds->is_certain = false;
  if (inert == INERT_TEXT) return YES;
  const bool is_local_build = subject->row->is_ours && subject->row->deriver != NULL;
  if (is_local_build && inert == NOT_INERT) {
    grounds->ground = BY_BUILD;
    grounds->is_certain = true;
    snprintf(grounds->reason, sizeof grounds->reason,
             "it was built here, but nobody let its build start: the pre-build hook was not asked, or refused "
             "(needed: sandbox = true and the hooks of nixsig)" NEXT
             "build it in the sandbox; where it was, as root, or by asking who has root here: nixsig doctor");
    return NO;
  }
  if (inert == INERT_SOURCE && policy != NULL && policy->sources_are_data) return YES;
  return asked(places, subject, unread, grounds);
}

enum decision decide_refused_under(const struct places *places, const struct policy *policy) {
  if (policy == NULL) return REFUSED;
  return policy->only_warns || is_respite(places->state, time(NULL)) ? LET_IN_WARNED : REFUSED;
}

enum decision decide(const struct places *places, const struct row *row, struct grounds *grounds) {
  struct subject subject;
  struct policy policy;
  char unread[512] = "";
  const bool is_read = read_policy(places->state, places->policy, &policy, unread, sizeof unread);
  bool may = false;
  grounds->reason[0] = grounds->references[0] = '\0';
  grounds->ground = BY_FORM;
  grounds->is_certain = false;
  grounds->has_policy = is_read;
  if (is_read) grounds->policy = policy;
  if (parse_row(row, &subject)) {
    may = answer_for(places, &subject, is_read ? &policy : NULL, is_read ? NULL : unread, grounds) == YES;
  } else {
    snprintf(grounds->reason, sizeof grounds->reason,
             "it is not a path of " STORE_DIR " with a NAR hash, and nothing else can be judged" NEXT_COPY_ANEW);
  }
  make_plain(grounds->reason);
  const enum decision decision = may ? grounds->reason[0] == '\0' ? LET_IN : LET_IN_WARNED
                                     : decide_refused_under(places, is_read ? &policy : NULL);
  /* What the gate refuses may still be let in here, if the policy only warns since. */
  const bool is_gates = grounds->ground == BY_GATE && (may || decision == REFUSED);
  grounds->is_logged = is_gates || grounds->ground == BY_NATURE;
  return decision;
}

enum decision decide_refused(const struct places *places, struct grounds *grounds) {
  char why[512];
  *grounds = (struct grounds){.ground = BY_FORM};
  grounds->has_policy = read_policy(places->state, places->policy, &grounds->policy, why, sizeof why);
  return decide_refused_under(places, grounds->has_policy ? &grounds->policy : NULL);
}
