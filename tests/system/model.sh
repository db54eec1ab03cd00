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
n=300
[ "$SHALE_SCALE" != full ] || n=3000
python model.py "$SHALE_PROGRAM" "$work" 1 "$n"
end "$(tail -n 1 "$work/python")"
