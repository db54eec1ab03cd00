/* SPDX-License-Identifier: MIT */
/* A model of the commit protocol (DESIGN, "The dataset"; src/dataset/commit.c), for spin.
 *
 * Three writers that want overlapping objects, each of which may crash at any step; a foreign
 * writer that appends without a manifest; a checkpoint with the clean-up that removes the entries
 * behind it; and a store that loses answers and lets writes take effect late, or never.
 *
 *   once:    no object is consumed by two entries of the log
 *   whole:   an entry that shows names data and a manifest that are there
 *   chain:   entries follow one another without a gap, and none is replaced
 *   honest:  who says "committed" is in the log, and who ends well finds all objects that it wants
 *
 * A deliberate fault is compiled in with -D: NO_SECOND_LOOK, ANOTHER_NUMBER, LEDGER_FIRST,
 * OVERWRITE (put without "if absent"), UNCHECKED_SUCCESS. */

#ifndef FAULTS
#define FAULTS 3 /* answers that are lost, writes that come late: of all writers together */
#endif
#ifndef FOREIGN
#define FOREIGN 1
#endif

#define WRITERS 3
#define VERSIONS 5 /* entries that can come to be: three of ours, the foreign one, one more */
#define NONE 0
#define STRANGER 4 /* who: 0 nobody, 1 to 3 a writer, 4 the foreign one */
#define MINE _pid /* init is 0, the writers are 1 to 3 */
#define WANT(who) ((who) == 1 -> 1 : ((who) == 2 -> 3 : 2)) /* bit 0: object A, bit 1: object B */

/* What lies in the store under a version's name, and the table's truth: the two differ where
 * entries behind the checkpoint are removed, and something else landed in the gap. */
byte entry[VERSIONS];
byte truth[VERSIONS];        /* who */
byte ledger[VERSIONS];       /* objects consumed up to here, as the manifest of this entry says */
byte brought[VERSIONS];      /* objects consumed by this very entry */
byte tip = 0;                /* the newest version + 1: 0, there is no table */
byte checkpoint = 0;         /* entries below it are in the checkpoint */
byte faults = FAULTS;

bool data[WRITERS + 1];     /* the files of a writer's build are in the store */
bool manifest[WRITERS + 1]; /* so is the manifest of its attempt */

/* One write of a writer that is under way; the next one is refused lateness while it is. */
bool late[WRITERS + 1];
byte late_version[WRITERS + 1], late_ledger[WRITERS + 1], late_brought[WRITERS + 1];

byte consumed = 0; /* objects of all entries */

/* A put-if-absent takes effect. */
inline land(who, version, all, fresh)
{
    if
#ifdef OVERWRITE
    :: true ->
#else
    :: entry[version] == NONE ->
#endif
        entry[version] = who;
        if
        :: version >= checkpoint ->
            assert(version <= tip);                                     /* chain: no gap */
            assert(truth[version] == NONE || truth[version] == who);    /* chain: none replaced */
            truth[version] = who;
            ledger[version] = all;
            brought[version] = fresh;
            tip = version + 1;
            if
            :: who != STRANGER ->
                assert(data[who] && manifest[who]); /* whole */
                assert((consumed & fresh) == 0);    /* once */
                consumed = consumed | fresh
            :: else
            fi
        :: else /* into the gap behind a checkpoint, where nobody reads */
        fi
#ifndef OVERWRITE
    :: else
#endif
    fi
}

