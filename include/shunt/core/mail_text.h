/* mail_text.h: what mails are made of, as text: addresses, encoded headers, dates, the server's answer. Pure.
 *
 * Headers come out folded at 76 columns with CRLF, as RFC 5322 and 2047 want them: pure ASCII, whatever the text holds.
 * What is not UTF-8 becomes U+FFFD; control characters, line breaks among them, become spaces. Thread: any.
 */
#ifndef SHUNT_CORE_MAIL_TEXT_H
#define SHUNT_CORE_MAIL_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "shunt/base/error.h"
#include "shunt/base/str.h"

#define MAIL_ADDRESS_MAX 255 /* RFC 5321, with the NUL */
#define MAIL_NAME_MAX    128
#define MAIL_SUBJECT_MAX 900 /* bytes; what is longer is cut */

struct mail_address {
    char address[MAIL_ADDRESS_MAX]; /* local@domain */
    char name[MAIL_NAME_MAX];       /* UTF-8; "": none */
};

/* "ops@example.com" or "Operations <ops@example.com>". Only what every server takes: ASCII, no quoted local part.
 * ERR_CONFIG: e says what is wrong. */
int mail_address_parse(const char *text, struct mail_address *out, struct error *e);

enum mail_tls { MAIL_STARTTLS, MAIL_TLS, MAIL_PLAIN };
#define MAIL_HOST_MAX 254
struct mail_server {
    char host[MAIL_HOST_MAX];
    unsigned port;
    bool loopback; /* as far as the name says */
};
/* "mail.example.com", "mail.example.com:2525", "smtp://mail.example.com:587", "[::1]:25". The port, unless said: 587, 465
 * or 25, by tls. ERR_CONFIG. */
int mail_server_parse(const char *text, enum mail_tls tls, struct mail_server *out, struct error *e);

/* "Name: text", without a line break at the end. */
void mail_header(struct str *out, const char *name, const char *text);
void mail_header_addresses(struct str *out, const char *name, const struct mail_address *list, size_t n);
/* What a List-Id can hold: letters, digits, dots and hyphens. */
bool mail_list_id_valid(const char *id);

#define MAIL_DATE_MAX 40
void mail_date(int64_t wall_ms, char out[MAIL_DATE_MAX]); /* "Fri, 06 Feb 2026 15:30:46 +0100" */

#define MAIL_ID_MAX 320
/* "<HASH@DOMAIN>": the same for the same hash (hex), at the domain of `from`. */
void mail_message_id(const char *hash, const char *from, char out[MAIL_ID_MAX]);

/* Every line ends with CRLF; other control characters but tabs become spaces. */
void mail_lines(struct str *out, const char *text);
/* What it is as quoted-printable (RFC 2045), or a little more: its bytes in a mail. */
size_t mail_encoded_size(const char *text, size_t len);

#endif
