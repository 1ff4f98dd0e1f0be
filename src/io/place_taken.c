/* place_taken.c: what to do where a name is taken.
 *
 * Happy way: the name is free and one rename that never replaces takes it. Else the file that is there is read once:
 * its bytes (the same?) and, where the place replaces, the ClientCode that it declares. Then it is replaced, kept,
 * or the newcomer goes beside it. What is there may be taken away by its consumer at any moment: then the name is
 * tried again. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shunt/core/ticket.h"
#include "shunt/io/source.h"

#include "place_internal.h"

#define ROUNDS_MAX      16   /* a name that comes and goes */
#define BESIDE_MAX      1000 /* copies beside a taken name */
#define OWNER_BYTES_MAX ((int64_t)1 << 30)
#define OWNER_DEPTH_MAX 512

enum { STEP_DONE = 0, STEP_NEXT = 1, STEP_AGAIN = 2 }; /* else a negative code */

enum taken_kind { TAKEN_GONE, TAKEN_FILE, TAKEN_UNREADABLE, TAKEN_LINK, TAKEN_OTHER };

/* What is there. */
struct taken {
    enum taken_kind kind;
    bool same_bytes, same_client;
    uint8_t sha256[SHA256_SIZE]; /* where it was read: conflict VERSIONS, or of the newcomer's size */
    struct source source;
};

static bool declares(const struct ticket *ticket, const char *client)
{
    const struct field *field = &ticket->fields[FIELD_CLIENT];
    return field->kind == FIELD_STRING && field->len == strlen(client) && memcmp(field->text, client, field->len) == 0;
}

/* Hash and owner in one pass. A document that cannot be parsed has no known owner: that is no error. */
static int read_owner(struct newcomer *n, struct taken *t, struct source_content *content, struct error *e)
{
    struct error refusal = {0};
    struct ticket ticket;
    struct pointer_set *set = pointer_set_new();
    struct ticket_parser *parser =
        set ? ticket_parser_new(set, (struct ticket_limits){OWNER_BYTES_MAX, OWNER_DEPTH_MAX}) : NULL;
    int rc = ERR_NOMEM;
    if (parser)
        rc = source_read(&t->source, parser, UINT64_MAX, 0, content, &refusal);
    ticket_init(&ticket);
    if (rc == 0)
        rc = ticket_parser_finish(parser, &ticket, &refusal);
    if (rc == 0)
        t->same_client = declares(&ticket, n->item->declared);
    ticket_fini(&ticket);
    ticket_parser_free(parser);
    pointer_set_free(set);
    enum error_class class = error_class_of(rc);
    if (rc == 0 || class == CLASS_INVALID || rc == ERR_INCOMPLETE)
        return 0;
    return error_set(e, rc, "%s", refusal.code ? refusal.text : "out of memory");
}

static int read_taken(struct newcomer *n, struct taken *t, struct error *e)
{
    const struct place_item *item = n->item;
    struct source_content content = {0};
    uint64_t size = (uint64_t)t->source.print.size;
    bool whose = n->place->conflict == CONFLICT_REPLACE && item->declared;
    int rc = 0;
    if (whose)
        rc = read_owner(n, t, &content, e);
    else if (size == item->size || n->place->conflict == CONFLICT_VERSIONS)
        rc = source_read(&t->source, NULL, UINT64_MAX, 0, &content, e);
    else
        return 0;
    memcpy(t->sha256, content.sha256, SHA256_SIZE);
    t->same_bytes = rc == 0 && content.size == item->size && memcmp(content.sha256, n->sha256, SHA256_SIZE) == 0;
    source_content_fini(&content);
    return rc;
}

