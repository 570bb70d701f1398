"""The reading side: TensorBoard's data provider to answers over HTTP.

From a request down to the log, each room importing only those below it:

- ``plugin``: the routes. ``parameters`` reads the query string, ``responses`` and ``faults`` are
  what goes out, ``static_files`` the panel's own files.
- ``answers``: finished bodies, made once for all who ask; ``wire`` is their binary form.
- ``catalogue``, ``queries``, ``densities``, ``kernels``, ``projection``, ``overview``: what a
  question makes of series and listings, pure. ``evidence`` gathers what findings are judged by.
- ``reader``: typed series, within a budget, kept in ``cache``. ``rows`` and ``row_checks`` make and
  check them, ``listings`` and ``descriptions`` tell what is known without reading any.
- ``source``: all that TensorBoard's data provider is asked; ``beneath`` and ``stored`` get rows out
  of its own two providers before they are expanded.
"""
