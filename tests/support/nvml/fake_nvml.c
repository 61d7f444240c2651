/* A stand-in for libnvidia-ml.so.1 that says what a data file says.  Loaded by unmodified pynvml.
 *
 * FAKE_NVML_DATA names the file; it is read again whenever it has changed.  One fact per line, words by blanks:
 *   GPU KIND NAME [VALUE…]      GPU is a number, or * for the library and for every GPU
 *   * count 4 | * driver 580.65.06 | * code nvmlInitWithFlags 9
 *   0 text serial 1562849103750 | 0 value temperature 41 | 0 field 185:0 412000 | 0 link 3 0
 *   0 code nvmlDeviceGetClockInfo 3 | 0 code * 15 | 0 hang nvmlDeviceGetClockInfo 1 | 0 stamp now 1700000000000000
 *   0 xid 7 79                  event number 7 (they count up), XID 79
 *   0 value limit_max 1200000   a limit that is set lasts until `* value driver_load N` is another N, as a driver's does
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define MOST_LINES 4096
#define MOST_GPUS 16
#define ALL (-1)
enum { OK = 0, INVALID = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6, TIMED_OUT = 10, ARGUMENT_VERSION = 25 };

struct line { int gpu; char kind[16]; char name[48]; char value[96]; };
struct device { int number; };
struct field { uint32_t id, scope; int64_t stamp, latency; uint32_t type, code; union { uint32_t u; uint64_t ull; int64_t sll; } value; };
struct set { long last; };
struct event { struct device *device; uint64_t type, data; uint32_t instance, compute; };
struct pci { char legacy[16]; uint32_t domain, bus, device, id, subsystem; char bus_id[32]; };
struct fabric { uint32_t version; uint8_t cluster[16]; uint32_t status, clique, state, health; uint8_t summary; };

static struct line lines[MOST_LINES];
static int line_count;
static struct timespec read_at;
static off_t read_size = -1;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct device devices[MOST_GPUS];

static void load(void) {
    const char *path = getenv("FAKE_NVML_DATA");
    struct stat now;
    if (!path || stat(path, &now)) { line_count = 0; return; }
    if (now.st_size == read_size && now.st_mtim.tv_sec == read_at.tv_sec && now.st_mtim.tv_nsec == read_at.tv_nsec) return;
    FILE *file = fopen(path, "r");
    char text[256], who[8];
    if (!file) return;
    line_count = 0;
    while (line_count < MOST_LINES && fgets(text, sizeof text, file)) {
        struct line *l = &lines[line_count];
        memset(l, 0, sizeof *l);
        if (sscanf(text, "%7s %15s %47s %95[^\n]", who, l->kind, l->name, l->value) < 3 || who[0] == '#') continue;
        l->gpu = who[0] == '*' ? ALL : atoi(who);
        line_count++;
    }
    fclose(file);
    read_at = now.st_mtim;
    read_size = now.st_size;
}

static const struct line *find(int gpu, const char *kind, const char *name) {
    for (int n = 0; n < line_count; n++) {
        const struct line *l = &lines[n];
        if ((l->gpu == gpu || l->gpu == ALL) && !strcmp(l->kind, kind) && (!strcmp(l->name, name) || !strcmp(l->name, "*"))) return l;
    }
    return NULL;
}

static int get(int gpu, const char *kind, const char *name, char *out, size_t size) {
    pthread_mutex_lock(&lock);
    load();
    const struct line *l = find(gpu, kind, name);
    if (l) snprintf(out, size, "%s", l->value);
    pthread_mutex_unlock(&lock);
    return l != NULL;
}

static void pause_ms(long ms) {
    struct timespec t = { ms / 1000, (ms % 1000) * 1000000L };
    nanosleep(&t, NULL);
}

/* The outcome that the data prescribe for a call; waits for as long as it is to hang. */
static int outcome(int gpu, const char *call) {
    char text[96];
    while (get(gpu, "hang", call, text, sizeof text)) pause_ms(20);
    return get(gpu, "code", call, text, sizeof text) ? atoi(text) : OK;
}

