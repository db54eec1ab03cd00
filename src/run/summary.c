/* SPDX-License-Identifier: MIT */
/* What a run did, as figures and as JSON. */
#include "run/private.h"

#include <stdio.h>
#include <string.h>

#include "json/writer.h"

/* The files of a layout file: those of a table are in run->committed. */
static void count_files(const struct run *run, struct shale_summary *summary)
{
    const struct sequencer *seq = &run->seq;
    for (size_t i = 0; i <= seq->n_parts; i++) {
        const struct part *part = i < seq->n_parts ? seq->parts[i] : &seq->rejects;
        if (part->file == NULL)
            continue;
        summary->files_written += part->kind == PART_DATA;
        summary->bytes_written += part->file->put.n_bytes;
    }
    summary->rows_total = seq->sums.counts.written;
}

static void count_commits(const struct run *run, struct shale_summary *summary)
{
    const struct committed *sum = &run->committed;
    summary->files_written = sum->n_files;
    summary->bytes_written = sum->n_bytes;
    summary->rows_total = run->table->rows_total;
    summary->n_commits = sum->n_versions;
    summary->objects_wasted = sum->n_wasted;
    memcpy(summary->commits, sum->versions, sizeof summary->commits);
}

void summarise(const struct run *run, struct shale_summary *summary)
{
    const struct sums *sums = &run->seq.sums;
    const struct tally *tally = &run->plan.tally;
    bool has_rejects =
        run->table != NULL ? run->committed.has_rejects : run->seq.rejects.file != NULL;
    summary->objects_listed = tally->n_listed;
    summary->objects_new = tally->n_new;
    summary->objects_known = tally->n_known;
    summary->objects_changed = tally->n_changed - sums->n_touched;
    summary->objects_touched = sums->n_touched;
    summary->objects_failed = sums->objects_failed;
    summary->objects_passed_over = tally->n_passed_over;
    summary->events_read = sums->counts.read;
    summary->events_written = sums->counts.written;
    summary->events_rejected = sums->counts.rejected;
    summary->events_filtered = sums->counts.filtered;
    summary->events_duplicates = sums->counts.duplicates;
    summary->bytes_read = sums->bytes_read;
    summary->is_replay = run->options->replay != NULL;
    summary->replayed_segments = sums->objects_done;
    summary->replayed_events = sums->replayed.events;
    summary->kept_rules = sums->replayed.kept_rules;
    summary->kept_objects = tally->n_whole + sums->replayed.kept_objects;
    summary->kept_cut = sums->replayed.kept_cut;
    summary->dry_run = run->options->dry_run;
    summary->replaces = change_wanted(run);
    summary->rows_replaced = run->committed.rows_replaced;
    summary->rejects_replaced = run->committed.rejects_replaced;
    summary->objects_left = run->committed.n_left;
    summary->bytes_listed = run->n_total_bytes;
    if (run->table != NULL)
        count_commits(run, summary);
    else
        count_files(run, summary);
    if (run->output != NULL && has_rejects)
        (void)snprintf(summary->rejects_path, sizeof summary->rejects_path, "%s",
                       shale_output_rejects_path(run->output));
    summary->has_last_event_time = sums->has_time;
    summary->last_event_time = sums->last_time;
    if (run->time_field != SIZE_MAX && run->time_field < run->stream->n_fields)
        summary->time_unit = run->stream->fields[run->time_field].type.unit;
    summary->elapsed_us = run->env->monotonic_us(run->env->ctx) - run->began_us;
}

static void put_time(struct shale_json_writer *json, const struct shale_summary *s,
                     const struct shale_mem *mem)
{
    const struct shale_type type = {.kind = SHALE_TIMESTAMP, .unit = s->time_unit};
    const struct shale_value value = {.as.i64 = s->last_event_time};
    struct shale_buf text;
    shale_json_put_name(json, "last_event_time");
    if (!s->has_last_event_time) {
        shale_json_put_null(json);
        return;
    }
    shale_buf_init(&text, mem, 256);
    if (shale_value_format(&type, &value, &text) == SHALE_OK)
        shale_json_put_string(json, shale_buf_str(&text));
    else
        shale_json_put_null(json);
    shale_buf_fini(&text);
}

