/* routes.h: routes.ini as an immutable table, and the match of a ticket against it.
 *
 * Compiled once: routes with exact client values hang in a hash by client, the others in a list; a match looks only at
 * those two. Every route whose conditions all hold adds its destinations; each destination once, in the order of the
 * destination sections. A condition holds when one of its values (globs with '*', case-sensitive) matches the field; an
 * absent field never matches, nor does an object or an array. Values are separated by commas; a value with a comma in
 * it is written with '*' in its place.
 *
 * Ownership: counted references; loop thread counts, any thread may read while the loop holds a reference for it.
 * Pure: users, groups and folders are looked up by service/config, which fills uid and gid before the table is first
 * shared.
 */
#ifndef SHUNT_CORE_ROUTES_H
#define SHUNT_CORE_ROUTES_H

#include <stdbool.h>
#include <stddef.h>

#include "shunt/base/str.h"
#include "shunt/core/faults.h"
#include "shunt/core/retry.h"
#include "shunt/core/ticket.h"

#define ROUTES_DESTINATIONS_MAX 1024
#define ROUTES_MAX              100000

enum conflict {
    CONFLICT_REPLACE, /* the same client's newer ticket replaces its older one; another client's is kept beside it */
    CONFLICT_KEEP,    /* what is there stays; the newcomer is put beside it */
    CONFLICT_FAIL,    /* a name that is taken fails the ticket */
    CONFLICT_VERSIONS /* the archive's: newest under the plain name, every older version beside it, same bytes once; not
                         for routes.ini */
};

/* A key of a destination that may be left to the settings. */
enum told { TOLD_AS_SET, TOLD_NO, TOLD_YES };

/* [destination NAME]: path (required), label, driver, mode, owner, group, conflict, concurrency, create, mount, attempts,
 * first, factor, max, alerts */
struct destination {
    char *name;
    char *label;  /* for people; default: the last part of path */
    char *driver; /* "dir" */
    char *path;   /* as written; relative: to the data root; no ".." */
    unsigned mode;
    bool has_mode;
    char *owner, *group; /* "" : not changed; names or numbers */
    long uid, gid;       /* -1 until service/config has looked them up, or not changed */
    enum conflict conflict;
    unsigned concurrency;   /* 0: [delivery] concurrency */
    bool create;            /* make the folder where it is missing (default yes) */
    char *mount;            /* "" or a folder that must be a mount point, else deliveries wait */
    struct retry_own retry; /* 0: as [retry] says */
    enum told alerts;       /* of failed attempts; [alerts] attempts */
    size_t index;
    unsigned line;
};

struct route_condition {
    char *key;    /* as written: client, category, studio, title or a JSON Pointer */
    size_t field; /* in the table's pointer set */
    char **values;
    size_t count;
};

struct route {
    char *name;
    struct route_condition *conditions;
    size_t n_conditions;
    size_t *to; /* destination indices */
    size_t n_to;
    struct retry_own retry; /* of each delivery of a ticket that it matches; 0: as the destination has it */
    bool says_retry;        /* any of it */
    unsigned line;
};

struct routes {
    struct destination *destinations;
    size_t n_destinations;
    struct route *routes;
    size_t n_routes;
    struct pointer_set *pointers; /* what the parser must look for */
    struct routes_index *index;
    unsigned references;
};

/* What a section may hold: for the parser, its suggestions, and the manual. What is literal stands between
 * backquotes. */
struct routes_key {
    const char *name;
    const char *values;       /* in words; NULL: one of `words` */
    const char *const *words; /* NULL-terminated */
    const char *default_text; /* in words; NULL: the key must be there */
    const char *help;
};
#define ROUTES_KEY_TO FIELD_BUILTIN_COUNT /* before it, by field, the conditions that have a word */
/* Both end with name NULL. */
extern const struct routes_key routes_destination_keys[], routes_route_keys[];

/* NULL where there are faults. Among them: no route at all; a destination without path, with "..", with another's path;
 * a repeated section or key; an unknown key; `to` missing, empty, naming no destination or one twice; a route without
 * any condition (says: use client = *); an empty condition; two conditions on one field; a bad pointer, mode, number.
 * Names of destinations are [A-Za-z0-9._-]{1,64}; "archive" and "failed" are ours. */
struct routes *routes_new(const char *file, const char *text, size_t len, struct faults *faults);
struct routes *routes_ref(struct routes *r);
void routes_unref(struct routes *r); /* NULL is fine */

/* Indices of the destinations into out (room for n_destinations), ascending; returns how many. */
size_t routes_match(const struct routes *r, const struct ticket *ticket, size_t *out);

/* Of each the most that a route which matches says; 0: none says any. */
struct retry_own routes_retry(const struct routes *r, const struct ticket *ticket);

/* For every route, in order: whether it matched; for each of its conditions: whether it held. */
struct route_verdict {
    const struct route *route;
    bool matched;
    const bool *held; /* n_conditions */
};
typedef void (*routes_explain_cb)(void *user, const struct route_verdict *verdict);
int routes_explain(const struct routes *r, const struct ticket *ticket, routes_explain_cb cb,
                   void *user); /* 0 or ERR_NOMEM */

/* What a reload changed, a line each: "route celtra altered (line 12): client", "destination monday-rank added:
 * SYNC/MAKE/Monday Rank". */
typedef void (*routes_diff_cb)(void *user, const char *text);
void routes_diff(const struct routes *before, const struct routes *after, routes_diff_cb cb, void *user);

/* The matrix as people read it: a row for every client (or glob of clients) that a route names, by name, and "(any
 * other)"; its destinations; and under which other conditions it is sent further ("category CELTRA -> Celtra"). Plain
 * text, columns aligned. */
void routes_print(const struct routes *r, struct str *out);

#endif
