/**
 * The ends of refusals: a step that the reader can take. Most readers are ordinary users, so steps
 * that only root can take say so. The same as in src/primitives/next-step.ts.
 */
#ifndef NIXSIG_NEXT_STEP_H
#define NIXSIG_NEXT_STEP_H

#define NEXT "; next: "
#define NEXT_EXPLAIN NEXT "nixsig explain %s"
#define NEXT_AGAIN NEXT "try again"
#define NEXT_DOCTOR NEXT "as root, or by asking who has root here: nixsig doctor"
#define NEXT_COPY_ANEW NEXT "copy it anew from where it was made"
#define NEXT_AGAIN_OR_DOCTOR NEXT_AGAIN ", then, as root, or by asking who has root here: nixsig doctor"

#endif
