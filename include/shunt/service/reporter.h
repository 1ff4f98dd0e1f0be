/* reporter.h: the report of each local day that ended, once a date.
 *
 * Happy way: the scheduler's time has come ([report] at), or the service starts: the store has no report of the day that is
 * due -> every living instance has ended that day in the store -> a work request makes the document, renders it, and puts report-DATE.html and .txt into the
 * logs folder (temporary, then renamed) -> where there is mail, the outbox has it under the key "report:DATE" -> its row is
 * written by the storage's lane, and that date is never looked at again.
 *
 * Which days are due is decided by the clock and the rows alone: a clock that steps, a change of summer time, a
 * restart, a crash at any place, a second instance change nothing. What was missed is made up for at start, up to
 * REPORT_CATCH_UP days, and marked late. A day begins to be reported on with the first run: of the past before it nothing is
 * made. What fails (store away, logs folder full) is told once and tried again every RETRY. Thread: loop.
 */
#ifndef SHUNT_SERVICE_REPORTER_H
#define SHUNT_SERVICE_REPORTER_H

#include "shunt/service/service.h"

struct reporter;

struct reporter *reporter_new(struct service *s); /* NULL: no memory */
/* At its time, and at the start; goes on by itself until all is made. wall_ms: when that was seen, since the clock may have
 * been set back by now. */
void reporter_look(struct reporter *r, int64_t wall_ms);
void reporter_pump(struct reporter *r);       /* now and then: goes on where there was no memory to wait */
bool reporter_idle(const struct reporter *r); /* nothing in work */
void reporter_close(struct reporter *r);      /* the timer; NULL is fine */
void reporter_free(struct reporter *r);       /* NULL is fine */

/* Is there anybody to mail it to? */
bool reporter_has_mail(const struct service *s);
/* To the outbox, under that key: the same key is mailed once. saved: called on the loop when the outbox has it for good; may
 * be NULL. False: no memory, or no room. */
struct report_mail {
    const char *key;
    const json_t *report;
    const struct str *html, *text;
};
bool reporter_mail(struct service *s, const struct report_mail *mail, void (*saved)(void *user), void *user);

#endif
