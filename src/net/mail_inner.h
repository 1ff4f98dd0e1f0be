/* mail_inner.h: what mail.c, which leads the dialogue, and mail_end.c, which says what came of it, share. */
#ifndef SHUNT_NET_MAIL_INNER_H
#define SHUNT_NET_MAIL_INNER_H

#include "shunt/net/mail.h"

#include "curl_calls.h"

/* Which command the server answers. */
enum stage { STAGE_BEFORE, STAGE_MAIL, STAGE_RECIPIENT, STAGE_DATA, STAGE_AFTER };

struct dialogue {
    struct curl_calls call;
    CURL *easy;
    curl_mime *mime;
    struct curl_slist *recipients, *headers;
    const atomic_bool *cancel;
    enum stage stage;
    size_t asked;    /* recipients, so far */
    int code;        /* of the last answer */
    char reply[512]; /* its words */
    size_t reply_len;
    bool reply_ended, failed; /* failed: no memory */
    struct mail_result *result;
    char why[CURL_ERROR_SIZE];
};

void mail_conclude(const struct dialogue *d, CURLcode code, const struct mail_account *a);

#endif
