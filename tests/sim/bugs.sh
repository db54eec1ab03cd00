#!/bin/sh
# SPDX-License-Identifier: MIT
# The simulation finds each bug that is put in on purpose, within 10,000 schedules;
# those that are rare (bugs.c) within 40,000.
exec "${SHALE_BUILD:?}/tests/sim/simulate" --bugs --seeds 10000
