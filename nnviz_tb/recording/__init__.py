"""The writing side: layers and figures to event records in a file."""
