/* SPDX-License-Identifier: MIT */
/* One schedule of the simulation: a world of a source and a table, both in memory, and actors that
 * come to them through stores of their own.  Before each call of such a store the seed decides who
 * goes on, and what becomes of the call.  One thread; no clock, no addresses: a seed is a schedule.
 *
 *     sim_init --actors and their bodies--> sim_run --> sim_settle --> the promises are checked */
#ifndef SHALE_SIM_SIM_H
#define SHALE_SIM_SIM_H

#include <stdio.h>

#include "chance.h"
#include "fiber.h"
#include "codec/content_hash.h"
#include "dataset/commit.h"
#include "dataset/single.h"
#include "parquet/parquet.h"
#include "store/objects_memory.h"

enum {
    SIM_ACTORS = 24,
    SIM_OBJECTS = 16,
    SIM_LAST_OBJECTS = 8, /* more, that come when all is quiet */
    SIM_VERSIONS = 6,     /* of one object */
    SIM_EVENTS = 4,       /* of one version */
    SIM_FOREIGN = 12,     /* appends of a foreign writer */
    SIM_ENTRIES = 256,
    SIM_CLAIMS = 512,
    SIM_LATE = 64,
    SIM_STEPS = 200000,
    SIM_FOREIGN_EVENTS = 1000, /* the first of theirs */
    SIM_EVENT_IDS = 1100,
    SIM_ROWS = 256,
    SIM_REJECT_SEGMENTS = 128,
    SIM_REJECT_LINES = 128,
    SIM_ERASES = 28,
    SIM_SEALINGS = 64,
    SIM_STATES = 128, /* of a checkpoint file */
};

/* A checkpoint file's key in the bucket. */
#define SIM_FILE "events.parquet"
#define SIM_CREATED_BY "shale version 0 (build x)"

struct sim;
struct sim_actor;
struct seals;

struct sim_actor {
    struct sim *sim;
    char name[16];
    void (*body)(struct sim_actor *actor);
    struct fiber fiber;
    struct shale_store *bucket, *source; /* owned: every call is a step */
    struct shale_store *table; /* where ledger and rejects lie: the bucket, or of a checkpoint file
                                * what belongs to it (owned) */
    struct shale_env env;
    struct chance chance; /* of its names */
    uint32_t weight;      /* how often it is chosen */
    uint32_t faults;      /* calls of a thousand that fail */
    uint32_t bad_writes;  /* writes of a thousand that fail or find no answer */
    uint32_t stalls;      /* writes of a thousand that take long to be sent */
    int64_t wakes;        /* the step before which it does not go on, while others do */
    int64_t n_calls;
    int64_t dies_at; /* the call; -1: never */
    bool dead;       /* no call has an effect any more */
    bool ended;
    int64_t n_calls_dead;
    /* Of a run. */
    uint32_t shard, n_shards, n_rounds;
    uint32_t most_objects;       /* a commit */
    uint32_t checkpoint_every;   /* commits; 0: when it is due */
    bool goes_on;                /* behind the last key of its commit before, as a long run does */
    char after[64];              /* that key */
    bool is_wide;                /* its definition has one more column */
    struct sim_erase *erase;     /* the one under way */
    struct seals *seals;         /* NULL: all is listed each time (seals.c) */
    uint32_t cleans;             /* of 4 things that a foreign writer does, clean-ups */
    bool overwrites;             /* a foreign writer that puts without a condition */
    bool adopts;                 /* takes another tool's checkpoint file over */
    struct shale_single *single; /* owned while a run of a checkpoint file goes on */
    enum shale_status status;    /* of its last round */
    char message[400];
};

/* What an object of the source once was. */
struct sim_version {
    char tag[SHALE_TAG_BYTES];
    char text[96]; /* its content: a line an event */
    char hash[SHALE_CONTENT_HASH_CHARS + 1];
    int32_t events[SIM_EVENTS]; /* those that are accepted */
    int32_t rejected[SIM_EVENTS];
    int32_t filtered[SIM_EVENTS]; /* by the first definition; the corrected one keeps some */
    uint32_t n_events, n_rejected, n_filtered;
    bool is_bad; /* rejected as a whole: */
    int32_t bad_event;
};

struct sim_object {
    char key[24];
    struct sim_version versions[SIM_VERSIONS];
    uint32_t n_versions;
    bool is_there;   /* as its last version ... */
    int64_t placed;  /* ... since this step ... */
    int64_t time_us; /* ... and time */
};

