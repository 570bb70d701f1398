"""Pauses of a machine that others use too are no failures: these tests hold numbers, not times."""

from hypothesis import settings

settings.register_profile("without deadlines", deadline=None)
settings.load_profile("without deadlines")
