# run.sh NAME: does that job in an empty directory in memory, with the same surroundings in an enclave as on Linux.
export PATH=/usr/bin LC_ALL=C TZ=UTC HOME=/tmp PYTHONDONTWRITEBYTECODE=1
mkdir /tmp/job && cd /tmp/job
. "/jobs/$1.sh" 2>&1
