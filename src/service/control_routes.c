/* control_routes.c: the API, route by route: who may ask, what it takes, what it answers. The gate refuses by this
 * table, and the description of the API is made of it; schemas are those of openapi_schemas.json. */
#include "shunt/core/exposition.h"

#include "control_inner.h"

#define HTML        "text/html; charset=utf-8"
#define FORM        "application/x-www-form-urlencoded"
#define SENT_BEFORE "It was sent before, under the same Idempotency-Key"

static const struct http_parameter job[] = {
    {"id", "A job's id, the beginning of one that is the only one, or a file name: the newest of it", "5903701.json"},
    {.name = NULL},
};
static const struct http_parameter batch[] = {
    {"id", "What the jobs that were sent together are called", "7ZZZZZZZZZ0123456789ABCDEF"},
    {.name = NULL},
};
static const struct http_parameter client[] = {{"client", "A hot folder", "RANK"}, {.name = NULL}};
static const struct http_parameter destination[] = {{"name", "A destination", "celtra"}, {.name = NULL}};
static const struct http_parameter asset[] = {{"name", "A file", "style.css"}, {.name = NULL}};

static const struct http_parameter jobs_query[] = {
    {"status", "pending, processing, completed, failed, cancelled; several with commas", "completed,failed"},
    {"client", "A client", "RANK"},
    {"category", "A category", "CELTRA"},
    {"destination", "The name of a destination", "celtra"},
    {"error", "Part of the error", "disk full"},
    {"text", "Part of the file name or title", "spring"},
    {"since", "An age as 2h or 3d, a day, or a time (RFC 3339)", "2d"},
    {"until", "The same; a day is meant whole", "2030-12-31"},
    {"before", "`next` of the page before", "1000"},
    {"limit", "At most so many, 1 to 1000; 50 unless said", "20"},
    {.name = NULL},
};
static const struct http_parameter stats_query[] = {{"date", "A day; today unless said", "2026-02-06"}, {.name = NULL}};
static const struct http_parameter report_query[] = {
    {"date", "A day; today so far unless said", "2026-02-06"},
    {"format", "json, html or text; json unless said", "json"},
    {.name = NULL},
};
static const struct http_parameter deliveries_query[] = {
    {"destination", "The name of a destination", "celtra"},
    {"state", "queued, active, waiting, done, failed; several with commas; the first three unless said", "waiting"},
    {"one_left", "true: those alone that fail for good with the next attempt that fails", "true"},
    {"counts", "true: also how many are in hand, of all, by the attempts that were made", "true"},
    {"limit", "At most so many, 1 to 1000; 100 unless said", "20"},
    {.name = NULL},
};
static const struct http_parameter mail_query[] = {
    {"state", "waiting, sent, failed or expired; all unless said", "waiting"},
    {"limit", "At most so many, 1 to 1000; 50 unless said", "20"},
    {.name = NULL},
};
static const struct http_parameter explain_query[] = {
    {"client", "The hot folder; what the ticket says itself unless said", "RANK"},
    {"name", "The file name, where it matters", "5903701.json"},
    {.name = NULL},
};

static const struct http_parameter schedule_query[] = {
    {"count", "So many runs of each task, 1 to 100; 3 unless said", "10"},
    {.name = NULL},
};
static const struct http_parameter upload_query[] = {
    {"name", "What the file is called; a form may say it instead", "5903701.json"},
    {.name = NULL},
};

static const struct http_parameter key_header[] = {
    {"Idempotency-Key",
     "Of your choosing, up to 255 bytes: what is sent again under it is the same job, not another one", "order-17"},
    {.name = NULL},
};
static const struct http_parameter resume_header[] = {
    {"Last-Event-ID", "The id of the last event that was had: what came after it is told first", "19a2069fa52-42"},
    {.name = NULL},
};

