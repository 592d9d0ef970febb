"""Pretrained weights: looked up where they may be, checked before they are read, converted once; never required.

`table` says what is known, `lookup` finds and checks files, `torchfile` reads them, `efficientnet`, `litegraph`
and `bytegraph` convert them, `cache` keeps what was converted, `serving` runs it, `models` puts all that together for
the learners.
"""
