/* judge.h: what a whole file means: may it be delivered, and as whose? The one answer for the service and for
 * `shunt explain`. Pure. Thread: any. */
#ifndef SHUNT_SERVICE_JUDGE_H
#define SHUNT_SERVICE_JUDGE_H

#include "shunt/core/name.h"
#include "shunt/core/ticket.h"
#include "shunt/service/config.h"

/* folder: the client's, "" right in the hot root. 0: the ticket's FIELD_CLIENT is the client it is routed and archived
 * as (made for a file that is no ticket), *declared what the document itself said (mem_free; NULL: nothing). Else an
 * error of class INVALID that says why it fails, or ERR_NOMEM; *declared may be set then, too. */
int judge(const struct config *config, const struct routes *routes, enum name_kind kind, const char *folder,
          const char *name, struct ticket *ticket, char **declared, struct error *e);

#endif
