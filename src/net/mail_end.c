/* mail_end.c: what came of a dialogue with a mail server, in our words where libcurl's are no help: see mail.h. */
#include <stdio.h>
#include <string.h>

#include "shunt/base/str.h"
#include "shunt/core/units.h"

#include "mail_inner.h"

/* 530, 534, 535, 538: log in first, or otherwise. */
static bool wants_log_in(const struct dialogue *d)
{
    return d->code == 530 || d->code == 534 || d->code == 535 || d->code == 538;
}

static bool is_about_the_mail(const struct dialogue *d)
{
    return d->stage > STAGE_BEFORE && d->code >= 500 && !wants_log_in(d);
}

static bool some_only_for_now(const struct mail_result *r)
{
    for (size_t i = 0; i < r->n_refused; i++)
        if (r->refused[i].code < 500)
            return true;
    return false;
}

static enum mail_trouble trouble_of(const struct dialogue *d, CURLcode code)
{
    static const struct {
        CURLcode code;
        enum mail_trouble trouble;
    } troubles[] = {{CURLE_OK, MAIL_NO_TROUBLE},
                    {CURLE_COULDNT_RESOLVE_HOST, MAIL_NO_NAME},
                    {CURLE_COULDNT_CONNECT, MAIL_NO_CONNECTION},
                    {CURLE_OPERATION_TIMEDOUT, MAIL_NO_ANSWER},
                    {CURLE_GOT_NOTHING, MAIL_CUT_OFF},
                    {CURLE_RECV_ERROR, MAIL_CUT_OFF},
                    {CURLE_SEND_ERROR, MAIL_CUT_OFF},
                    {CURLE_WEIRD_SERVER_REPLY, MAIL_CUT_OFF},
                    {CURLE_USE_SSL_FAILED, MAIL_NO_STARTTLS},
                    {CURLE_SSL_CONNECT_ERROR, MAIL_NO_TLS},
                    {CURLE_PEER_FAILED_VERIFICATION, MAIL_CERTIFICATE},
                    {CURLE_SSL_CACERT_BADFILE, MAIL_CA_FILE},
                    {CURLE_LOGIN_DENIED, MAIL_LOG_IN}};
    if (code != CURLE_OK && d->code >= 400)
        return wants_log_in(d) ? MAIL_LOG_IN : MAIL_REFUSED;
    for (size_t i = 0; i < sizeof troubles / sizeof *troubles; i++)
        if (troubles[i].code == code)
            return troubles[i].trouble;
    return MAIL_OTHER_TROUBLE;
}

static void put_system_error(const struct dialogue *d, struct str *out)
{
    long number = 0;
    const char *why = NULL;
    if (d->call.easy_getinfo(d->easy, CURLINFO_OS_ERRNO, &number) == CURLE_OK && number != 0)
        why = strerrordesc_np((int)number);
    if (why)
        str_printf(out, ": %s", why);
}

/* What libcurl says of it, behind our own words. */
static void put_detail(const struct dialogue *d, struct str *out)
{
    static const char known[] = "SSL certificate problem: ";
    const char *why = strncmp(d->why, known, sizeof known - 1) == 0 ? d->why + sizeof known - 1 : d->why;
    if (why[0] == '\0')
        return;
    str_puts(out, ": ");
    str_plain(out, why, strlen(why));
}

static void put_trouble(const struct dialogue *d, CURLcode code, const struct mail_account *a, struct str *out)
{
    char limit[UNITS_TEXT_MAX];
    const char *said;
    units_ms_text(a->timeout_ms, limit);
    switch (d->result->trouble) {
    case MAIL_NO_TROUBLE:
    case MAIL_REFUSED:
        str_puts(out, d->reply);
        break;
    case MAIL_NO_NAME:
        str_puts(out, "the host's name is not known");
        break;
    case MAIL_NO_CONNECTION:
        str_puts(out, "no connection");
        put_system_error(d, out);
        break;
    case MAIL_NO_ANSWER:
        str_printf(out, "no answer for too long (time-out %s)", limit);
        break;
    case MAIL_CUT_OFF:
        str_puts(out, d->code ? "the connection was closed" : "the connection was closed, or no mail server answers");
        break;
    case MAIL_NO_STARTTLS:
        str_puts(out, "no STARTTLS is offered");
        break;
    case MAIL_NO_TLS:
        str_puts(out, "no encryption comes about");
        put_detail(d, out);
        break;
    case MAIL_CERTIFICATE:
        str_puts(out, "the certificate is not trusted");
        put_detail(d, out);
        break;
    case MAIL_CA_FILE:
        str_printf(out, "%s trusted certificates cannot be read", a->ca[0] ? "the file of" : "this machine's");
        if (a->ca[0])
            str_printf(out, ": %s", a->ca);
        else
            put_detail(d, out);
        break;
    case MAIL_LOG_IN:
        str_puts(out, d->code >= 400 ? d->reply : "no way to log in that is known here is offered");
        break;
    case MAIL_OTHER_TROUBLE:
        said = d->why[0] ? d->why : d->call.easy_strerror(code);
        str_plain(out, said, strlen(said));
        break;
    }
}

static void tell(const struct dialogue *d, CURLcode code, const struct mail_account *a)
{
    char *out = d->result->text;
    const size_t room = sizeof d->result->text;
    struct str why = STR_INIT;
    if (code == CURLE_ABORTED_BY_CALLBACK)
        str_puts(&why, "it was broken off, since we stop");
    else
        put_trouble(d, code, a, &why);
    (void)snprintf(out, room, "%.*s", (int)utf8_cut(why.bytes, why.len, room - 1), why.bytes);
    str_fini(&why);
}

void mail_conclude(const struct dialogue *d, CURLcode code, const struct mail_account *a)
{
    struct mail_result *r = d->result;
    r->code = d->code;
    r->trouble = trouble_of(d, code);
    if (code == CURLE_OK)
        r->outcome = MAIL_DELIVERED;
    else
        r->outcome = is_about_the_mail(d) && !(d->stage == STAGE_RECIPIENT && some_only_for_now(r)) ? MAIL_PERMANENT
                                                                                                    : MAIL_TRANSIENT;
    tell(d, code, a);
}
