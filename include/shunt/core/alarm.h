/* alarm.h: what people are told of, when, and in how many mails. Pure arithmetic on the caller's wall clock.
 *
 * An incident is one cause: a kind and a subject. Whoever sees it raises it, again and again while it lasts; whoever sees
 * that it is over clears it. It is told once it has lasted for wait_ms (opened), reminded of with growing pauses, told once
 * more when nothing moves without a person (permanent; then there are no reminders), and told as recovered once it has been
 * over for calm_ms. What comes back before that is the same incident: turns are counted, not told.
 * Besides there are failed tickets, which are gathered for digest_ms and told by client, destination and error; and notes,
 * which are told once.
 *
 * A budget holds for all of it: never more than per_hour mails in any hour. Half of them may come at once, the others
 * come back one by one; what is due while fewer are left than are needed goes into one mail together. The last one is kept
 * for incidents. One that is over before there is a mail for it is told once, as recovered.
 *
 * Who tells: alarm_mail, then, once that mail is safe, alarm_mailed. A mail's key is the same until then, also after a
 * restart from alarm_to_json. All that grows has a limit; what goes beyond is counted. Texts are made fit for people's
 * eyes. A clock that steps delays a mail by no more than the pause it waited for. Thread: the owner's.
 */
#ifndef SHUNT_CORE_ALARM_H
#define SHUNT_CORE_ALARM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "shunt/base/error.h"

#define ALARM_INCIDENTS_MAX 500
#define ALARM_GROUPS_MAX    50 /* of failed tickets in one mail */
#define ALARM_NOTES_MAX     200
#define ALARM_ITEMS_MAX     50 /* in one mail; the next takes on the others */
#define ALARM_REMINDERS_MAX 8
#define ALARM_PER_HOUR_MIN  2

struct alarm_policy {
    int64_t wait_ms, calm_ms;
    int64_t remind_ms[ALARM_REMINDERS_MAX]; /* the last one again and again */
    size_t n_remind;                        /* 0: no reminders */
    int64_t digest_ms;                      /* 0: failed tickets are told at once; -1: not at all */
    int64_t per_hour;                       /* at least ALARM_PER_HOUR_MIN */
};

/* Borrowed. Texts may be NULL. */
struct alarm_cause {
    const char *kind, *subject;
    const char *title; /* "Celtra is down" */
    const char *text;  /* what happened */
    const char *next;  /* what is done about it, and when */
    const char *todo;  /* what a person can do, a line each */
    bool permanent;    /* nothing moves until somebody does */
};

struct alarm_failure {
    const char *client, *destination, *error; /* one group; destination NULL: the ticket itself was refused */
    const char *name, *id;                    /* of this ticket */
};

struct alarm;

/* As [alerts] says. ERR_CONFIG: a pause is no time, or there are too many. */
struct settings;
int alarm_policy_of(const struct settings *s, struct alarm_policy *out, struct error *e);

struct alarm *alarm_new(const struct alarm_policy *policy); /* copied; NULL: no memory */
void alarm_free(struct alarm *a);                           /* NULL is fine */

/* ERR_NOMEM: raise it again. Beyond ALARM_INCIDENTS_MAX nothing is taken up (ERR_BUSY). */
int alarm_raise(struct alarm *a, const struct alarm_cause *cause, int64_t now_ms);
/* The subject of the n-th incident (0...) of a kind that is not over; NULL: there are no more. */
const char *alarm_nth(const struct alarm *a, const char *kind, size_t n);
/* title, text: what to say when it stays so. Nothing where no such incident is open. ERR_NOMEM: clear it again. */
int alarm_clear(struct alarm *a, const char *kind, const char *subject, const char *title, const char *text,
                int64_t now_ms);
void alarm_failed(struct alarm *a, const struct alarm_failure *failure, int64_t now_ms);
void alarm_note(struct alarm *a, const struct alarm_cause *note, int64_t now_ms); /* permanent: of no meaning */

/* The next mail: {"key", "items": [...]}, of at least one item; NULL: nothing to be told now, or no memory.
 * {"what": "opened|reminded|permanent|recovered", "kind", "subject", "title", "text", "next", "todo", "since_ms", "over_ms"
 * (0: it lasts), "times" (how often it came)};
 * {"what": "failed", "count", "since_ms", "groups": [{"client", "destination", "error", "count", "name", "id"}...],
 * "more" (tickets of further groups)};
 * {"what": "note", "kind", "subject", "title", "text", "next", "todo", "since_ms"}. New reference. */
json_t *alarm_mail(struct alarm *a, int64_t now_ms);
/* Likewise, of incidents of that kind alone. */
json_t *alarm_mail_of(struct alarm *a, const char *kind, int64_t now_ms);
/* The mail of the last call; what happened since then is told by the next. */
void alarm_mailed(struct alarm *a, const json_t *mail, int64_t now_ms);

json_t *alarm_to_json(const struct alarm *a); /* NULL: no memory */
/* What an earlier run knew; what a was told of since goes on behind it. ERR_BAD_FIELD: not ours or damaged, ERR_NOMEM; a is as
 * it was. */
int alarm_from_json(struct alarm *a, const json_t *state);

#endif
