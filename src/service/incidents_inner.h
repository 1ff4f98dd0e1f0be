/* incidents_inner.h: what incidents.c (what is wrong, and since when) shares with incidents_words.c (how it is told). */
#ifndef SHUNT_SERVICE_INCIDENTS_INNER_H
#define SHUNT_SERVICE_INCIDENTS_INNER_H

#include "shunt/base/str.h"
#include "shunt/service/alerts.h"
#include "shunt/service/incidents.h"
#include "shunt/service/lane.h"

enum incident_kind {
    DESTINATION_DOWN,
    DESTINATION_HANGS,
    DESTINATION_HELD,
    STORE_DEGRADED,
    LEDGER,
    DISK_LOW,
    SCAN_TIMEOUT,
    INTAKE_STOPPED,
    EXPECTED_MISSING,
    INCIDENT_KINDS
};
extern const char *const incident_words[INCIDENT_KINDS];

/* What is wrong, in words; begin with words_init. */
struct words {
    struct str title, text, next, todo;
};
void words_init(struct words *w);
void words_fini(struct words *w);
bool words_failed(const struct words *w);

void words_of_lane(struct words *w, const struct lane *lane, enum incident_kind kind);
void words_of_store(struct words *w, const struct service *s);
void words_of_ledger(struct words *w, const struct service *s);
void words_of_scans(struct words *w, const struct service *s);
void words_of_intake(struct words *w, const struct service *s);
/* Of all folders on the disk of this one. */
void words_of_disk(struct words *w, const struct service *s, const struct disk *disk);
struct expect;
uint64_t incident_came(const struct service *s, const char *client); /* today, also what is still in hand */
void words_of_missing(struct words *w, const struct service *s, const struct expect *x, uint64_t came);
/* That it is over: title and text. */
void words_of_end(struct words *w, const struct service *s, enum incident_kind kind, const char *subject);

#endif
