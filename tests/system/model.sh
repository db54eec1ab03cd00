#!/bin/sh
# SPDX-License-Identifier: MIT
# Random definitions and events, in several shapes: every value and every reject as a second
# implementation of the rules has them (model.py).
# shellcheck source=tests/system/lib.sh
. tests/system/lib.sh

begin 'model: random definitions and events'
if [ -z "$SHALE_PYTHON" ]; then
    skip "$case_name" 'no Python readers'
    exit 0
fi
case $SHALE_SCALE in soak) n=3000 ;; full) n=1500 ;; *) n=300 ;; esac
python model.py "$SHALE_PROGRAM" "$work" 1 "$n"
end "$(tail -n 1 "$work/python")"
