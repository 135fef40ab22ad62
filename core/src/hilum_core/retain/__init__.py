"""RETAIN: removes the bytes of objects that are settled for long enough, and their records if told to.

It also keeps up the reserve of disk that is the queue's alone, and the mark by which an older copy of the
queue would be known.
"""
