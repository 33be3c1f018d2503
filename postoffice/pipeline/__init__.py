"""The itinerary of a mailing: read, plan, dispatch, ask. One step, one module; no carrier's name, no `if channel`.

A step loads by id, checks the state, calls rooms, writes, and leaves the batch that comes next. Running it twice changes
nothing. See `Pipeline.work`.
"""

from postoffice.pipeline.work import Pipeline

__all__ = ["Pipeline"]