static int number(int gpu, const char *kind, const char *name, long long *out) {
    char text[96];
    if (!get(gpu, kind, name, text, sizeof text)) return NOT_SUPPORTED;
    *out = strtoll(text, NULL, 0);
    return OK;
}

/* A whole call: prescribed outcome first, then the value. */
static int answer(struct device *d, const char *call, const char *name, long long *out) {
    int code = outcome(d->number, call);
    return code ? code : number(d->number, "value", name, out);
}

static int text_of(struct device *d, const char *call, const char *name, char *out, unsigned size) {
    int code = outcome(d->number, call);
    if (code) return code;
    return get(d->number, "text", name, out, size) ? OK : NOT_SUPPORTED;
}

static int whole(struct device *d, const char *call, const char *name, uint32_t *out) {
    long long value = 0;
    int code = answer(d, call, name, &value);
    if (!code) *out = (uint32_t)value;
    return code;
}

int nvmlInitWithFlags(unsigned flags) { (void)flags; return outcome(ALL, "nvmlInitWithFlags"); }
int nvmlShutdown(void) { return OK; }
const char *nvmlErrorString(int code) { (void)code; return "as the data file says"; }

int nvmlSystemGetDriverVersion(char *out, unsigned size) {
    return get(ALL, "text", "driver", out, size) ? OK : NOT_SUPPORTED;
}
int nvmlSystemGetNVMLVersion(char *out, unsigned size) { return nvmlSystemGetDriverVersion(out, size); }

int nvmlDeviceGetCount_v2(unsigned *out) {
    long long value = 0;
    int code = outcome(ALL, "nvmlDeviceGetCount_v2");
    if (!code) code = number(ALL, "value", "count", &value);
    *out = (unsigned)value;
    return code;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, struct device **out) {
    if (index >= MOST_GPUS) return INVALID;
    /* `order` maps the library's index to the part that the other lines speak of: a vanished GPU shifts the others. */
    char name[16];
    long long part = index;
    snprintf(name, sizeof name, "%u", index);
    number(ALL, "order", name, &part);
    devices[part].number = (int)part;
    *out = &devices[part];
    return outcome((int)part, "nvmlDeviceGetHandleByIndex_v2");
}

int nvmlDeviceGetUUID(struct device *d, char *out, unsigned size) { return text_of(d, "nvmlDeviceGetUUID", "uuid", out, size); }
int nvmlDeviceGetSerial(struct device *d, char *out, unsigned size) { return text_of(d, "nvmlDeviceGetSerial", "serial", out, size); }
int nvmlDeviceGetName(struct device *d, char *out, unsigned size) { return text_of(d, "nvmlDeviceGetName", "name", out, size); }
int nvmlDeviceGetPciInfo_v3(struct device *d, struct pci *out) {
    memset(out, 0, sizeof *out);
    return text_of(d, "nvmlDeviceGetPciInfo_v3", "bus_id", out->bus_id, sizeof out->bus_id);
}

int nvmlDeviceGetFieldValues(struct device *d, int count, struct field *fields) {
    int code = outcome(d->number, "nvmlDeviceGetFieldValues");
    if (code) return code;
    for (int n = 0; n < count; n++) {
        struct field *f = &fields[n];
        char name[48];
        long long value = 0, stamp = 0;
        struct timespec now;
        snprintf(name, sizeof name, "%u:%u", f->id, f->scope);
        f->code = (uint32_t)outcome(d->number, name);
        if (!f->code) f->code = (uint32_t)number(d->number, "field", name, &value);
        clock_gettime(CLOCK_REALTIME, &now);
        if (number(d->number, "stamp", "now", &stamp)) stamp = now.tv_sec * 1000000LL + now.tv_nsec / 1000;
        f->stamp = stamp;
        f->latency = 1;
        f->type = value < 0 ? 4 : value > 0xFFFFFFFFLL ? 3 : 1;
        f->value.ull = 0;
        if (f->type == 1) f->value.u = (uint32_t)value; else f->value.sll = value;
    }
    return OK;
}

