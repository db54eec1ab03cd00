/* SPDX-License-Identifier: MIT */
/* The source: objects that come, in no order, are touched, rewritten and removed. */
#include <stdlib.h>
#include <string.h>

#include "schema/definition.h"
#include "sim.h"

/* What is rejected at first is not by this one; the days of keys are as they are in the store. */
struct shale_stream *sim_stream_new(void)
{
    static const char text[] = "stream: events\n"
                               "source: {path: /, keys: \"{yyyy}/{mm}/{dd}/*\", seal_after: 3d}\n"
                               "fields:\n"
                               "  - {name: event, from: /event, type: int64}\n"
                               "  - {name: day, from: /day, type: date}\n"
                               "output: {path: /, layout: table}\n";
    struct shale_stream *stream = NULL;
    return shale_definition_read(&shale_mem_libc, "simulate", text, sizeof text - 1, NULL, NULL,
                                 &stream) == SHALE_OK
               ? stream
               : NULL;
}

/* Put the newest version there, and see which tag it got. */
static void place(struct sim *sim, struct sim_object *object)
{
    struct sim_version *version = &object->versions[object->n_versions - 1];
    struct shale_store_file *file = NULL;
    if (shale_store_put(sim->source, object->key, shale_str_of(version->text), NULL) != SHALE_OK ||
        shale_store_open(sim->source, object->key, &file, NULL) != SHALE_OK)
        abort();
    memcpy(version->tag, file->tag, sizeof version->tag);
    shale_store_close(file);
    object->is_there = true;
    object->placed = sim->step;
    object->time_us = sim->now_us;
    sim_say(sim, "(source)", "%s is %s: %.40s", object->key, version->tag, version->hash);
}

/* New content: one to four events, now and then a rejected one, or none that can be read. */
static void write_text(struct sim *sim, struct sim_version *version)
{
    size_t n = 0;
    uint32_t n_lines = 1 + chance_below(&sim->chance, SIM_EVENTS);
    version->is_bad = chance_below(&sim->chance, 8) == 0;
    if (version->is_bad) {
        version->bad_event = sim->next_event++;
        (void)snprintf(version->text, sizeof version->text, "bad %d\n", (int)version->bad_event);
        n_lines = 0;
    }
    for (uint32_t i = 0; i < n_lines; i++) {
        bool rejected = chance_below(&sim->chance, sim->has_changes ? 3 : 8) == 0;
        bool filtered = sim->has_changes && !rejected && chance_below(&sim->chance, 8) == 0;
        int more = snprintf(version->text + n, sizeof version->text - n, "%c%d\n",
                            rejected   ? 'x'
                            : filtered ? 'f'
                                       : 'e',
                            (int)sim->next_event);
        n += more > 0 ? (size_t)more : 0;
        if (rejected)
            version->rejected[version->n_rejected++] = sim->next_event;
        else if (filtered)
            version->filtered[version->n_filtered++] = sim->next_event;
        else
            version->events[version->n_events++] = sim->next_event;
        sim->next_event++;
    }
    shale_content_hash(shale_str_of(version->text), version->hash);
}

void sim_source_new(struct sim *sim, bool is_last)
{
    if (sim->n_objects >= SIM_OBJECTS + (is_last ? SIM_LAST_OBJECTS : 0))
        return;
    struct sim_object *object = &sim->objects[sim->n_objects++];
    /* Keys in no order: a late object is as a rule below some that were consumed. */
    uint32_t day = is_last ? 30 : 1 + chance_below(&sim->chance, 20);
    (void)snprintf(object->key, sizeof object->key, "2023/11/%02u/%zu.json", day, sim->n_objects);
    object->n_versions = 1;
    write_text(sim, &object->versions[0]);
    place(sim, object);
}

void sim_source_change(struct sim *sim)
{
    uint32_t what = chance_below(&sim->chance, 8);
    if (sim->n_objects == 0 || what < 3) {
        sim_source_new(sim, false);
        return;
    }
    struct sim_object *object = &sim->objects[chance_below(&sim->chance, (uint32_t)sim->n_objects)];
    /* What the tool of a checkpoint file holds, an adoption must find. */
    if (what == 3 && sim->is_file && sim->file.n_tool_events > 0)
        return;
    if (what == 3) {
        if (shale_store_remove(sim->source, object->key, NULL) != SHALE_OK)
            abort();
        object->is_there = false;
        sim_say(sim, "(source)", "%s is gone", object->key);
        return;
    }
    if (object->n_versions == SIM_VERSIONS)
        return;
    struct sim_version *version = &object->versions[object->n_versions++];
    if (what < 6) /* touched: the content of some earlier version */
        *version = object->versions[chance_below(&sim->chance, object->n_versions - 1)];
    else
        write_text(sim, version);
    place(sim, object);
}

const struct sim_version *sim_source_find(const struct sim *sim, struct shale_str key,
                                          struct shale_str tag)
{
    for (size_t i = 0; i < sim->n_objects; i++) {
        const struct sim_object *object = &sim->objects[i];
        if (!shale_str_is(key, object->key))
            continue;
        for (uint32_t j = 0; j < object->n_versions; j++) {
            if (shale_str_is(tag, object->versions[j].tag))
                return &object->versions[j];
        }
    }
    return NULL;
}

bool sim_is_fixable(int32_t event)
{
    return event % 3 != 0;
}

int32_t sim_day_of(int32_t event)
{
    return event % SIM_FOREIGN_EVENTS / 3;
}

void sim_day_text(int32_t day, char out[16])
{
    static const int32_t lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int32_t month = 0;
    while (month < 11 && day >= lengths[month])
        day -= lengths[month++];
    (void)snprintf(out, 16, "1970-%02d-%02d", (int)(month + 1) % 100, (int)(day + 1) % 100);
}

int32_t sim_key_of(int32_t event)
{
    return event >= 8 && event % 4 == 0 ? event - 7 : event;
}

void sim_drop_version(const struct sim_version *version, bool drop[SIM_EVENT_IDS])
{
    for (uint32_t k = 0; k < version->n_events; k++)
        drop[version->events[k]] = true;
    for (uint32_t k = 0; k < version->n_rejected; k++)
        drop[version->rejected[k]] = true;
    for (uint32_t k = 0; k < version->n_filtered; k++)
        drop[version->filtered[k]] = true;
}

void sim_drop_object(const struct sim *sim, struct shale_str key, bool drop[SIM_EVENT_IDS])
{
    for (size_t i = 0; i < sim->n_objects; i++) {
        const struct sim_object *object = &sim->objects[i];
        for (uint32_t j = 0; j < object->n_versions && shale_str_is(key, object->key); j++)
            sim_drop_version(&object->versions[j], drop);
    }
}
