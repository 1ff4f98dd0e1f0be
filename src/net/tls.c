/* tls.c: see tls.h. */
#include "shunt/net/tls.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdint.h>
#include <string.h>

static gnutls_datum_t datum(const char *text)
{
    return (gnutls_datum_t){.data = (unsigned char *)(uintptr_t)text, .size = (unsigned)strlen(text)};
}

static int bad(int code, const char *what, struct error *e)
{
    int rc = code == GNUTLS_E_MEMORY_ERROR ? ERR_NOMEM : ERR_CONFIG;
    return code < 0 ? error_set(e, rc, "%s: %s", what, gnutls_strerror(code)) : 0;
}

static int check_certificate(const char *text, struct error *e)
{
    gnutls_datum_t pem = datum(text);
    gnutls_x509_crt_t crt;
    int rc = bad(gnutls_x509_crt_init(&crt), "out of memory", e);
    if (rc != 0)
        return rc;
    rc = bad(gnutls_x509_crt_import(crt, &pem, GNUTLS_X509_FMT_PEM), "no certificate in PEM", e);
    gnutls_x509_crt_deinit(crt);
    return rc;
}

static int check_key(const char *text, struct error *e)
{
    gnutls_datum_t pem = datum(text);
    gnutls_x509_privkey_t key;
    int rc = bad(gnutls_x509_privkey_init(&key), "out of memory", e);
    if (rc != 0)
        return rc;
    rc = bad(gnutls_x509_privkey_import2(key, &pem, GNUTLS_X509_FMT_PEM, NULL, 0),
             "no private key in PEM without a password", e);
    gnutls_x509_privkey_deinit(key);
    return rc;
}

int tls_check(const char *certificate, const char *key, enum tls_part *at, struct error *e)
{
    gnutls_datum_t certificate_pem = datum(certificate), key_pem = datum(key);
    gnutls_certificate_credentials_t both;
    *at = TLS_CERTIFICATE;
    int rc = check_certificate(certificate, e);
    if (rc != 0)
        return rc;
    *at = TLS_KEY;
    rc = check_key(key, e);
    if (rc != 0)
        return rc;
    *at = TLS_BOTH;
    rc = bad(gnutls_certificate_allocate_credentials(&both), "out of memory", e);
    if (rc != 0)
        return rc;
    rc = bad(gnutls_certificate_set_x509_key_mem(both, &certificate_pem, &key_pem, GNUTLS_X509_FMT_PEM),
             "the certificate and the key do not belong together", e);
    gnutls_certificate_free_credentials(both);
    return rc;
}
