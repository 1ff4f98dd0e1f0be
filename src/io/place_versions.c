/* place_versions.c: a taken name in the archive: the older version is kept under a name made of its hash. Several writers
 * may archive one name at once, so that a content that had the plain name or a version's name always has one of them:
 * who takes it out of the one makes sure of the other. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "place_internal.h"

/* STEP_AGAIN: it changed meanwhile. */
static int copy_version(struct newcomer *n, const char *version, struct taken *t, struct error *e)
{
    char temp[TEMP_SIZE];
    uint8_t sha256[SHA256_SIZE];
    struct error why = {0};
    temp_name(n->place->tag, item_whose(n->item), version, temp);
    int fd = temp_create(n->folder_fd, temp);
    if (fd < 0)
        return error_errno(e, -fd, "cannot keep the older version as %s", version);
    int rc = copy_bytes(t->source.fd, fd, (uint64_t)t->source.print.size, t->sha256, sha256, &why);
    if (rc == ERR_SOURCE) /* here that is a file of the place */
        rc = error_errno(e, why.sys, "cannot read the older version");
    else if (rc == ERR_CHANGED)
        rc = STEP_AGAIN;
    else if (rc != 0)
        error_set(e, rc, "%s", why.text);
    if (rc == 0 && fchmod(fd, (mode_t)n->place->mode) != 0)
        rc = error_errno(e, errno, "cannot set the mode of %s", version);
    if (rc == 0 && n->place->durable)
        rc = files_sync(fd, version, e);
    int closed = temp_close(fd, e);
    if (rc == 0)
        rc = closed;
    int errnum = rc == 0 ? files_rename_new(n->folder_fd, temp, n->folder_fd, version) : 0;
    if (rc != 0 || errnum != 0)
        unlinkat(n->folder_fd, temp, 0);
    return errnum == 0 || errnum == EEXIST ? rc
                                           : error_errno(e, errnum, "cannot keep the older version as %s", version);
}

/* The name holds only the first bytes of a hash, which can be made to collide: the content is compared before it is
 * believed. ERR_GONE, without a text: somebody tidied it away. */
static int holds(struct newcomer *n, const char *name, const uint8_t *sha256, bool *same, struct error *e)
{
    struct error why = {0};
    uint8_t found[SHA256_SIZE];
    uint64_t size;
    int rc = hash_file(n->folder_fd, name, found, &size, &why);
    *same = rc == 0 && memcmp(found, sha256, SHA256_SIZE) == 0;
    if (rc == 0 || rc == ERR_GONE)
        return rc;
    return error_set(e, rc == ERR_UNREADABLE ? ERR_ACCESS : rc, "%s", why.text);
}

/* By its descriptor: that very file, whatever has its name by now. Where that cannot be, a copy. */
static int link_version(struct newcomer *n, const char *name, const char *version, struct taken *t, struct error *e)
{
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", t->source.fd);
    if (linkat(AT_FDCWD, path, n->folder_fd, version, AT_SYMLINK_FOLLOW) == 0 || errno == EEXIST)
        return 0;
    switch (errno) {
    case ENOENT: /* replaced meanwhile, and removed; or no /proc */
        return name_is(n, name, &t->source.print) ? copy_version(n, version, t, e) : STEP_AGAIN;
    case EPERM:
    case EOPNOTSUPP:
    case ENOSYS:
    case EMLINK:
    case EACCES:
    case EXDEV:
        return copy_version(n, version, t, e);
    default:
        return error_errno(e, errno, "cannot keep the older version as %s", version);
    }
}

/* The older version gets its second name, durably, before the plain one goes to the newcomer. */
static int keep_version(struct newcomer *n, const char *name, struct taken *t, struct error *e)
{
    char version[NAME_SIZE];
    bool same = true;
    name_version(name, t->sha256, version);
    int rc = link_version(n, name, version, t, e);
    if (rc == 0 && !name_is(n, version, &t->source.print))
        rc = holds(n, version, t->sha256, &same, e);
    if (rc == ERR_GONE)
        return STEP_AGAIN;
    if (rc == 0 && !same)
        rc = error_set(e, ERR_CONFLICT, "%s is taken by other content", version);
    return rc == 0 && n->place->durable ? files_sync(n->folder_fd, name, e) : rc;
}

