/* mail.c: see mail.h. libcurl leads the dialogue; what the server says is followed in its debug callback, the only place
 * that tells which recipient was refused, and with which words. */
#include "shunt/net/mail.h"

#include <stdio.h>
#include <string.h>

#include "shunt/base/mem.h"
#include "shunt/base/str.h"

#include "mail_inner.h"

/* --- what is said --- */

static void add_refusal(struct dialogue *d)
{
    struct mail_result *r = d->result;
    struct mail_refusal *more = mem_resize(r->refused, (r->n_refused + 1) * sizeof *more);
    if (!more) {
        d->failed = true;
        return;
    }
    r->refused = more;
    struct mail_refusal *one = &more[r->n_refused++];
    *one = (struct mail_refusal){.recipient = d->asked - 1, .code = d->code};
    (void)snprintf(one->text, sizeof one->text, "%.*s", (int)utf8_cut(d->reply, d->reply_len, sizeof one->text - 1),
                   d->reply);
}

static void on_command(struct dialogue *d, const char *line, size_t n)
{
    static const struct {
        const char *word;
        enum stage stage;
    } commands[] = {
        {"MAIL FROM:", STAGE_MAIL}, {"RCPT TO:", STAGE_RECIPIENT}, {"DATA", STAGE_DATA}, {"QUIT", STAGE_AFTER}};
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        size_t len = strlen(commands[i].word);
        if (n >= len && memcmp(line, commands[i].word, len) == 0)
            d->stage = commands[i].stage;
    }
    if (d->stage == STAGE_RECIPIENT)
        d->asked++;
}

/* "550-No such user\r\n", "550 here\r\n" -> "550 No such user here" */
static void on_answer(struct dialogue *d, const char *line, size_t n)
{
    while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r'))
        n--;
    if (d->stage == STAGE_AFTER || n < 3)
        return;
    int code = 0;
    for (size_t i = 0; i < 3; i++)
        code = code * 10 + (line[i] >= '0' && line[i] <= '9' ? line[i] - '0' : 0);
    bool begins = d->reply_ended || d->reply_len == 0;
    size_t skip = begins ? 0 : n > 3 ? 4 : n;
    struct str plain = STR_INIT;
    str_puts(&plain, begins ? "" : " ");
    str_plain(&plain, line + skip, n - skip);
    if (begins)
        d->reply_len = 0;
    size_t part = utf8_cut(plain.bytes, plain.len, sizeof d->reply - 1 - d->reply_len);
    memcpy(d->reply + d->reply_len, plain.bytes, part);
    d->reply_len += part;
    d->reply[d->reply_len] = '\0';
    d->failed = d->failed || str_failed(&plain);
    str_fini(&plain);
    d->code = code;
    d->reply_ended = n == 3 || line[3] != '-';
    if (d->reply_ended && d->stage == STAGE_RECIPIENT && code >= 400)
        add_refusal(d);
}

static int on_debug(CURL *easy, curl_infotype type, char *bytes, size_t n, void *user)
{
    (void)easy;
    if (type == CURLINFO_HEADER_OUT)
        on_command(user, bytes, n);
    else if (type == CURLINFO_HEADER_IN)
        on_answer(user, bytes, n);
    return 0;
}

static int on_progress(void *user, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    (void)a, (void)b, (void)c, (void)d;
    const struct dialogue *dialogue = user;
    return dialogue->cancel && atomic_load(dialogue->cancel);
}

/* --- the mail --- */

static bool append(struct dialogue *d, struct curl_slist **list, struct str *text)
{
    struct curl_slist *longer = str_failed(text) ? NULL : d->call.slist_append(*list, text->bytes);
    *list = longer ? longer : *list;
    str_clear(text);
    return longer;
}

static bool add_headers(struct dialogue *d, const struct mail *m)
{
    struct str line = STR_INIT;
    char date[MAIL_DATE_MAX];
    mail_header_addresses(&line, "From", &m->from, 1);
    bool fine = append(d, &d->headers, &line);
    mail_header_addresses(&line, "To", m->to, m->n_to);
    fine = fine && append(d, &d->headers, &line);
    mail_header(&line, "Subject", m->subject);
    fine = fine && append(d, &d->headers, &line);
    mail_date(m->date_ms, date);
    str_printf(&line, "Date: %s", date);
    fine = fine && append(d, &d->headers, &line);
    str_printf(&line, "Message-ID: %s", m->message_id);
    fine = fine && append(d, &d->headers, &line);
    if (m->list_id) {
        str_printf(&line, "List-Id: <%s>", m->list_id);
        fine = fine && append(d, &d->headers, &line);
    }
    str_puts(&line, m->auto_submitted ? "Auto-Submitted: auto-generated" : "Auto-Submitted: no");
    fine = fine && append(d, &d->headers, &line);
    str_puts(&line, "Content-Type: multipart/alternative"); /* libcurl adds the boundary */
    fine = fine && append(d, &d->headers, &line);
    str_fini(&line);
    return fine;
}

static bool add_part(struct dialogue *d, const char *type, const char *text)
{
    struct str lines = STR_INIT;
    curl_mimepart *part = d->call.mime_addpart(d->mime);
    mail_lines(&lines, text);
    bool fine = part && !str_failed(&lines) && d->call.mime_data(part, lines.bytes, lines.len) == CURLE_OK &&
                d->call.mime_type(part, type) == CURLE_OK && d->call.mime_encoder(part, "quoted-printable") == CURLE_OK;
    str_fini(&lines);
    return fine;
}

static bool add_recipients(struct dialogue *d, const struct mail *m)
{
    struct str address = STR_INIT;
    bool fine = true;
    for (size_t i = 0; fine && i < m->n_to; i++) {
        str_printf(&address, "<%s>", m->to[i].address);
        fine = append(d, &d->recipients, &address);
    }
    str_fini(&address);
    return fine;
}