static void put_replayed(struct shale_json_writer *json, const struct shale_summary *s)
{
    shale_json_put_name(json, "replayed");
    shale_json_put_begin(json, '{');
    shale_json_put_number(json, "segments", s->replayed_segments);
    shale_json_put_number(json, "events", s->replayed_events);
    shale_json_put_number(json, "kept_rules", s->kept_rules);
    shale_json_put_number(json, "kept_objects", s->kept_objects);
    shale_json_put_number(json, "kept_cut", s->kept_cut);
    shale_json_put_end(json, '}');
}

enum shale_status shale_summary_json(const struct shale_summary *s, enum shale_status status,
                                     struct shale_str stream, struct shale_buf *out)
{
    struct shale_json_writer json;
    shale_json_writer_init(&json, out);
    shale_json_put_begin(&json, '{');
    shale_json_put_name(&json, "status");
    shale_json_put_string(&json, shale_str_of(shale_status_name(status)));
    shale_json_put_name(&json, "stream");
    shale_json_put_string(&json, stream);
    shale_json_put_name(&json, "objects");
    shale_json_put_begin(&json, '{');
    shale_json_put_number(&json, "listed", s->objects_listed);
    shale_json_put_number(&json, "new", s->objects_new);
    shale_json_put_number(&json, "failed", s->objects_failed);
    shale_json_put_number(&json, "passed_over", s->objects_passed_over);
    shale_json_put_number(&json, "known", s->objects_known);
    shale_json_put_number(&json, "changed", s->objects_changed);
    shale_json_put_number(&json, "touched", s->objects_touched);
    shale_json_put_end(&json, '}');
    shale_json_put_name(&json, "events");
    shale_json_put_begin(&json, '{');
    shale_json_put_number(&json, "read", s->events_read);
    shale_json_put_number(&json, "written", s->events_written);
    shale_json_put_number(&json, "rejected", s->events_rejected);
    shale_json_put_number(&json, "filtered", s->events_filtered);
    shale_json_put_number(&json, "duplicates", s->events_duplicates);
    shale_json_put_end(&json, '}');
    if (s->is_replay)
        put_replayed(&json, s);
    if (s->dry_run) {
        shale_json_put_name(&json, "dry_run");
        shale_json_put_bool(&json, true);
        if (!s->is_replay)
            shale_json_put_number(&json, "bytes_to_read", s->bytes_listed);
    }
    if (s->replaces) {
        shale_json_put_name(&json, "replaced");
        shale_json_put_begin(&json, '{');
        shale_json_put_number(&json, "rows", s->rows_replaced);
        shale_json_put_number(&json, "rejects", s->rejects_replaced);
        shale_json_put_number(&json, "objects_left", s->objects_left);
        shale_json_put_end(&json, '}');
    }
    shale_json_put_number(&json, "rows_total", s->rows_total);
    shale_json_put_number(&json, "files_written", s->files_written);
    shale_json_put_number(&json, "bytes_read", s->bytes_read);
    shale_json_put_number(&json, "bytes_written", s->bytes_written);
    put_time(&json, s, out->mem);
    shale_json_put_name(&json, "commits");
    shale_json_put_begin(&json, '[');
    for (int64_t i = 0; i < s->n_commits && i < SHALE_SUMMARY_COMMITS; i++)
        shale_json_put_i64(&json, s->commits[i]);
    shale_json_put_end(&json, ']');
    shale_json_put_number(&json, "wasted", s->objects_wasted);
    shale_json_put_number(&json, "elapsed_ms", s->elapsed_us / 1000);
    shale_json_put_end(&json, '}');
    return json.status;
}
