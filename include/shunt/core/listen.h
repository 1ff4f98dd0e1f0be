/* listen.h: the address that `[http] listen` names. Pure. */
#ifndef SHUNT_CORE_LISTEN_H
#define SHUNT_CORE_LISTEN_H

#include <stdbool.h>

#include "shunt/base/error.h"

#define LISTEN_HOST_MAX 64

struct listen_address {
    bool none;                  /* `no`: nothing else is set */
    char host[LISTEN_HOST_MAX]; /* numeric; without the brackets of IPv6 */
    unsigned port;              /* 0: any */
    bool loopback;              /* only programs of this machine get there */
};

/* "127.0.0.1:8001", "[::1]:8001", "no". ERR_CONFIG. */
int listen_parse(const char *text, struct listen_address *out, struct error *e);

/* 127.0.0.0/8, ::1, and the former as IPv6 has it. */
bool listen_is_loopback(const char *host);

#endif
