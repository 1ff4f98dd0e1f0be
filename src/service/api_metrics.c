/* api_metrics.c: what is counted (core/metrics.h), and what the service's parts hold right now, for Prometheus. Nothing here
 * waits: of the disks it tells what was found last. What the kernel tells of our own process costs no disk. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shunt/core/exposition.h"
#include "shunt/service/health.h"
#include "shunt/service/lane.h"
#include "shunt/service/watching.h"

#include "control_inner.h"

#define FRESH_MS 50 /* many who ask at once get the same: to tell it takes as long as a ticket does */

static double seconds_of(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

/* Newer kernels tell it as the folder's size; else it is counted. */
static size_t open_descriptors(void)
{
    struct stat st;
    if (stat("/proc/self/fd", &st) == 0 && st.st_size > 0)
        return (size_t)st.st_size;
    DIR *dir = opendir("/proc/self/fd");
    size_t n = 0;
    while (dir && readdir(dir))
        n++;
    if (dir)
        closedir(dir);
    return n > 3 ? n - 3 : 0; /* ".", "..", and that of the listing */
}

static void put_memory(struct str *out)
{
    char text[128] = "";
    unsigned long pages = 0, resident = 0;
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    if (fd >= 0)
        close(fd);
    if (n <= 0 || sscanf(text, "%lu %lu", &pages, &resident) != 2)
        return;
    double page_bytes = (double)sysconf(_SC_PAGESIZE);
    exposition_gauge(out, "process_virtual_memory_bytes", "Virtual memory size in bytes.", (double)pages * page_bytes);
    exposition_gauge(out, "process_resident_memory_bytes", "Resident memory size in bytes.",
                     (double)resident * page_bytes);
}

static void put_process(const struct service *s, struct str *out)
{
    struct rusage used;
    struct rlimit files;
    if (getrusage(RUSAGE_SELF, &used) == 0) {
        exposition_family(out, "process_cpu_seconds_total", "counter",
                          "Total user and system CPU time spent in seconds.");
        exposition_value(out, "process_cpu_seconds_total", NULL, 0,
                         seconds_of(used.ru_utime) + seconds_of(used.ru_stime));
    }
    exposition_gauge(out, "process_start_time_seconds", "Start time of the process since unix epoch in seconds.",
                     (double)s->started_wall_ms / 1000);
    exposition_gauge(out, "process_open_fds", "Number of open file descriptors.", (double)open_descriptors());
    if (getrlimit(RLIMIT_NOFILE, &files) == 0)
        exposition_gauge(out, "process_max_fds", "Maximum number of open file descriptors.", (double)files.rlim_cur);
    put_memory(out);
}

static void put_queue(const struct service *s, struct str *out)
{
    const struct ledger *l = &s->rt.ledger;
    exposition_gauge(out, "shunt_tickets_in_work", "Tickets being delivered, settled or set aside.",
                     (double)l->in_work);
    exposition_gauge(out, "shunt_tickets_waiting", "Tickets that wait for a destination.", (double)l->waiting);
    exposition_gauge(out, "shunt_intake_known", "Names of files that are known and not taken up yet.",
                     (double)s->intake.count);
    exposition_gauge(out, "shunt_intake_queued", "Of them those that are to be looked at.", (double)s->intake.queued);
    exposition_gauge(out, "shunt_intake_looking", "Of them those that a worker looks at.", (double)s->intake.looking);
    exposition_gauge(out, "shunt_oldest_waiting_seconds",
                     "How long the oldest ticket has waited that is known and not done; without those that wait for "
                     "destinations that a person holds.",
                     (double)health_oldest_ms(s) / 1000);
    exposition_gauge(out, "shunt_folders", "Hot folders, the root among them.", (double)s->scanner.n_folders);
    exposition_gauge(out, "shunt_folders_unwatched", "Of them those that are only scanned.",
                     (double)watching_unwatched(&s->scanner));
}

static void put_store(const struct storage *st, struct str *out)
{
    exposition_gauge(out, "shunt_store_degraded", "1: the store cannot be written; routing goes on.", st->degraded);
    exposition_gauge(out, "shunt_store_queued", "Records that wait to be written.", (double)st->queued);
}

/* A folder that does not answer has no room to tell of. */
static void put_disks(const struct disks *disks, struct str *out)
{
    static const struct {
        const char *name, *help;
    } families[] = {
        {"shunt_folder_up", "1: the folder answers, can be listed and written."},
        {"shunt_folder_free_bytes", "Room on the folder's file system that we may use."},
        {"shunt_folder_size_bytes", "Size of the folder's file system."},
    };
    for (size_t f = 0; f < sizeof families / sizeof families[0]; f++) {
        exposition_family(out, families[f].name, "gauge", families[f].help);
        for (size_t i = 0; i < DISKS; i++) {
            const struct disk *disk = &disks->of[i];
            const struct disk_answer *is = &disk->is;
            struct label label = {"folder", disk->name};
            bool hangs = disk_hangs(disk), answers = disk->known && !hangs;
            if (f == 0 && (answers || hangs))
                exposition_count(out, families[f].name, &label, 1, answers && is->error.code == 0);
            else if (f > 0 && answers && is->size_bytes > 0)
                exposition_count(out, families[f].name, &label, 1, f == 1 ? is->free_bytes : is->size_bytes);
        }
    }
}

static void tell_destinations(const struct service *s)
{
    struct metrics *m = s->rt.metrics;
    metrics_destinations_forget(m);
    for (const struct lane *lane = s->lanes.lanes; lane; lane = lane->next) {
        struct destination_now now = {.in_hand = lane->deliveries,
                                      .queued = lane->queued,
                                      .requests = lane->active,
                                      .hanging = lane->hanging,
                                      .down = lane->breaker.state != BREAKER_CLOSED,
                                      .held = lane->held};
        metrics_destination_now(m, lane->name, &now);
    }
}

static bool put_ready(const struct service *s, struct str *out)
{
    json_t *checks = health_checks(s);
    if (checks)
        exposition_gauge(out, "shunt_ready", "1: /readyz answers 200.", health_ready(checks));
    json_decref(checks);
    return checks != NULL;
}

static struct http_content *make(const struct service *s)
{
    struct label version = {"version", SHUNT_VERSION};
    struct str out = STR_INIT;
    tell_destinations(s);
    exposition_family(&out, "shunt_build_info", "gauge", "Always 1; the version is its label.");
    exposition_count(&out, "shunt_build_info", &version, 1, 1);
    bool fine = put_ready(s, &out);
    put_queue(s, &out);
    metrics_text(s->rt.metrics, &out);
    exposition_gauge(&out, "shunt_loop_longest_turn_seconds", "The loop's longest turn since start.",
                     (double)s->rt.meter.longest_ns / 1e9);
    put_store(&s->storage, &out);
    put_disks(&s->disks, &out);
    put_process(s, &out);
    struct http_content *content = fine && !str_failed(&out) ? http_content_new(out.bytes, out.len) : NULL;
    str_fini(&out);
    return content;
}

void api_metrics(struct http_request *request, void *context)
{
    struct control *c = context;
    int64_t now_ms = runtime_now(&c->service->rt);
    if (!c->metrics || now_ms >= c->metrics_until_ms) {
        http_content_unref(c->metrics);
        c->metrics = make(c->service);
        c->metrics_until_ms = now_ms + FRESH_MS;
    }
    http_respond_content(request, EXPOSITION_TYPE, c->metrics);
}
