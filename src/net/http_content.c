/* http_content.c: the bytes of an answer that a client may have already, or may want smaller, and what gzip makes of them:
 * made once for all who ask for the same, off the loop where it takes time. Who asks while it is made gets them as they
 * are. Nothing can fail here but for want of memory: then they are sent as they are, or the answer is a 503. */
#include <string.h>

#include "shunt/base/mem.h"

#include "http_internal.h"

struct http_content {
    size_t refs;
    char *bytes, *small; /* small: as gzip has it; NULL: not made, or it is no smaller */
    size_t len, small_len;
    uint64_t hash;
    bool shrinking, shrunk; /* small is being made; was made */
};

struct http_content *http_content_of(char *bytes, size_t len)
{
    struct http_content *content = bytes ? mem_zalloc(sizeof *content) : NULL;
    if (!content) {
        mem_free(bytes);
        return NULL;
    }
    *content = (struct http_content){.refs = 1, .bytes = bytes, .len = len, .hash = http_body_hash(bytes, len)};
    return content;
}

struct http_content *http_content_new(const void *bytes, size_t len)
{
    return http_content_of(mem_strndup(bytes, len), len);
}

void http_content_unref(struct http_content *content)
{
    if (!content || --content->refs > 0)
        return;
    mem_free(content->bytes);
    mem_free(content->small);
    mem_free(content);
}

static void let_go(void *content)
{
    http_content_unref(content);
}

static struct MHD_Response *response_of(struct http_content *content, bool gzip)
{
    struct MHD_Response *response = MHD_create_response_from_buffer_with_free_callback_cls(
        gzip ? content->small_len : content->len, gzip ? content->small : content->bytes, let_go, content);
    if (response)
        content->refs++;
    return response;
}

static bool may_shrink(const struct http_content *content, const char *type)
{
    return content->len >= HTTP_GZIP_MIN_BYTES && content->len <= HTTP_GZIP_MAX_BYTES && http_type_shrinks(type);
}

/* same: the client has it. */
static void answer(struct http_request *request, const char *type, struct http_content *content, bool gzip, bool same)
{
    char tag[HTTP_TAG_MAX];
    http_body_tag(content->hash, content->len, gzip, tag);
    struct MHD_Response *response =
        same ? MHD_create_response_from_buffer(0, "", MHD_RESPMEM_PERSISTENT) : response_of(content, gzip);
    bool fine =
        response && MHD_add_response_header(response, "ETag", tag) == MHD_YES &&
        (!may_shrink(content, type) || MHD_add_response_header(response, "Vary", "Accept-Encoding") == MHD_YES) &&
        (!gzip || same || MHD_add_response_header(response, "Content-Encoding", "gzip") == MHD_YES);
    if (response && !fine) {
        MHD_destroy_response(response);
        response = NULL;
    }
    http_answer_response(request, same ? MHD_HTTP_NOT_MODIFIED : MHD_HTTP_OK, type, response);
}

struct shrinking {
    uv_work_t work;
    struct http_request *request;
    struct http_content *content;
    char *type, *small;
    size_t small_len;
};

static void run_shrink(uv_work_t *work)
{
    struct shrinking *s = work->data;
    s->small_len = s->content->len;
    s->small = http_body_gzip(s->content->bytes, &s->small_len);
}

static void keep(struct http_content *content, char *small, size_t len)
{
    content->shrinking = false;
    content->shrunk = true;
    content->small = small;
    content->small_len = len;
}

static void on_shrunk(uv_work_t *work, int status)
{
    struct shrinking *s = work->data;
    (void)status; /* nobody cancels it */
    keep(s->content, s->small, s->small_len);
    answer(s->request, s->type, s->content, s->small != NULL, false);
    http_request_unref(s->request);
    http_content_unref(s->content);
    mem_free(s->type);
    mem_free(s);
}

/* False: no memory. */
static bool shrink_later(struct http_request *request, const char *type, struct http_content *content)
{
    struct shrinking *s = mem_zalloc(sizeof *s);
    if (!s)
        return false;
    *s = (struct shrinking){.request = request, .content = content, .type = mem_strdup(type)};
    s->work.data = s;
    if (!s->type || uv_queue_work(request->connection->server->loop, &s->work, run_shrink, on_shrunk) != 0) {
        mem_free(s->type);
        mem_free(s);
        return false;
    }
    request->refs++;
    content->refs++;
    content->shrinking = true;
    return true;
}

static void shrink_now(struct http_content *content)
{
    size_t len = content->len;
    char *small = http_body_gzip(content->bytes, &len);
    keep(content, small, len);
}

static bool has_it(const struct http_request *request, const struct http_content *content, bool gzip)
{
    const char *has = http_request_header(request, "If-None-Match");
    char tag[HTTP_TAG_MAX];
    if (!has)
        return false;
    http_body_tag(content->hash, content->len, gzip, tag);
    return http_tag_matches(has, tag);
}

void http_answer_content(struct http_request *request, const char *type, struct http_content *content)
{
    const char *accepts = http_request_header(request, "Accept-Encoding");
    bool gzip = accepts && http_accepts_gzip(accepts) && may_shrink(content, type) &&
                (content->small || !content->shrunk); /* it was not in vain */
    bool same = has_it(request, content, gzip);
    if (!same && gzip && !content->shrunk) {
        if (content->len <= HTTP_GZIP_LOOP_BYTES)
            shrink_now(content);
        else if (!content->shrinking && shrink_later(request, type, content))
            return;
        gzip = content->small != NULL;
    }
    answer(request, type, content, gzip, same);
}
