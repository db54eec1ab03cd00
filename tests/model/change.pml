/* SPDX-License-Identifier: MIT */
/* A model of commits that take files out (DESIGN, "The dataset"; src/dataset/commit_conflicts.c),
 * for spin.
 *
 * A table of two files, each with the rows of one object.  Two compactions want to write both into
 * one; a run brings a new content of the first object and takes the rows of the old one out; each
 * may crash at any step, lose, and build again on what is newest.  A checkpoint may remove the
 * entries of the winners at any time: then the newest snapshot stands for them.
 *
 *   once:   no version of the table has a row twice, or the old and the new content of an object
 *   whole:  no row is lost
 *
 * A deliberate fault is compiled in with -D: NOT_LIVE (what is taken out is not looked for again),
 * ENTRIES_ONLY (winners whose entries are gone are taken for plain appends). */

#define VERSIONS 7 /* entries: the first is there; each actor commits once */
#define FILES 8
#define A1 1 /* rows: the first object's old content */
#define A2 2 /* its new one */
#define B 4  /* the second object */

/* What a file holds never changes; names are used once. */
byte rows[FILES];
byte n_files = 2;

byte live[VERSIONS];    /* files, a bit each, after this entry */
byte removed[VERSIONS]; /* by this entry */
bool gone[VERSIONS];    /* behind a checkpoint */
byte tip = 0;

inline check(version)
{
    d_step {
        n = 0;
        sum = 0;
        do
        :: n < FILES && (live[version] & (1 << n)) ->
            assert((sum & rows[n]) == 0); /* once */
            sum = sum | rows[n];
            n++
        :: n < FILES && !(live[version] & (1 << n)) -> n++
        :: n == FILES -> break
        od;
        assert((sum & B) && (sum & (A1 | A2)));  /* whole */
        assert((sum & (A1 | A2)) != (A1 | A2)); /* once: one content of the object */
        n = 0;
        sum = 0
    }
}

/* 'replaces': the run; otherwise a compaction. */
proctype actor(bool replaces)
{
    byte base = 0, takes = 0, makes = 0, mine = 0, n = 0, sum = 0, v = 0;
    bool conflict = false;

build: /* on the newest version: which files go, and what the new one holds */
    atomic {
        base = tip;
        takes = 0;
        makes = 0;
        n = 0;
        do
        :: n < FILES && (live[base] & (1 << n)) && (!replaces || (rows[n] & A1)) ->
            takes = takes | (1 << n);
            makes = makes | rows[n];
            n++
        :: n < FILES && !((live[base] & (1 << n)) && (!replaces || (rows[n] & A1))) -> n++
        :: n == FILES -> n = 0; break
        od;
        if
        :: replaces -> makes = (makes & ~A1) | A2
        :: else
        fi;
        if
        :: n_files == FILES -> goto ended /* enough was tried */
        :: else -> mine = n_files; rows[mine] = makes; n_files++
        fi
    }
    if
    :: true
    :: goto ended /* crashed */
    fi;
put:
    atomic {
        if
        :: tip == base ->
            tip++;
            live[tip] = (live[base] & ~takes) | (1 << mine);
            removed[tip] = takes;
            check(tip);
            goto ended
        :: else
        fi
    }
behind: /* who won, and did they take out what we do? */
    atomic {
        conflict = false;
        v = base + 1;
        do
        :: v <= tip && !gone[v] -> conflict = conflict || (removed[v] & takes); v++
#ifdef ENTRIES_ONLY
        :: v <= tip && gone[v] -> v++
#else
        :: v <= tip && gone[v] -> conflict = conflict || ((live[tip] & takes) != takes); v++
#endif
        :: v > tip -> v = 0; break
        od;
        base = tip;
#ifndef NOT_LIVE
        if
        :: conflict -> conflict = false; goto build
        :: else
        fi;
#endif
        goto put
    }
ended:
    atomic { base = 0; takes = 0; makes = 0; mine = 0; conflict = false }
}

/* A checkpoint, and the clean-up behind it; any number of times. */
proctype cleaner()
{
    byte n = 0;
end:
    do
    :: atomic {
        tip > 0 && !gone[tip] ->
            do
            :: n <= tip -> gone[n] = true; n++
            :: else -> n = 0; break
            od
    }
    od
}

init
{
    atomic {
        rows[0] = A1;
        rows[1] = B;
        live[0] = 3;
        run actor(false);
        run actor(false);
        run actor(true);
        run cleaner()
    }
}
