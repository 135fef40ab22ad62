#!/bin/sh
# Debian's DCMTK and Orthanc, where they are missing and we may install them. Without them the bench goes on.
missing=""
command -v storescp >/dev/null || missing="$missing dcmtk"
command -v Orthanc >/dev/null || missing="$missing orthanc"
[ -z "$missing" ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "installing$missing; Debian starts a service of Orthanc's own, which the bench does not need" >&2
    # shellcheck disable=SC2086 # one word for each package
    apt-get update -q >&2 && apt-get install -q -y --no-install-recommends $missing >&2 && exit 0
fi
echo "not installed:$missing; who needs them is left out. As root: apt-get install$missing" >&2
exit 0