int nvmlDeviceGetTemperatureV(struct device *d, uint32_t *versioned) {
    if (versioned[0] != 0x100000C) return ARGUMENT_VERSION;
    return whole(d, "nvmlDeviceGetTemperatureV", "temperature", &versioned[2]);
}
int nvmlDeviceGetTemperature(struct device *d, unsigned sensor, unsigned *out) {
    (void)sensor;
    return whole(d, "nvmlDeviceGetTemperature", "temperature", out);
}
int nvmlDeviceGetMarginTemperature(struct device *d, uint32_t *versioned) {
    if (versioned[0] != 0x1000008) return ARGUMENT_VERSION;
    return whole(d, "nvmlDeviceGetMarginTemperature", "margin", &versioned[1]);
}
int nvmlDeviceGetClockInfo(struct device *d, unsigned type, unsigned *out) {
    (void)type;
    return whole(d, "nvmlDeviceGetClockInfo", "clock", out);
}
int nvmlDeviceGetCurrentClocksEventReasons(struct device *d, uint64_t *out) {
    long long value = 0;
    int code = answer(d, "nvmlDeviceGetCurrentClocksEventReasons", "reasons", &value);
    *out = (uint64_t)value;
    return code;
}
int nvmlDeviceGetUtilizationRates(struct device *d, uint32_t *out) {
    return whole(d, "nvmlDeviceGetUtilizationRates", "utilization", &out[0]);
}
/* Limits that were set in this process, and the load of the driver that they belong to. */
static struct { unsigned limit; long long load; } in_band[MOST_GPUS];

static int limit_in_band(struct device *d, unsigned *out) {
    long long load = 0;
    number(ALL, "value", "driver_load", &load);
    if (in_band[d->number].limit && in_band[d->number].load == load) { *out = in_band[d->number].limit; return OK; }
    return NOT_FOUND;
}
int nvmlDeviceGetPowerManagementLimit(struct device *d, unsigned *out) {
    int code = outcome(d->number, "nvmlDeviceGetPowerManagementLimit");
    if (code || !limit_in_band(d, out)) return code;
    return whole(d, "nvmlDeviceGetPowerManagementLimit", "limit_default", out);
}
int nvmlDeviceSetPowerManagementLimit(struct device *d, unsigned milliwatts) {
    long long least = 0, most = 0, load = 0;
    int code = outcome(d->number, "nvmlDeviceSetPowerManagementLimit");
    if (code) return code;
    number(d->number, "value", "limit_min", &least);
    number(d->number, "value", "limit_max", &most);
    if (milliwatts < least || milliwatts > most) return INVALID;
    number(ALL, "value", "driver_load", &load);
    in_band[d->number].limit = milliwatts;
    in_band[d->number].load = load;
    return OK;
}
int nvmlDeviceGetEnforcedPowerLimit(struct device *d, unsigned *out) {
    unsigned own = 0;
    int code = whole(d, "nvmlDeviceGetEnforcedPowerLimit", "limit_enforced", out);
    if (!code && !limit_in_band(d, &own) && own < *out) *out = own;  /* the lowest of all limits is enforced */
    return code;
}
int nvmlDeviceGetPowerManagementLimitConstraints(struct device *d, unsigned *least, unsigned *most) {
    int code = whole(d, "nvmlDeviceGetPowerManagementLimitConstraints", "limit_min", least);
    return code ? code : whole(d, "nvmlDeviceGetPowerManagementLimitConstraints", "limit_max", most);
}
int nvmlDeviceGetPowerManagementDefaultLimit(struct device *d, unsigned *out) {
    return whole(d, "nvmlDeviceGetPowerManagementDefaultLimit", "limit_default", out);
}
int nvmlDeviceGetSramEccErrorStatus(struct device *d, uint32_t *out) {
    if (out[0] != 0x1000068) return ARGUMENT_VERSION;
    return whole(d, "nvmlDeviceGetSramEccErrorStatus", "sram_exceeded", &out[24]);
}

