/* status_text.h: what `status` and `top` tell, as lines. A status: {"health", "snapshot", "totals", "degraded"}, as the
 * service answers it; parts of it may be null. What is foreign is escaped; out of memory is the string's to tell. */
#ifndef SHUNT_CLI_STATUS_TEXT_H
#define SHUNT_CLI_STATUS_TEXT_H

#include "shunt/cli/table.h"

/* "pending 2   processing 3   completed 120   failed 1   cancelled 0" */
void status_totals(const json_t *status, const struct look *look, struct str *out);
/* "waiting for 3 min, since 2026-02-06 15:30:46"; "nothing waits" */
void status_oldest(const json_t *status, int64_t now_ms, struct str *out);
/* "this hour 120, 4.0 a minute; the hour before 90", from the statistics of the day */
void status_rate(const json_t *status, int64_t now_ms, struct str *out);
void status_ledger(const json_t *status, struct str *out);
/* All with their breakers, and whether they are held. */
void status_destinations(const json_t *status, const struct look *look, size_t indent, struct str *out);

#endif
