/* access.h: who may come in over TCP, and what they may do there: the file that `[http] access` names, and the token of
 * `[http] token`.
 *
 * A line of the file is NAME ROLE HASH; what begins with # is a comment. HASH is sha256: and 64 hex digits of a token, or
 * what crypt(3) makes of a password. A name may have several tokens and one password. Others than its owner and group may
 * not read the file. With neither file nor token everybody is let in, which is refused where the address is not loopback;
 * a file without any line is refused, so that one that is being written lets nobody in.
 *
 * An immutable snapshot: access_load (blocking; touches no state of the service), access_free. Thread: any.
 */
#ifndef SHUNT_SERVICE_ACCESS_H
#define SHUNT_SERVICE_ACCESS_H

#include "shunt/core/faults.h"
#include "shunt/io/files.h"
#include "shunt/service/config.h"

#define ACCESS_NAME_MAX  32 /* bytes */
#define ACCESS_LINES_MAX 10000
#define ACCESS_FILE_MAX  (4UL * 1024 * 1024)

/* Rights, and the roles that are made of them. */
enum { ROLE_READ = 1, ROLE_SUBMIT = 2, ROLE_OPERATE = 4 | ROLE_READ | ROLE_SUBMIT };

struct access_entry {
    char name[ACCESS_NAME_MAX + 1];
    unsigned rights;
    char *password;               /* its hash; NULL: a token */
    uint8_t token[SHA256_SIZE];   /* its hash */
    uint8_t line_id[SHA256_SIZE]; /* of name, role and hash: the same line is the same after a reload */
};

struct access {
    struct access_entry *entries;
    size_t count;
    bool open; /* no entry is needed: everybody on this machine may do everything */
};

/* ERR_CONFIG, ERR_NOMEM: NULL, see faults. */
int access_load(const struct config *c, struct access **out, struct faults *faults);
/* Adds the lines of a file's text; false: out of memory. */
bool access_read(struct access *a, const char *file, const char *text, size_t len, struct faults *faults);
bool access_add_token(struct access *a, const char *name, unsigned rights, const char *token);
void access_free(struct access *a); /* NULL is fine */

/* NULL: nobody's. */
const struct access_entry *access_by_token(const struct access *a, const char *token);
const struct access_entry *access_by_name(const struct access *a, const char *name); /* who has a password */
const struct access_entry *access_by_line(const struct access *a, const uint8_t line_id[SHA256_SIZE]);

unsigned access_role(const char *word); /* 0: there is no such role */
const char *access_role_word(unsigned rights);
/* wanted: a route's role: one word, or several of which one is enough; "public": anybody. */
bool access_allows(unsigned rights, const char *wanted);
bool access_name_valid(const char *name, size_t len);

#endif
