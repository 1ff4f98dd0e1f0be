/* place_swap.c: a newcomer and a file that has its name change places, and what came out is looked at before it goes:
 * since it was looked at first its consumer may have taken it, and another writer's file may have come. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "place_internal.h"

int name_done(struct newcomer *n, const char *name, enum placed placed)
{
    n->item->placed = placed;
    memccpy(n->item->final_name, name, '\0', NAME_SIZE);
    return STEP_DONE;
}

/* A temporary that stays is a failure: the next try finds it and removes it. */
int temp_remove(const struct newcomer *n, struct error *e)
{
    if (unlinkat(n->folder_fd, n->temp, 0) == 0 || errno == ENOENT)
        return 0;
    return error_errno(e, errno, "cannot remove %s", n->temp);
}

int name_replace(struct newcomer *n, const char *name, enum placed placed, struct error *e)
{
    int errnum = rename_over(n->folder_fd, n->temp, name);
    return errnum == 0 ? name_done(n, name, placed) : error_errno(e, errnum, "cannot replace %s", name);
}

int temp_hold(struct newcomer *n, struct error *e)
{
    struct stat st;
    if (n->held_fd >= 0)
        return 0;
    n->held_fd = openat(n->folder_fd, n->temp, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (n->held_fd < 0 || fstat(n->held_fd, &st) != 0)
        return error_errno(e, errno, "cannot look at %s", n->temp);
    n->print = file_print_of(&st);
    return 0;
}

void temp_let_go(struct newcomer *n)
{
    if (n->held_fd >= 0)
        close(n->held_fd);
    n->held_fd = -1;
}

bool name_is(const struct newcomer *n, const char *name, const struct file_print *print)
{
    struct stat st;
    return fstatat(n->folder_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_ino == print->ino &&
           st.st_dev == print->dev;
}

/* Ours and what has the name change places. Is what came out what was looked at? Since then its consumer may have taken
 * it, and another writer's file may have come. */
int name_swap(struct newcomer *n, const char *name, const struct taken *t, struct error *e)
{
    struct stat st;
    int errnum = rename_exchange(n->folder_fd, n->temp, name);
    if (errnum == ENOENT)
        return SWAP_GONE;
    if (errnum == EINVAL || errnum == ENOSYS || errnum == EOPNOTSUPP)
        return SWAP_UNABLE;
    if (errnum != 0)
        return error_errno(e, errnum, "cannot replace %s", name);
    if (t->kind == TAKEN_LINK)
        n->strange = fstatat(n->folder_fd, n->temp, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISLNK(st.st_mode);
    else
        n->strange = !name_is(n, n->temp, &t->source.print);
    return n->strange ? SWAPPED_OTHER : SWAPPED;
}

/* Ours was taken out of the name meanwhile, so it is in another's care. What lies in its stead under the temporary's
 * name is now what wants a name. */
static int adopt(struct newcomer *n, struct error *e)
{
    struct error why = {0};
    uint64_t size;
    temp_let_go(n);
    int rc = hash_file(n->folder_fd, n->temp, n->sha256, &size, &why);
    if (rc == 0)
        rc = temp_hold(n, &why);
    return rc == 0 ? STEP_AGAIN : error_set(e, ERR_IO, "another writer's file stays as %s: %s", n->temp, why.text);
}

/* Another's file came out of the exchange: it gets its name again. Where ours has been taken meanwhile, ours is
 * delivered. */
int name_give_back(struct newcomer *n, const char *name, enum placed placed, struct error *e)
{
    for (unsigned round = 0; round < ROUNDS_MAX; round++) {
        int errnum = rename_exchange(n->folder_fd, n->temp, name);
        if (errnum == 0) {
            n->strange = !name_is(n, n->temp, &n->print);
            return n->strange ? adopt(n, e) : STEP_AGAIN;
        }
        if (errnum == ENOENT)
            errnum = files_rename_new(n->folder_fd, n->temp, n->folder_fd, name);
        if (errnum == 0)
            return name_done(n, name, placed);
        if (errnum != EEXIST)
            return error_errno(e, errnum, "cannot give %s back to the file that had it", name);
    }
    return error_set(e, ERR_IO, "%s comes and goes too fast", name);
}

/* Replaces only what was looked at. */
int replace_own(struct newcomer *n, const char *name, enum placed placed, const struct taken *t, struct error *e)
{
    int rc = name_swap(n, name, t, e);
    if (rc == SWAP_GONE)
        return STEP_AGAIN;
    if (rc == SWAP_UNABLE)
        return name_replace(n, name, placed, e);
    if (rc == SWAPPED_OTHER)
        return name_give_back(n, name, placed, e);
    if (rc == SWAPPED)
        rc = temp_remove(n, e);
    return rc == 0 ? name_done(n, name, placed) : rc;
}
