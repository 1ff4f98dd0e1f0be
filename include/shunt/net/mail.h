/* mail.h: a mail to a server: multipart/alternative by SMTP (RFC 5321, 5322).
 *
 * Blocking, for a work request or a command: libcurl waits for the server's last answer, which may take long while a mail
 * is scanned, also in its multi interface; on the loop that would stop everything. Thread: any; never the loop's.
 *
 * Texts may hold anything: none can add a header or a recipient, what is not UTF-8 becomes U+FFFD, line breaks in a
 * header become spaces. Addresses are those of mail_text.h, checked there.
 *
 * Outcome: DELIVERED: the server has it for at least one recipient; whom it refused is in `refused`. TRANSIENT: no server,
 * time-out, 4xx; also what no change of the mail would help: TLS, a refused log-in. PERMANENT: 5xx to this mail, for all
 * recipients. Of several that are all refused, some only for now, the outcome is TRANSIENT. Who gets 250 has the mail even if
 * we never hear of it: send it again under the same Message-ID.
 */
#ifndef SHUNT_NET_MAIL_H
#define SHUNT_NET_MAIL_H

#include <stdatomic.h>
#include <stdint.h>

#include "shunt/core/mail_text.h"

#define MAIL_REPLY_MAX 256
#define MAIL_BYTES_MAX (8UL * 1024 * 1024) /* of text and html */
#define MAIL_TOTAL     5                   /* times timeout_ms: what a mail may take in all */

struct mail_account {
    const char *host;
    unsigned port;
    enum mail_tls tls;
    const char *ca;              /* file of trusted certificates; "": the system's */
    const char *user, *password; /* user "": no AUTH */
    unsigned timeout_ms;         /* to connect, and for each answer */
};

struct mail {
    struct mail_address from;
    const struct mail_address *to;
    size_t n_to;
    const char *subject;
    const char *text, *html; /* html NULL: text alone */
    const char *list_id;     /* "reports.shunt.example.com"; NULL: none */
    bool auto_submitted;     /* no robot answers it, as those for absence do */
    const char *message_id;  /* as mail_message_id makes it */
    int64_t date_ms;         /* wall time */
};

enum mail_outcome { MAIL_DELIVERED, MAIL_TRANSIENT, MAIL_PERMANENT };
/* Where it went wrong: what a person looks at first. */
enum mail_trouble {
    MAIL_NO_TROUBLE,
    MAIL_NO_NAME, /* the host's name is not known */
    MAIL_NO_CONNECTION,
    MAIL_NO_ANSWER, /* a time-out */
    MAIL_CUT_OFF,   /* the connection was closed, or no mail server answers */
    MAIL_NO_STARTTLS,
    MAIL_NO_TLS,
    MAIL_CERTIFICATE, /* is not trusted, or another's */
    MAIL_CA_FILE,
    MAIL_LOG_IN,  /* is wanted, or was refused */
    MAIL_REFUSED, /* by an answer, which stands in the text */
    MAIL_OTHER_TROUBLE
};
struct mail_refusal {
    size_t recipient; /* of `to` */
    int code;         /* 4xx: for now; 5xx: for good */
    char text[MAIL_REPLY_MAX];
};
struct mail_result {
    enum mail_outcome outcome;
    enum mail_trouble trouble;
    int code;                  /* the server's last; 0: it said nothing */
    char text[MAIL_REPLY_MAX]; /* for people: the server's words, or what went wrong; fit for a terminal */
    struct mail_refusal *refused;
    size_t n_refused;
};
void mail_result_fini(struct mail_result *result);

/* Fills *result where it returns 0. *cancel set by another thread ends it, mostly within a second, as transient; may be NULL.
 * ERR_CONFIG: there is no libcurl, or the list_id is none. ERR_TOO_LARGE. ERR_NOMEM. */
int mail_deliver(const struct mail_account *account, const struct mail *mail, const atomic_bool *cancel,
                 struct mail_result *result, struct error *e);

#endif
