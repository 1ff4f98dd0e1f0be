/* tls.h: are a certificate and its key fit for a server? The texts of files in PEM, NUL-terminated. Thread: any. */
#ifndef SHUNT_NET_TLS_H
#define SHUNT_NET_TLS_H

#include "shunt/base/error.h"

/* ERR_CONFIG, and *at says what is at fault. */
enum tls_part { TLS_CERTIFICATE, TLS_KEY, TLS_BOTH };
int tls_check(const char *certificate, const char *key, enum tls_part *at, struct error *e);

#endif
