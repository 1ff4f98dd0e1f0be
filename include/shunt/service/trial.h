/* trial.h: which ticket was alone in work when an earlier run crashed.
 *
 * Tickets that a crash left in work are suspects: they are taken up again one at a time, and the name of the one on
 * trial stands in a small file in underprocess exactly as long as it is alone. A crash then leaves the name of the
 * ticket that caused it, which is set aside by the next run instead of crashing it too. What takes longer than
 * TRIAL_MAX_MS (a destination that hangs) crashes nobody by being read: others go on. The file is not flushed: that a
 * machine loses its power is no ticket's fault. Thread: any.
 */
#ifndef SHUNT_SERVICE_TRIAL_H
#define SHUNT_SERVICE_TRIAL_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "shunt/core/name.h"

#define TRIAL_MAX_MS 2000

struct trial {
    uint64_t inode;          /* of the file itself, not of a later one of its name */
    char key[2 * NAME_SIZE]; /* "FOLDER/name"; "": none is on trial */
};

/* Failure is none: then a crash tells nothing. */
void trial_note(int underprocess_fd, const struct trial *trial);
void trial_over(int underprocess_fd); /* removes the note */
/* What an earlier run left. */
void trial_read(int underprocess_fd, struct trial *out);
static inline bool trial_is(const struct trial *t, uint64_t inode, const char *folder, const char *name)
{
    size_t len = strlen(folder);
    return t->key[0] && t->inode == inode && strncmp(t->key, folder, len) == 0 && t->key[len] == '/' &&
           strcmp(t->key + len + 1, name) == 0;
}

#endif
