"""`hilum demo`: real objects through a real router, between peers that are not our code.

The modality and the archive are pynetdicom's, the objects are those that pydicom ships. The bytes
that arrive are compared with the bytes that were sent, by reading files, not by asking the router.
"""
