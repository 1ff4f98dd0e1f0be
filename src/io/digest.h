/* digest.h: SHA-256 of what comes in pieces, for the modules of this room. digest_start -> digest_add ... ->
 * digest_end, or digest_drop. All fail only for want of memory. Thread: any, one at a time. */
#ifndef SHUNT_IO_DIGEST_H
#define SHUNT_IO_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#include "shunt/io/files.h"

struct digest {
    void *context;
};

int digest_start(struct digest *d); /* 0 or ERR_NOMEM */
int digest_add(struct digest *d, const void *bytes, size_t len);
int digest_end(struct digest *d, uint8_t out[SHA256_SIZE]); /* frees, also where it fails */
void digest_drop(struct digest *d);                         /* frees; fine after digest_end or on a zeroed one */

#endif
