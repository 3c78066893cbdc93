# SPDX-License-Identifier: BSD-2-Clause
#
# native.sh ARCHIVE JOBS COMMAND...: a command in the machine with the tree of ARCHIVE as its file system and JOBS at /jobs, by the machine's
# own Linux: what an enclave is compared with. The tree is made once, by the first of them (they come one after another), and kept until
# the machine stops. What else is mounted is the command's own, and gone with it.
root=/run/native
if [ "$1" != --inside ]; then
  if [ ! -d $root/jobs ]; then
    mkdir -p $root && mount -t tmpfs -o size=80% tree $root && tar -xf "$1" -C $root && mkdir $root/jobs || exit 125
  fi
  exec busybox unshare -m --propagation private sh "$0" --inside "$@"
fi
jobs=$3
shift 3
for directory in proc dev; do mount -o rbind /$directory $root/$directory; done
mount -t tmpfs tmp $root/tmp
mount -o bind "$jobs" $root/jobs
exec busybox env -i busybox chroot $root "$@"
