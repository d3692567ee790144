/**
 * How refusals end: in a step that whoever reads them can take. Most readers are plain users, so what only root can do says
 * so. As in src/primitives/next-step.ts.
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