const struct http_route control_routes[] = {
    {"GET", "/api/v1/status", api_status, 0, "read", "Is it running, what has it in hand, what did it do today",
     .answer = "Status"},
    {"GET", "/api/v1/jobs", api_jobs, 0, "read", "Jobs, newest first, a page", .query = jobs_query,
     .answer = "JobPage"},
    {"GET", "/api/v1/jobs/{id}", api_job, 0, "read", "All that is known of a job", .path_params = job, .answer = "Job"},
    {"POST", "/api/v1/jobs/{id}/cancel", api_cancel, 0, "operate", "Take back a job that waits", .path_params = job,
     .answer = "Cancelled"},
    {"POST", "/api/v1/jobs/{id}/reset", api_reset, 0, "operate", "Give a job in hand all its attempts again",
     .path_params = job, .answer = "Reset"},
    {"POST", "/api/v1/retry", api_retry, RETRY_BODY_MAX, "operate", "Put failed tickets back into their hot folders",
     .body = "RetryRequest", .answer = "Retried"},
    {"GET", "/api/v1/destinations", api_destinations, 0, "read", "Destinations and how they are",
     .answer = "Destinations"},
    {"POST", "/api/v1/destinations/{name}/hold", api_hold, 0, "operate", "Deliver nothing there until it is released",
     .path_params = destination, .answer = "Held"},
    {"POST", "/api/v1/destinations/{name}/release", api_release, 0, "operate", "Deliver there again",
     .path_params = destination, .answer = "Held"},
    {"POST", "/api/v1/scan", api_scan, 0, "operate", "Scan the hot folders now", .answer = "Scan", .status = 202},
    {"GET", "/api/v1/stats", api_stats, 0, "read", "A day in numbers, and the last hour by minutes",
     .query = stats_query, .answer = "Day"},
    {"GET", "/api/v1/report", api_report, 0, "read", "The report of a day, as JSON, or as it is mailed",
     .query = report_query, .answer = "Report"},
    {"POST", "/api/v1/report/send", api_report_send, 0, "operate", "Mail the report of a day again",
     .query = stats_query, .answer = "ReportSent", .status = 202},
    {"GET", "/api/v1/reports", api_reports, 0, "read", "The days whose reports were made, the newest first",
     .answer = "Reports"},
    {"GET", "/api/v1/deliveries", api_deliveries, 0, "read", "Deliveries in hand, the oldest job's first",
     .query = deliveries_query, .answer = "DeliveriesInHand"},
    {"GET", "/api/v1/mail", api_mail, 0, "operate", "Mails and webhooks that wait or were sent, newest first",
     .query = mail_query, .answer = "Messages"},
    {"GET", "/api/v1/clients", api_clients, 0, "read", "Hot folders, and what waits in each", .answer = "Clients"},
    {"GET", "/api/v1/routes", api_routes, 0, "read", "The routing table in force", .answer = "Routes"},
    {"POST", "/api/v1/explain", api_explain, EXPLAIN_BODY_MAX, "read", "Where a ticket would go, and why",
     .query = explain_query, .body = "Ticket", .answer = "Explanation"},
    {"GET", "/api/v1/settings", api_settings, 0, "read", "Settings in force", .answer = "Settings"},
    {"GET", "/api/v1/schedule", api_schedule, 0, "read", "What runs at which times, and why", .query = schedule_query,
     .answer = "Schedule"},
    {"GET", "/api/v1/events", api_events, 0, "read", "Jobs and the status as they change, as server-sent events",
     .headers = resume_header, .answer = "Events", .answer_type = "text/event-stream"},
    {"GET", "/api/v1/me", api_me, 0, "public", "Who am I here, and what may I do", .answer = "Me"},
    {"POST", "/upload/{client}", api_upload, UPLOAD_BODY, "submit", "Put a file into a hot folder",
     .path_params = client, .query = upload_query, .body = "File", .body_type = "application/octet-stream",
     .answer = "Uploaded", .status = 201},
    {"POST", "/process-job", api_process_job, UPLOAD_BODY, "submit",
     "Send a job; again under the same Idempotency-Key: it is the same", .headers = key_header, .body = "Submission",
     .answer = "Submitted", .status = 202, .also = 200, .also_text = SENT_BEFORE},
    {"POST", "/process-batch", api_process_batch, UPLOAD_BODY, "submit", "Send several jobs, up to 1000",
     .headers = key_header, .body = "Submissions", .answer = "SubmittedBatch", .status = 202, .also = 200,
     .also_text = SENT_BEFORE},
    {"GET", "/job-status/{id}", api_job_status, 0, "read submit", "How far a job is", .path_params = job,
     .answer = "Task"},
    {"GET", "/batch-status/{id}", api_batch_status, 0, "read submit", "How far the jobs are that were sent together",
     .path_params = batch, .answer = "Batch"},
    {"GET", "/jobs/active", api_active, 0, "read", "Jobs in hand, and those that wait for their time",
     .answer = "ActiveJobs"},
    {"GET", "/health", api_service_health, 0, "read", "Is all as it should be", .answer = "Health"},
    {"GET", "/memory-stats", api_memory, 0, "read", "Memory, disk and queue, and whether jobs are accepted",
     .answer = "Load"},
    {"GET", "/worker-stats", api_workers, 0, "read", "What is in work, what waits, and who does it",
     .answer = "Workers"},
    {"GET", "/celery-stats", api_workers, 0, "read", "The same under its old name", .answer = "Workers"},
    {"GET", "/", api_page, 0, "read", "The dashboard", .answer_type = HTML},
    {"GET", "/docs", api_docs, 0, "public", "The API, to be read", .answer_type = HTML},
    {"GET", "/openapi.json", api_openapi, 0, "public", "The API, as a program reads it", .answer = "OpenApi"},
    {"GET", "/assets/{name}", api_asset, 0, "public", "What the pages are made of", .path_params = asset,
     .answer_type = "*/*"},
    {"GET", "/login", api_login_page, 0, "public", "A form to log in", .answer_type = HTML},
    {"POST", "/login", api_login, LOGIN_BODY_MAX, "public", "Log in: name and password, or token, as a form",
     .body = "Login", .body_type = FORM, .status = 303},
    {"POST", "/logout", api_logout, LOGIN_BODY_MAX, "public", "Log out", .status = 303},
    {"GET", "/metrics", api_metrics, 0, "read", "What is counted and timed, in Prometheus' text format",
     .answer_type = EXPOSITION_TYPE},
    {"GET", "/healthz", api_healthz, 0, "public", "It is alive: the loop turns",
     .answer_type = "text/plain; charset=utf-8"},
    {"GET", "/readyz", api_readyz, 0, "public", "Work really moves; where not, why", .answer = "Ready", .also = 503,
     .also_text = "Not ready"},
};
const size_t control_n_routes = sizeof control_routes / sizeof *control_routes;
