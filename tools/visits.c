/* SPDX-License-Identifier: MIT */
/* Visit events: names and members as the ready-made stream describes them, values made up. */
#include "visits.h"

#include "cloudtrail.h"

static const char *const actions[] = {"submit", "pass-qc", "not-pass-qc", "delete"};
static const char *const modules[] = {"UDS", "LBD", "FTLD", "NP", "MDS"};
static const char *const packets[] = {"I", "F", "T", "I4"};
static const char *const projects[] = {"ingest-form", "ingest-enrollment", "retrospective-form"};

struct visit {
    const char *action, *project, *module, *packet;
    uint32_t center, person, number;
    int64_t time_s, day_s;
};

static void put_member(struct text *out, const char *name, const char *value)
{
    text_puts(out, ",\"");
    text_puts(out, name);
    text_puts(out, "\":\"");
    text_puts(out, value);
    text_putc(out, '"');
}

static void put_person(struct text *out, uint32_t person)
{
    text_puts(out, "PT");
    text_put_number(out, person, 6);
}

static void put_event(struct text *out, const struct visit *visit)
{
    text_puts(out, "{\"action\":\"");
    text_puts(out, visit->action);
    text_puts(out, "\",\"study\":\"adrc\",\"pipeline_adcid\":");
    text_put_number(out, visit->center, 1);
    put_member(out, "project_label", visit->project);
    text_puts(out, ",\"center_label\":\"center-");
    text_put_number(out, visit->center, 2);
    text_puts(out, "\",\"gear_name\":\"form-qc-checker\",\"ptid\":\"");
    put_person(out, visit->person);
    text_puts(out, "\",\"visit_date\":\"");
    cloudtrail_put_date(out, visit->day_s, '-');
    text_puts(out, "\",\"visit_number\":\"");
    text_put_number(out, visit->number, 2);
    text_putc(out, '"');
    put_member(out, "datatype\":\"form\",\"module", visit->module);
    put_member(out, "packet", visit->packet);
    text_puts(out, ",\"timestamp\":\"");
    cloudtrail_put_time(out, visit->time_s, false);
    text_puts(out, "\"}");
}

/* center-07/log-submit-20240301-101500-7-ingest-form-PT000123-01.json */
static void put_name(struct text *out, const struct visit *visit)
{
    const uint64_t in_day = (uint64_t)(visit->time_s % 86400);
    text_puts(out, "center-");
    text_put_number(out, visit->center, 2);
    text_puts(out, "/log-");
    text_puts(out, visit->action);
    text_putc(out, '-');
    cloudtrail_put_date(out, visit->time_s, '\0');
    text_putc(out, '-');
    text_put_number(out, in_day / 3600 * 10000 + in_day / 60 % 60 * 100 + in_day % 60, 6);
    text_putc(out, '-');
    text_put_number(out, visit->center, 1);
    text_putc(out, '-');
    text_puts(out, visit->project);
    text_putc(out, '-');
    put_person(out, visit->person);
    text_putc(out, '-');
    if (visit->number % 2 == 0)
        text_put_number(out, visit->number, 2);
    else
        cloudtrail_put_date(out, visit->day_s, '-');
    text_puts(out, ".json");
    text_putc(out, '\0');
}

void visits_put(struct text *event, struct text *name, uint64_t seed, uint64_t number)
{
    struct chance chance = chance_of(seed, number);
    struct visit visit = {0};
    visit.action = actions[chance_below(&chance, 4)];
    visit.project = projects[chance_below(&chance, 3)];
    visit.module = modules[chance_below(&chance, 5)];
    visit.packet = packets[chance_below(&chance, 4)];
    visit.center = 1 + chance_below(&chance, 40);
    visit.person = (uint32_t)(number % 1000000); /* with the time below: no name comes twice */
    visit.number = 1 + chance_below(&chance, 20);
    visit.time_s = 1709251200 + (int64_t)(number % 8640000);
    visit.day_s = visit.time_s - 86400 * (int64_t)(1 + chance_below(&chance, 30));
    put_event(event, &visit);
    put_name(name, &visit);
}
