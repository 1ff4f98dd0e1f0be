/* http_post.c: see http_post.h. */
#include "shunt/net/http_post.h"

#include <stdio.h>
#include <string.h>

#include "shunt/base/mem.h"
#include "shunt/base/str.h"

#include "curl_transfer.h"

#define ANSWER_MAX 65536 /* bytes that are waited for */
#define SHOWN_MAX  120   /* of them */

struct post {
    struct curl_transfer transfer; /* first */
    const struct curl_calls *call;
    struct curl_slist *headers;
    post_done done;
    void *user;
    size_t answer_len;
    char answer[SHOWN_MAX];
    char why[CURL_ERROR_SIZE];
};

static size_t on_bytes(char *bytes, size_t size, size_t n, void *user)
{
    struct post *p = user;
    size_t len = size * n, room = p->answer_len < SHOWN_MAX ? SHOWN_MAX - p->answer_len : 0;
    if (room > 0)
        memcpy(p->answer + p->answer_len, bytes, len < room ? len : room);
    p->answer_len += len;
    return p->answer_len <= ANSWER_MAX ? len : 0;
}

static void post_free(struct post *p)
{
    if (p->transfer.easy)
        p->call->easy_cleanup(p->transfer.easy);
    p->call->slist_free_all(p->headers);
    mem_free(p);
}

static enum post_outcome outcome_of(long status)
{
    if (status >= 200 && status < 300)
        return POST_DELIVERED;
    return status < 200 || status >= 500 || status == 408 || status == 425 || status == 429 ? POST_TRANSIENT
                                                                                            : POST_PERMANENT;
}

static void tell(const struct post *p, CURLcode code, struct post_result *r)
{
    struct str text = STR_INIT;
    size_t shown = p->answer_len < SHOWN_MAX ? p->answer_len : SHOWN_MAX;
    const char *why = p->why[0] != '\0' ? p->why : p->call->easy_strerror(code);
    if (r->status == 0)
        str_plain(&text, why, strlen(why));
    else if (r->status >= 300 && r->status < 400)
        str_printf(&text, "it answers with a redirect (%d), which is not followed", r->status);
    else
        str_printf(&text, "it answers with status %d%s", r->status, shown > 0 ? ": " : "");
    if (r->status >= 400)
        str_plain(&text, p->answer, utf8_cut(p->answer, shown, SHOWN_MAX - 4));
    (void)snprintf(r->text, sizeof r->text, "%.*s", (int)utf8_cut(text.bytes, text.len, sizeof r->text - 1),
                   text.bytes);
    str_fini(&text);
}

static void on_done(struct curl_transfer *t, CURLcode code)
{
    struct post *p = (struct post *)t;
    struct post_result result = {.status = 0};
    long status = 0;
    p->call->easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    result.status = (int)status;
    result.outcome = outcome_of(status);
    tell(p, code, &result);
    post_done done = p->done;
    void *user = p->user;
    post_free(p);
    done(user, &result);
}

static bool set_up(struct post *p, const struct http_post *post)
{
    const struct curl_calls *call = p->call;
    CURL *easy = p->transfer.easy = call->easy_init();
    if (!easy)
        return false;
    for (const char *const *h = post->headers; *h; h++) {
        struct curl_slist *longer = call->slist_append(p->headers, *h);
        if (!longer)
            return false;
        p->headers = longer;
    }
    call->easy_setopt(easy, CURLOPT_HTTPHEADER, p->headers);
    call->easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    call->easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    call->easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    call->easy_setopt(easy, CURLOPT_USERAGENT, "shunt/" SHUNT_VERSION);
    call->easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)post->timeout_ms);
    call->easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    call->easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L); /* else its end waits for a name that is being resolved */
    call->easy_setopt(easy, CURLOPT_ERRORBUFFER, p->why);
    call->easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_bytes);
    call->easy_setopt(easy, CURLOPT_WRITEDATA, p);
    call->easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(post->body));
    return call->easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, post->body) == CURLE_OK &&
           call->easy_setopt(easy, CURLOPT_URL, post->url) == CURLE_OK;
}

int http_post_send(struct curl_loop *loop, const struct http_post *post, post_done done, void *user, struct error *e)
{
    const struct curl_calls *call;
    int rc = curl_loop_calls(loop, &call, e);
    if (rc != 0)
        return rc;
    struct post *p = mem_zalloc(sizeof *p);
    if (!p)
        return error_set(e, ERR_NOMEM, "out of memory");
    p->call = call;
    p->done = done;
    p->user = user;
    p->transfer.done = on_done;
    rc = set_up(p, post) ? curl_transfer_start(loop, &p->transfer, e) : error_set(e, ERR_NOMEM, "out of memory");
    if (rc != 0)
        post_free(p);
    return rc;
}
