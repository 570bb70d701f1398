"""Arrays reduced to figures: pure functions that know no framework and no file."""
