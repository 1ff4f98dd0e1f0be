/* explain.h: what would become of a ticket, as JSON, for `shunt explain --json` and the API. Pure. Thread: any. Each
 * returns a new reference; NULL: no memory. */
#ifndef SHUNT_SERVICE_EXPLAIN_H
#define SHUNT_SERVICE_EXPLAIN_H

#include <jansson.h>

#include "shunt/core/routes.h"

/* A judged ticket: {"valid": true, "client", "category", "studio", "title", "archive": true,
 * "destinations": [{"name", "label", "path"}...],
 * "routes": [{"route", "line", "matched", "conditions": [{"key", "values", "is", "held"}...]}...]} */
json_t *explain_matched(const struct routes *routes, const struct ticket *ticket);
json_t *explain_refused(const char *why); /* {"valid": false, "error"} */

#endif