proctype writer()
{
    byte who = MINE, base = 0, known = 0, mine = 0, version = 0, seen = 0;
    bool answered = false;

plan: /* read the newest entry's manifest; what it does not know is new */
    atomic {
        base = tip;
        known = (tip == 0 -> 0 : ledger[tip - 1]);
        mine = WANT(who) & ~known;
        version = 0;
        if
        :: mine == 0 -> goto good
        :: else
        fi;
        data[who] = false;
        manifest[who] = false
    }
#ifndef LEDGER_FIRST
    if
    :: data[who] = true
    :: goto crashed
    fi;
#endif
attempt: /* list again; the manifest; the entry */
    atomic {
        if
        :: tip != base -> goto behind
        :: else
        fi;
        manifest[who] = false
    }
    if
    :: manifest[who] = true
    :: goto crashed
    fi;
    version = base;
put:
    atomic {
        answered = false;
        if
#ifdef OVERWRITE
        :: true ->
#else
        :: entry[version] == NONE ->
#endif
            answered = true;
            land(who, version, known | mine, mine)
#ifndef OVERWRITE
        :: entry[version] != NONE /* a conflict: whose it is, the look tells */
#endif
        :: faults > 0 -> /* the answer is lost, the write is not */
            faults--;
            land(who, version, known | mine, mine)
        :: faults > 0 && !late[who] -> /* later, or never */
            faults--;
            late[who] = true;
            late_version[who] = version;
            late_ledger[who] = known | mine;
            late_brought[who] = mine;
#ifdef ANOTHER_NUMBER
            version++;
            goto put
#endif
        :: goto crashed
        fi
    }
#ifdef LEDGER_FIRST
    if
    :: data[who] = true
    :: goto crashed
    fi;
#endif
#ifdef UNCHECKED_SUCCESS
    if
    :: answered -> goto committed
    :: else
    fi;
#endif
    goto look;
look: /* whose is it?  read N, then list */
    atomic { seen = (answered -> who : entry[version]) }
    atomic {
        if
        :: tip <= version -> seen = 0; goto put /* the same bytes, the same number, nothing else */
        :: tip > version && checkpoint <= version && seen == who -> seen = 0; goto committed
        :: tip > version && checkpoint <= version && seen != who && seen != NONE ->
            seen = 0;
            goto behind
        :: tip > version && (checkpoint > version || seen == NONE) ->
            seen = 0;
            if /* the newest snapshot and its manifests stand for it */
            :: truth[version] == who -> goto committed
            :: else -> goto behind
            fi
        fi
    }
behind: /* the second look: what have the winners consumed? */
    atomic {
        base = tip;
        version = 0;
        answered = false;
#ifdef NO_SECOND_LOOK
        known = ledger[tip - 1];
        goto attempt;
#endif
        if
        :: ledger[tip - 1] & ~known & mine -> goto plan
        :: else -> known = ledger[tip - 1]; goto attempt
        fi
    }
committed:
    atomic {
        assert(truth[version] == who && (brought[version] & mine) == mine); /* honest */
        answered = false
    }
    goto plan; /* the next run of the same source finds nothing new */
good:
    assert((consumed & WANT(who)) == WANT(who)); /* honest */
crashed:
    atomic {
        base = 0;
        known = 0;
        mine = 0;
        version = 0;
        answered = false;
        data[who] = data[who] && late[who]; /* what is under way still names them */
        manifest[who] = manifest[who] && late[who]
    }
}

/* delta-rs: it lists, puts if absent, and tries again when it lost; of all that only the put that
 * took effect is seen by others.  It may come at any time, or not at all. */
proctype stranger()
{
end:
    atomic { tip > 0 && tip < VERSIONS -> land(STRANGER, tip, ledger[tip - 1], 0) }
}

/* Writes that were under way arrive, or stay away for ever. */
inline arrive(who)
{
    atomic {
        late[who] ->
            land(who, late_version[who], late_ledger[who], late_brought[who]);
            late[who] = false;
            late_version[who] = 0;
            late_ledger[who] = 0;
            late_brought[who] = 0
    }
}

proctype network()
{
end:
    do
    :: arrive(1)
    :: arrive(2)
    :: arrive(3)
    od
}

/* A checkpoint of some version, and the clean-up of what is behind it; once. */
proctype cleaner()
{
    byte n;
end:
    atomic { tip > 0 -> checkpoint = tip }
    atomic {
        do
        :: n < checkpoint -> entry[n] = NONE; n++
        :: else -> n = 0; break
        od
    }
}

init
{
    atomic {
        run writer();
        run writer();
        run writer();
#if FOREIGN
        run stranger();
#endif
        run network();
        run cleaner()
    }
}
