/* mail.h: a mail to a server: multipart/alternative by SMTP (RFC 5321, 5322), on the loop.
 *
 * Contract, as libuv's for requests: non-zero from mail_send = `done` is never called; zero = exactly once, later, from
 * the loop (or from curl_loop_close). Everything is copied. Texts may hold anything: no text can add a header or a recipient, what is not UTF-8 becomes
 * U+FFFD, line breaks in a header become spaces. Addresses are those of mail_text.h, checked there.
 *
 * Outcome: DELIVERED: the server has it for at least one recipient; whom it refused is in `refused`. TRANSIENT: no
 * server, time-out, 4xx; also what no change of the mail would help: TLS, a refused log-in. PERMANENT: 5xx to this mail, for all
 * recipients. Who gets 250 has the mail even if we never hear of it: send it again under the same Message-ID.
 */
#ifndef SHUNT_NET_MAIL_H
#define SHUNT_NET_MAIL_H

#include <stdint.h>

#include "shunt/core/mail_text.h"
#include "shunt/net/curl_loop.h"

#define MAIL_REPLY_MAX 256

struct mail_account { /* borrowed for the call */
    const char *host;
    unsigned port;
    enum mail_tls tls;
    const char *ca;              /* file of trusted certificates; "": the system's */
    const char *user, *password; /* user "": no AUTH */
    unsigned timeout_ms;         /* to connect; in all it may take MAIL_TOTAL times as long */
};
#define MAIL_TOTAL 3

struct mail { /* borrowed for the call */
    struct mail_address from;
    const struct mail_address *to;
    size_t n_to;
    const char *subject;
    const char *text, *html; /* html NULL: text alone */
    const char *list_id;     /* "reports.shunt.example.com"; NULL: none */
    bool auto_submitted;     /* "auto-generated": nobody answers it by a robot */
    const char *message_id;  /* as mail_message_id makes it */
    int64_t date_ms;         /* wall time */
};

enum mail_outcome { MAIL_DELIVERED, MAIL_TRANSIENT, MAIL_PERMANENT };
struct mail_refusal {
    size_t recipient; /* of `to` */
    int code;
    char text[MAIL_REPLY_MAX];
};
struct mail_result {
    enum mail_outcome outcome;
    int code; /* the server's last; 0: none */
    char text
        [MAIL_REPLY_MAX]; /* for people: the server's words, or what went wrong before it spoke; fit for a terminal */
    const struct mail_refusal *refused;
    size_t n_refused;
};
typedef void (*mail_done)(void *user, const struct mail_result *result); /* borrowed for the call */

/* ERR_CONFIG: there is no libcurl. ERR_NOMEM. ERR_TOO_LARGE: more than MAIL_BYTES_MAX of text and html. */
#define MAIL_BYTES_MAX (4 * 1024 * 1024)
int mail_send(struct curl_loop *loop, const struct mail_account *account, const struct mail *mail, mail_done done,
              void *user, struct error *e);

#endif
