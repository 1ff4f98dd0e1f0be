/* outbox_send.c: a row that was taken becomes a mail, sent by a work request, or a post, sent on the loop; its end decides
 * what becomes of the row, and is told in the log. */
#include <inttypes.h>
#include <string.h>
#include <sys/random.h>

#include "shunt/base/log.h"
#include "shunt/base/mem.h"
#include "shunt/core/json_get.h"
#include "shunt/core/retry.h"
#include "shunt/io/files.h"
#include "shunt/io/secret.h"

#include "outbox_inner.h"

#define PAUSE_MAX_MS    (3600 * INT64_C(1000))
#define PAUSE_FACTOR    2
#define POST_TIMEOUT_MS 30000

void sending_free(struct sending *s)
{
    mail_result_fini(&s->result);
    json_decref(s->left);
    json_decref(s->row);
    mem_free(s->to);
    mem_free(s);
}

void outbox_ended(struct sending *s)
{
    struct outbox *o = s->outbox;
    struct sending **at = &o->under_way;
    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    o->n_under_way--;
    if (s->put) {
        outbox_direct_ended(s);
        return;
    }
    s->next = o->ended;
    o->ended = s;
}

static void hash_key(const struct sending *s, char out[2 * SHA256_SIZE + 1])
{
    uint8_t hash[SHA256_SIZE];
    files_sha256(s->key, strlen(s->key), hash);
    files_hex(hash, sizeof hash, out);
}

/* --- what becomes of it --- */

static void log_end(const struct sending *s)
{
    static const enum log_level levels[] = {[OUTBOX_WAITING] = LOG_INFO,
                                            [OUTBOX_SENT] = LOG_INFO,
                                            [OUTBOX_FAILED] = LOG_ERROR,
                                            [OUTBOX_EXPIRED] = LOG_ERROR};
    static const char *const events[][OUTBOX_STATES] = {
        [OUTBOX_MAIL] = {"mail_delayed", "mail_sent", "mail_failed", "mail_expired"},
        [OUTBOX_WEBHOOK] = {"webhook_delayed", "webhook_sent", "webhook_failed", "webhook_expired"}};
    static const char *const words[OUTBOX_STATES] = {"cannot be sent now and is tried again", "is sent",
                                                     "was refused and is not sent", "could not be sent in time"};
    enum log_level level = s->state == OUTBOX_WAITING && s->attempt == 1 ? LOG_WARN : levels[s->state];
    const struct log_event event = {
        .level = level, .event = events[s->kind][s->state], .error = s->error.code ? s->error.text : NULL};
    log_write(&event, "The %s %s %s, attempt %u", outbox_kind_word(s->kind), s->key, words[s->state], s->attempt);
}

/* A first failure may be a server that wants to be asked twice. What is refused for good got there, unless by ourselves. */
static void note_trouble(struct outbox *o, const struct sending *s)
{
    if (s->state == OUTBOX_SENT || (s->state == OUTBOX_FAILED && s->error.code == ERR_NETWORK))
        error_clear(&o->trouble[s->kind]);
    else if (s->state != OUTBOX_FAILED && s->error.code && s->attempt > 1)
        o->trouble[s->kind] = s->error;
}

static void end(struct sending *s, enum outbox_state state)
{
    struct outbox *o = s->outbox;
    const struct retry_policy policy = {
        .first_ms = o->rt->config->settings->mail_pause_ms, .max_ms = PAUSE_MAX_MS, .factor = PAUSE_FACTOR};
    uint64_t random = 0;
    (void)!getrandom(&random, sizeof random, GRND_NONBLOCK); /* without it all pauses are a little shorter, no more */
    bool broken_off = o->stopping && atomic_load(&s->cancel);
    int64_t now = outbox_wall_ms(o);
    s->state = state;
    s->due_ms = broken_off ? now : now + retry_pause_ms(&policy, s->attempt, random);
    if (state == OUTBOX_WAITING && s->due_ms >= s->expires_ms)
        s->state = OUTBOX_EXPIRED;
    if (!broken_off)
        note_trouble(o, s);
    log_end(s);
    outbox_ended(s);
}

/* --- a mail's recipients --- */

static bool is_refused(const struct mail_result *r, size_t recipient, bool for_good)
{
    for (size_t i = 0; i < r->n_refused; i++)
        if (r->refused[i].recipient == recipient && (r->refused[i].code >= 500) == for_good)
            return true;
    return false;
}

/* Those who are refused for good are told here, once: they are not asked again. */
static void tell_refused(const struct sending *s)
{
    for (size_t i = 0; i < s->result.n_refused; i++) {
        const struct mail_refusal *one = &s->result.refused[i];
        if (one->code >= 500)
            log_write(LOG_EVENT(LOG_ERROR, "mail_refused", .error = one->text), "The mail %s does not reach %s", s->key,
                      s->to[one->recipient].address);
    }
}

