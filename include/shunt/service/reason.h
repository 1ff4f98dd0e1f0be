/* reason.h: the file that lies beside a failed ticket: when, why, where it came from, what became of its deliveries,
 * how to put it back. reason_of copies what it needs from the job on the loop; reason_text runs in a work request, when
 * the failed ticket's name is known. Foreign bytes are escaped. */
#ifndef SHUNT_SERVICE_REASON_H
#define SHUNT_SERVICE_REASON_H

#include <stdint.h>

#include "shunt/base/str.h"
#include "shunt/core/job.h"
#include "shunt/service/config.h"

struct job;

struct reason {
    char *head;       /* ready lines before the place */
    char *deliveries; /* ready lines after it; "" */
    char *folder, *name;
    char id[JOB_ID_SIZE];
};
int reason_of(struct reason *r, const struct job *job, int64_t wall_ms); /* 0 or ERR_NOMEM (then nothing is held) */
void reason_fini(struct reason *r);
void reason_text(const struct reason *r, const struct config *config, const char *failed_path, struct str *out);

#endif
