/* SPDX-License-Identifier: MIT */
/* Status codes: one per decision that a caller can take. */
#ifndef SHALE_STATUS_H
#define SHALE_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

#define SHALE_API __attribute__((visibility("default")))
#define SHALE_MUST_USE __attribute__((warn_unused_result))

enum shale_status {
    SHALE_OK = 0,
    SHALE_NOMEM,     /* memory, or the ceiling, is used up */
    SHALE_USAGE,     /* the command line or a call is wrong */
    SHALE_CORRUPT,   /* input bytes break their format: the object fails */
    SHALE_SCHEMA,    /* the stream definition is wrong, or a value breaks it; not supported */
    SHALE_LIMIT,     /* a cap was reached */
    SHALE_REJECTS,   /* more rejects than the user allows */
    SHALE_DENIED,    /* permission */
    SHALE_NOT_FOUND, /* no such object */
    SHALE_CONFLICT,  /* a condition was not met */
    SHALE_UNSURE,    /* it may have taken effect */
    SHALE_AGAIN,     /* temporary: a retry may help */
    SHALE_IO,        /* permanent: a full disk */
    SHALE_CANCELLED, /* interrupted by the user */
};

/* The stable lower-case name, as in JSON logs: "ok", "no_memory" ... */
SHALE_API const char *shale_status_name(enum shale_status status);

#ifdef __cplusplus
}
#endif

#endif
