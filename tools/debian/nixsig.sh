#!/bin/sh
# The version in force; the one that the package brought, where that is gone.
program=/opt/nixsig-versions/current/nixsig
if [ -x "$program" ]; then exec "$program" "$@"; fi
exec /usr/lib/nixsig/nixsig "$@"
