/* intake_inner.h: what intake.c (the names that wait) shares with intake_look.c (the looks at them). */
#ifndef SHUNT_SERVICE_INTAKE_INNER_H
#define SHUNT_SERVICE_INTAKE_INNER_H

#include "shunt/base/hash.h"
#include "shunt/service/intake.h"

#define EVENT_PAUSE_MS   2   /* an event about a file that waits: looked at soon, not at each of a writer's writes */
#define BUSY_PAUSE_MS    250 /* an older one of that name lies in underprocess, and it is not a job of ours yet */
#define TROUBLE_PAUSE_MS 1000

enum candidate_state { CANDIDATE_QUEUED, CANDIDATE_LOOKING, CANDIDATE_WAITING };

struct candidate {
    struct intake *intake;
    enum candidate_state state;
    enum name_kind kind;
    enum way way;
    enum priority priority;
    bool claimed;
    bool suspect;    /* it was in work when an earlier run crashed */
    bool told;       /* trouble with it stands in the log */
    unsigned moves;  /* events of its being made, moved or removed while it was looked at */
    bool touched;    /* any event while it was looked at */
    int64_t seen_ms; /* mono; first */
    struct readiness readiness;
    enum wholeness whole;
    struct wait wait;
    struct candidate *next, *prev;
    UT_hash_handle hh;
    const char *name; /* inside key */
    char key[];       /* 'h' or 'u', folder, NUL, name, NUL */
};

static inline const char *candidate_folder(const struct candidate *c)
{
    return c->key + 1;
}

struct candidate *candidate_find(const struct intake *in, bool claimed, const char *folder, const char *name);
struct candidate *candidate_add(struct intake *in, bool claimed, const char *folder, const char *name); /* or NULL */
void candidate_drop(struct candidate *c);
void candidate_queue(struct candidate *c);
struct candidate *candidate_next(struct intake *in); /* of those that are queued; NULL: none is */
void candidate_put_off(struct candidate *c, int64_t pause_ms);

/* Hands up to count names that are queued to a worker. False: no memory. */
bool intake_start_look(struct intake *in, size_t count);

#endif
