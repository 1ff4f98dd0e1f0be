#include "shunt/io/secret.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include <crypt.h>
#include <nettle/hmac.h>

#include "shunt/base/mem.h"

#define TOKEN_BYTES 32
#define YESCRYPT    "$y$"
#define NOBODY      "$y$j9T$4X5mLw1hJk2vQe8yTz0cB1"

_Static_assert(SECRET_HASH_MAX >= CRYPT_OUTPUT_SIZE, "a hash fits");

int secret_token(char out[SECRET_TOKEN_MAX], struct error *e)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    unsigned char bytes[TOKEN_BYTES + 1] = {0};
    if (getrandom(bytes, TOKEN_BYTES, 0) != TOKEN_BYTES)
        return error_errno(e, errno, "no random numbers");
    for (size_t i = 0; i < SECRET_TOKEN_MAX - 1; i++) {
        size_t bit = i * 6;
        unsigned two = (unsigned)(bytes[bit / 8] << 8 | bytes[bit / 8 + 1]);
        out[i] = digits[two >> (10 - bit % 8) & 63];
    }
    out[SECRET_TOKEN_MAX - 1] = '\0';
    secret_wipe(bytes, sizeof bytes);
    return 0;
}

bool secret_same(const void *a, const void *b, size_t n)
{
    const volatile unsigned char *p = a, *q = b; /* volatile: no compiler sees an end before the last byte */
    unsigned differs = 0;
    for (size_t i = 0; i < n; i++)
        differs |= p[i] ^ q[i];
    return differs == 0;
}

void secret_wipe(void *bytes, size_t n)
{
    explicit_bzero(bytes, n);
}

void secret_sign(const char *secret, const char *text, unsigned char out[SECRET_SIGNATURE_SIZE])
{
    struct hmac_sha256_ctx context;
    hmac_sha256_set_key(&context, strlen(secret), (const uint8_t *)secret);
    hmac_sha256_update(&context, strlen(text), (const uint8_t *)text);
    hmac_sha256_digest(&context, SECRET_SIGNATURE_SIZE, out);
    secret_wipe(&context, sizeof context);
}

/* ERR_NOMEM, or what crypt(3) makes of it. */
static int run_crypt(const char *password, const char *setting, char out[SECRET_HASH_MAX], struct error *e)
{
    struct crypt_data *data = mem_zalloc(sizeof *data);
    if (!data)
        return error_set(e, ERR_NOMEM, "out of memory");
    errno = 0;
    const char *hash = crypt_rn(password, setting, data, sizeof *data);
    int rc = hash ? 0 : error_errno(e, errno, "the password cannot be hashed");
    if (rc == 0)
        memcpy(out, hash, strlen(hash) + 1);
    secret_wipe(data, sizeof *data);
    mem_free(data);
    return rc;
}

int secret_hash(const char *password, char out[SECRET_HASH_MAX], struct error *e)
{
    char setting[CRYPT_GENSALT_OUTPUT_SIZE];
    if (!crypt_gensalt_rn(YESCRYPT, 0, NULL, 0, setting, sizeof setting))
        return error_errno(e, errno, "no salt for a password can be made");
    return run_crypt(password, setting, out, e);
}

int secret_check(const char *password, const char *hash, bool *right, struct error *e)
{
    char made[SECRET_HASH_MAX];
    *right = false;
    int rc = run_crypt(password, hash ? hash : NOBODY, made, e);
    if (rc == 0 && hash) {
        size_t len = strlen(hash);
        *right = strlen(made) == len && secret_same(made, hash, len);
    }
    secret_wipe(made, sizeof made);
    return rc;
}

bool secret_is_hash(const char *hash)
{
    return strlen(hash) < SECRET_HASH_MAX && strlen(hash) > 20 && crypt_checksalt(hash) == CRYPT_SALT_OK;
}
