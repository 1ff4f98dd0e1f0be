/* alarm_inner.h: what alarm.c (what happens) shares with alarm_mail.c (what is told of it, and when) and alarm_json.c (its
 * state outside the process). */
#ifndef SHUNT_CORE_ALARM_INNER_H
#define SHUNT_CORE_ALARM_INNER_H

#include "shunt/core/alarm.h"

enum alarm_text { TEXT_KIND, TEXT_SUBJECT, TEXT_TITLE, TEXT_TEXT, TEXT_NEXT, TEXT_TODO, ALARM_TEXTS };
enum group_text { GROUP_CLIENT, GROUP_DESTINATION, GROUP_ERROR, GROUP_NAME, GROUP_ID, GROUP_TEXTS };

struct incident { /* a note too: of it only texts and opened_ms are used */
    struct incident *next;
    char *texts[ALARM_TEXTS];
    int64_t opened_ms, over_ms; /* over_ms 0: it lasts */
    int64_t remind_ms;          /* when it is reminded of */
    unsigned step;              /* how often it was told */
    unsigned reminded, times;
    bool wanted; /* it lasted long enough to be told */
    bool permanent, told_permanent;
};

struct group {
    struct group *next;
    char *texts[GROUP_TEXTS];
    uint64_t count;
};

struct alarm {
    struct alarm_policy policy;
    struct incident *incidents, *notes; /* in the order in which they came */
    struct group *groups;
    size_t n_incidents, n_notes, n_groups;
    uint64_t failures, failures_more; /* all; of them in no group */
    int64_t failures_since_ms;
    uint64_t notes_lost; /* beyond ALARM_NOTES_MAX */
    int64_t budget_ms;   /* a mail now takes one of those that come back by then */
};

struct incident *alarm_incident_new(const char *const texts[ALARM_TEXTS]); /* NULL: no memory */
void alarm_incident_free(struct incident *i);
struct group *alarm_group_new(const char *const texts[GROUP_TEXTS]);
void alarm_group_free(struct group *g);
struct group *alarm_same_group(const struct alarm *a, const struct group *g);         /* NULL: none */
struct incident **alarm_find(struct alarm *a, const char *kind, const char *subject); /* its place; of NULL: the end */
void alarm_drop(struct incident **at);
/* At the end of the list. */
void alarm_add_incident(struct incident **list, struct incident *i);
void alarm_add_group(struct alarm *a, struct group *g);

#endif
