/* digest.c: OpenSSL's SHA-256. The algorithm is looked up once a process: a lookup for each ticket costs more than
 * its hash. */
#include "digest.h"

#include <pthread.h>

#include <openssl/evp.h>

#include "shunt/base/error.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static const EVP_MD *algorithm; /* never changed after the first use */

static void look_up(void)
{
    algorithm = EVP_MD_fetch(NULL, "SHA256", NULL);
    if (!algorithm)
        algorithm = EVP_sha256(); /* works too, only slower */
}

int digest_start(struct digest *d)
{
    pthread_once(&once, look_up);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (!context || EVP_DigestInit_ex(context, algorithm, NULL) != 1) {
        EVP_MD_CTX_free(context);
        d->context = NULL;
        return ERR_NOMEM;
    }
    d->context = context;
    return 0;
}

int digest_add(struct digest *d, const void *bytes, size_t len)
{
    return EVP_DigestUpdate(d->context, bytes, len) == 1 ? 0 : ERR_NOMEM;
}

int digest_end(struct digest *d, uint8_t out[SHA256_SIZE])
{
    int ok = EVP_DigestFinal_ex(d->context, out, NULL);
    digest_drop(d);
    return ok == 1 ? 0 : ERR_NOMEM;
}

void digest_drop(struct digest *d)
{
    EVP_MD_CTX_free(d->context);
    d->context = NULL;
}