static bool add_recipient(json_t *list, const struct mail_address *a)
{
    json_t *text = a->name[0] == '\0' ? json_string(a->address) : json_sprintf("%s <%s>", a->name, a->address);
    return json_array_append_new(list, text) == 0;
}

/* s->left: the document for whom it did not reach yet. *n: how many they are. ERR_NOMEM. */
static int leave_over(struct sending *s, size_t *n)
{
    bool delivered = s->result.outcome == MAIL_DELIVERED, fine = true;
    json_t *list = json_array();
    for (size_t i = 0; list && fine && i < s->n_to; i++)
        if (is_refused(&s->result, i, false) || (!delivered && !is_refused(&s->result, i, true)))
            fine = add_recipient(list, &s->to[i]);
    *n = json_array_size(list);
    s->left = list && fine ? json_copy((json_t *)s->document) : NULL;
    if (s->left && json_object_set(s->left, "to", list) != 0) {
        json_decref(s->left);
        s->left = NULL;
    }
    json_decref(list);
    return s->left ? 0 : ERR_NOMEM;
}

static void on_mail_done(struct work *work)
{
    struct sending *s = (struct sending *)work;
    const struct mail_result *r = &s->result;
    size_t left = s->n_to;
    if (s->rc != 0) {
        end(s, s->rc == ERR_TOO_LARGE ? OUTBOX_FAILED : OUTBOX_WAITING);
        return;
    }
    if (r->outcome != MAIL_DELIVERED || r->n_refused > 0)
        error_set(&s->error, ERR_NETWORK, "%s", r->n_refused > 0 ? r->refused[0].text : r->text);
    if (r->n_refused > 0 && r->outcome != MAIL_PERMANENT && leave_over(s, &left) != 0)
        left = s->n_to; /* without memory all get it once more, under the same Message-ID */
    else if (r->outcome == MAIL_DELIVERED && r->n_refused == 0)
        left = 0;
    tell_refused(s);
    if (left == 0) { /* lists show whom it was for */
        json_decref(s->left);
        s->left = NULL;
    }
    end(s, r->outcome == MAIL_PERMANENT ? OUTBOX_FAILED : left > 0 ? OUTBOX_WAITING : OUTBOX_SENT);
}

/* --- sending a mail --- */

static void run_mail(struct work *work)
{
    struct sending *s = (struct sending *)work;
    const struct outbox *o = s->outbox;
    const struct settings *set = o->rt->config->settings; /* never changes while we run */
    struct mail_server server;
    char hash[2 * SHA256_SIZE + 1], id[MAIL_ID_MAX];
    if ((s->rc = mail_server_parse(set->mail_server, set->mail_tls, &server, &s->error)) != 0)
        return;
    hash_key(s, hash);
    mail_message_id(hash, s->from.address, id);
    const struct mail_account account = {.host = server.host,
                                         .port = server.port,
                                         .tls = set->mail_tls,
                                         .ca = o->ca,
                                         .user = set->mail_user,
                                         .password = set->mail_password,
                                         .timeout_ms = (unsigned)set->mail_timeout_ms};
    const struct mail mail = {.from = s->from,
                              .to = s->to,
                              .n_to = s->n_to,
                              .subject = json_text_of(s->document, "subject"),
                              .text = json_text_of(s->document, "text"),
                              .html = json_string_value(json_object_get(s->document, "html")),
                              .list_id = json_string_value(json_object_get(s->document, "list_id")),
                              .auto_submitted = true,
                              .message_id = id,
                              .date_ms = s->created_ms};
    s->rc = mail_deliver(&account, &mail, &s->cancel, &s->result, &s->error);
}

static int add_address(struct sending *s, const char *text)
{
    struct error why = {0};
    int rc = mail_address_parse(text, &s->to[s->n_to], &why);
    if (rc == 0)
        s->n_to++;
    else
        log_write(LOG_EVENT(LOG_ERROR, "mail_refused", .error = why.text),
                  "The mail %s does not reach one of its recipients", s->key);
    return rc;
}

/* Its own recipients, else those of the settings. ERR_CONFIG: there is nobody. */
static int set_addresses(struct sending *s)
{
    const struct settings *set = s->outbox->rt->config->settings;
    const json_t *own = json_object_get(s->document, "to"), *one;
    size_t n = own ? json_array_size(own) : set->mail_to.count, i;
    s->to = mem_zalloc((n > 0 ? n : 1) * sizeof *s->to);
    if (!s->to)
        return error_set(&s->error, ERR_NOMEM, "out of memory");
    json_array_foreach (own, i, one)
        add_address(s, json_string_value(one) ? json_string_value(one) : "");
    for (i = 0; !own && i < n; i++)
        add_address(s, set->mail_to.items[i]);
    if (s->n_to == 0)
        return error_set(&s->error, ERR_BAD_FIELD, "nobody is to get it");
    return mail_address_parse(set->mail_from, &s->from, &s->error);
}

