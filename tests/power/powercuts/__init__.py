"""Power cuts, replayed: what a router wrote to its disk is recorded, cut off anywhere, and looked at.

`disk` is a block device in user space that puts every write and flush on a tape. `recording` lets a real
router receive and deliver on a file system on it. `platter` makes of the tape what a power cut may leave:
all that was flushed, and of the rest any part. `autopsy` mounts that, as after the cut, and tells what is
missing; `revival` starts the router on it.

Run as `python -m powercuts`, by root, in namespaces of its own: nothing that it mounts outlives it.
"""
