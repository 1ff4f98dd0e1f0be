/* reporter.h: the report of each local day that ended, once a date.
 *
 * Happy way: the day's report is due by the wall clock ([report] at) and the store has none of it -> every living instance has
 * ended that day in the store -> a work request makes the document, renders it, and puts report-DATE.html and .txt into the
 * logs folder (temporary, then renamed) -> it is mailed under the key "report:DATE", where there is mail -> its row is
 * written by the storage's lane, and that date is never looked at again.
 *
 * What is due is decided by the clock and the rows alone, never by a timer: a clock that steps, a change of summer time, a
 * restart, a crash at any place, a second instance change nothing. What was missed is made up for at start, up to
 * REPORT_CATCH_UP days, and marked late. A day begins to be reported on with the first run: of the past before it nothing is
 * made. What fails (store away, logs folder full) is told once and tried again every RETRY. Thread: loop.
 */
#ifndef SHUNT_SERVICE_REPORTER_H
#define SHUNT_SERVICE_REPORTER_H

#include "shunt/service/service.h"

struct reporter;

struct reporter *reporter_new(struct service *s); /* NULL: no memory */
void reporter_look(struct reporter *r);           /* each tick */
bool reporter_idle(const struct reporter *r);     /* nothing in work */
void reporter_free(struct reporter *r);           /* NULL is fine */

/* Is there anybody to mail it to? */
bool reporter_has_mail(const struct service *s);
/* To the outbox, under that key: the same key is mailed once. False: no memory, or no room. */
bool reporter_mail(struct service *s, const char *key, const json_t *report, const struct str *html,
                   const struct str *text);

#endif
