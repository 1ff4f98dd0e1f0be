/* certificate.h: the files that `[http] certificate` and `key` name, read and checked. Thread: any; blocking. */
#ifndef SHUNT_SERVICE_CERTIFICATE_H
#define SHUNT_SERVICE_CERTIFICATE_H

#include "shunt/core/faults.h"
#include "shunt/service/config.h"

struct certificate {
    char *certificate, *key; /* PEM; NULL: the settings name none */
};

/* ERR_CONFIG, ERR_NOMEM: *out is empty, see faults. */
int certificate_load(const struct config *c, struct certificate *out, struct faults *faults);
void certificate_fini(struct certificate *certificate); /* wipes the key */

#endif
