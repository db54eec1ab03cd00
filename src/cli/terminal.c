/* SPDX-License-Identifier: MIT */
/* Log lines, progress and the program's environment. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "api/environment.h"
#include "cli/cli.h"
#include "json/writer.h"

/* The interrupt flag: the one global of the program (a signal handler has no argument). */
static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    (void)number;
    interrupted = 1;
}

static bool is_cancelled(void *ctx)
{
    (void)ctx;
    return interrupted != 0;
}

/* One write() a line, so that lines of several threads do not mix. */
static void write_line(const char *data, size_t n_bytes)
{
    while (n_bytes > 0) {
        ssize_t n = write(STDERR_FILENO, data, n_bytes);
        if (n <= 0)
            return;
        data += n;
        n_bytes -= (size_t)n;
    }
}

static const char *const level_names[] = {"debug", "info", "warn", "error"};

static enum shale_status put_json_line(struct shale_buf *out, enum shale_log_level level,
                                       const char *event, const char *object, int64_t record,
                                       int64_t byte, const char *message)
{
    struct shale_json_writer json;
    char time_text[40];
    time_t now = time(NULL);
    struct tm tm;
    (void)gmtime_r(&now, &tm);
    (void)strftime(time_text, sizeof time_text, "%Y-%m-%dT%H:%M:%SZ", &tm);
    shale_json_writer_init(&json, out);
    shale_json_put_begin(&json, '{');
    shale_json_put_name(&json, "time");
    shale_json_put_string(&json, shale_str_of(time_text));
    shale_json_put_name(&json, "level");
    shale_json_put_string(&json, shale_str_of(level_names[level]));
    shale_json_put_name(&json, "event");
    shale_json_put_string(&json, shale_str_of(event));
    if (object != NULL) {
        shale_json_put_name(&json, "object");
        shale_json_put_string(&json, shale_str_of(object));
    }
    if (record >= 0) {
        shale_json_put_name(&json, "record");
        shale_json_put_i64(&json, record);
    }
    if (byte >= 0) {
        shale_json_put_name(&json, "byte");
        shale_json_put_i64(&json, byte);
    }
    shale_json_put_name(&json, "message");
    shale_json_put_string(&json, shale_str_of(message));
    shale_json_put_end(&json, '}');
    return json.status;
}

static enum shale_status put_text_line(const struct terminal *terminal, struct shale_buf *out,
                                       enum shale_log_level level, const char *object,
                                       int64_t record, int64_t byte, const char *message)
{
    static const char *const colors[] = {"\033[2m", "", "\033[33m", "\033[31m"};
    struct shale_err err;
    char text[SHALE_ERR_OBJECT_BYTES + SHALE_ERR_MESSAGE_BYTES + 100];
    const char *label = level >= SHALE_LOG_WARN ? level_names[level] : "";
    shale_err_clear(&err);
    (void)snprintf(err.message, sizeof err.message, "%s", message);
    shale_err_at(&err, object, record, byte);
    return shale_buf_printf(out, "%sshale: %s%s%s%s%s", terminal->has_progress ? "\r\033[K" : "",
                            terminal->color ? colors[level] : "", label,
                            label[0] != '\0' ? ": " : "", shale_err_text(&err, text, sizeof text),
                            terminal->color ? "\033[0m" : "");
}

static void log_line(struct shale_log *log, enum shale_log_level level, const char *event,
                     const char *object, int64_t record, int64_t byte, const char *message)
{
    struct terminal *terminal = (struct terminal *)(void *)log;
    struct shale_buf out;
    enum shale_status status;
    shale_buf_init(&out, &shale_mem_libc, 64 * 1024);
    status = terminal->json ? put_json_line(&out, level, event, object, record, byte, message)
                            : put_text_line(terminal, &out, level, object, record, byte, message);
    if (status == SHALE_OK && shale_buf_append_byte(&out, '\n') == SHALE_OK)
        write_line(out.data, out.n_bytes);
    shale_buf_fini(&out);
}

