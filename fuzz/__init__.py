"""Bytes that are no DICOM, for all that reads bytes of others: `make fuzz MINUTES=5`."""
