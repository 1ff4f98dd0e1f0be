/* place_taken.c: what to do where a name is taken.
 *
 * Happy way: the name is free and one rename that never replaces takes it. Else the file that is there is read once:
 * its bytes (the same?) and, where the place replaces, the ClientCode that it declares. Then it is replaced, kept,
 * or the newcomer goes beside it. What is there may be taken away by its consumer at any moment: then the name is
 * tried again. */
#include <errno.h>
#include <fcntl.h>
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

static int replace(struct newcomer *n, const char *name, enum placed placed, struct error *e)
{
    int errnum = rename_over(n->folder_fd, n->temp, name);
    return errnum == 0 ? done(n, name, placed) : error_errno(e, errnum, "cannot replace %s", name);
}

/* Another's file came out of the exchange: it gets its name again. Where ours has been taken meanwhile, ours is
 * delivered. */
static int give_back(struct newcomer *n, const char *name, enum placed placed, struct error *e)
{
    for (unsigned round = 0; round < ROUNDS_MAX; round++) {
        int errnum = rename_exchange(n->folder_fd, n->temp, name);
        if (errnum == 0)
            return STEP_AGAIN;
        if (errnum == ENOENT)
            errnum = files_rename_new(n->folder_fd, n->temp, n->folder_fd, name);
        if (errnum == 0)
            return done(n, name, placed);
        if (errnum != EEXIST)
            return error_errno(e, errnum, "cannot give %s back to the file that had it", name);
    }
    return error_set(e, ERR_IO, "%s comes and goes too fast", name);
}

/* Replaces only what was looked at: since then its consumer may have taken it, and another client's file may have
 * come under the name. So the two change places, and what came out is looked at before it goes. */
static int replace_own(struct newcomer *n, const char *name, enum placed placed, const struct taken *t, struct error *e)
{
    const struct file_print *print = &t->source.print;
    struct stat st;
    int errnum = rename_exchange(n->folder_fd, n->temp, name);
    if (errnum == ENOENT)
        return STEP_AGAIN;
    if (errnum == EINVAL || errnum == ENOSYS || errnum == EOPNOTSUPP)
        return replace(n, name, placed, e);
    if (errnum != 0)
        return error_errno(e, errnum, "cannot replace %s", name);
    if (fstatat(n->folder_fd, n->temp, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
        (st.st_ino != print->ino || st.st_dev != print->dev))
        return give_back(n, name, placed, e);
    int rc = remove_temp(n, e);
    return rc == 0 ? done(n, name, placed) : rc;
}

static int copy_version(struct newcomer *n, const char *version, struct taken *t, struct error *e)
{
    char temp[TEMP_SIZE];
    uint8_t sha256[SHA256_SIZE];
    if (temp_name(n->place->tag, n->item->client, version, temp) != 0)
        return error_set(e, ERR_NOMEM, "out of memory");
    int fd = temp_create(n->folder_fd, temp);
    if (fd < 0)
        return error_errno(e, -fd, "cannot keep the older version as %s", version);
    int rc = copy_bytes(t->source.fd, fd, (uint64_t)t->source.print.size, t->sha256, sha256, e);
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
 * believed. */
static int holds(struct newcomer *n, const char *name, const uint8_t *sha256, bool *same, struct error *e)
{
    uint8_t found[SHA256_SIZE];
    uint64_t size;
    int rc = hash_file(n->folder_fd, name, found, &size, e);
    *same = rc == 0 && memcmp(found, sha256, SHA256_SIZE) == 0;
    return rc;
}

/* The older version gets its second name, durably, before the plain one goes to the newcomer. */
static int keep_version(struct newcomer *n, const char *name, struct taken *t, struct error *e)
{
    char version[NAME_SIZE];
    bool same = true;
    int rc = 0;
    name_version(name, t->sha256, version);
    if (linkat(n->folder_fd, name, n->folder_fd, version, 0) != 0) {
        if (errno == EPERM || errno == EOPNOTSUPP || errno == ENOSYS || errno == EMLINK || errno == EACCES)
            rc = copy_version(n, version, t, e);
        else if (errno != EEXIST)
            rc = error_errno(e, errno, "cannot keep the older version as %s", version);
        if (rc == 0)
            rc = holds(n, version, t->sha256, &same, e);
        if (rc == 0 && !same)
            rc = error_set(e, ERR_CONFLICT, "%s is taken by other content", version);
    }
    return rc == 0 && n->place->durable ? files_sync(n->folder_fd, name, e) : rc;
}

/* The same bytes once: what now has the plain name needs no older name. Only tidiness, so a failure is none. */
static void drop_version(struct newcomer *n, const char *name)
{
    struct error ignored = {0};
    char version[NAME_SIZE];
    bool same;
    name_version(name, n->sha256, version);
    if (holds(n, version, n->sha256, &same, &ignored) == 0 && same)
        unlinkat(n->folder_fd, version, 0);
}

static int decide_versions(struct newcomer *n, const char *name, bool plain, struct taken *t, struct error *e)
{
    if (!plain || t->kind == TAKEN_OTHER)
        return STEP_NEXT;
    if (t->kind == TAKEN_LINK)
        return replace(n, name, PLACED_REPLACED, e);
    if (t->kind == TAKEN_UNREADABLE)
        return error_set(e, ERR_ACCESS, "the older version of %s cannot be read", name);
    int rc = keep_version(n, name, t, e);
    if (rc == 0)
        rc = replace(n, name, PLACED_REPLACED, e);
    if (rc == 0)
        drop_version(n, name);
    return rc;
}

static int decide(struct newcomer *n, const char *name, unsigned copy, struct taken *t, struct error *e)
{
    bool plain = copy == 0;
    bool replaces = n->place->conflict == CONFLICT_REPLACE;
    if (t->kind == TAKEN_GONE)
        return STEP_AGAIN;
    if (t->same_bytes && !(replaces && t->same_client))
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
        if (t->same_client)
            return replace_own(n, name, plain ? PLACED_REPLACED : PLACED_BESIDE, t, e);
        if (t->kind == TAKEN_LINK ||
            (copy == 1 && !n->item->declared && (t->kind == TAKEN_FILE || t->kind == TAKEN_UNREADABLE)))
            return replace(n, name, plain ? PLACED_REPLACED : PLACED_BESIDE, e);
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
    int rc = try_name(n, item->name, 0, e);
    for (unsigned copy = 1; rc == STEP_NEXT && copy <= BESIDE_MAX; copy++) {
        name_beside(item->name, item->client ? item->client : "", copy == 1 ? 0 : copy, beside);
        rc = try_name(n, beside, copy, e);
    }
    if (rc == STEP_NEXT)
        rc = error_set(e, ERR_CONFLICT, "%s and every name beside it is taken", item->name);
    if (rc != STEP_DONE)
        unlinkat(n->folder_fd, n->temp, 0);
    return rc;
}