static enum shale_log_level log_level(void)
{
    const char *name = getenv("LOG_LEVEL");
    for (size_t i = 0; name != NULL && i < sizeof level_names / sizeof level_names[0]; i++)
        if (strcasecmp(name, level_names[i]) == 0)
            return (enum shale_log_level)i;
    return SHALE_LOG_INFO;
}

void terminal_init(struct terminal *terminal)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART | (int)SA_RESETHAND};
    const char *no_color = getenv("NO_COLOR");
    *terminal = (struct terminal){
        .log = {log_level(), log_line},
        .is_terminal = isatty(STDERR_FILENO) == 1,
    };
    terminal->json = !terminal->is_terminal;
    terminal->color = terminal->is_terminal && (no_color == NULL || no_color[0] == '\0');
    terminal->env = *shale_real_env();
    terminal->env.cancelled = is_cancelled;
    terminal->env.log = &terminal->log;
    /* The first signal stops cleanly; the second one ends the program at once. */
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
}

void terminal_error(struct terminal *terminal, const struct shale_err *err)
{
    terminal_clear(terminal);
    shale_log_err(&terminal->log, SHALE_LOG_ERROR, err);
}

size_t terminal_width(void)
{
    const char *columns = getenv("COLUMNS");
    struct winsize size;
    if (isatty(STDOUT_FILENO) != 1)
        return 0;
    if (columns != NULL && columns[0] >= '1' && columns[0] <= '9')
        return strtoul(columns, NULL, 10);
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

/* ---- Progress ---------------------------------------------------------------------------------
 */

static const char *human(double value, const char *const *units, size_t n_units, double base,
                         char *out, size_t n_bytes)
{
    size_t unit = 0;
    while (value >= base && unit + 1 < n_units) {
        value /= base;
        unit++;
    }
    (void)snprintf(out, n_bytes, unit == 0 ? "%.0f%s" : "%.1f%s", value, units[unit]);
    return out;
}

const char *human_bytes(int64_t n, char *out, size_t n_bytes)
{
    static const char *const units[] = {" B", " KiB", " MiB", " GiB", " TiB"};
    return human((double)n, units, 5, 1024, out, n_bytes);
}

static const char *human_count(double n, char *out, size_t n_bytes)
{
    static const char *const units[] = {"", " k", " M", " G"};
    return human(n, units, 4, 1000, out, n_bytes);
}

void terminal_progress(void *ctx, const struct shale_progress *p)
{
    struct terminal *terminal = ctx;
    char line[256], bytes[32], total[32], rate[32], left[48] = "";
    double seconds = (double)p->elapsed_us / 1e6;
    int n;
    if (p->n_bytes > 0 && p->bytes > 0 && seconds > 0.5) {
        double rest = seconds * (double)(p->n_bytes - p->bytes) / (double)p->bytes;
        int whole = rest > 0 ? (int)rest : 0;
        (void)snprintf(left, sizeof left, ", %d:%02d left", whole / 60, whole % 60);
    }
    n = snprintf(
        line, sizeof line, "\r\033[K%" PRId64 "/%" PRId64 " objects, %s of %s, %s events/s%s",
        p->objects, p->n_objects < 0 ? p->objects : p->n_objects,
        human_bytes(p->bytes, bytes, sizeof bytes),
        human_bytes(p->n_bytes < 0 ? p->bytes : p->n_bytes, total, sizeof total),
        human_count(seconds > 0 ? (double)p->events / seconds : 0, rate, sizeof rate), left);
    if (n <= 0)
        return;
    terminal->has_progress = true;
    write_line(line, (size_t)n < sizeof line ? (size_t)n : sizeof line - 1);
}

void terminal_clear(struct terminal *terminal)
{
    if (terminal->has_progress)
        write_line("\r\033[K", 4);
    terminal->has_progress = false;
}