/* What a commit said of itself. */
struct sim_claim {
    char by[16];
    char path[64]; /* of its file, in a checkpoint of its ledger; "" when it had none */
    int64_t version, manifest_id;
    enum shale_status status;
};

struct sim_foreign {
    int32_t event;
    int64_t version;
};

/* on_change */
enum shale_change { SIM_REJECTS, SIM_APPENDS, SIM_REPLACES };

/* A row of the ledger as the model knows it. */
struct sim_row {
    char source[16], key[80], tag[SHALE_TAG_BYTES];
    bool is_fixed; /* by the corrected definition */
};

/* A segment of rejects: the events in it; those of objects that failed as a whole are none. */
struct sim_rejects {
    char path[80];
    int32_t events[SIM_REJECT_LINES];
    size_t n_events;
};

/* What an erasure or an expiry takes out. */
struct sim_erase {
    bool is_before;
    int32_t value; /* the event, or the first day that stays */
    int64_t base;  /* the version that its last attempt went through; -1: none did */
};

/* A commit that brings a seal, and what its run has listed: from this key and this step on. */
struct sim_sealing {
    char ledger[80]; /* its segment */
    char from[64];
    int64_t listed;
};

/* What the table should hold, followed from entry to entry (expect.c). */
struct sim_expect {
    struct sim_row rows[SIM_ROWS];
    size_t n_rows;
    struct sim_rejects rejects[SIM_REJECT_SEGMENTS];
    size_t n_rejects;
    bool now[SIM_EVENT_IDS];
    bool again[SIM_EVENT_IDS];             /* it came by a replay or a rebuild */
    bool erased[SIM_ERASES];               /* the conditions that hold */
    bool may_lack[SIM_EVENT_IDS];          /* keys of 'dedupe' of which an event was erased */
    int64_t rejected_since[SIM_EVENT_IDS]; /* the version; 0: it is not rejected; else one more */
    char seal[64];
    int64_t seal_version;
    /* After each entry. */
    uint8_t live[SIM_ENTRIES][(SIM_EVENT_IDS + 7) / 8];
};

/* What stood in the checkpoint file's place. */
struct sim_state {
    int64_t manifest_id, version; /* -1: another tool's file */
    int64_t n_rows;
};

/* The checkpoint file, followed from state to state (file_watch.c). */
struct sim_file {
    char tag[SHALE_TAG_BYTES]; /* of what is there; "" nothing */
    struct sim_state states[SIM_STATES];
    size_t n_states;
    bool was_away;                   /* it was taken away, or an older one was put back */
    bool is_damaged;                 /* by the vandal: nothing is promised from here on */
    uint8_t events[SIM_EVENT_IDS];   /* in the newest state */
    uint8_t replayed[SIM_EVENT_IDS]; /* rejected events that a replay brought */
    uint8_t gone[SIM_EVENT_IDS];     /* of its ledger or adopted, and erased */
    uint8_t adopted[SIM_EVENT_IDS];  /* of them those that another tool wrote */
    struct shale_arena arena;        /* of: */
    struct shale_manifest manifest;  /* of the newest state; id -1: another tool's, or none */
    char published[SIM_CLAIMS][64];  /* ledger segments of its states */
    size_t n_published;
    size_t row_group_bytes;
    bool is_sorted; /* by the runs */
    bool has_replays;
    /* The other tool: it holds the objects below this key, "" none. */
    char consumed_before[16];
    int64_t tool_events[SIM_OBJECTS * SIM_EVENTS + SIM_FOREIGN];
    size_t n_tool_events;
};

struct sim {
    uint64_t seed;
    struct chance chance;
    struct shale_env env;                        /* of the world itself: no faults */
    struct shale_store *bucket, *source, *table; /* as an actor's */
    struct fiber first;
    struct sim_actor actors[SIM_ACTORS];
    size_t n_actors;
    bool running; /* the actors have the floor */
    int64_t step, now_us;
    int64_t late_due[SIM_LATE]; /* the steps at which the table's late writes take effect */
    size_t n_late;

