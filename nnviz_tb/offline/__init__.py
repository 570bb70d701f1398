"""The same data without a server: reports, exports and logs of other writers."""