int nvmlDeviceGetGpuFabricInfoV(struct device *d, struct fabric *out) {
    long long value = 0;
    char text[96];
    int code = outcome(d->number, "nvmlDeviceGetGpuFabricInfoV");
    if (code) return code;
    if (out->version != 0x3000028 && out->version != 0x2000024) return ARGUMENT_VERSION;
    if (out->version == 0x3000028 && get(d->number, "value", "fabric_v2_only", text, sizeof text)) return ARGUMENT_VERSION;
    if ((code = number(d->number, "value", "fabric_state", &value))) return code;
    out->state = (uint32_t)value;
    if (!number(d->number, "value", "fabric_clique", &value)) out->clique = (uint32_t)value;
    if (!number(d->number, "value", "fabric_health", &value)) out->health = (uint32_t)value;
    if (!number(d->number, "value", "fabric_cluster", &value)) memset(out->cluster, (int)value, sizeof out->cluster);
    return OK;
}

int nvmlDeviceGetNvLinkState(struct device *d, unsigned link, unsigned *out) {
    char name[16];
    long long value = 0;
    int code = outcome(d->number, "nvmlDeviceGetNvLinkState");
    if (code) return code;
    snprintf(name, sizeof name, "%u", link);
    code = number(d->number, "link", name, &value);
    *out = (unsigned)value;
    return code ? INVALID : OK;
}

static const struct line *event_after(long last) {
    const struct line *next = NULL;
    load();
    for (int n = 0; n < line_count; n++) {
        const struct line *l = &lines[n];
        if (!strcmp(l->kind, "xid") && atol(l->name) > last && (!next || atol(l->name) < atol(next->name))) next = l;
    }
    return next;
}

/* A set delivers what happens after it was made. */
int nvmlEventSetCreate(struct set **out) {
    int code = outcome(ALL, "nvmlEventSetCreate");
    if (code) return code;
    const struct line *l;
    *out = calloc(1, sizeof **out);
    pthread_mutex_lock(&lock);
    while ((l = event_after((*out)->last))) (*out)->last = atol(l->name);
    pthread_mutex_unlock(&lock);
    return OK;
}
int nvmlEventSetFree(struct set *set) { free(set); return OK; }
int nvmlDeviceGetSupportedEventTypes(struct device *d, uint64_t *out) {
    *out = 0xC00B;
    return outcome(d->number, "nvmlDeviceGetSupportedEventTypes");
}
int nvmlDeviceRegisterEvents(struct device *d, uint64_t types, struct set *set) {
    (void)types; (void)set;
    return outcome(d->number, "nvmlDeviceRegisterEvents");
}

static int next_event(struct set *set, struct event *out) {
    pthread_mutex_lock(&lock);
    const struct line *next = event_after(set->last);
    if (next) {
        set->last = atol(next->name);
        memset(out, 0, sizeof *out);
        devices[next->gpu].number = next->gpu;
        out->device = &devices[next->gpu];
        out->type = 8;
        out->data = strtoull(next->value, NULL, 0);
    }
    pthread_mutex_unlock(&lock);
    return next != NULL;
}

int nvmlEventSetWait_v2(struct set *set, struct event *out, unsigned milliseconds) {
    int code = outcome(ALL, "nvmlEventSetWait_v2");
    if (code) return code;
    for (unsigned waited = 0;; waited += 20) {
        if (next_event(set, out)) return OK;
        if (waited >= milliseconds) return TIMED_OUT;
        pause_ms(20);
    }
}