/* --- the transfer --- */

static bool set_server(struct dialogue *d, const struct mail_account *a)
{
    struct str url = STR_INIT;
    bool six = strchr(a->host, ':') != NULL;
    str_printf(&url, "%s://%s%s%s:%u", a->tls == MAIL_TLS ? "smtps" : "smtp", six ? "[" : "", a->host, six ? "]" : "",
               a->port);
    bool fine = !str_failed(&url) && d->call.easy_setopt(d->easy, CURLOPT_URL, url.bytes) == CURLE_OK;
    str_fini(&url);
    if (a->ca[0] != '\0')
        fine = fine && d->call.easy_setopt(d->easy, CURLOPT_CAINFO, a->ca) == CURLE_OK;
    if (a->user[0] != '\0')
        fine = fine && d->call.easy_setopt(d->easy, CURLOPT_USERNAME, a->user) == CURLE_OK &&
               d->call.easy_setopt(d->easy, CURLOPT_PASSWORD, a->password) == CURLE_OK;
    d->call.easy_setopt(d->easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    d->call.easy_setopt(d->easy, CURLOPT_USE_SSL, a->tls == MAIL_PLAIN ? (long)CURLUSESSL_NONE : (long)CURLUSESSL_ALL);
    d->call.easy_setopt(d->easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    d->call.easy_setopt(d->easy, CURLOPT_PROXY, "");
    d->call.easy_setopt(d->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)a->timeout_ms);
    d->call.easy_setopt(d->easy, CURLOPT_SERVER_RESPONSE_TIMEOUT, (long)((a->timeout_ms + 999) / 1000));
    d->call.easy_setopt(d->easy, CURLOPT_TIMEOUT_MS, (long)a->timeout_ms * MAIL_TOTAL);
    d->call.easy_setopt(d->easy, CURLOPT_FORBID_REUSE, 1L); /* QUIT under our time-outs, too */
    return fine;
}

static bool set_up(struct dialogue *d, const struct mail_account *a, const struct mail *m)
{
    d->easy = d->call.easy_init();
    d->mime = d->easy ? d->call.mime_init(d->easy) : NULL;
    if (!d->mime || !set_server(d, a) || !add_recipients(d, m) || !add_headers(d, m) ||
        !add_part(d, "text/plain; charset=utf-8", m->text) ||
        (m->html && !add_part(d, "text/html; charset=utf-8", m->html)))
        return false;
    struct str from = STR_INIT;
    str_printf(&from, "<%s>", m->from.address);
    bool fine = !str_failed(&from) && d->call.easy_setopt(d->easy, CURLOPT_MAIL_FROM, from.bytes) == CURLE_OK;
    str_fini(&from);
    d->call.easy_setopt(d->easy, CURLOPT_MAIL_RCPT, d->recipients);
    d->call.easy_setopt(d->easy, CURLOPT_MAIL_RCPT_ALLLOWFAILS, 1L);
    d->call.easy_setopt(d->easy, CURLOPT_HTTPHEADER, d->headers);
    d->call.easy_setopt(d->easy, CURLOPT_MIMEPOST, d->mime);
    d->call.easy_setopt(d->easy, CURLOPT_NOSIGNAL, 1L);
    d->call.easy_setopt(d->easy, CURLOPT_ERRORBUFFER, d->why);
    d->call.easy_setopt(d->easy, CURLOPT_VERBOSE, 1L);
    d->call.easy_setopt(d->easy, CURLOPT_DEBUGFUNCTION, on_debug);
    d->call.easy_setopt(d->easy, CURLOPT_DEBUGDATA, d);
    d->call.easy_setopt(d->easy, CURLOPT_NOPROGRESS, 0L);
    d->call.easy_setopt(d->easy, CURLOPT_XFERINFOFUNCTION, on_progress);
    d->call.easy_setopt(d->easy, CURLOPT_XFERINFODATA, d);
    return fine;
}

static void clean_up(struct dialogue *d)
{
    if (d->easy)
        d->call.easy_cleanup(d->easy);
    if (d->mime)
        d->call.mime_free(d->mime);
    d->call.slist_free_all(d->recipients);
    d->call.slist_free_all(d->headers);
}

void mail_result_fini(struct mail_result *result)
{
    mem_free(result->refused);
    *result = (struct mail_result){.code = 0};
}

int mail_deliver(const struct mail_account *account, const struct mail *mail, const atomic_bool *cancel,
                 struct mail_result *result, struct error *e)
{
    struct dialogue d = {.cancel = cancel, .result = result};
    *result = (struct mail_result){.code = 0};
    if (strlen(mail->text) + (mail->html ? strlen(mail->html) : 0) > MAIL_BYTES_MAX)
        return error_set(e, ERR_TOO_LARGE, "the mail is larger than %lu MiB", MAIL_BYTES_MAX / 1024 / 1024);
    if (mail->list_id && !mail_list_id_valid(mail->list_id))
        return error_set(e, ERR_CONFIG, "the mail's List-Id is none");
    int rc = curl_calls_load(&d.call, e);
    if (rc != 0)
        return rc;
    CURLcode code = set_up(&d, account, mail) ? d.call.easy_perform(d.easy) : CURLE_OUT_OF_MEMORY;
    if (code == CURLE_OUT_OF_MEMORY || d.failed) /* a refusal may not be told of */
        rc = error_set(e, ERR_NOMEM, "out of memory");
    else
        mail_conclude(&d, code, account);
    clean_up(&d);
    if (rc != 0)
        mail_result_fini(result);
    return rc;
}
