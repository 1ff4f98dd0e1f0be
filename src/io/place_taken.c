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

#include "place_internal.h"

#define BESIDE_MAX      1000 /* copies beside a taken name */
#define OWNER_BYTES_MAX ((int64_t)1 << 30)
#define OWNER_DEPTH_MAX 512

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

/* The same bytes are there: it may be ours of before a crash, so its durability is not known. */
static int already_there(struct newcomer *n, const char *name, struct taken *t, struct error *e)
{
    if (n->place->durable) {
        int rc = files_sync(t->source.fd, name, e);
        if (rc != 0)
            return rc;
    }
    int rc = temp_remove(n, e);
    return rc == 0 ? name_done(n, name, PLACED_ALREADY_THERE) : rc;
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

static int decide(struct newcomer *n, const char *name, unsigned copy, struct taken *t, struct error *e)
{
    bool plain = copy == 0;
    bool replaces = n->place->conflict == CONFLICT_REPLACE;
    if (t->kind == TAKEN_GONE)
        return STEP_AGAIN;
    if (t->same_bytes && n->item->anew && n->place->durable)
        return replace_own(n, name, plain ? PLACED_REPLACED : PLACED_BESIDE, t, e);
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
            return name_replace(n, name, PLACED_BESIDE, e);
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
            return name_done(n, name, copy == 0 ? PLACED_NEW : PLACED_BESIDE);
        if (errnum != EEXIST)
            return error_errno(e, errnum, "cannot rename to %s", name);
        int rc = look(n, name, &taken, e);
        if (rc == 0)
            rc = temp_hold(n, e);
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
    temp_let_go(n);
    if (rc != STEP_DONE && !n->strange)
        unlinkat(n->folder_fd, n->temp, 0);
    return rc;
}
