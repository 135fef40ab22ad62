"""`hilum backup` and `hilum restore`: config and queue, taken while the router runs.

The objects themselves are not in a backup. They come and go by the second; what keeps them is a mirrored
disk. A queue that is restored may know less than the disk, and is treated so: nothing is sent by itself.
"""
