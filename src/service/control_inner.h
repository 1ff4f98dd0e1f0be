/* control_inner.h: what the handlers share. A handler that needs the store or the failed folder makes a call: memory of
 * its own, made by call_new, begun by call_begin, given up by call_free when it has answered. */
#ifndef SHUNT_SERVICE_CONTROL_INNER_H
#define SHUNT_SERVICE_CONTROL_INNER_H

#include "shunt/base/embedded.h"
#include "shunt/core/listen.h"
#include "shunt/io/work.h"
#include "shunt/service/control.h"
#include "shunt/service/feed.h"
#include "shunt/service/pressure.h"

#include "gate.h"

#define CALLS_MAX        64 /* that wait in one queue */
#define WHO_MAX          HTTP_WHO_MAX
#define LIST_MAX         1000
#define RETRY_MAX        10000
#define RETRY_BODY_MAX   (1024 * 1024)
#define LOGIN_BODY_MAX   4096
#define EXPLAIN_BODY_MAX (1024 * 1024)
#define STREAM_BYTES_MAX (4UL * 1024 * 1024) /* the feed's own bound is a status, and FEED_STREAM_BYTES */
#define UPLOAD_BODY      SIZE_MAX            /* in the table: [http] max_upload */

struct call {
    struct work work; /* first */
    struct control *control;
    struct http_request *request; /* NULL: nobody asked, nobody is answered */
    struct call_queue *queue;
    /* Pool thread. Of reads: with the store open, or not at all; what it returns, and *error, are seen by done. */
    int (*run)(struct call *call, struct store *store, struct error *error);
    void (*done)(struct call *call); /* loop: answers, or begins anew; then call_free */
    void (*fini)(struct call *call); /* NULL: holds nothing more */
    struct call *next;
    json_t *result;
    int code;
    struct error error;
};

struct call_queue {
    struct call *head, **tail;
    size_t count; /* that wait */
    bool busy;
};

struct control {
    struct service *service;
    struct http_server *server;   /* NULL: closed */
    struct http_server *over_tls; /* on TCP where the settings name a certificate; else NULL, and server does it */
    struct http_route *routes;    /* the table, with the limits of the settings */
    struct listen_address address;
    struct wait again;       /* the address is taken: tried once more */
    struct error no_address; /* why; code 0: it is had, or none is wanted */
    struct call_queue reads, moves, submits, checks,
        logins; /* checks: that take time, and neither the store nor tickets */
    struct feed *feed;
    struct gate gate;
    bool putting_back;        /* by itself */
    struct store *store;      /* of the read in work; NULL: to be opened */
    bool had_store;           /* it was open once: where there is none now, it was lost */
    bool store_fails;         /* the last read did */
    struct pressure pressure; /* as it was a moment ago, for requests whose bodies are still to come */
    int64_t pressure_until_ms;
    struct http_content *metrics; /* likewise; NULL: not asked for yet */
    int64_t metrics_until_ms;
};

/* NULL: answered with 503. size: of a struct that begins with a struct call. */
void *call_new(struct control *c, struct http_request *request, size_t size);
/* May not block; done comes later. False: no room, or the service drains: nothing is called, the call is the caller's. */
bool call_begin(struct call *call, struct call_queue *queue);
void call_begin_or_refuse(struct call *call, struct call_queue *queue); /* as 503, and freed */
void call_free(struct call *call);
/* Answers what every read can end in. */
void call_fail(struct call *call);

/* A name of the access file; "uid 1000, pid 4711" of the control socket. */
void api_who(const struct http_request *request, char out[WHO_MAX]);
/* The answer's JSON; NULL: 503. Taken. */
void api_answer(struct http_request *request, unsigned status, json_t *json);
/* What a filter says, as texts; NULL: nothing. */
struct filter_texts {
    const char *client, *category, *destination, *error, *text, *since, *until;
};
/* Reads what the store knows of the job that the path's {id} names; done: for job_complete. */
void job_show(struct http_request *request, struct control *c, void (*done)(struct call *call));
/* Adds to the result what is known of it here: "live". False: there is no such job; answered, and the call freed. */
bool job_complete(struct call *call);
/* Takes back a job that waits for its time. False: there is none of that id; the request is untouched. */
bool cancel_spooled(struct http_request *request, struct control *c, const char *id);
/* Strings stay borrowed. ERR_USAGE, *e names the parameter. */
int api_filter(const struct filter_texts *texts, int64_t now_wall_ms, struct store_filter *out, struct error *e);

json_t *api_text(const char *text); /* NULL is null; bytes that are not UTF-8 are escaped */
/* {"name", "label", "state", "attempts", "next_in_ms", "error"} */
json_t *api_delivery(const struct delivery *d);
const char *api_health(const struct service *s);
/* What is not as it should be. NULL: no memory. store: why it cannot be read, or NULL. */
json_t *api_degraded(const struct service *s, const char *store);
int api_limit(const char *text, size_t *out, struct error *e); /* 1 to LIST_MAX; NULL: stays. ERR_USAGE */
void api_result(struct call *call);                            /* `done` of a read or check: answers with its result */
void api_write_status(void *control, struct str *out);         /* for the feed */

void api_status(struct http_request *request, void *context);
void api_jobs(struct http_request *request, void *context);
void api_job(struct http_request *request, void *context);
void api_cancel(struct http_request *request, void *context);
void api_reset(struct http_request *request, void *context);
void api_retry(struct http_request *request, void *context);
void api_destinations(struct http_request *request, void *context);
void api_hold(struct http_request *request, void *context);
void api_release(struct http_request *request, void *context);
void api_job_status(struct http_request *request, void *context);
void api_batch_status(struct http_request *request, void *context);
void api_active(struct http_request *request, void *context);
void api_memory(struct http_request *request, void *context);
void api_service_health(struct http_request *request, void *context);
void api_workers(struct http_request *request, void *context);
void api_process_job(struct http_request *request, void *context);
void api_process_batch(struct http_request *request, void *context);
void api_upload(struct http_request *request, void *context);
void api_scan(struct http_request *request, void *context);
/* A file of the page, by name; NULL: there is none. */
const struct embedded *page_file(const char *name);
void api_page(struct http_request *request, void *context);
void api_docs(struct http_request *request, void *context);
void api_openapi(struct http_request *request, void *context);
void api_asset(struct http_request *request, void *context);
void api_login_page(struct http_request *request, void *context);
void api_login(struct http_request *request, void *context);
void api_logout(struct http_request *request, void *context);
void api_me(struct http_request *request, void *context);
void api_metrics(struct http_request *request, void *context);
void api_healthz(struct http_request *request, void *context);
void api_readyz(struct http_request *request, void *context);
void api_mail(struct http_request *request, void *context);
void api_stats(struct http_request *request, void *context);
void api_deliveries(struct http_request *request, void *context);
void api_clients(struct http_request *request, void *context);
void api_routes(struct http_request *request, void *context);
void api_explain(struct http_request *request, void *context);
void api_report(struct http_request *request, void *context);
void api_report_send(struct http_request *request, void *context);
void api_reports(struct http_request *request, void *context);
void api_settings(struct http_request *request, void *context);
void api_schedule(struct http_request *request, void *context);
void api_events(struct http_request *request, void *context);

#endif
