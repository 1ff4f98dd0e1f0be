/* secret.h: tokens and passwords: made, kept as hashes, compared in a time that tells nothing. Thread: any. */
#ifndef SHUNT_IO_SECRET_H
#define SHUNT_IO_SECRET_H

#include <stdbool.h>
#include <stddef.h>

#include "shunt/base/error.h"

#define SECRET_TOKEN_MAX 44  /* 32 random bytes in base64url, and a NUL */
#define SECRET_HASH_MAX  384 /* what crypt(3) makes of a password, and a NUL */

int secret_token(char out[SECRET_TOKEN_MAX], struct error *e);

bool secret_same(const void *a, const void *b, size_t n);
void secret_wipe(void *bytes, size_t n);

#define SECRET_SIGNATURE_SIZE 32
/* HMAC-SHA256 (RFC 2104). */
void secret_sign(const char *secret, const char *text, unsigned char out[SECRET_SIGNATURE_SIZE]);

/* crypt(3) with yescrypt. Takes tens of milliseconds and megabytes, on purpose: never on the loop. */
int secret_hash(const char *password, char out[SECRET_HASH_MAX], struct error *e);
/* *right is false, too, where there is an error. hash NULL: nobody's; takes as long. */
int secret_check(const char *password, const char *hash, bool *right, struct error *e);
/* A hash that crypt(3) knows and still thinks well of. */
bool secret_is_hash(const char *hash);

#endif