    struct sim_object objects[SIM_OBJECTS + SIM_LAST_OBJECTS];
    size_t n_objects;
    int32_t next_event;
    enum shale_change change; /* what a changed object does */
    bool dedupes;
    bool has_seals;
    int64_t settle_us;
    bool is_file; /* a checkpoint file, not a table */
    struct sim_file file;
    bool has_changes; /* some take out what is there: */
    bool has_sweeper;
    int64_t retention_us; /* of the sweeper */
    struct sim_expect expect;
    const struct shale_stream *stream; /* the corrected definition; kept from seed to seed */
    struct sim_erase erases[SIM_ERASES];
    size_t n_erases;
    struct sim_sealing sealings[SIM_SEALINGS];
    size_t n_sealings;

    struct sim_claim claims[SIM_CLAIMS];
    size_t n_claims;
    struct sim_foreign foreign[SIM_FOREIGN]; /* what a foreign writer was told is in */
    size_t n_foreign;
    int32_t next_foreign;

    /* The log as it would be if nobody ever removed an entry: the first object of each name, its
     * text with a NUL. */
    char *entries[SIM_ENTRIES];
    int64_t n_entries;

    bool has_vandal;
    bool has_overwriter;
    bool is_overwritten; /* an entry of the log was, by a foreign writer: */
    int64_t overwritten; /* the lowest */
    char bug[24];        /* "" none */
    bool trace;
    uint64_t digest; /* of all steps: equal when a seed replays */
    char violation[512];
    int64_t n_commits, n_conflicts, n_deaths, n_polls, n_late_writes, n_unsure, n_stopped, n_hidden;
    int64_t n_changes, n_swept, n_erased, n_seals, n_late_keys;
};

/* ---- The schedule (schedule.c) ----------------------------------------------------------------
 */

void sim_init(struct sim *sim, uint64_t seed, bool trace);
void sim_fini(struct sim *sim);  /* keeps the stacks */
void sim_close(struct sim *sim); /* all */

struct sim_actor *sim_add(struct sim *sim, const char *name, void (*body)(struct sim_actor *));

/* Let the actors go until all have ended. */
void sim_run(struct sim *sim);

/* A step of 'actor' is due: others may go first. */
void sim_step(struct sim_actor *actor);

/* Is the bug with this name in? */
bool sim_bug(const struct sim *sim, const char *name);

