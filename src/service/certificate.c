/* certificate.c: see certificate.h. */
#include "shunt/service/certificate.h"

#include <string.h>
#include <sys/stat.h>

#include "shunt/base/mem.h"
#include "shunt/io/files.h"
#include "shunt/io/secret.h"
#include "shunt/net/tls.h"

#define PEM_MAX (1024 * 1024)

static int read_pem(const struct config *c, const char *key, const char *file, char **out, struct faults *faults)
{
    size_t len;
    struct error e = {0};
    int rc = files_read(file, PEM_MAX, out, &len, &e);
    if (rc != 0)
        faults_add(faults, c->file, 0, "[http] %s: %s", key, e.text);
    return rc;
}

static int load(const struct config *c, struct certificate *out, const char *certificate, const char *key,
                struct faults *faults)
{
    struct stat st;
    struct error e = {0};
    enum tls_part at;
    int rc = read_pem(c, "certificate", certificate, &out->certificate, faults);
    int key_rc = read_pem(c, "key", key, &out->key, faults);
    if (rc != 0 || key_rc != 0)
        return rc ? rc : key_rc;
    if (stat(key, &st) == 0 && (st.st_mode & (S_IRWXO | S_IWGRP)) != 0) {
        faults_add(faults, key, 0, "others may get at it (mode %04o): chmod 0640, or 0600", st.st_mode & 07777);
        return ERR_CONFIG;
    }
    rc = tls_check(out->certificate, out->key, &at, &e);
    if (rc != 0 && at == TLS_BOTH)
        faults_add(faults, key, 0, "%s (%s)", e.text, certificate);
    else if (rc != 0)
        faults_add(faults, at == TLS_KEY ? key : certificate, 0, "%s", e.text);
    return rc;
}

int certificate_load(const struct config *c, struct certificate *out, struct faults *faults)
{
    const struct settings *s = c->settings;
    *out = (struct certificate){0};
    if (s->http_certificate[0] == '\0' && s->http_key[0] == '\0')
        return 0;
    if (s->http_certificate[0] == '\0' || s->http_key[0] == '\0') {
        faults_add(faults, c->file, 0, "[http] %s: it needs [http] %s beside it",
                   s->http_key[0] ? "key" : "certificate", s->http_key[0] ? "certificate" : "key");
        return ERR_CONFIG;
    }
    char *certificate = files_join(c->data, s->http_certificate), *key = files_join(c->data, s->http_key);
    int rc = certificate && key ? load(c, out, certificate, key, faults) : ERR_NOMEM;
    mem_free(certificate);
    mem_free(key);
    if (rc == 0)
        return 0;
    certificate_fini(out);
    return rc == ERR_NOMEM ? rc : ERR_CONFIG;
}

void certificate_fini(struct certificate *certificate)
{
    if (certificate->key)
        secret_wipe(certificate->key, strlen(certificate->key));
    mem_free(certificate->key);
    mem_free(certificate->certificate);
    *certificate = (struct certificate){0};
}