static int look(struct newcomer *n, const char *name, struct taken *t, struct error *e)
{
    struct error why = {0};
    struct stat st;
    *t = (struct taken){.kind = TAKEN_FILE};
    int rc = source_open(&t->source, n->folder_fd, name, &why);
    switch (rc) {
    case 0:
        return read_taken(n, t, e);
    case ERR_GONE:
        t->kind = TAKEN_GONE;
        return 0;
    case ERR_UNREADABLE:
    case ERR_WRITING:
        t->kind = TAKEN_UNREADABLE;
        return 0;
    case ERR_NOT_OURS:
        if (fstatat(n->folder_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
            t->kind = TAKEN_GONE;
        else
            t->kind = S_ISLNK(st.st_mode) ? TAKEN_LINK : TAKEN_OTHER;
        return 0;
    default:
        return error_set(e, rc, "%s", why.text);
    }
}

static int done(struct newcomer *n, const char *name, enum placed placed)
{
    n->item->placed = placed;
    memccpy(n->item->final_name, name, '\0', NAME_SIZE);
    return STEP_DONE;
}

/* A temporary that stays is a failure: the next try finds it and removes it. */
static int remove_temp(const struct newcomer *n, struct error *e)
{
    if (unlinkat(n->folder_fd, n->temp, 0) == 0 || errno == ENOENT)
        return 0;
    return error_errno(e, errno, "cannot remove %s", n->temp);
}

/* The same bytes are there: it may be ours of before a crash, so its durability is not known. */
static int already_there(struct newcomer *n, const char *name, struct taken *t, struct error *e)
{
    if (n->place->durable) {
        int rc = files_sync(t->source.fd, name, e);
        if (rc != 0)
            return rc;
    }
    int rc = remove_temp(n, e);
    return rc == 0 ? done(n, name, PLACED_ALREADY_THERE) : rc;
}

/* The owner first: changing it takes bits away from the mode. */
static bool give_mode(const struct place *place, int fd)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return false;
    bool owned =
        (place->uid < 0 || st.st_uid == (uid_t)place->uid) && (place->gid < 0 || st.st_gid == (gid_t)place->gid);
    if (!owned && fchown(fd, (uid_t)place->uid, (gid_t)place->gid) != 0)
        return false;
    return (owned && (st.st_mode & 07777) == place->mode) || fchmod(fd, (mode_t)place->mode) == 0;
}

static int replace(struct newcomer *n, const char *name, enum placed placed, struct error *e)
{
    int errnum = rename_over(n->folder_fd, n->temp, name);
    return errnum == 0 ? done(n, name, placed) : error_errno(e, errnum, "cannot replace %s", name);
}

/* Held open, so that no other file gets its inode's number as long as we compare with that. */
static int hold_temp(struct newcomer *n, struct error *e)
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

static void let_go(struct newcomer *n)
{
    if (n->held_fd >= 0)
        close(n->held_fd);
    n->held_fd = -1;
}

static bool is_at(const struct newcomer *n, const char *name, const struct file_print *print)
{
    struct stat st;
    return fstatat(n->folder_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_ino == print->ino &&
           st.st_dev == print->dev;
}

enum { SWAPPED = 0, SWAPPED_OTHER = 1, SWAP_GONE = 2, SWAP_UNABLE = 3 }; /* else a negative code */

/* Ours and what has the name change places. Is what came out what was looked at? Since then its consumer may have taken
 * it, and another writer's file may have come. */
static int swap(struct newcomer *n, const char *name, const struct taken *t, struct error *e)
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
        n->strange = !is_at(n, n->temp, &t->source.print);
    return n->strange ? SWAPPED_OTHER : SWAPPED;
}

/* Ours was taken out of the name meanwhile, so it is in another's care. What lies in its stead under the temporary's
 * name is now what wants a name. */
static int adopt(struct newcomer *n, struct error *e)
{
    struct error why = {0};
    uint64_t size;
    let_go(n);
    int rc = hash_file(n->folder_fd, n->temp, n->sha256, &size, &why);
    if (rc == 0)
        rc = hold_temp(n, &why);
    return rc == 0 ? STEP_AGAIN : error_set(e, ERR_IO, "another writer's file stays as %s: %s", n->temp, why.text);
}

/* Another's file came out of the exchange: it gets its name again. Where ours has been taken meanwhile, ours is
 * delivered. */
static int give_back(struct newcomer *n, const char *name, enum placed placed, struct error *e)
{
    for (unsigned round = 0; round < ROUNDS_MAX; round++) {
        int errnum = rename_exchange(n->folder_fd, n->temp, name);
        if (errnum == 0) {
            n->strange = !is_at(n, n->temp, &n->print);
            return n->strange ? adopt(n, e) : STEP_AGAIN;
        }
        if (errnum == ENOENT)
            errnum = files_rename_new(n->folder_fd, n->temp, n->folder_fd, name);
        if (errnum == 0)
            return done(n, name, placed);
        if (errnum != EEXIST)
            return error_errno(e, errnum, "cannot give %s back to the file that had it", name);
    }
    return error_set(e, ERR_IO, "%s comes and goes too fast", name);
}

/* Replaces only what was looked at. */
static int replace_own(struct newcomer *n, const char *name, enum placed placed, const struct taken *t, struct error *e)
{
    int rc = swap(n, name, t, e);
    if (rc == SWAP_GONE)
        return STEP_AGAIN;
    if (rc == SWAP_UNABLE)
        return replace(n, name, placed, e);
    if (rc == SWAPPED_OTHER)
        return give_back(n, name, placed, e);
    if (rc == SWAPPED)
        rc = remove_temp(n, e);
    return rc == 0 ? done(n, name, placed) : rc;
}

/* STEP_AGAIN: it changed meanwhile. */
static int copy_version(struct newcomer *n, const char *version, struct taken *t, struct error *e)
{
    char temp[TEMP_SIZE];
    uint8_t sha256[SHA256_SIZE];
    struct error why = {0};
    if (temp_name(n->place->tag, item_whose(n->item), version, temp) != 0)
        return error_set(e, ERR_NOMEM, "out of memory");
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
        return is_at(n, name, &t->source.print) ? copy_version(n, version, t, e) : STEP_AGAIN;
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
    if (rc == 0 && !is_at(n, version, &t->source.print))
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
        bool same = !n->strange && is_at(n, version, &t->source.print);
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
        return rc == 0 ? remove_temp(n, e) : rc;
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
    if (is_at(n, name, &n->print)) {
        unlinkat(n->folder_fd, n->temp, 0);
        return;
    }
    int errnum = files_rename_new(n->folder_fd, n->temp, n->folder_fd, version);
    if (errnum == EEXIST && holds(n, version, n->sha256, &same, &ignored) == 0 && same)
        unlinkat(n->folder_fd, n->temp, 0);
}

static int replace_version(struct newcomer *n, const char *name, const struct taken *t, struct error *e)
{
    int rc = swap(n, name, t, e);
    if (rc == SWAP_GONE || (rc == SWAP_UNABLE && t->kind == TAKEN_FILE && !is_at(n, name, &t->source.print)))
        return STEP_AGAIN;
    if (rc == SWAP_UNABLE)
        return replace(n, name, PLACED_REPLACED, e);
    if (rc < 0)
        return rc;
    rc = rc == SWAPPED && t->kind == TAKEN_LINK ? remove_temp(n, e) : keep_out(n, name, t, e);
    if (rc == 0)
        return done(n, name, PLACED_REPLACED);
    n->strange = true;
    int back = give_back(n, name, PLACED_REPLACED, e);
    return back == STEP_AGAIN && !n->strange ? rc : back;
}

static int decide_versions(struct newcomer *n, const char *name, bool plain, struct taken *t, struct error *e)
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

static int decide(struct newcomer *n, const char *name, unsigned copy, struct taken *t, struct error *e)
{
    bool plain = copy == 0;
    bool replaces = n->place->conflict == CONFLICT_REPLACE;
    if (t->kind == TAKEN_GONE)
        return STEP_AGAIN;
    /* Its own is given today's mode; where that cannot be it is replaced. */
    if (t->same_bytes && (!(replaces && t->same_client) || give_mode(n->place, t->source.fd)))
        return already_there(n, name, t, e);
    switch (n->place->conflict) {
    case CONFLICT_FAIL:
        return error_set(e, ERR_CONFLICT, "%s is taken by another file", name);
    case CONFLICT_VERSIONS:
        return decide_versions(n, name, plain, t, e);
    case CONFLICT_KEEP:
        return STEP_NEXT;
    case CONFLICT_REPLACE:
        /* A file that is no ticket declares nothing; the first name beside the plain one tells its client. */
        if (t->same_client || t->kind == TAKEN_LINK || (copy == 1 && !n->item->declared && t->kind == TAKEN_FILE))
            return replace_own(n, name, plain ? PLACED_REPLACED : PLACED_BESIDE, t, e);
        if (copy == 1 && !n->item->declared && t->kind == TAKEN_UNREADABLE)
            return replace(n, name, PLACED_BESIDE, e);
        return STEP_NEXT;
    }
    return STEP_NEXT;
}

/* copy 0: the plain name; 1: beside it; 2: "x (RANK 2)" ... */
static int try_name(struct newcomer *n, const char *name, unsigned copy, struct error *e)
{
    for (unsigned round = 0; round < ROUNDS_MAX; round++) {
        struct taken taken;
        int errnum = files_rename_new(n->folder_fd, n->temp, n->folder_fd, name);
        if (errnum == 0)
            return done(n, name, copy == 0 ? PLACED_NEW : PLACED_BESIDE);
        if (errnum != EEXIST)
            return error_errno(e, errnum, "cannot rename to %s", name);
        int rc = look(n, name, &taken, e);
        if (rc == 0)
            rc = hold_temp(n, e);
        if (rc == 0)
            rc = decide(n, name, copy, &taken, e);
        source_close(&taken.source);
        if (rc != STEP_AGAIN)
            return rc;
    }
    return error_set(e, ERR_IO, "%s comes and goes too fast", name);
}

int take_name(struct newcomer *n, struct error *e)
{
    const struct place_item *item = n->item;
    char beside[NAME_SIZE];
    n->held_fd = -1;
    int rc = try_name(n, item->name, 0, e);
    for (unsigned copy = 1; rc == STEP_NEXT && copy <= BESIDE_MAX; copy++) {
        name_beside(item->name, item->client ? item->client : "", copy == 1 ? 0 : copy, beside);
        rc = try_name(n, beside, copy, e);
    }
    if (rc == STEP_NEXT)
        rc = error_set(e, ERR_CONFLICT, "%s and every name beside it is taken", item->name);
    let_go(n);
    if (rc != STEP_DONE && !n->strange)
        unlinkat(n->folder_fd, n->temp, 0);
    return rc;
}