/* What came out of the exchange goes only where a version holds it. Looked at again, because whoever found the same
 * bytes to be the newest may have tidied the version away (drop_version looks in the opposite order). */
static int keep_out(struct newcomer *n, const char *name, const struct taken *t, struct error *e)
{
    char version[NAME_SIZE];
    uint8_t sha256[SHA256_SIZE];
    struct error why = {0};
    uint64_t size;
    int rc = 0;
    memcpy(sha256, t->sha256, SHA256_SIZE);
    if (n->strange)
        rc = hash_file(n->folder_fd, n->temp, sha256, &size, &why);
    if (rc != 0)
        return error_set(e, ERR_IO, "another writer's file cannot be kept: %s", why.text);
    name_version(name, sha256, version);
    for (unsigned round = 0; round < ROUNDS_MAX; round++) {
        bool same = !n->strange && name_is(n, version, &t->source.print);
        int errnum = same ? EEXIST : files_rename_new(n->folder_fd, n->temp, n->folder_fd, version);
        if (errnum == 0)
            return 0;
        if (errnum != EEXIST)
            return error_errno(e, errnum, "cannot keep the older version as %s", version);
        rc = same ? 0 : holds(n, version, sha256, &same, e);
        if (rc == ERR_GONE)
            continue;
        if (rc == 0 && !same)
            rc = error_set(e, ERR_CONFLICT, "%s is taken by other content", version);
        return rc == 0 ? temp_remove(n, e) : rc;
    }
    return error_set(e, ERR_IO, "%s comes and goes too fast", version);
}

/* The same bytes once: what now has the plain name needs no older name. Only tidiness, so a failure is none. The plain
 * name is looked at when the version is already out of the way: who takes ours out of it looks for the version after
 * that, so that one of the two sees the other. */
static void drop_version(struct newcomer *n, const char *name)
{
    struct error ignored = {0};
    char version[NAME_SIZE];
    bool same;
    name_version(name, n->sha256, version);
    if (holds(n, version, n->sha256, &same, &ignored) != 0 || !same ||
        files_rename_new(n->folder_fd, version, n->folder_fd, n->temp) != 0)
        return;
    if (name_is(n, name, &n->print)) {
        unlinkat(n->folder_fd, n->temp, 0);
        return;
    }
    int errnum = files_rename_new(n->folder_fd, n->temp, n->folder_fd, version);
    if (errnum == EEXIST && holds(n, version, n->sha256, &same, &ignored) == 0 && same)
        unlinkat(n->folder_fd, n->temp, 0);
}

static int replace_version(struct newcomer *n, const char *name, const struct taken *t, struct error *e)
{
    int rc = name_swap(n, name, t, e);
    if (rc == SWAP_GONE || (rc == SWAP_UNABLE && t->kind == TAKEN_FILE && !name_is(n, name, &t->source.print)))
        return STEP_AGAIN;
    if (rc == SWAP_UNABLE)
        return name_replace(n, name, PLACED_REPLACED, e);
    if (rc < 0)
        return rc;
    rc = rc == SWAPPED && t->kind == TAKEN_LINK ? temp_remove(n, e) : keep_out(n, name, t, e);
    if (rc == 0)
        return name_done(n, name, PLACED_REPLACED);
    n->strange = true;
    int back = name_give_back(n, name, PLACED_REPLACED, e);
    return back == STEP_AGAIN && !n->strange ? rc : back;
}

int decide_versions(struct newcomer *n, const char *name, bool plain, struct taken *t, struct error *e)
{
    if (!plain || t->kind == TAKEN_OTHER)
        return STEP_NEXT;
    if (t->kind == TAKEN_UNREADABLE)
        return error_set(e, ERR_ACCESS, "the older version of %s cannot be read", name);
    int rc = t->kind == TAKEN_LINK ? 0 : keep_version(n, name, t, e);
    if (rc == 0)
        rc = replace_version(n, name, t, e);
    if (rc == STEP_DONE)
        drop_version(n, name);
    return rc;
}
