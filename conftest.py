"""What holds for all tests."""

from hypothesis import settings

# On a shared machine an example that takes long says nothing about the code.
settings.register_profile("hilum", deadline=None)
settings.load_profile("hilum")
