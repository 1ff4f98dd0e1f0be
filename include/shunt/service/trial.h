/* trial.h: which ticket was alone in work when an earlier run crashed.
 *
 * Tickets that a crash left in work are suspects: they are taken up again one at a time, and the name of the one on
 * trial stands in a small file in underprocess meanwhile. A crash then leaves the name of the ticket that caused it,
 * which is set aside by the next run instead of crashing it too. The file is not flushed: that a machine loses its power
 * is no ticket's fault. Thread: any.
 */
#ifndef SHUNT_SERVICE_TRIAL_H
#define SHUNT_SERVICE_TRIAL_H

#include "shunt/core/name.h"

#define TRIAL_MAX (2 * NAME_SIZE)

/* key: "FOLDER/name"; "": none any more. Failure is none: then a crash tells nothing. */
void trial_note(int underprocess_fd, const char *key);
/* What an earlier run left; "" where it left none. */
void trial_read(int underprocess_fd, char key[TRIAL_MAX]);

#endif