/* A promise is broken; the first one counts, and ends the schedule. */
void sim_violation(struct sim *sim, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A step, for --trace and for the digest. */
void sim_say(struct sim *sim, const char *who, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- Stores (stores.c) ------------------------------------------------------------------------
 */

/* The actor's own handles on the table and the source. */
void sim_stores_open(struct sim_actor *actor);

/* Writes on their way that are due take effect; with 'all' every one. */
void sim_late_arrive(struct sim *sim, bool all);

/* Keep what is new in the log, or in the checkpoint file, for the model. */
void sim_watch(struct sim *sim);

/* ---- The source (source.c) --------------------------------------------------------------------
 */

/* Something happens to the source: an object comes, is touched, is rewritten, goes. */
void sim_source_change(struct sim *sim);
void sim_source_new(struct sim *sim, bool is_last); /* behind all others */

/* The version of 'key' with this tag; NULL: there never was one. */
const struct sim_version *sim_source_find(const struct sim *sim, struct shale_str key,
                                          struct shale_str tag);

/* All events of a content, but those of one that is bad. */
void sim_drop_version(const struct sim_version *version, bool drop[SIM_EVENT_IDS]);
/* Does an event that is rejected or filtered at first pass the corrected definition? */
bool sim_is_fixable(int32_t event);
/* What 'dedupe' takes for its key. */
int32_t sim_key_of(int32_t event);
/* Of 1970, from 0 on. */
int32_t sim_day_of(int32_t event);
void sim_day_text(int32_t day, char out[16]);
/* Mark the events of all contents that an object ever had. */
void sim_drop_object(const struct sim *sim, struct shale_str key, bool drop[SIM_EVENT_IDS]);

/* ---- Bodies -----------------------------------------------------------------------------------
 */

void sim_run_body(struct sim_actor *actor);     /* shale run (run.c) */
void sim_reader_body(struct sim_actor *actor);  /* polls (reader.c) */
void sim_foreign_body(struct sim_actor *actor); /* as delta-rs and its clean-up (others.c) */
void sim_source_body(struct sim_actor *actor);  /* objects come and change (others.c) */
void sim_vandal_body(struct sim_actor *actor);  /* manifests vanish for a while (others.c) */
void sim_compact_body(struct sim_actor *actor); /* files into one (changes.c) */
void sim_sweep_body(struct sim_actor *actor);   /* shale compact --sweep (changes.c) */
void sim_replay_body(struct sim_actor *actor);  /* shale rejects replay (changes.c) */
void sim_rebuild_body(struct sim_actor *actor); /* shale rebuild (changes.c) */
void sim_erase_body(struct sim_actor *actor);   /* shale erase and shale expire (erase.c) */

/* Of a checkpoint file (file_others.c); its runs are those of run.c. */
void sim_file_reader_body(struct sim_actor *actor);  /* polls */
void sim_file_sweep_body(struct sim_actor *actor);   /* shale compact X.parquet --sweep */
void sim_file_compact_body(struct sim_actor *actor); /* shale compact X.parquet */
void sim_file_erase_body(struct sim_actor *actor);   /* shale erase and expire X.parquet */
void sim_file_tool_body(struct sim_actor *actor);    /* another tool writes the file */
void sim_file_vandal_body(struct sim_actor *actor);  /* takes it away, puts an older one back */

/* The definition by which rejected events are read again, and keys have days. */
struct shale_stream *sim_stream_new(void);

/* Does what erasure 'i' says hold for the event? */
bool sim_erases(const struct sim *sim, size_t i, int32_t event);

/* The columns of the table: the event's number and its day, and what later definitions have. */
extern const struct shale_schema sim_schema, sim_wide_schema;

enum shale_status sim_write_file(struct shale_store *store, const char *path, struct shale_str text,
                                 struct shale_err *err);

/* ---- The promises (promises.c)
 * ---------------------------------------------------------------- */

/* The events that the live files of a version hold. */
struct sim_live {
    uint8_t count[SIM_EVENT_IDS];
    size_t n_files;
};

void sim_live_add(struct sim *sim, struct sim_live *live, struct shale_str path,
                  struct shale_str text);

/* All files of 'state', through the actor's store (reader.c). */
enum shale_status sim_read_table(struct sim_actor *actor, const struct shale_log_state *state,
                                 struct sim_live *live, struct shale_err *err);

/* What entry 'version', which has just come, should have done to the table (expect.c). */
void sim_expect(struct sim *sim, int64_t version);
bool sim_expects(const struct sim *sim, int64_t version, int32_t event);

/* The manifest that the newest txn up to 'version' names; -1: none. */
int64_t sim_manifest_id(const struct sim *sim, int64_t version);

/* Do the live files of 'version' hold just what its ledger says, each event once? */
void sim_check_live(struct sim *sim, const char *who, int64_t version, const struct sim_live *live);

/* The events that a ledger says are there; its rows must be true. */
void sim_want_ledger(struct sim *sim, const struct shale_manifest *manifest, struct sim_live *want,
                     const char *who);
/* Every object as it is now has been decided, but for those below a seal: how many are not. */
size_t sim_check_objects(struct sim *sim, const struct shale_manifest *manifest);

/* All is quiet, and a last run has ended well: is everything there?  'actor': whose store reads.
 * Returns how many objects are still to be read, for having come below a seal. */
size_t sim_check(struct sim *sim, struct sim_actor *actor);

/* ---- A checkpoint file (file.c, file_watch.c)
 * ------------------------------------------------- */

/* From now on the dataset is a checkpoint file. */
void sim_file_begin(struct sim *sim);
void sim_file_end(struct sim *sim);

/* The bytes of a Parquet file of events, as Shale writes one, or another tool. */
void sim_file_bytes(const struct shale_schema *schema, const char *created_by,
                    const int64_t *events, size_t n_events, const struct shale_key_value *pairs,
                    size_t n_pairs, struct shale_buf *out);

/* Another tool writes the file anew, whatever is there. */
void sim_file_tool_write(struct sim *sim, const char *who, struct shale_store *store);

/* A run opens and closes it; one that adopts does that before its first round. */
enum shale_status sim_file_open(struct sim_actor *actor, struct shale_err *err);
void sim_file_close(struct sim_actor *actor);

/* It may have changed: what it is now follows from what it was. */
void sim_watch_file(struct sim *sim);
/* A commit has said how it ended. */
void sim_file_claim(struct sim *sim, const struct sim_claim *claim);
/* As sim_check(). */
void sim_check_file(struct sim *sim);

#endif