static void send_mail(struct sending *s)
{
    struct outbox *o = s->outbox;
    int rc = set_addresses(s);
    if (rc == 0 && work_submit(o->rt->loop, &s->work, run_mail, on_mail_done) != 0)
        rc = error_set(&s->error, ERR_NOMEM, "out of memory");
    if (rc != 0)
        end(s, rc == ERR_BAD_FIELD ? OUTBOX_FAILED : OUTBOX_WAITING);
}

/* --- posting --- */

static void on_posted(void *user, const struct post_result *r)
{
    struct sending *s = user;
    static const enum outbox_state states[] = {
        [POST_DELIVERED] = OUTBOX_SENT, [POST_TRANSIENT] = OUTBOX_WAITING, [POST_PERMANENT] = OUTBOX_FAILED};
    if (r->outcome != POST_DELIVERED)
        error_set(&s->error, ERR_NETWORK, "%s", r->text);
    atomic_store(&s->cancel, s->outbox->stopping && r->status == 0);
    end(s, states[r->outcome]);
}

/* "t=1770388246,v1=HEX": of the time, a dot and the body, so that what was overheard cannot be sent again later. */
static void put_signature(const struct sending *s, const char *secret, const char *body, struct str *out)
{
    unsigned char mac[SECRET_SIGNATURE_SIZE];
    char hex[2 * SECRET_SIGNATURE_SIZE + 1];
    struct str text = STR_INIT;
    int64_t now_s = outbox_wall_ms(s->outbox) / 1000;
    str_printf(&text, "%" PRId64 ".%s", now_s, body);
    secret_sign(secret, text.bytes, mac);
    files_hex(mac, sizeof mac, hex);
    str_printf(out, "Shunt-Signature: t=%" PRId64 ", v1=%s", now_s, hex);
    str_part_fini(&text, out);
}

static void post(struct sending *s)
{
    const struct settings *set = s->outbox->rt->config->settings;
    char *body = json_dumps(s->document, JSON_COMPACT), hash[2 * SHA256_SIZE + 1], key[2 * SHA256_SIZE + 32];
    struct str signature = STR_INIT;
    hash_key(s, hash);
    (void)snprintf(key, sizeof key, "Idempotency-Key: %.40s", hash);
    if (body && set->webhook_secret[0] != '\0')
        put_signature(s, set->webhook_secret, body, &signature);
    const char *const headers[] = {"Content-Type: application/json", key, signature.len > 0 ? signature.bytes : NULL,
                                   NULL};
    const struct http_post request = {
        .url = set->webhook_url, .headers = headers, .body = body, .timeout_ms = POST_TIMEOUT_MS};
    int rc = body && !str_failed(&signature) ? 0 : error_set(&s->error, ERR_NOMEM, "out of memory");
    rc = rc ? rc : http_post_send(s->outbox->curl, &request, on_posted, s, &s->error);
    str_fini(&signature);
    mem_free(body);
    if (rc != 0)
        end(s, OUTBOX_WAITING);
}

/* --- a row --- */

static struct sending *sending_new(struct outbox *o, json_t *row, struct put *put)
{
    struct sending *s = mem_zalloc(sizeof *s);
    if (!s)
        return NULL;
    s->outbox = o;
    s->put = put;
    s->row = row;
    s->key = json_text_of(row, "key");
    s->kind = strcmp(json_text_of(row, "kind"), outbox_kind_word(OUTBOX_MAIL)) == 0 ? OUTBOX_MAIL : OUTBOX_WEBHOOK;
    s->attempt = (unsigned)json_integer_value(json_object_get(row, "attempt"));
    s->created_ms = json_integer_value(json_object_get(row, "created_ms"));
    s->expires_ms = json_integer_value(json_object_get(row, "expires_ms"));
    s->document = json_object_get(row, "document");
    s->next = o->under_way;
    o->under_way = s;
    o->n_under_way++;
    return s;
}

void outbox_send(struct outbox *o, json_t *row, struct put *put)
{
    struct sending *s = sending_new(o, row, put);
    if (!s) {
        json_decref(row);
        return;
    }
    if (put)
        put->under_way = true;
    if (outbox_wall_ms(o) >= s->expires_ms) {
        end(s, OUTBOX_EXPIRED);
    } else if (!outbox_reaches(o, s->kind)) {
        error_set(&s->error, ERR_CONFIG, "the settings name nobody to send it to");
        end(s, OUTBOX_WAITING);
    } else if (s->kind == OUTBOX_MAIL) {
        send_mail(s);
    } else {
        post(s);
    }
}
